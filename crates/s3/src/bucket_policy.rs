//! Policies of buckets: what a document must be so that a bucket takes it, in S3's words.
//!
//! The grammar is IAM's. What S3 demands beyond it is here: principals, actions of S3 alone, and resources
//! that are the bucket or in it.

use iam_policy::{Kind, Malformed, Policy};
use serde_json::{Map, Value};
use service::Failure;

use crate::failure;

/// Most bytes of a document.
const BYTES_MAX: usize = 20 * 1024;

/// Members of a document and of a statement.
const DOCUMENT: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// Keys that only lists have, and the actions that are lists.
const OF_LISTS: &[&str] = &["s3:prefix", "s3:delimiter", "s3:max-keys"];
const LISTS: &[&str] = &["listbucket", "listbucketversions"];

/// A document that a bucket takes.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Without what only people need to read it.
    pub text: String,
    pub policy: Policy,
}

/// Reads a document for `bucket`.
pub(crate) fn read(text: &str, bucket: &str) -> Result<Taken, Failure> {
    if text.len() > BYTES_MAX {
        let message = "Policy exceeds the maximum allowed document size.";
        return Err(Failure::client("PolicyTooLarge", message));
    }
    if !text.trim_start().starts_with('{') {
        let message = "Policies must be valid JSON and the first byte must be '{'";
        return Err(failure::malformed_policy(message));
    }
    let value: Value = serde_json::from_str(text)
        .map_err(|_| failure::malformed_policy("This policy contains invalid Json"))?;
    check(&value, bucket).map_err(|message| failure::malformed_policy(&message))?;
    let text = value.to_string();
    let policy = Policy::parse(&text, Kind::Resource).map_err(|error| of_grammar(&error))?;
    Ok(Taken { text, policy })
}

/// Returns S3's words for what is wrong with a document.
fn of_grammar(error: &Malformed) -> Failure {
    let text = match error {
        Malformed::Principal { kind, value } => {
            return failure::malformed_policy("Invalid principal in policy")
                .with_field("Detail", format!("\"{kind}\" : \"{value}\""));
        }
        Malformed::Vendor(_) => "Policy has invalid action",
        Malformed::NoVendor => "Policy has an invalid condition key",
        Malformed::Resource(_) | Malformed::Partition { .. } | Malformed::ResourceVendor => {
            "Policy has invalid resource"
        }
        Malformed::Value { operator, .. }
            if operator.to_ascii_lowercase().contains("ipaddress") =>
        {
            "Invalid IP address in Conditions"
        }
        Malformed::Syntax => "Invalid policy syntax.",
        other => return failure::malformed_policy(&other.to_string()),
    };
    failure::malformed_policy(text)
}

fn check(document: &Value, bucket: &str) -> Result<(), String> {
    let document = document.as_object().ok_or("Invalid policy syntax.")?;
    known(document, DOCUMENT)?;
    match document.get("Version").map(Value::as_str) {
        None | Some(Some("2012-10-17" | "2008-10-17")) => {}
        Some(_) => return Err("The policy must contain a valid version string".to_owned()),
    }
    let statements = match document.get("Statement") {
        None => return Err("Missing required field Statement".to_owned()),
        Some(Value::Array(statements)) if statements.is_empty() => {
            return Err("Could not parse the policy: Statement is empty!".to_owned());
        }
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(one) => vec![one],
    };
    for statement in statements {
        let statement = statement.as_object().ok_or("Invalid policy syntax.")?;
        check_statement(statement, bucket)?;
    }
    Ok(())
}

fn known(members: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("Unknown field {name}")),
        None => Ok(()),
    }
}

