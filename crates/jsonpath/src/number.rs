//! Numbers compared by value: `1` equals `1.0`, and no integer is rounded on the way.

use std::cmp::Ordering;

use serde_json::Number;

/// Compares two numbers by value; `None` only where one is not a number at all.
pub fn compare_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
}
