//! Functions over numbers: `States.MathAdd` and `States.MathRandom`.

use serde_json::Value;
use vocab::Entropy;

use crate::query::intrinsic::{Outcome, whole};

/// `States.MathAdd`: 32-bit integers, each rounded before they are added (recorded).
pub(super) fn add(left: &Value, right: &Value) -> Outcome {
    let sum = i32::checked_add(integer(left)?, integer(right)?);
    sum.map(Value::from)
        .ok_or_else(|| "the sum is not a 32-bit integer".to_owned())
}

/// `States.MathRandom`: at least `start`, below `end`.
pub(super) fn random(start: &Value, end: &Value, entropy: &mut Entropy) -> Outcome {
    let (start, end) = (i64::from(integer(start)?), i64::from(integer(end)?));
    let width = u64::try_from(end - start).ok().filter(|width| *width > 0);
    let width = width.ok_or("the start must be less than the end")?;
    // The width of two 32-bit integers fits, and so does everything below it.
    Ok(Value::from(
        start.saturating_add_unsigned(entropy.below(width)),
    ))
}

/// `States.MathRandom` with a seed: the same seed gives the same number.
pub(super) fn seeded_random(start: &Value, end: &Value, seed: &Value) -> Outcome {
    random(
        start,
        end,
        &mut Entropy::from_seed(whole(seed)?.cast_unsigned()),
    )
}

fn integer(value: &Value) -> Result<i32, String> {
    i32::try_from(whole(value)?).map_err(|_| format!("{value} is not a 32-bit integer"))
}