fn check_statement(statement: &Map<String, Value>, bucket: &str) -> Result<(), String> {
    known(statement, STATEMENT)?;
    let missing = |names: &[&str]| !names.iter().any(|name| statement.contains_key(*name));
    for names in [
        &["Effect"][..],
        &["Principal", "NotPrincipal"],
        &["Action", "NotAction"],
        &["Resource", "NotResource"],
    ] {
        if missing(names) {
            return Err(format!("Missing required field {}", names[0]));
        }
    }
    match statement["Effect"].as_str() {
        Some("Allow" | "Deny") => {}
        Some(other) => return Err(format!("Invalid effect: {other}")),
        None => return Err("Invalid policy syntax.".to_owned()),
    }
    let actions = texts(statement, "Action", "NotAction");
    let of_s3 = |action: &String| action == "*" || begins_with(action, "s3:");
    if !actions.iter().all(of_s3) {
        return Err("Policy has invalid action".to_owned());
    }
    let resources = texts(statement, "Resource", "NotResource");
    let resources = resources.iter().map(|resource| is_in(resource, bucket));
    let Some(resources) = resources.collect::<Option<Vec<Place>>>() else {
        return Err("Policy has invalid resource".to_owned());
    };
    let excepts = |names: [&str; 2]| names.iter().any(|name| statement.contains_key(*name));
    if excepts(["NotAction", "NotResource"]) {
        return Ok(());
    }
    let mut actions = actions.iter().filter_map(|action| named_action(action));
    if let Some(conditions) = statement.get("Condition")
        && asks_of_lists(conditions)
        && !actions.clone().any(|action| is_list(&action))
        && actions.clone().count() == texts(statement, "Action", "NotAction").len()
    {
        let message =
            "Conditions do not apply to combination of actions and resources in statement";
        return Err(message.to_owned());
    }
    let applies = |action: String| {
        let wanted = [Place::Anywhere, place_of(&action)];
        resources.iter().any(|place| wanted.contains(place))
    };
    match actions.all(applies) {
        true => Ok(()),
        false => Err("Action does not apply to any resource(s) in statement".to_owned()),
    }
}

fn begins_with(text: &str, begin: &str) -> bool {
    let head = text.get(..begin.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(begin))
}

