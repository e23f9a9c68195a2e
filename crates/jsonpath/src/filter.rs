//! Filters: `[?(@.status == 'ready' && @.size > 3)]`.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::error::{NotFound, ParseError};
use crate::evaluate::{Fuel, evaluate_from};
use crate::number::compare_numbers;
use crate::parse::{Extent, FILTER_DEPTH_MAX, Reader};
use crate::path::JsonPath;

/// A condition on one node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Operand),
    Compare(Operand, Operator, Operand),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    /// `@…`
    Current(JsonPath),
    /// `$…`
    Root(JsonPath),
    Literal(Value),
}

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
const OPERATORS: [(&str, Operator); 14] = [
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

/// Reads a filter up to its closing parenthesis.
pub(crate) fn parse(reader: &mut Reader<'_>, depth: usize) -> Result<Filter, ParseError> {
    if depth > FILTER_DEPTH_MAX {
        return Err(reader.error("filters nest too deep"));
    }
    let mut any = vec![parse_all(reader, depth)?];
    while after_blanks(reader, "||") {
        any.push(parse_all(reader, depth)?);
    }
    Ok(single(any).unwrap_or_else(Filter::Any))
}

fn parse_all(reader: &mut Reader<'_>, depth: usize) -> Result<Filter, ParseError> {
    let mut all = vec![parse_term(reader, depth)?];
    while after_blanks(reader, "&&") {
        all.push(parse_term(reader, depth)?);
    }
    Ok(single(all).unwrap_or_else(Filter::All))
}

/// Unwraps a list of one.
fn single(filters: Vec<Filter>) -> Result<Filter, Vec<Filter>> {
    <[Filter; 1]>::try_from(filters).map(|[filter]| filter)
}

fn after_blanks(reader: &mut Reader<'_>, expected: &str) -> bool {
    reader.skip_blanks();
    reader.take(expected)
}

fn parse_term(reader: &mut Reader<'_>, depth: usize) -> Result<Filter, ParseError> {
    reader.skip_blanks();
    let mut negated = false;
    while reader.take("!") {
        negated = !negated;
        reader.skip_blanks();
    }
    let term = if reader.take("(") {
        let inner = parse(reader, depth + 1)?;
        reader.skip_blanks();
        reader.expect(")")?;
        inner
    } else {
        parse_comparison(reader, depth)?
    };
    Ok(if negated {
        Filter::Not(Box::new(term))
    } else {
        term
    })
}

fn parse_comparison(reader: &mut Reader<'_>, depth: usize) -> Result<Filter, ParseError> {
    let left = parse_operand(reader, depth)?;
    reader.skip_blanks();
    if reader.rest().starts_with("=~") {
        return Err(reader.error("regular expressions in filters are not built yet"));
    }
    let word = reader
        .rest()
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(reader.rest().len());
    let word = &reader.rest()[..word];
    let operator = OPERATORS.iter().find(|(text, _)| {
        if word.is_empty() {
            reader.rest().starts_with(text)
        } else {
            word.eq_ignore_ascii_case(text)
        }
    });
    let Some((text, operator)) = operator else {
        return match (left, word) {
            (Operand::Literal(_), _) => Err(reader.error("a literal is not a condition")),
            (path, "") => Ok(Filter::Exists(path)),
            _ => Err(reader.error("expected an operator")),
        };
    };
    for _ in text.chars() {
        reader.advance();
    }
    reader.skip_blanks();
    Ok(Filter::Compare(
        left,
        *operator,
        parse_operand(reader, depth)?,
    ))
}

fn parse_operand(reader: &mut Reader<'_>, depth: usize) -> Result<Operand, ParseError> {
    match reader.peek() {
        Some('@') => {
            reader.advance();
            Ok(Operand::Current(reader.segments(Extent::Operand, depth)?))
        }
        Some('$') => {
            reader.advance();
            Ok(Operand::Root(reader.segments(Extent::Operand, depth)?))
        }
        _ => Ok(Operand::Literal(parse_literal(reader)?)),
    }
}

fn parse_literal(reader: &mut Reader<'_>) -> Result<Value, ParseError> {
    if !reader.take("[") {
        return parse_scalar(reader);
    }
    let mut items = Vec::new();
    loop {
        reader.skip_blanks();
        if items.is_empty() && reader.take("]") {
            return Ok(Value::Array(items));
        }
        items.push(parse_scalar(reader)?);
        reader.skip_blanks();
        if reader.take("]") {
            return Ok(Value::Array(items));
        }
        reader.expect(",")?;
    }
}

fn parse_scalar(reader: &mut Reader<'_>) -> Result<Value, ParseError> {
    if matches!(reader.peek(), Some('\'' | '"')) {
        return reader.quoted().map(Value::String);
    }
    let text = reader.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
    match text {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        "null" => Ok(Value::Null),
        number => number.parse::<Number>().map(Value::Number).map_err(|_| {
            reader.error("expected a path, a quoted text, a number, true, false or null")
        }),
    }
}

impl Filter {
    /// Says whether the filter lets `current` through. What a path does not find, it takes for absent.
    pub(crate) fn accepts(
        &self,
        current: &Value,
        root: &Value,
        fuel: &Fuel,
    ) -> Result<bool, NotFound> {
        fuel.spend(1)?;
        match self {
            Self::Any(filters) => {
                for filter in filters {
                    if filter.accepts(current, root, fuel)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::All(filters) => {
                for filter in filters {
                    if !filter.accepts(current, root, fuel)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Not(filter) => Ok(!filter.accepts(current, root, fuel)?),
            Self::Exists(operand) => Ok(match operand.value(current, root, fuel)? {
                None => false,
                Some(found) => {
                    operand.is_definite() || found.as_array().is_none_or(|list| !list.is_empty())
                }
            }),
            Self::Compare(left, operator, right) => {
                let left = left.value(current, root, fuel)?;
                let right = right.value(current, root, fuel)?;
                Ok(operator.holds(left.as_deref(), right.as_deref()))
            }
        }
    }
}

impl Operand {
    fn is_definite(&self) -> bool {
        match self {
            Self::Current(path) | Self::Root(path) => path.is_definite(),
            Self::Literal(_) => true,
        }
    }

    fn value<'a>(
        &'a self,
        current: &'a Value,
        root: &'a Value,
        fuel: &Fuel,
    ) -> Result<Option<Cow<'a, Value>>, NotFound> {
        let (path, start) = match self {
            Self::Current(path) => (path, current),
            Self::Root(path) => (path, root),
            Self::Literal(value) => return Ok(Some(Cow::Borrowed(value))),
        };
        match evaluate_from(path, start, root, fuel) {
            Ok(value) => Ok(Some(value)),
            Err(limit @ NotFound::TooManyNodes { .. }) => Err(limit),
            Err(_) => Ok(None),
        }
    }
}

impl Operator {
    fn holds(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        match self {
            Self::NotEqual => !both(left, right, equal),
            Self::Equal => both(left, right, equal),
            Self::Less => order(left, right).is_some_and(Ordering::is_lt),
            Self::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
            Self::Greater => order(left, right).is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
            Self::In => both(left, right, |item, list| among(item, list)),
            Self::NotIn => !both(left, right, |item, list| among(item, list)),
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
