//! Functions between texts and JSON: `States.StringToJson` and `States.JsonMerge`.

use serde_json::Value;

use crate::query::intrinsic::{Outcome, text};

/// `States.StringToJson`; `States.JsonToString` needs no more than JSON's own text.
pub(super) fn parse(json: &Value) -> Outcome {
    let json = text(json)?;
    serde_json::from_str(json).map_err(|error| format!("the text is not JSON: {error}"))
}

/// `States.JsonMerge`: shallow only, the right object wins.
pub(super) fn merge(left: &Value, right: &Value, deep: &Value) -> Outcome {
    let (Value::Object(left), Value::Object(right)) = (left, right) else {
        return Err("expected two objects".to_owned());
    };
    if deep != &Value::Bool(false) {
        return Err(
            "only shallow merging is supported: the third argument must be false".to_owned(),
        );
    }
    let mut merged = left.clone();
    merged.extend(
        right
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    Ok(Value::Object(merged))
}