/// Returns the texts of one of two members; what is none is left to the grammar.
fn texts(statement: &Map<String, Value>, first: &str, second: &str) -> Vec<String> {
    let given = statement.get(first).or_else(|| statement.get(second));
    let values = match given {
        Some(Value::Array(values)) => values.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let texts = values.into_iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// Where in a bucket something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Bucket,
    Objects,
    /// A pattern that may be both.
    Anywhere,
}

/// Returns what of the bucket a resource is; `None` where it is not of the bucket.
fn is_in(resource: &str, bucket: &str) -> Option<Place> {
    let rest = resource.strip_prefix("arn:")?;
    let (_, rest) = rest.split_once(":s3:::")?;
    if let Some((name, _)) = rest.split_once('/') {
        return like(name, bucket).then_some(Place::Objects);
    }
    if rest == bucket {
        return Some(Place::Bucket);
    }
    // `bucket*` is the bucket and all that is in it.
    like(rest, bucket).then_some(Place::Anywhere)
}

/// Says whether a name with wildcards may be the bucket's.
fn like(pattern: &str, name: &str) -> bool {
    if pattern == name {
        return true;
    }
    let Some(at) = pattern.find(['*', '?']) else {
        return false;
    };
    let (fixed, rest) = pattern.split_at(at);
    if !name.starts_with(fixed) {
        return false;
    }
    let tail = rest.trim_start_matches(['*', '?']);
    tail.contains(['*', '?']) || name[fixed.len()..].ends_with(tail)
}

/// Returns an action's name in small letters, if it is one and no pattern.
fn named_action(action: &str) -> Option<String> {
    let (_, name) = action.split_once(':')?;
    let is_pattern = name.contains(['*', '?']);
    (!is_pattern).then(|| name.to_ascii_lowercase())
}

fn is_list(action: &str) -> bool {
    LISTS.contains(&action)
}

/// Returns what an action is done to: objects, or the bucket.
fn place_of(action: &str) -> Place {
    let of_bucket = ["getbucket", "putbucket", "listbucket", "deletebucket"];
    let of_bucket = of_bucket.iter().any(|begin| action.starts_with(begin));
    let of_objects = action.contains("object") || action.contains("multipartupload");
    match of_objects && !of_bucket {
        true => Place::Objects,
        false => Place::Bucket,
    }
}

fn asks_of_lists(conditions: &Value) -> bool {
    let operators = conditions.as_object().into_iter().flat_map(Map::values);
    let mut keys = operators.filter_map(Value::as_object).flat_map(Map::keys);
    keys.any(|key| OF_LISTS.contains(&key.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the only statement of a document, and says what is wrong with it.
    fn check(statement: &str, expected: &str) {
        let text = match statement.starts_with('{') {
            true => format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#),
            false => statement.trim_start_matches('=').to_owned(),
        };
        let got = match read(&text, "things") {
            Ok(taken) if taken.policy.is_public() => "public".to_owned(),
            Ok(_) => "taken".to_owned(),
            Err(failure) => failure.message,
        };
        assert_eq!(got, expected, "{statement}");
    }

    #[test]
    fn documents() {
        let all = r#""Action": "s3:GetObject", "Resource": "arn:aws:s3:::things/*""#;
        let allow = |rest: &str| format!(r#"{{"Effect": "Allow", {rest}}}"#);
        let to_all = |rest: &str| allow(&format!(r#""Principal": "*", {rest}"#));
        let held = |condition: &str| to_all(&format!(r#"{all}, "Condition": {{{condition}}}"#));
        let first = "Policies must be valid JSON and the first byte must be '{'";
        let mismatch = "Action does not apply to any resource(s) in statement";
        let lists = "Conditions do not apply to combination of actions and resources in statement";
        let large = format!("={{\"Id\": \"{}\"}}", "x".repeat(BYTES_MAX));
        for (statement, expected) in [
            ("=".to_owned(), first),
            ("=[]".to_owned(), first),
            ("={".to_owned(), "This policy contains invalid Json"),
            ("={}".to_owned(), "Missing required field Statement"),
            (large, "Policy exceeds the maximum allowed document size."),
            (
                r#"={"Statement": []}"#.to_owned(),
                "Could not parse the policy: Statement is empty!",
            ),
            (
                r#"={"Version": "2020-01-01", "Statement": []}"#.to_owned(),
                "The policy must contain a valid version string",
            ),
            (r#"={"Versions": 1}"#.to_owned(), "Unknown field Versions"),
            (
                to_all(&format!(r#"{all}, "Name": 1"#)),
                "Unknown field Name",
            ),
            ("{}".to_owned(), "Missing required field Effect"),
            (allow(all), "Missing required field Principal"),
            (
                r#"{"Effect": "allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}"#
                    .to_owned(),
                "Invalid effect: allow",
            ),
            (
                to_all(r#""Resource": "*""#),
                "Missing required field Action",
            ),
            (
                to_all(r#""Action": "s3:*""#),
                "Missing required field Resource",
            ),
            (
                allow(&format!(r#""Principal": {{"AWS": "alice"}}, {all}"#)),
                "Invalid principal in policy",
            ),
            (
                to_all(r#""Action": "sqs:SendMessage", "Resource": "arn:aws:s3:::things/*""#),
                "Policy has invalid action",
            ),
            (
                to_all(r#""Action": "s3:*", "Resource": "*""#),
                "Policy has invalid resource",
            ),
            (
                to_all(r#""Action": "s3:*", "Resource": "arn:aws:s3:::others/*""#),
                "Policy has invalid resource",
            ),
            (
                to_all(r#""Action": "s3:GetObject", "Resource": "arn:aws:s3:::things""#),
                mismatch,
            ),
            (
                to_all(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::things/*""#),
                mismatch,
            ),
            (
                to_all(
                    r#""Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "arn:aws:s3:::thing*""#,
                ),
                "public",
            ),
            (held(r#""StringEquals": {"s3:prefix": "a"}"#), lists),
            (
                held(r#""Likewise": {"s3:x": "a"}"#),
                "Invalid Condition type : Likewise.",
            ),
            (
                held(r#""IpAddress": {"aws:SourceIp": "nowhere"}"#),
                "Invalid IP address in Conditions",
            ),
            (
                held(r#""StringEquals": {"prefix": "a"}"#),
                "Policy has an invalid condition key",
            ),
            // What is public: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
            (to_all(all), "public"),
            (
                allow(&format!(r#""Principal": {{"AWS": ["*"]}}, {all}"#)),
                "public",
            ),
            (
                format!(r#"{{"Effect": "Deny", "Principal": "*", {all}}}"#),
                "taken",
            ),
            (
                allow(&format!(r#""Principal": {{"AWS": "111122223333"}}, {all}"#)),
                "taken",
            ),
            (
                allow(&format!(
                    r#""Principal": {{"Service": "serverlessrepo.amazonaws.com"}}, {all}"#
                )),
                "taken",
            ),
            (
                held(r#""IpAddress": {"aws:SourceIp": "10.1.0.0/16"}"#),
                "taken",
            ),
            (
                held(r#""IpAddress": {"aws:SourceIp": "0.0.0.0/1"}"#),
                "public",
            ),
            (
                held(r#""StringEquals": {"aws:SourceVpc": "vpc-91237329"}"#),
                "taken",
            ),
            (
                held(r#""StringLike": {"aws:SourceVpc": "vpc-*"}"#),
                "public",
            ),
            (
                held(r#""StringNotEquals": {"aws:SourceVpc": "vpc-1"}"#),
                "public",
            ),
            (
                held(r#""StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}"#),
                "public",
            ),
            (held(r#""StringEquals": {"aws:UserAgent": "me"}"#), "public"),
            (
                held(r#""ArnLike": {"aws:SourceArn": "arn:aws:sns:us-east-1:111122223333:t"}"#),
                "taken",
            ),
            (
                held(r#""ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}"#),
                "public",
            ),
        ] {
            check(&statement, expected);
        }
    }
}
