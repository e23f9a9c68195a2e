//! IAM's documented evaluation as tables: conditions, statements, and decisions over all kinds of policies.

use iam_policy::{
    Caller, Context, Decision, Facts, Kind, Policies, Policy, Request, Resource, Source, Verdict,
    Why,
};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const USER: &str = "arn:aws:iam::111122223333:user/alice";
const ROLE: &str = "arn:aws:iam::111122223333:role/worker";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/worker/s";
const FEDERATED: &str = "arn:aws:sts::111122223333:federated-user/alice";
const SERVICE: &str = "states.amazonaws.com";

#[test]
fn the_tables_hold() {
    let tables = [
        (
            include_str!("conditions.txt"),
            condition as fn(&str) -> Result<(), String>,
        ),
        (include_str!("statements.txt"), statement),
        (include_str!("decisions.txt"), decision),
        (include_str!("documents.txt"), document),
    ];
    let mut cases = 0;
    let mut wrong = Vec::new();
    for (table, check) in tables {
        for line in lines(table) {
            cases += 1;
            if let Err(got) = check(line) {
                wrong.push(format!("{line}\n    but {got}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 200, "{cases} cases");
}

fn lines(table: &str) -> impl Iterator<Item = &str> {
    table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn same(expected: &str, got: String) -> Result<(), String> {
    if expected == got { Ok(()) } else { Err(got) }
}

fn facts(text: &str) -> Context {
    let value: Value = serde_json::from_str(text).expect(text);
    let mut facts = Context::default();
    for (key, value) in value.as_object().expect("an object") {
        let values = match value {
            Value::Array(values) => values.clone(),
            one => vec![one.clone()],
        };
        let values = values.iter().filter_map(Value::as_str);
        facts.insert(key, values.map(str::to_owned).collect());
    }
    facts
}

fn user() -> Caller {
    Caller::User {
        account: ACCOUNT.into(),
        arn: USER.into(),
    }
}

/// `condition | facts | yes or no`
fn condition(line: &str) -> Result<(), String> {
    let [condition, given, expected] = columns(line);
    let statement = format!(r#"{{"Action": "a:B", "Resource": "*", "Condition": {condition}}}"#);
    same(expected, matched(&statement, "a:B", "*", given))
}

/// `statement | action | resource | facts | yes, no or the error`
fn statement(line: &str) -> Result<(), String> {
    let [statement, action, resource, given, expected] = columns(line);
    same(expected, matched(statement, action, resource, given))
}

fn columns<const N: usize>(line: &str) -> [&str; N] {
    let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
    columns.try_into().unwrap_or_else(|_| panic!("{line}"))
}

fn matched(statement: &str, action: &str, resource: &str, given: &str) -> String {
    let mut statement: Value = serde_json::from_str(statement).expect(statement);
    statement["Effect"] = "Allow".into();
    let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let policy = match Policy::parse(&text, Kind::Identity) {
        Ok(policy) => policy,
        Err(malformed) => return malformed.to_string(),
    };
    let request = Request {
        caller: &user(),
        action,
        resource: Resource::Named(resource),
        facts: &facts(given),
    };
    match policy.verdict(&request) {
        Verdict::Allows => "yes".to_owned(),
        Verdict::Silent => "no".to_owned(),
        Verdict::Denies => "denied".to_owned(),
    }
}

/// `caller: kind(statements) … => decision`
fn decision(line: &str) -> Result<(), String> {
    let (left, expected) = line.split_once(" => ").unwrap_or_else(|| {
        let (left, expected) = line.split_once("=> ").expect(line);
        (left, expected)
    });
    let (caller, rest) = left.split_once(':').expect(line);
    let policy = |name: &str, kind: Kind| {
        let (_, rest) = rest.split_once(&format!(" {name}("))?;
        let (statements, _) = rest.split_once(')')?;
        Some(shorthand(statements, kind))
    };
    let identity = policy("id", Kind::Identity).unwrap_or_else(|| shorthand("", Kind::Identity));
    let boundary = policy("bd", Kind::Identity);
    let session = policy("ss", Kind::Identity);
    let resource = policy("rs", Kind::Resource);
    let trust = policy("tr", Kind::Trust);
    let account = ACCOUNT.to_owned();
    let caller = match caller {
        "root" => Caller::Root { account },
        "user" => user(),
        "role" => Caller::Role {
            account,
            role_arn: ROLE.into(),
            session_arn: SESSION.into(),
        },
        "federated" => Caller::Federated {
            account,
            user_arn: USER.into(),
            session_arn: FEDERATED.into(),
        },
        "service" => Caller::Service {
            name: SERVICE.into(),
        },
        other => panic!("{other}"),
    };
    let (action, on) = match &trust {
        Some(_) => ("sts:AssumeRole", ROLE),
        None => ("s3:GetObject", "arn:aws:s3:::b/k"),
    };
    let session: Option<Vec<&Policy>> = session.as_ref().map(|policy| vec![policy]);
    let policies = Policies {
        identity: &[&identity],
        boundary: boundary.as_ref(),
        session: session.as_deref(),
        resource: resource.as_ref(),
        trust: trust.as_ref(),
    };
    let request = Request {
        caller: &caller,
        action,
        resource: Resource::Named(on),
        facts: &Context::default(),
    };
    let name = |source| match source {
        Source::Identity => "identity",
        Source::Boundary => "boundary",
        Source::Session => "session",
        Source::Resource => "resource",
        Source::Trust => "trust",
    };
    let got = match policies.decide(&request) {
        Decision::Allowed => "allowed".to_owned(),
        Decision::Denied(Why::Explicit(source)) => format!("denied {}", name(source)),
        Decision::Denied(Why::Implicit(source)) => format!("no {}", name(source)),
    };
    same(expected, got)
}

/// Facts of which one key is not known.
struct Hidden;

impl Facts for Hidden {
    fn values(&self, _: &str) -> Option<Vec<String>> {
        None
    }

    fn is_unknown(&self, key: &str) -> bool {
        key == "s3:hidden"
    }
}

#[test]
fn what_is_not_known_denies_and_does_not_allow() {
    let among = Resource::Among("arn:aws:s3:::b/");
    let one = Resource::Named("arn:aws:s3:::b/k");
    let is = |operator: &str| json!({operator: {"s3:Hidden": "x"}});
    let cases = [
        (r#""Resource": "*""#, None, among, true, true),
        (r#""Resource": "arn:aws:s3:::b/*""#, None, among, true, true),
        (
            r#""Resource": "arn:aws:s3:::b/k""#,
            None,
            among,
            false,
            true,
        ),
        (
            r#""Resource": "arn:aws:s3:::c/*""#,
            None,
            among,
            false,
            false,
        ),
        (
            r#""NotResource": "arn:aws:s3:::b/k""#,
            None,
            among,
            false,
            true,
        ),
        (
            r#""NotResource": "arn:aws:s3:::b/*""#,
            None,
            among,
            false,
            false,
        ),
        (
            r#""NotResource": "arn:aws:s3:::c/*""#,
            None,
            among,
            true,
            true,
        ),
        (
            r#""Resource": "arn:aws:s3:::b/k""#,
            None,
            Resource::Among(""),
            false,
            true,
        ),
        (
            r#""Resource": "*""#,
            Some(is("StringEquals")),
            one,
            false,
            true,
        ),
        (
            r#""Resource": "*""#,
            Some(is("StringNotEquals")),
            one,
            false,
            true,
        ),
        (
            r#""Resource": "*""#,
            Some(is("StringEqualsIfExists")),
            one,
            false,
            true,
        ),
        (
            r#""Resource": "*""#,
            Some(json!({"Null": {"s3:Hidden": "true"}})),
            one,
            false,
            true,
        ),
        (
            r#""Resource": "*""#,
            Some(json!({"Null": {"s3:Other": "true"}})),
            one,
            true,
            true,
        ),
    ];
    for (on, condition, resource, allows, denies) in cases {
        for (effect, expected, matched) in [
            ("Allow", Verdict::Allows, allows),
            ("Deny", Verdict::Denies, denies),
        ] {
            let statement = format!(r#"{{"Effect": "{effect}", "Action": "s3:*", {on}}}"#);
            let mut statement: Value = serde_json::from_str(&statement).expect(&statement);
            if let Some(condition) = &condition {
                statement["Condition"] = condition.clone();
            }
            let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
            let policy = Policy::parse(&text, Kind::Identity).expect(&text);
            let request = Request {
                caller: &user(),
                action: "s3:DeleteObject",
                resource,
                facts: &Hidden,
            };
            let expected = if matched { expected } else { Verdict::Silent };
            assert_eq!(policy.verdict(&request), expected, "{text} {resource}");
        }
    }
}

/// Writes `+@U s3:*; -s3:Get*` out as a document.
fn shorthand(text: &str, kind: Kind) -> Policy {
    let mut statements = Vec::new();
    for statement in text
        .split(';')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        let effect = if statement.starts_with('+') {
            "Allow"
        } else {
            "Deny"
        };
        let words: Vec<&str> = statement[1..].split(' ').collect();
        let mut written = json!({"Effect": effect, "Action": words.last()});
        if kind != Kind::Trust {
            written["Resource"] = "*".into();
        }
        if let [names, _] = words[..] {
            let member = if names.starts_with('@') {
                "Principal"
            } else {
                "NotPrincipal"
            };
            written[member] = principals(&names[1..]);
        }
        statements.push(written);
    }
    if statements.is_empty() {
        // What allows nothing that is asked for here.
        return shorthand("+none:Nothing", Kind::Identity);
    }
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    Policy::parse(&text, kind).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn principals(names: &str) -> Value {
    if names == "*" {
        return "*".into();
    }
    let arns = names.split(',').map(|name| match name {
        "U" => USER,
        "R" => ROLE,
        "S" => SESSION,
        "F" => FEDERATED,
        "A" => ACCOUNT,
        other => other,
    });
    let arns: Vec<&str> = arns.collect();
    if arns == ["SVC"] {
        return json!({"Service": SERVICE});
    }
    json!({"AWS": arns})
}

/// `kind | document | ok or the error`
fn document(line: &str) -> Result<(), String> {
    let [kind, text, expected] = columns(line);
    let kind = match kind {
        "identity" => Kind::Identity,
        "managed" => Kind::Managed,
        "resource" => Kind::Resource,
        _ => Kind::Trust,
    };
    let got = match Policy::parse(text, kind) {
        Ok(_) => "ok".to_owned(),
        Err(malformed) => malformed.to_string(),
    };
    same(expected, got)
}

#[test]
fn reasons_are_awss() {
    let cases = [
        (
            Why::Implicit(Source::Identity),
            "because no identity-based policy allows the a:B action",
        ),
        (
            Why::Implicit(Source::Boundary),
            "because no permissions boundary allows the a:B action",
        ),
        (
            Why::Implicit(Source::Session),
            "because no session policy allows the a:B action",
        ),
        (
            Why::Implicit(Source::Resource),
            "because no resource-based policy allows the a:B action",
        ),
        (
            Why::Explicit(Source::Identity),
            "with an explicit deny in an identity-based policy",
        ),
        (
            Why::Explicit(Source::Boundary),
            "with an explicit deny in a permissions boundary",
        ),
        (
            Why::Explicit(Source::Trust),
            "with an explicit deny in the role trust policy",
        ),
    ];
    for (why, text) in cases {
        assert_eq!(why.explain("a:B"), text);
    }
}
