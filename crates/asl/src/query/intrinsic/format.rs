//! Functions over texts: `States.Format` and `States.StringSplit`.

use std::borrow::Cow;

use jsonpath::java_text;
use serde_json::Value;

use crate::query::intrinsic::{Outcome, Refusal, text};

/// `States.Format`: every `{}` of the template is replaced by the next argument, as Java prints it.
///
/// A template that is written down comes raw, because `\{` is a brace and no placeholder. One that is
/// no text is printed too.
pub(super) fn format(template: &Value, raw: Option<&str>, arguments: &[Cow<'_, Value>]) -> Outcome {
    let template = match (raw, template) {
        (Some(raw), _) => Cow::Borrowed(raw),
        (None, Value::String(text)) => Cow::Borrowed(text.as_str()),
        (None, other) => Cow::Owned(java_text(other)),
    };
    let mut parts = vec![String::new()];
    let mut characters = template.chars();
    while let Some(next) = characters.next() {
        let literal = match next {
            '\\' => characters.next().unwrap_or('\\'),
            '{' if characters.next() == Some('}') => {
                parts.push(String::new());
                continue;
            }
            '{' => return Err(Refusal::Template("matching '}' not found for '{'.")),
            '}' => return Err(Refusal::Template("matching '{' not found for '}'.")),
            other => other,
        };
        parts
            .last_mut()
            .expect("starts with one part and only grows")
            .push(literal);
    }
    if parts.len() != arguments.len() + 1 {
        return Err(Refusal::Placeholders);
    }
    let mut formatted = String::with_capacity(template.len());
    for (place, part) in parts.iter().enumerate() {
        if let Some(argument) = place.checked_sub(1).and_then(|place| arguments.get(place)) {
            formatted.push_str(&java_text(argument));
        }
        formatted.push_str(part);
    }
    Ok(Value::String(formatted))
}

/// `States.StringSplit`: splits at every character of `splitters`; empty parts fall away (recorded).
pub(super) fn split(whole: &Value, splitters: &Value) -> Outcome {
    let (whole, splitters) = (text(whole)?, text(splitters)?);
    let parts = whole
        .split(|c| splitters.contains(c))
        .filter(|part| !part.is_empty());
    Ok(parts.map(Value::from).collect())
}
