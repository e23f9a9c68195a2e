//! Choice rules, as tables.

#[path = "common/expression.rs"]
mod expression;

use std::cell::RefCell;

use asl::StateKind;
use asl::query::{NoVariables, Scope};
use expression::{context, machine, state, with_scope};
use serde_json::{Value, json};
use vocab::Entropy;

/// `Ok` says whether the rule holds.
fn rule(rule: &Value) -> Result<bool, (String, String)> {
    let mut rule = rule.clone();
    rule["Next"] = json!("B");
    let machine = machine(&format!(
        r#""A":{{"Type":"Choice","Choices":[{rule}],"Default":"B"}},"B":{{"Type":"Succeed"}}"#
    ));
    let StateKind::Choice(choice) = &state(&machine).kind else {
        panic!("a Choice state")
    };
    with_scope(|scope| choice.choices[0].rule.matches(scope))
        .map_err(|f| (f.error.into_owned(), f.cause))
}

#[test]
fn choice_rules() {
    let cases = [
        (
            json!({"Variable": "$.checks[0].flagged", "BooleanEquals": true}),
            true,
        ),
        (
            json!({"Variable": "$.checks[1].flagged", "BooleanEquals": true}),
            false,
        ),
        (
            json!({"Variable": "$.checks[1].flagged", "BooleanEqualsPath": "$.checks[1].flagged"}),
            true,
        ),
        (json!({"Variable": "$.count", "BooleanEquals": true}), false),
        (json!({"Variable": "$.count", "NumericEquals": 3.0}), true),
        (
            json!({"Variable": "$.count", "NumericGreaterThanEquals": 3}),
            true,
        ),
        (
            json!({"Variable": "$.price", "NumericLessThanPath": "$.count"}),
            true,
        ),
        (json!({"Variable": "$.count", "StringEquals": "3"}), false),
        (json!({"Variable": "$.text", "NumericEquals": 3}), false),
        (
            json!({"Variable": "$.text", "StringLessThanPath": "$.count"}),
            false,
        ),
        (
            json!({"Variable": "$.application.name", "StringGreaterThan": "Kirk"}),
            true,
        ),
        (
            json!({"Variable": "$.when", "TimestampEquals": "2020-01-01T01:00:00+01:00"}),
            true,
        ),
        (
            json!({"Variable": "$.when", "TimestampLessThanPath": "$.when"}),
            false,
        ),
        // Fractions count to the nanosecond.
        (
            json!({"Variable": "$.when", "TimestampLessThan": "2020-01-01T00:00:00.000000001Z"}),
            true,
        ),
        (
            json!({"Variable": "$.when", "TimestampEquals": "2019-12-31T19:00:00.000000000-05:00"}),
            true,
        ),
        (json!({"Variable": "$.when", "IsTimestamp": true}), true),
        (json!({"Variable": "$.text", "IsTimestamp": true}), false),
        (json!({"Variable": "$.nothing", "IsNull": true}), true),
        (json!({"Variable": "$.nothing", "IsPresent": true}), true),
        (json!({"Variable": "$.nope.deep", "IsPresent": false}), true),
        (json!({"Variable": "$.list[9]", "IsPresent": false}), true),
        (json!({"Variable": "$.count", "IsNumeric": true}), true),
        (json!({"Variable": "$.count", "IsString": false}), true),
        (
            json!({"Variable": "$$.Execution.Name", "StringEquals": "run"}),
            true,
        ),
        (
            json!({"And": [{"Variable": "$.nope", "IsPresent": true}, {"Variable": "$.nope", "IsNull": true}]}),
            false,
        ),
        (
            json!({"Or": [{"Variable": "$.count", "NumericEquals": 3}, {"Variable": "$.nope", "IsNull": true}]}),
            true,
        ),
        (
            json!({"Not": {"Variable": "$.count", "NumericEquals": 4}}),
            true,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(rule(&text), Ok(expected), "{text}");
    }
    for (text, path) in [
        (json!({"Variable": "$.nope", "IsNull": true}), "$.nope"),
        (
            json!({"Variable": "$.count", "NumericEqualsPath": "$.nope"}),
            "$.nope",
        ),
    ] {
        let cause = format!(
            "Invalid path '{path}': The choice state's condition path references an invalid value."
        );
        assert_eq!(
            rule(&text),
            Err(("States.Runtime".to_owned(), cause)),
            "{text}"
        );
    }
}

/// No operator takes a value of another type for its own: each holds for the one type that it asks of.
#[test]
fn operators_never_coerce() {
    let values = [
        ("$.nothing", ""),
        ("$.checks[0].flagged", "Boolean"),
        ("$.count", "Numeric"),
        ("$.text", "String"),
        ("$.when", "String Timestamp"),
        ("$.list", ""),
        ("$.application", ""),
    ];
    let families = [
        ("Boolean", json!(true), vec!["Equals"]),
        ("Numeric", json!(3), ORDERED.to_vec()),
        ("String", json!("a,b;c"), ORDERED.to_vec()),
        ("Timestamp", json!("2020-01-01T00:00:00Z"), ORDERED.to_vec()),
    ];
    let same = |family| match family {
        "Boolean" => "$.checks[0].flagged",
        "Numeric" => "$.count",
        "String" => "$.text",
        _ => "$.when",
    };
    for (path, kinds) in values {
        for (family, operand, comparisons) in &families {
            for comparison in comparisons {
                let is_of_type = kinds.split(' ').any(|kind| kind == *family);
                // Only the operand's own value is equal to it; another text is before or behind it.
                let expected = is_of_type
                    && match (path == same(*family), *comparison) {
                        (true, comparison) => comparison.contains("Equals"),
                        (false, comparison) => comparison.starts_with("Less"),
                    };
                let operator = format!("{family}{comparison}");
                let literal = json!({"Variable": path, &operator: operand});
                assert_eq!(rule(&literal), Ok(expected), "{literal}");
                let by_path = json!({"Variable": path, format!("{operator}Path"): same(*family)});
                assert_eq!(rule(&by_path), Ok(expected), "{by_path}");
                // An operand of another type is equal to nothing and before nothing.
                let wrong = json!({"Variable": path, format!("{operator}Path"): "$.list"});
                assert_eq!(rule(&wrong), Ok(false), "{wrong}");
            }
        }
    }
}

const ORDERED: [&str; 5] = [
    "Equals",
    "GreaterThan",
    "GreaterThanEquals",
    "LessThan",
    "LessThanEquals",
];

#[test]
fn string_patterns() {
    let name = "log-2020*.txt";
    let cases = [
        ("*", true),
        ("log-*.txt", true),
        ("log-*", true),
        ("*.txt", true),
        ("*20*20*", true),
        ("*20*20*20*", false),
        (r"log-2020\*.txt", true),
        (r"log-\*", false),
        ("log", false),
        ("*.txt*x", false),
        ("log-2020*.txt*.txt", false),
        ("", false),
        ("**", true),
    ];
    for (pattern, expected) in cases {
        let machine = machine(&format!(
            r#""A":{{"Type":"Choice","Choices":[{{"Variable":"$","StringMatches":{},"Next":"B"}}],"Default":"B"}},"B":{{"Type":"Succeed"}}"#,
            Value::from(pattern)
        ));
        let StateKind::Choice(choice) = &state(&machine).kind else {
            panic!("a Choice state")
        };
        let (input, entropy) = (Value::from(name), RefCell::new(Entropy::from_seed(1)));
        let scope = Scope {
            input: &input,
            context: &context,
            variables: &NoVariables,
            entropy: &entropy,
            result: None,
            error_output: None,
            now: vocab::Timestamp::default(),
        };
        assert_eq!(
            choice.choices[0].rule.matches(&scope),
            Ok(expected),
            "{pattern}"
        );
    }
}
