//! Filters: `[?(@.status == 'ready' && @.size > 3)]`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Number, Value};

use crate::error::{NotFound, ParseError};
use crate::evaluate::{Surroundings, evaluate_from};
use crate::operator::{OPERATORS, Operator, Unfit};
use crate::parse::{Extent, FILTER_DEPTH_MAX, Reader};
use crate::path::JsonPath;
use crate::pattern::Pattern;

/// A condition on one node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Operand),
    Compare(Operand, Operator, Operand),
    Matches(Operand, Pattern),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    /// `@…`
    Current(JsonPath),
    /// `$…`
    Root(JsonPath),
    /// `$name…`
    Variable {
        name: Box<str>,
        path: JsonPath,
    },
    Literal(Value),
}

/// Why a filter has no answer.
enum Stop {
    /// An operator cannot take a value: the filter lets nothing through.
    Unfit,
    /// The evaluation spends too much.
    Spent(NotFound),
}

impl From<Unfit> for Stop {
    fn from(_: Unfit) -> Self {
        Self::Unfit
    }
}

impl From<NotFound> for Stop {
    fn from(limit: NotFound) -> Self {
        Self::Spent(limit)
    }
}

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
    if reader.peek() == Some('/') {
        let pattern = Pattern::parse(reader)?;
        reader.skip_blanks();
        reader.expect("=~")?;
        reader.skip_blanks();
        return Ok(Filter::Matches(parse_operand(reader, depth)?, pattern));
    }
    let left = parse_operand(reader, depth)?;
    reader.skip_blanks();
    if reader.take("=~") {
        reader.skip_blanks();
        return Ok(Filter::Matches(left, Pattern::parse(reader)?));
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
    if reader.take("@") {
        return Ok(Operand::Current(reader.segments(Extent::Operand, depth)?));
    }
    if !reader.take("$") {
        return Ok(Operand::Literal(parse_literal(reader)?));
    }
    let name = reader.take_while(|c| c.is_alphanumeric() || c == '_');
    let path = reader.segments(Extent::Operand, depth)?;
    Ok(if name.is_empty() {
        Operand::Root(path)
    } else {
        Operand::Variable {
            name: name.into(),
            path,
        }
    })
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
        around: &Surroundings<'_>,
    ) -> Result<bool, NotFound> {
        match self.test(current, around) {
            Ok(accepted) => Ok(accepted),
            Err(Stop::Unfit) => Ok(false),
            Err(Stop::Spent(limit)) => Err(limit),
        }
    }

    fn test(&self, current: &Value, around: &Surroundings<'_>) -> Result<bool, Stop> {
        around.spend(1)?;
        match self {
            Self::Any(filters) => {
                for filter in filters {
                    if filter.test(current, around)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::All(filters) => {
                for filter in filters {
                    if !filter.test(current, around)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Not(filter) => Ok(!filter.test(current, around)?),
            Self::Exists(operand) => Ok(match operand.value(current, around)? {
                None => false,
                Some(found) => {
                    operand.is_definite() || found.as_array().is_none_or(|list| !list.is_empty())
                }
            }),
            Self::Compare(left, operator, right) => {
                let left = left.value(current, around)?;
                let right = right.value(current, around)?;
                around.spend(operator.cost(left.as_deref(), right.as_deref()))?;
                Ok(operator.holds(left.as_deref(), right.as_deref())?)
            }
            Self::Matches(operand, pattern) => {
                let subject = operand.value(current, around)?;
                around.spend(subject.as_deref().map_or(1, text_length))?;
                Ok(pattern.matches(subject.as_deref()))
            }
        }
    }

    /// Adds the names of the variables that the filter reads.
    pub(crate) fn add_variables(&self, names: &mut BTreeSet<Arc<str>>) {
        match self {
            Self::Any(filters) | Self::All(filters) => {
                filters
                    .iter()
                    .for_each(|filter| filter.add_variables(names));
            }
            Self::Not(filter) => filter.add_variables(names),
            Self::Exists(operand) | Self::Matches(operand, _) => operand.add_variables(names),
            Self::Compare(left, _, right) => {
                left.add_variables(names);
                right.add_variables(names);
            }
        }
    }
}

/// How much text a pattern looks at.
fn text_length(subject: &Value) -> usize {
    match subject {
        Value::String(text) => text.len(),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map_or(1, str::len))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => 1,
    }
}

impl Operand {
    fn path(&self) -> Option<&JsonPath> {
        match self {
            Self::Current(path) | Self::Root(path) | Self::Variable { path, .. } => Some(path),
            Self::Literal(_) => None,
        }
    }

    fn is_definite(&self) -> bool {
        self.path().is_none_or(JsonPath::is_definite)
    }

    fn add_variables(&self, names: &mut BTreeSet<Arc<str>>) {
        if let Self::Variable { name, .. } = self {
            names.insert((&**name).into());
        }
        if let Some(path) = self.path() {
            path.add_variables(names);
        }
    }

    fn value<'v, 'a: 'v>(
        &'v self,
        current: &'v Value,
        around: &Surroundings<'a>,
    ) -> Result<Option<Cow<'v, Value>>, NotFound> {
        let (path, start) = match self {
            Self::Current(path) => (path, current),
            Self::Root(path) => (path, around.root()),
            Self::Variable { name, path } => match around.variable(name) {
                Some(value) => (path, value),
                None => return Ok(None),
            },
            Self::Literal(value) => return Ok(Some(Cow::Borrowed(value))),
        };
        match evaluate_from(path, start, around) {
            Ok(value) => Ok(Some(value)),
            Err(limit @ NotFound::TooManyNodes { .. }) => Err(limit),
            Err(_) => Ok(None),
        }
    }
}
