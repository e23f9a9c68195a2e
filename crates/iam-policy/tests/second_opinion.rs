//! The tables of conditions and statements once more, decided by `iam-rs`. Where it says otherwise, the line is
//! in `second_opinion.txt` under the sentence of AWS's documentation that decides; nothing else may differ.

use iam_rs::{
    Arn, Context, ContextValue, Decision, IAMPolicy, IAMRequest, Principal, PrincipalId,
    evaluate_policy,
};
use serde_json::{Value, json};

const USER: &str = "arn:aws:iam::111122223333:user/alice";

/// Returns the lines of a table that are no comments.
fn lines(table: &str) -> impl Iterator<Item = &str> {
    table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Returns the value of a key in the type that a test of `operator` wants, which the crate does not make of
/// texts by itself.
fn typed(text: &str, operator: &str) -> ContextValue {
    let operator = operator.to_ascii_lowercase();
    let as_text = || ContextValue::String(text.to_owned());
    if operator.contains("bool") {
        text.parse()
            .map_or_else(|_| as_text(), ContextValue::Boolean)
    } else if operator.contains("numeric") {
        text.parse()
            .map_or_else(|_| as_text(), ContextValue::Number)
    } else if operator.contains("date") {
        text.parse()
            .map_or_else(|_| as_text(), ContextValue::DateTime)
    } else {
        as_text()
    }
}

fn facts(given: &str, condition: &Value) -> Context {
    let given: Value = serde_json::from_str(given).expect(given);
    let operators = condition.as_object().cloned().unwrap_or_default();
    let mut context = Context::new();
    for (key, value) in given.as_object().expect("facts are an object") {
        let of_key = |(_, keys): &(&String, &Value)| keys.get(key).is_some();
        let operator = operators.iter().find(of_key);
        let operator = operator.map_or("", |(operator, _)| operator.as_str());
        let value = match value {
            Value::Array(values) => {
                let values = values.iter().filter_map(Value::as_str);
                ContextValue::StringList(values.map(str::to_owned).collect())
            }
            one => typed(one.as_str().unwrap_or_default(), operator),
        };
        context.insert(key.clone(), value);
    }
    context
}

/// Returns what the crate says of a statement that allows: `yes`, `no`, or why it cannot say.
fn opinion(statement: &Value, action: &str, resource: &str, given: &str) -> String {
    let mut statement = statement.clone();
    statement["Effect"] = "Allow".into();
    let text = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let policy = match IAMPolicy::from_json(&text) {
        Ok(policy) => policy,
        Err(error) => return error.to_string(),
    };
    // It wants an ARN where the action has none.
    let resource = match resource {
        "*" => "arn:aws:a:::*",
        arn => arn,
    };
    let Ok(resource) = Arn::parse(resource) else {
        return "no ARN".to_owned();
    };
    let principal = Principal::Aws(PrincipalId::String(USER.to_owned()));
    let facts = facts(given, &statement["Condition"]);
    let request = IAMRequest::new_with_context(principal, action, resource, facts);
    match evaluate_policy(&policy, &request) {
        Ok(Decision::Allow) => "yes".to_owned(),
        Ok(_) => "no".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn differs_only_where_aws_decides_otherwise() {
    let mut differ = Vec::new();
    let mut cases = 0;
    let mut check = |line: &str, statement: &Value, rest: [&str; 3], expected: &str| {
        // How mistakes are put is each reader's own.
        if matches!(expected, "yes" | "no") {
            cases += 1;
            if opinion(statement, rest[0], rest[1], rest[2]) != expected {
                differ.push(line.to_owned());
            }
        }
    };
    for line in lines(include_str!("conditions.txt")) {
        let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [condition, given, expected] = columns[..] else {
            panic!("{line}");
        };
        let condition: Value = serde_json::from_str(condition).expect(line);
        let statement = json!({"Action": "a:B", "Resource": "*", "Condition": condition});
        check(line, &statement, ["a:B", "*", given], expected);
    }
    for line in lines(include_str!("statements.txt")) {
        let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [statement, action, resource, given, expected] = columns[..] else {
            panic!("{line}");
        };
        let statement: Value = serde_json::from_str(statement).expect(line);
        check(line, &statement, [action, resource, given], expected);
    }
    let known: Vec<&str> = lines(include_str!("second_opinion.txt")).collect();
    let news: Vec<&String> = differ
        .iter()
        .filter(|line| !known.contains(&line.as_str()))
        .collect();
    let gone: Vec<&&str> = known
        .iter()
        .filter(|line| !differ.iter().any(|one| one == **line))
        .collect();
    assert!(news.is_empty(), "{news:#?}");
    assert!(gone.is_empty(), "the crate agrees by now: {gone:#?}");
    assert!(cases > 150, "{cases}");
}
