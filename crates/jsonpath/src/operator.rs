//! The operators of filters: `==`, `<`, `in`, `contains`, ….

use std::cmp::Ordering;

use serde_json::Value;

use crate::number::compare_numbers;

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
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
pub(crate) const OPERATORS: [(&str, Operator); 14] = [
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

impl Operator {
    /// Returns how many pairs of items the comparison may look at.
    pub(crate) fn cost(self, left: Option<&Value>, right: Option<&Value>) -> usize {
        let count = |side: Option<&Value>| {
            side.and_then(Value::as_array)
                .map_or(1, |items| items.len().max(1))
        };
        count(left).saturating_mul(count(right))
    }

    pub(crate) fn holds(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        match self {
            Self::NotEqual => !both(left, right, equal),
            Self::Equal => both(left, right, equal),
            Self::Less => order(left, right).is_some_and(Ordering::is_lt),
            Self::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
            Self::Greater => order(left, right).is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
            Self::In => both(left, right, among),
            Self::NotIn => !both(left, right, among),
            Self::Contains => both(left, right, |whole, part| match (whole, part) {
                (Value::String(whole), Value::String(part)) => whole.contains(part.as_str()),
                (list, item) => among(item, list),
            }),
            Self::Size => both(left, right, |subject, size| {
                length(subject) == size.as_u64()
            }),
            Self::Empty => both(left, right, |subject, wanted| {
                length(subject).is_some_and(|length| wanted.as_bool() == Some(length == 0))
            }),
            Self::SubsetOf => both(left, right, |part, whole| {
                items(part).all(|item| among(item, whole))
            }),
            Self::AnyOf => both(left, right, |some, list| {
                items(some).any(|item| among(item, list))
            }),
            Self::NoneOf => both(left, right, |some, list| {
                !items(some).any(|item| among(item, list))
            }),
        }
    }
}

/// An absent side makes every comparison false, as in Jayway's library.
fn both(
    left: Option<&Value>,
    right: Option<&Value>,
    holds: impl FnOnce(&Value, &Value) -> bool,
) -> bool {
    left.zip(right)
        .is_some_and(|(left, right)| holds(left, right))
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            compare_numbers(left, right) == Some(Ordering::Equal)
        }
        (left, right) => left == right,
    }
}

fn order(left: Option<&Value>, right: Option<&Value>) -> Option<Ordering> {
    match (left?, right?) {
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn among(item: &Value, list: &Value) -> bool {
    items(list).any(|other| equal(item, other))
}

fn length(subject: &Value) -> Option<u64> {
    match subject {
        Value::Array(items) => Some(items.len() as u64),
        Value::Object(fields) => Some(fields.len() as u64),
        Value::String(text) => Some(text.chars().count() as u64),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
