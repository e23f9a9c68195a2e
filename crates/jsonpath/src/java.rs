//! Values as Java has them. AWS evaluates paths and intrinsic functions in Java over maps, lists and
//! boxed numbers, and what Java prints, hashes and compares shows in results and in messages.

use serde_json::{Number, Value};

/// Writes a value as Java's `toString` does: texts bare, objects as `{name=value, …}` (recorded).
///
/// Recurses as deep as the value nests, which JSON's reader limits.
pub fn java_text(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push_str(", ");
                }
                write(item, out);
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
                write(field, out);
            }
            out.push('}');
        }
    }
}

/// Whole numbers print as they are; others as `Double.toString` prints them: `1.0E10`, `2.5`, `1.0E-5`.
fn number_text(number: &Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    let value = number.as_f64().unwrap_or(0.0);
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        return format!("{value:?}");
    }
    let scientific = format!("{value:e}");
    match scientific.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => format!("{digits}E{exponent}"),
        Some((digits, exponent)) => format!("{digits}.0E{exponent}"),
        None => scientific,
    }
}

/// Writes a value as JSON with the numbers that Java writes: `1.0E10`.
pub fn java_json(value: &Value) -> String {
    let mut text = String::new();
    write_json(value, &mut text);
    text
}

fn write_json(value: &Value, out: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => out.push_str(&value.to_string()),
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_json(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (place, (name, field)) in fields.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write_json(field, out);
            }
            out.push('}');
        }
    }
}

/// Names the class of a value, which the path library's messages carry.
pub(crate) fn class(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) => match number.as_i64() {
            Some(whole) if i32::try_from(whole).is_ok() => "java.lang.Integer",
            Some(_) => "java.lang.Long",
            None if number.is_u64() => "java.math.BigInteger",
            None => "java.lang.Double",
        },
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.LinkedHashMap",
    }
}

/// Returns the different items in the order in which Java's `HashSet` hands them out, which is the
/// order of `States.ArrayUnique` (measured on AWS: `[true, false]` comes back as `[false, true]`).
pub fn java_set(items: &[Value]) -> Vec<&Value> {
    // A set made from a collection has room for all of it, a quarter of its buckets left free.
    let buckets = (items.len() * 4 / 3 + 1).max(16).next_power_of_two() as u32;
    let mut seen = std::collections::BTreeSet::new();
    let mut unique: Vec<(u32, &Value)> = items
        .iter()
        .filter(|item| seen.insert(canonical(item)))
        .map(|item| {
            let hash = hash(item).cast_unsigned();
            ((hash ^ (hash >> 16)) & (buckets - 1), item)
        })
        .collect();
    // Stable: within a bucket the first to come stays first.
    unique.sort_by_key(|(bucket, _)| *bucket);
    unique.into_iter().map(|(_, item)| item).collect()
}

/// A text that equal values share: the order of an object's members does not count.
fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (name, field) in sorted {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write_canonical(field, out);
                out.push(',');
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// `Object.hashCode` of the boxed value.
fn hash(value: &Value) -> i32 {
    match value {
        Value::Null => 0,
        Value::Bool(true) => 1231,
        Value::Bool(false) => 1237,
        Value::Number(number) => number_hash(number),
        Value::String(text) => text_hash(text),
        Value::Array(items) => items.iter().fold(1, |sum: i32, item| {
            sum.wrapping_mul(31).wrapping_add(hash(item))
        }),
        Value::Object(fields) => fields.iter().fold(0, |sum: i32, (name, field)| {
            sum.wrapping_add(text_hash(name) ^ hash(field))
        }),
    }
}

fn number_hash(number: &Number) -> i32 {
    let folded = |bits: u64| ((bits ^ (bits >> 32)) as u32).cast_signed();
    match (number.as_i64(), number.as_u64()) {
        (Some(whole), _) => match i32::try_from(whole) {
            Ok(small) => small,
            Err(_) => folded(whole.cast_unsigned()),
        },
        (None, Some(big)) => {
            let (high, low) = ((big >> 32) as u32, big as u32);
            high.wrapping_mul(31).wrapping_add(low).cast_signed()
        }
        (None, None) => folded(number.as_f64().unwrap_or(0.0).to_bits()),
    }
}

fn text_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |sum: i32, unit| {
        sum.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn prints_as_java_does() {
        let cases = [
            (json!(null), "null"),
            (json!(1), "1"),
            (json!(1.0), "1.0"),
            (json!(-0.0), "-0.0"),
            (json!(1e7), "1.0E7"),
            (json!(9999999.5), "9999999.5"),
            (json!(1.25e10), "1.25E10"),
            (json!(0.001), "0.001"),
            (json!(0.0001), "1.0E-4"),
            (json!(18446744073709551615u64), "18446744073709551615"),
            (
                json!({"a": [1, "x", {}], "b": true}),
                "{a=[1, x, {}], b=true}",
            ),
        ];
        for (value, expected) in cases {
            assert_eq!(java_text(&value), expected);
        }
    }

    #[test]
    fn orders_as_a_hash_set_does() {
        let cases = [
            (json!([true, false, true]), json!([false, true])),
            (json!([[1, 2], [1, 2], [2, 1]]), json!([[2, 1], [1, 2]])),
            (json!([null, null, 1, null]), json!([null, 1])),
            (json!([1, "1", 1, "01"]), json!([1, "1", "01"])),
            (
                json!([{"a": 1, "b": 2}, {"b": 2, "a": 1}]),
                json!([{"a": 1, "b": 2}]),
            ),
            (json!(["a", "b", "a", "c"]), json!(["a", "b", "c"])),
            (json!([1, 1.0]), json!([1.0, 1])),
            (json!([]), json!([])),
        ];
        for (items, expected) in cases {
            let unique: Vec<Value> = java_set(items.as_array().expect("an array"))
                .into_iter()
                .cloned()
                .collect();
            assert_eq!(Value::from(unique), expected, "{items}");
        }
    }
}
