//! The functions that may end a path: `length()`, `sum()`, ….

use std::borrow::Cow;

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

    fn name(self) -> &'static str {
        match self {
            Self::Length => "length()",
            Self::Min => "min()",
            Self::Max => "max()",
            Self::Average => "avg()",
            Self::Sum => "sum()",
            Self::StandardDeviation => "stddev()",
            Self::Keys => "keys()",
            Self::First => "first()",
            Self::Last => "last()",
        }
    }

    /// Returns the function's value for `subject`.
    pub(crate) fn apply<'a>(self, subject: &Cow<'a, Value>) -> Result<Cow<'a, Value>, NotFound> {
        let value = match self {
            Self::Length => length(subject),
            Self::Keys => subject.as_object().map(|object| {
                Value::Array(object.keys().map(|key| Value::from(key.as_str())).collect())
            }),
            Self::First => subject.as_array().and_then(|items| items.first()).cloned(),
            Self::Last => subject.as_array().and_then(|items| items.last()).cloned(),
            Self::Min | Self::Max | Self::Average | Self::Sum | Self::StandardDeviation => {
                self.aggregate(subject)
            }
        };
        value.map(Cow::Owned).ok_or(NotFound::Function {
            function: self.name(),
            found: kind(subject),
        })
    }

    /// Aggregates the numbers of an array; what is not a number does not count.
    fn aggregate(self, subject: &Value) -> Option<Value> {
        let numbers: Vec<f64> = subject
            .as_array()?
            .iter()
            .filter_map(Value::as_f64)
            .collect();
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

fn length(subject: &Value) -> Option<Value> {
    match subject {
        Value::Array(items) => Some(Value::from(items.len())),
        Value::Object(fields) => Some(Value::from(fields.len())),
        Value::String(text) => Some(Value::from(text.chars().count())),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Names the kind of `value` for a message.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
