//! The operators of filters: `==`, `<`, `in`, `contains`, ….

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::java::java_text;
use crate::number::compare_numbers;

/// An operator between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Same,
    NotSame,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Contains,
    Size,
    Empty,
    SubsetOf,
    AnyOf,
    NoneOf,
}

/// In the order in which they are tried: `<=` before `<`.
pub(crate) const OPERATORS: [(&str, Operator); 16] = [
    ("===", Operator::Same),
    ("!==", Operator::NotSame),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("in", Operator::In),
    ("nin", Operator::NotIn),
    ("contains", Operator::Contains),
    ("size", Operator::Size),
    ("empty", Operator::Empty),
    ("subsetof", Operator::SubsetOf),
    ("anyof", Operator::AnyOf),
    ("noneof", Operator::NoneOf),
];

/// The operator cannot take such a side, so that the whole filter lets nothing through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfit;

impl Operator {
    /// Returns how many pairs of items the comparison may look at.
    pub(crate) fn cost(self, left: Option<&Value>, right: Option<&Value>) -> usize {
        let count = |side: Option<&Value>| {
            side.and_then(Value::as_array)
                .map_or(1, |items| items.len().max(1))
        };
        count(left).saturating_mul(count(right))
    }

    /// Compares; `None` is what a path does not find. As in Jayway's library, an absent side is equal
    /// to nothing, not even to another absent one.
    pub(crate) fn holds(self, left: Option<&Value>, right: Option<&Value>) -> Result<bool, Unfit> {
        Ok(match self {
            Self::Equal => both(left, right, equal),
            Self::NotEqual => !both(left, right, equal),
            Self::Same => both(left, right, same),
            Self::NotSame => !both(left, right, same),
            Self::Less => order(left, right).is_some_and(Ordering::is_lt),
            Self::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
            Self::Greater => order(left, right).is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
            Self::In => is_in(left, right)?,
            Self::NotIn => !is_in(left, right)?,
            Self::Contains => both(left, right, |whole, part| match (whole, part) {
                (Value::String(whole), Value::String(part)) => whole.contains(part.as_str()),
                (Value::Array(items), item) => among(item, items),
                _ => false,
            }),
            Self::Size => {
                let wanted = right.and_then(Value::as_f64).map(|size| size as i64);
                wanted.is_some() && left.and_then(length) == wanted
            }
            Self::Empty => match (left.and_then(length), right) {
                (None, _) => false,
                (Some(length), Some(Value::Bool(wanted))) => (length == 0) == *wanted,
                (Some(_), _) => return Err(Unfit),
            },
            Self::SubsetOf => of_lists(left, right, |part, whole| {
                part.iter().all(|item| among(item, whole))
            })?,
            Self::AnyOf => of_lists(left, right, |some, list| {
                some.iter().any(|item| among(item, list))
            })?,
            Self::NoneOf => of_lists(left, right, |some, list| {
                !some.iter().any(|item| among(item, list))
            })?,
        })
    }
}

fn both(
    left: Option<&Value>,
    right: Option<&Value>,
    holds: impl FnOnce(&Value, &Value) -> bool,
) -> bool {
    left.zip(right)
        .is_some_and(|(left, right)| holds(left, right))
}

/// A number equals a text that writes it, whichever stands left.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            compare_numbers(left, right) == Some(Ordering::Equal)
        }
        (Value::Number(left), Value::String(right)) => right
            .parse::<Number>()
            .is_ok_and(|right| compare_numbers(left, &right) == Some(Ordering::Equal)),
        (Value::String(left), Value::Number(_)) => *left == java_text(right),
        (left, right) => left == right,
    }
}

/// `===`: equal and of one type.
fn same(left: &Value, right: &Value) -> bool {
    std::mem::discriminant(left) == std::mem::discriminant(right) && equal(left, right)
}

fn order(left: Option<&Value>, right: Option<&Value>) -> Option<Ordering> {
    match (left?, right?) {
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right),
        // Java compares the units of UTF-16.
        (Value::String(left), Value::String(right)) => {
            Some(left.encode_utf16().cmp(right.encode_utf16()))
        }
        _ => None,
    }
}

fn is_in(item: Option<&Value>, list: Option<&Value>) -> Result<bool, Unfit> {
    match list {
        Some(Value::Array(items)) => Ok(item.is_some_and(|item| among(item, items))),
        Some(Value::Object(_)) => Ok(false),
        _ => Err(Unfit),
    }
}

/// Asks of two lists: false where a side is an object, unfit where one is no list at all.
fn of_lists(
    left: Option<&Value>,
    right: Option<&Value>,
    holds: impl FnOnce(&[Value], &[Value]) -> bool,
) -> Result<bool, Unfit> {
    match (left, right) {
        (Some(Value::Array(left)), Some(Value::Array(right))) => Ok(holds(left, right)),
        (Some(Value::Array(_) | Value::Object(_)), Some(Value::Array(_) | Value::Object(_))) => {
            Ok(false)
        }
        _ => Err(Unfit),
    }
}

fn among(item: &Value, list: &[Value]) -> bool {
    list.iter().any(|other| equal(item, other))
}

fn length(subject: &Value) -> Option<i64> {
    let length = match subject {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::String(text) => text.encode_utf16().count(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    i64::try_from(length).ok()
}
