//! Which keys policies ask for, as they are written: `GetContextKeysForCustomPolicy`, and what a simulation
//! misses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::compiled::documents;
use crate::{Answer, Ask, failure};

/// Returns the keys that documents ask for in conditions and variables, each once, by the alphabet. What is no
/// document asks for none.
pub(crate) fn of<'d>(texts: impl IntoIterator<Item = &'d str>) -> Vec<String> {
    let mut keys = BTreeMap::new();
    for text in texts {
        let document: Value = serde_json::from_str(text).unwrap_or_default();
        let statements = match &document["Statement"] {
            Value::Array(statements) => statements.iter().collect(),
            one => vec![one],
        };
        for statement in statements.into_iter().filter_map(Value::as_object) {
            for member in ["Resource", "NotResource", "Condition"] {
                if let Some(value) = statement.get(member) {
                    variables(value, &mut keys);
                }
            }
            let operators = statement.get("Condition").and_then(Value::as_object);
            let operators = operators.into_iter().flat_map(Map::values);
            for key in operators.filter_map(Value::as_object).flat_map(Map::keys) {
                add(key, &mut keys);
            }
        }
    }
    keys.into_values().collect()
}

/// Capitals of keys do not matter, and the first writer is followed.
fn add(key: &str, keys: &mut BTreeMap<String, String>) {
    keys.entry(key.to_ascii_lowercase())
        .or_insert_with(|| key.to_owned());
}

/// Adds the keys of variables in texts. Documents are a few levels deep, and were read by JSON's own limit.
fn variables(value: &Value, keys: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            for piece in text.split("${").skip(1) {
                let Some((inside, _)) = piece.split_once('}') else {
                    continue;
                };
                let key = inside.split(',').next().unwrap_or(inside).trim();
                // `${*}`, `${?}` and `${$}` are characters.
                if key.contains(':') {
                    add(key, keys);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| variables(value, keys)),
        Value::Object(members) => members.values().for_each(|value| variables(value, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

pub(crate) fn custom(ask: &mut Ask<'_>) -> Answer {
    let given = ask.input.texts("PolicyInputList");
    if given.is_empty() {
        ask.input.required("PolicyInputList")?;
    }
    Ok(json!({"ContextKeyNames": of(given.iter().map(String::as_str))}))
}

pub(crate) fn principal(ask: &mut Ask<'_>) -> Answer {
    let arn = ask.input.required("PolicySourceArn")?;
    let Some(identity) = ask.account.by_arn(arn) else {
        return Err(failure::absent(format!(
            "The principal {arn} cannot be found."
        )));
    };
    let given = ask.input.texts("PolicyInputList");
    let stored = documents(ask.account, identity);
    let stored = stored.iter().map(|(_, document)| *document);
    let all = of(stored.chain(given.iter().map(String::as_str)));
    Ok(json!({"ContextKeyNames": all}))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn keys_are_those_of_conditions_and_variables() {
        for (statement, expected) in [
            (r#"{"Resource": "*"}"#, ""),
            (
                r#"{"Resource": ["arn:aws:s3:::b/${aws:username}/${*}", "arn:aws:s3:::${aws:PrincipalTag/team, 'none'}"]}"#,
                "aws:PrincipalTag/team aws:username",
            ),
            (
                r#"{"Condition": {"StringLike": {"s3:prefix": "${aws:userid}/*", "S3:Prefix": "a"}, "Bool": {"aws:SecureTransport": "true"}}}"#,
                "aws:SecureTransport aws:userid s3:prefix",
            ),
            (r#"[{"Condition": 3}, 4, {"Resource": "${"}]"#, ""),
        ] {
            let document = format!(r#"{{"Statement": {statement}}}"#);
            assert_eq!(of([document.as_str()]).join(" "), expected, "{statement}");
        }
        assert!(of(["no JSON"]).is_empty());
    }
}
