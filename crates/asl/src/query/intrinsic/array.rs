//! Functions over arrays: `States.ArrayPartition`, `States.ArrayRange`, ….

use std::collections::BTreeSet;

use serde_json::Value;

use crate::query::intrinsic::{Outcome, items, whole};

/// Most items that `States.ArrayRange` makes.
const RANGE_ITEMS_MAX: usize = 1000;

/// `States.ArrayPartition`: chunks of `size` items, the last one with what is left.
pub(crate) fn partition(array: &Value, size: &Value) -> Outcome {
    let array = items(array)?;
    let size = usize::try_from(whole(size)?).ok().filter(|size| *size > 0);
    let size = size.ok_or("the chunk size must be a positive integer")?;
    Ok(Value::Array(
        array
            .chunks(size)
            .map(|chunk| Value::from(chunk.to_vec()))
            .collect(),
    ))
}

pub(super) fn contains(array: &Value, item: &Value) -> Outcome {
    Ok(Value::Bool(items(array)?.contains(item)))
}

/// `States.ArrayRange`: from `first` to `last`, both included where the step meets them.
pub(super) fn range(first: &Value, last: &Value, step: &Value) -> Outcome {
    let (mut next, last, step) = (whole(first)?, whole(last)?, whole(step)?);
    if step == 0 {
        return Err("the step must not be zero".to_owned());
    }
    let mut range = Vec::new();
    while (step > 0 && next <= last) || (step < 0 && next >= last) {
        if range.len() == RANGE_ITEMS_MAX {
            return Err(format!(
                "the array would have more than {RANGE_ITEMS_MAX} items"
            ));
        }
        range.push(Value::from(next));
        next = next.saturating_add(step);
    }
    Ok(Value::Array(range))
}

pub(super) fn get_item(array: &Value, index: &Value) -> Outcome {
    let (array, index) = (items(array)?, whole(index)?);
    let item = usize::try_from(index)
        .ok()
        .and_then(|index| array.get(index));
    item.cloned().ok_or_else(|| {
        format!(
            "the index {index} is out of range for {} items",
            array.len()
        )
    })
}

pub(super) fn length(array: &Value) -> Outcome {
    Ok(Value::from(items(array)?.len()))
}

/// `States.ArrayUnique`: the first of equal items stays.
pub(super) fn unique(array: &Value) -> Outcome {
    let mut seen = BTreeSet::new();
    let unique = items(array)?
        .iter()
        .filter(|item| seen.insert(item.to_string()));
    Ok(Value::Array(unique.cloned().collect()))
}
