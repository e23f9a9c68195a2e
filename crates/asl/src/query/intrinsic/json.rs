//! Functions between texts and JSON: `States.StringToJson` and `States.JsonMerge`.

use serde_json::Value;

use crate::jackson;
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
        .map_err(|error| Refusal::Json(jackson::explain_located(json, &error)))
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
