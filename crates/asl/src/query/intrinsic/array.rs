//! Functions over arrays: `States.ArrayPartition`, `States.ArrayRange`, ….

use jsonpath::{java_set, java_text};
use serde_json::Value;

use crate::query::intrinsic::{Outcome, Refusal, items, truncated};

/// Most items that `States.ArrayRange` makes.
const RANGE_ITEMS_MAX: usize = 1000;

pub(super) fn partition(array: &Value, size: &Value) -> Outcome {
    let size = usize::try_from(truncated(size)?).map_err(|_| Refusal::Arguments)?;
    chunks(array, size).ok_or(Refusal::Arguments)
}

/// Returns the items of an array in chunks of `size`, the last one with what is left.
pub(crate) fn chunks(array: &Value, size: usize) -> Option<Value> {
    let array = array.as_array().filter(|_| size > 0)?;
    let chunks = array.chunks(size);
    Some(chunks.map(|chunk| Value::from(chunk.to_vec())).collect())
}

/// `States.ArrayContains`: items are compared as Java prints them, so that `true` is found in
/// `["true"]` and the order of an object's members counts (measured on AWS).
pub(super) fn contains(array: &Value, wanted: &Value) -> Outcome {
    let wanted = java_text(wanted);
    Ok(Value::Bool(
        items(array)?.iter().any(|item| java_text(item) == wanted),
    ))
}

/// `States.ArrayRange`: from `first` to `last`, both included where the step meets them.
pub(super) fn range(first: &Value, last: &Value, step: &Value) -> Outcome {
    let (first, last, step) = (truncated(first)?, truncated(last)?, truncated(step)?);
    if step == 0 {
        return Err(Refusal::Arguments);
    }
    let mut range = Vec::new();
    let mut next = i64::from(first);
    let (last, step) = (i64::from(last), i64::from(step));
    while (step > 0 && next <= last) || (step < 0 && next >= last) {
        if range.len() == RANGE_ITEMS_MAX {
            return Err(Refusal::Arguments);
        }
        range.push(Value::from(next));
        next += step;
    }
    Ok(Value::Array(range))
}

/// `States.ArrayGetItem`. An empty array has `null` everywhere (measured on AWS).
pub(super) fn get_item(array: &Value, index: &Value) -> Outcome {
    let (array, index) = (items(array)?, truncated(index)?);
    if array.is_empty() {
        return Ok(Value::Null);
    }
    let item = usize::try_from(index)
        .ok()
        .and_then(|index| array.get(index));
    item.cloned().ok_or(Refusal::Arguments)
}

pub(super) fn length(array: &Value) -> Outcome {
    Ok(Value::from(items(array)?.len()))
}

/// `States.ArrayUnique`: in the order of Java's hash sets.
pub(super) fn unique(array: &Value) -> Outcome {
    Ok(java_set(items(array)?).into_iter().cloned().collect())
}
