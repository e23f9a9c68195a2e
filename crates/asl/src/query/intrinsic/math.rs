//! Functions over numbers: `States.MathAdd` and `States.MathRandom`.

use serde_json::Value;
use vocab::Entropy;

use crate::query::intrinsic::{Outcome, Refusal, truncated};

/// `States.MathAdd`: 32-bit integers, each rounded before they are added (recorded).
pub(super) fn add(left: &Value, right: &Value) -> Outcome {
    let sum = i32::checked_add(rounded(left)?, rounded(right)?);
    sum.map(Value::from).ok_or(Refusal::Arguments)
}

/// Returns a 32-bit integer; fractions are rounded, halves upwards (recorded: `-1.5` counts as `-1`).
fn rounded(value: &Value) -> Result<i32, Refusal> {
    let whole = value
        .as_i64()
        .or_else(|| Some((value.as_f64()? + 0.5).floor() as i64));
    whole
        .and_then(|whole| i32::try_from(whole).ok())
        .ok_or(Refusal::Arguments)
}

/// `States.MathRandom`: at least `start`, below `end`.
pub(super) fn random(start: &Value, end: &Value, entropy: &mut Entropy) -> Outcome {
    let (start, width) = interval(start, end)?;
    let number = i64::from(start).saturating_add_unsigned(entropy.below(u64::from(width)));
    Ok(Value::from(number))
}

/// `States.MathRandom` with a seed: the first number of Java's `Random` for that seed (measured on
/// AWS: seed 42 from 1 to 100 gives 63).
pub(super) fn seeded_random(start: &Value, end: &Value, seed: &Value) -> Outcome {
    let (start, width) = interval(start, end)?;
    let number = i64::from(start) + i64::from(java_next_int(truncated_long(seed)?, width));
    Ok(Value::from(number))
}

/// Returns the start and how many numbers there are. Fractions are cut off (measured on AWS).
fn interval(start: &Value, end: &Value) -> Result<(i32, u32), Refusal> {
    let (start, end) = (truncated(start)?, truncated(end)?);
    let width = end.checked_sub(start).filter(|width| *width > 0);
    Ok((start, width.ok_or(Refusal::Arguments)?.unsigned_abs()))
}

fn truncated_long(value: &Value) -> Result<i64, Refusal> {
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|number| number as i64))
        .ok_or(Refusal::Arguments)
}

/// `new java.util.Random(seed).nextInt(bound)`; the generator is part of Java's specification.
fn java_next_int(seed: i64, bound: u32) -> u32 {
    const MULTIPLIER: u64 = 0x5_deec_e66d;
    const MASK: u64 = (1 << 48) - 1;
    let mut state = (seed.cast_unsigned() ^ MULTIPLIER) & MASK;
    loop {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(0xb) & MASK;
        let bits = state >> 17;
        let bound = u64::from(bound);
        if bound.is_power_of_two() {
            return ((bound * bits) >> 31) as u32;
        }
        let value = bits % bound;
        // The last numbers below 2^31 would make some values more likely.
        if bits - value + (bound - 1) < 1 << 31 {
            return value as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Measured on AWS.
    #[test]
    fn seeds_give_the_numbers_of_java() {
        let cases = [
            (1, 1000, 1, 106),
            (1, 1000, 2, 806),
            (1, 100, 42, 63),
            (2_147_483_640, 2_147_483_647, 1, 2_147_483_644),
        ];
        for (start, end, seed, expected) in cases {
            let found = seeded_random(&json!(start), &json!(end), &json!(seed));
            assert_eq!(found, Ok(json!(expected)), "{start} to {end} by {seed}");
        }
    }
}
