//! What a plain scalar means: YAML 1.1 as CloudFormation reads it, except that nothing loses its text.

use serde_json::{Number, Value};

/// Returns what the plain scalar `text` means.
///
/// `yes`, `on` and their like are booleans, as in YAML 1.1. A number is a number only when writing
/// it gives the same text again: `012345678901` (an account), `1.10` (a version), `0x1F`, `1_000`
/// stay text, and a property that wants a number reads it from there. A date stays text as well
/// (`AWSTemplateFormatVersion: 2010-09-09`).
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        _ => number(text).unwrap_or_else(|| Value::from(text)),
    }
}

fn number(text: &str) -> Option<Value> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        return None;
    }
    let number = match text.parse::<i64>() {
        Ok(integer) => Number::from(integer),
        Err(_) => Number::from_f64(text.parse().ok()?)?,
    };
    (number.to_string() == text).then_some(Value::Number(number))
}
