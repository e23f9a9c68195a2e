//! The functions that may end a path: `length()`, `sum()`, ….

use serde_json::{Number, Value};

use crate::error::NotFound;

/// A function without arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Length,
    Min,
    Max,
    Average,
    Sum,
    StandardDeviation,
    Keys,
    First,
    Last,
}

impl Function {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "length" | "size" => Self::Length,
            "min" => Self::Min,
            "max" => Self::Max,
            "avg" => Self::Average,
            "sum" => Self::Sum,
            "stddev" => Self::StandardDeviation,
            "keys" => Self::Keys,
            "first" => Self::First,
            "last" => Self::Last,
            _ => return None,
        })
    }

    /// Returns the function's value for `subject`. A length or keys where there are none is `null`.
    pub(crate) fn apply(self, subject: &Value) -> Result<Value, NotFound> {
        Ok(match self {
            Self::Length => match subject {
                Value::Array(items) => Value::from(items.len()),
                Value::Object(fields) => Value::from(fields.len()),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Value::Null,
            },
            Self::Keys => subject.as_object().map_or(Value::Null, |object| {
                object.keys().map(|key| Value::from(key.as_str())).collect()
            }),
            Self::First => list(subject)?.first().cloned().ok_or(NOTHING)?,
            Self::Last => list(subject)?.last().cloned().ok_or(NOTHING)?,
            Self::Min | Self::Max | Self::Average | Self::Sum | Self::StandardDeviation => {
                self.aggregate(list(subject)?).ok_or(NOTHING)?
            }
        })
    }

    /// Aggregates the numbers of a list; what is not a number does not count.
    fn aggregate(self, items: &[Value]) -> Option<Value> {
        let numbers: Vec<f64> = items.iter().filter_map(Value::as_f64).collect();
        if numbers.is_empty() {
            return None;
        }
        let count = numbers.len() as f64;
        let sum: f64 = numbers.iter().sum();
        let result = match self {
            Self::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Sum => sum,
            Self::Average => sum / count,
            Self::StandardDeviation => {
                let mean = sum / count;
                (numbers.iter().map(|n| (n - mean) * (n - mean)).sum::<f64>() / count).sqrt()
            }
            Self::Length | Self::Keys | Self::First | Self::Last => return None,
        };
        Number::from_f64(result).map(Value::Number)
    }
}

const NOTHING: NotFound = NotFound::NothingToAggregate;

fn list(subject: &Value) -> Result<&[Value], NotFound> {
    subject.as_array().map(Vec::as_slice).ok_or(NOTHING)
}
