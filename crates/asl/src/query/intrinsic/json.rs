//! Functions between texts and JSON: `States.StringToJson` and `States.JsonMerge`.

use serde_json::Value;

use crate::JsonFault;
use crate::query::intrinsic::{Outcome, Refusal, text};

/// `States.StringToJson`. An empty text is `null` (measured on AWS); `-0` is a whole number there.
pub(super) fn parse(json: &Value) -> Outcome {
    let json = text(json)?;
    match json.trim() {
        "" => return Ok(Value::Null),
        "-0" => return Ok(Value::from(0)),
        _ => {}
    }
    serde_json::from_str(json)
        .map_err(|error| Refusal::Json(located(json, &JsonFault::of(json, &error))))
}

/// How the parser names a source that it may not show.
const SOURCE: &str = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)";

/// Returns the parser's words with the places that it adds here (measured on AWS).
fn located(text: &str, fault: &JsonFault) -> String {
    let mut words = fault.message.clone();
    if words.ends_with(": expected close marker for Object")
        || words.ends_with(": expected close marker for Array")
    {
        let start = place(text, open_bracket(text));
        words.push_str(&format!(" (start marker at {start})"));
    }
    let stopped = if words.starts_with("Unrecognized token") {
        fault.bytes.end
    } else {
        fault.bytes.start
    };
    format!("{words}\n at {}", place(text, stopped))
}

/// Names a place in `text`, which is given in bytes.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let last_line = before.rsplit('\n').next().unwrap_or(before);
    let column = last_line.encode_utf16().count() + 1;
    format!("{SOURCE}; line: {line}, column: {column}]")
}

/// Returns where the innermost bracket that is not closed stands.
fn open_bracket(text: &str) -> usize {
    let (mut open, mut in_text, mut escaped) = (Vec::new(), false, false);
    for (place, next) in text.char_indices() {
        match next {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            '{' | '[' if !in_text => open.push(place),
            '}' | ']' if !in_text => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop().unwrap_or(0)
}

/// `States.JsonMerge`: shallow only, the right object wins. Deep merging is refused; a third argument
/// that is no boolean counts as `false` (measured on AWS).
pub(super) fn merge(left: &Value, right: &Value, deep: &Value) -> Outcome {
    let (Value::Object(left), Value::Object(right)) = (left, right) else {
        return Err(Refusal::Arguments);
    };
    if deep == &Value::Bool(true) {
        return Err(Refusal::Arguments);
    }
    let mut merged = left.clone();
    merged.extend(
        right
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    Ok(Value::Object(merged))
}
