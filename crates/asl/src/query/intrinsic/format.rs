//! Functions over texts: `States.Format` and `States.StringSplit`.

use std::borrow::Cow;

use serde_json::Value;

use crate::query::intrinsic::{Outcome, text};

/// `States.Format`: every `{}` of the template is replaced by the next argument.
///
/// A template that is written down comes raw, because `\{` is a brace and no placeholder.
pub(super) fn format(template: &Value, raw: Option<&str>, arguments: &[Cow<'_, Value>]) -> Outcome {
    let template = match raw {
        Some(raw) => raw,
        None => text(template)?,
    };
    let mut formatted = String::with_capacity(template.len());
    let mut arguments = arguments.iter();
    let mut characters = template.chars();
    while let Some(next) = characters.next() {
        match next {
            '\\' => formatted.push(characters.next().unwrap_or('\\')),
            '{' if characters.next() == Some('}') => {
                let argument = arguments.next().ok_or(COUNT)?;
                write_java(argument, &mut formatted);
            }
            '{' => return Err("matching '}' not found for '{'".to_owned()),
            other => formatted.push(other),
        }
    }
    if arguments.next().is_none() {
        Ok(Value::String(formatted))
    } else {
        Err(COUNT.to_owned())
    }
}

const COUNT: &str = "number of arguments do not match the occurrences of {}";

/// Writes a value as Java's `toString` does: texts bare, objects as `{name=value, …}` (recorded).
///
/// Recurses as deep as the value nests, which JSON's reader limits.
fn write_java(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push_str(", ");
                }
                write_java(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (place, (name, field)) in fields.iter().enumerate() {
                if place > 0 {
                    out.push_str(", ");
                }
                out.push_str(name);
                out.push('=');
                write_java(field, out);
            }
            out.push('}');
        }
    }
}

/// `States.StringSplit`: splits at every character of `splitters`; empty parts fall away (recorded).
pub(super) fn split(whole: &Value, splitters: &Value) -> Outcome {
    let (whole, splitters) = (text(whole)?, text(splitters)?);
    let parts = whole
        .split(|c| splitters.contains(c))
        .filter(|part| !part.is_empty());
    Ok(Value::Array(parts.map(Value::from).collect()))
}
