//! What of an event a target is told: `InputPath` and `InputTransformer`.

use serde_json::{Map, Value};

/// Returns what is at a path like `$.detail.items[0].name`; null where there is nothing.
pub(crate) fn at(event: &Value, path: &str) -> Value {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut value = event;
    while !rest.is_empty() {
        let next = if let Some(inside) = rest.strip_prefix('[') {
            let Some((index, behind)) = inside.split_once(']') else {
                return Value::Null;
            };
            rest = behind;
            let name = index.trim_matches(|letter| letter == '\'' || letter == '"');
            match index.parse::<usize>() {
                Ok(index) => value.get(index),
                Err(_) => value.get(name),
            }
        } else {
            let named = rest.strip_prefix('.').unwrap_or(rest);
            let end = named.find(['.', '[']).unwrap_or(named.len());
            rest = &named[end..];
            value.get(&named[..end])
        };
        match next {
            Some(next) => value = next,
            None => return Value::Null,
        }
    }
    value.clone()
}

/// Fills the template of a transformer.
pub(crate) fn transformed(
    transformer: &Value,
    event: &Value,
    rule_arn: &str,
    rule: &str,
) -> String {
    let template = transformer["InputTemplate"].as_str().unwrap_or_default();
    let paths = transformer["InputPathsMap"].as_object();
    let mut values: Map<String, Value> = paths
        .into_iter()
        .flatten()
        .map(|(name, path)| (name.clone(), at(event, path.as_str().unwrap_or_default())))
        .collect();
    for (name, value) in [
        ("aws.events.rule-arn", Value::from(rule_arn)),
        ("aws.events.rule-name", Value::from(rule)),
        ("aws.events.event.ingestion-time", event["time"].clone()),
        ("aws.events.event.json", event.clone()),
        ("aws.events.event", {
            let mut event = event.clone();
            if let Some(event) = event.as_object_mut() {
                event.shift_remove("detail");
            }
            event
        }),
    ] {
        values.insert(name.to_owned(), value);
    }
    let is_text = template.trim_start().starts_with('"');
    let mut filled = String::with_capacity(template.len());
    let (mut rest, mut quoted, mut escaped) = (template, false, false);
    while let Some(letter) = rest.chars().next() {
        if letter == '<'
            && !escaped
            && let Some((name, behind)) = rest[1..].split_once('>')
            && let Some(value) = values.get(name)
        {
            fill(&mut filled, value, quoted);
            rest = behind;
            continue;
        }
        if letter == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = letter == '\\' && !escaped;
        filled.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    // A template that is text alone is told as the text.
    match serde_json::from_str::<String>(filled.trim()) {
        Ok(text) if is_text => Value::from(text).to_string(),
        _ => filled,
    }
}

/// Writes a value: within quotation marks as text, elsewhere as JSON. What is not there is empty text.
fn fill(into: &mut String, value: &Value, quoted: bool) {
    match (value, quoted) {
        (Value::Null, true) => {}
        (Value::Null, false) => into.push_str("\"\""),
        (Value::String(text), true) => {
            let json = Value::from(text.as_str()).to_string();
            into.push_str(&json[1..json.len() - 1]);
        }
        (value, true) => {
            let json = Value::from(value.to_string()).to_string();
            into.push_str(&json[1..json.len() - 1]);
        }
        (value, false) => into.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn templates_are_filled() {
        let event = json!({"time": "T", "detail": {"state": "on", "n": 3, "list": [{"k": "v"}], "q": "a\"b"}});
        let paths = json!({"state": "$.detail.state", "n": "$.detail.n", "k": "$.detail.list[0].k", "none": "$.x", "all": "$.detail.list", "q": "$.detail.q"});
        for (template, expected) in [
            (
                r#"{"s": <state>, "n": <n>, "k": <k>}"#,
                r#"{"s": "on", "n": 3, "k": "v"}"#,
            ),
            (
                r#"{"s": "is <state>", "none": <none>}"#,
                r#"{"s": "is on", "none": ""}"#,
            ),
            (r#""It is <state> (<n>), <q>.""#, r#""It is on (3), a\"b.""#),
            (
                r#"{"all": <all>, "rule": "<aws.events.rule-name>"}"#,
                r#"{"all": [{"k":"v"}], "rule": "r"}"#,
            ),
            (r#"{"other": "<unknown>"}"#, r#"{"other": "<unknown>"}"#),
        ] {
            let transformer = json!({"InputTemplate": template, "InputPathsMap": paths});
            assert_eq!(
                transformed(&transformer, &event, "arn", "r"),
                expected,
                "{template}"
            );
        }
        assert_eq!(at(&event, "$.detail.list[0]"), json!({"k": "v"}));
        assert_eq!(at(&event, "$"), event);
    }
}
