//! Intrinsic functions: `States.Format('{} of {}', $.part, $.whole)`.
//!
//! A call is read once, with the number of its arguments checked; one family of functions a file.

mod array;
mod encoding;
mod format;
mod json;
mod math;
mod parse;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

pub(crate) use array::partition;
pub(crate) use encoding::digest;

use crate::query::path::Source;
use crate::query::{Budget, Failure, Scope};

/// A call of an intrinsic function.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    function: Function,
    arguments: Vec<Argument>,
}

/// An argument of a call.
#[derive(Clone, Debug)]
enum Argument {
    /// A number, `true`, `false`, `null`.
    Literal(Value),
    /// A quoted text: as written, and with its escapes resolved.
    Text {
        raw: Box<str>,
        value: Value,
    },
    Path {
        text: Box<str>,
        source: Source,
    },
    Call(Call),
}

/// The 18 functions (Amazon States Language, "Intrinsic Functions").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Format,
    StringToJson,
    JsonToString,
    Array,
    ArrayPartition,
    ArrayContains,
    ArrayRange,
    ArrayGetItem,
    ArrayLength,
    ArrayUnique,
    Base64Encode,
    Base64Decode,
    Hash,
    JsonMerge,
    MathRandom,
    MathAdd,
    StringSplit,
    Uuid,
}

/// Name, function, fewest and most arguments.
const FUNCTIONS: [(&str, Function, usize, usize); 18] = [
    ("States.Format", Function::Format, 1, usize::MAX),
    ("States.StringToJson", Function::StringToJson, 1, 1),
    ("States.JsonToString", Function::JsonToString, 1, 1),
    ("States.Array", Function::Array, 0, usize::MAX),
    ("States.ArrayPartition", Function::ArrayPartition, 2, 2),
    ("States.ArrayContains", Function::ArrayContains, 2, 2),
    ("States.ArrayRange", Function::ArrayRange, 3, 3),
    ("States.ArrayGetItem", Function::ArrayGetItem, 2, 2),
    ("States.ArrayLength", Function::ArrayLength, 1, 1),
    ("States.ArrayUnique", Function::ArrayUnique, 1, 1),
    ("States.Base64Encode", Function::Base64Encode, 1, 1),
    ("States.Base64Decode", Function::Base64Decode, 1, 1),
    ("States.Hash", Function::Hash, 2, 2),
    ("States.JsonMerge", Function::JsonMerge, 3, 3),
    ("States.MathRandom", Function::MathRandom, 2, 3),
    ("States.MathAdd", Function::MathAdd, 2, 2),
    ("States.StringSplit", Function::StringSplit, 2, 2),
    ("States.UUID", Function::Uuid, 0, 0),
];

/// What a function says about arguments that it cannot take.
type Outcome = Result<Value, String>;

/// Why a call has no value.
enum Trouble {
    /// A path among the arguments found nothing: not catchable.
    Missing(String),
    /// A function refused its arguments: `States.IntrinsicFailure`.
    Refused(String),
    /// The calls make too much.
    Exceeded(Failure),
}

impl Call {
    /// Reads a call. The error says what is wrong, for people.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parse::call(text)
    }

    /// Adds the names of the variables that the arguments read.
    pub(crate) fn add_variables(&self, names: &mut BTreeSet<Arc<str>>) {
        for argument in &self.arguments {
            match argument {
                Argument::Literal(_) | Argument::Text { .. } => {}
                Argument::Path { source, .. } => source.add_variables(names),
                Argument::Call(call) => call.add_variables(names),
            }
        }
    }

    /// Returns the call's value. `text` is the whole expression, which every failure quotes.
    pub(crate) fn evaluate(
        &self,
        scope: &Scope<'_>,
        text: &str,
        budget: &Budget,
    ) -> Result<Value, Failure> {
        self.value(scope, budget).map_err(|trouble| {
            let (error, detail) = match trouble {
                Trouble::Missing(detail) => ("States.Runtime", detail),
                Trouble::Refused(detail) => ("States.IntrinsicFailure", detail),
                Trouble::Exceeded(failure) => return failure,
            };
            Failure::new(
                error,
                format!("The function '{text}' had the following error: {detail}"),
            )
        })
    }

    /// Recurses as deep as calls nest, which the reader limits to ten.
    fn value(&self, scope: &Scope<'_>, budget: &Budget) -> Result<Value, Trouble> {
        let arguments: Vec<Cow<'_, Value>> = self
            .arguments
            .iter()
            .map(|argument| argument.value(scope, budget))
            .collect::<Result<_, _>>()?;
        // No function makes much more than it is given.
        for argument in &arguments {
            budget.spend(argument).map_err(Trouble::Exceeded)?;
        }
        let raw_template = match self.arguments.first() {
            Some(Argument::Text { raw, .. }) => Some(&**raw),
            _ => None,
        };
        self.function
            .apply(&arguments, raw_template, scope)
            .map_err(|detail| {
                Trouble::Refused(format!(
                    "Invalid arguments in {}: {detail}",
                    self.function.name()
                ))
            })
    }
}

impl Argument {
    fn value<'a>(&'a self, scope: &Scope<'a>, budget: &Budget) -> Result<Cow<'a, Value>, Trouble> {
        match self {
            Self::Literal(value) | Self::Text { value, .. } => Ok(Cow::Borrowed(value)),
            Self::Call(call) => call.value(scope, budget).map(Cow::Owned),
            Self::Path { text, source } => {
                let selected = source
                    .select(scope, text, budget)
                    .map_err(|failure| Trouble::Refused(failure.cause))?;
                // A context path is named as it was searched: `$.Task`, not `$$.Task`.
                let searched = text
                    .strip_prefix("$$")
                    .map_or_else(|| text.to_string(), |rest| format!("${rest}"));
                selected.map_err(|_| {
                    Trouble::Missing(format!(
                        "The JsonPath argument for the field '{searched}' could not be found in the input '{}'",
                        scope.input
                    ))
                })
            }
        }
    }
}

impl Function {
    fn name(self) -> &'static str {
        FUNCTIONS
            .iter()
            .find(|(_, function, ..)| *function == self)
            .map_or("States", |(name, ..)| name)
    }

    fn apply(
        self,
        arguments: &[Cow<'_, Value>],
        raw_template: Option<&str>,
        scope: &Scope<'_>,
    ) -> Outcome {
        match (self, arguments) {
            (Self::Format, [template, rest @ ..]) => format::format(template, raw_template, rest),
            (Self::StringSplit, [text, splitters]) => format::split(text, splitters),
            (Self::StringToJson, [text]) => json::parse(text),
            (Self::JsonToString, [value]) => Ok(Value::String(value.to_string())),
            (Self::JsonMerge, [left, right, deep]) => json::merge(left, right, deep),
            (Self::Array, items) => Ok(Value::Array(
                items.iter().map(|item| (**item).clone()).collect(),
            )),
            (Self::ArrayPartition, [items, size]) => array::partition(items, size),
            (Self::ArrayContains, [items, item]) => array::contains(items, item),
            (Self::ArrayRange, [first, last, step]) => array::range(first, last, step),
            (Self::ArrayGetItem, [items, index]) => array::get_item(items, index),
            (Self::ArrayLength, [items]) => array::length(items),
            (Self::ArrayUnique, [items]) => array::unique(items),
            (Self::Base64Encode, [text]) => encoding::base64_encode(text),
            (Self::Base64Decode, [text]) => encoding::base64_decode(text),
            (Self::Hash, [content, algorithm]) => encoding::hash(content, algorithm),
            (Self::MathRandom, [start, end]) => {
                math::random(start, end, &mut scope.entropy.borrow_mut())
            }
            (Self::MathRandom, [start, end, seed]) => math::seeded_random(start, end, seed),
            (Self::MathAdd, [left, right]) => math::add(left, right),
            (Self::Uuid, []) => Ok(Value::String(scope.entropy.borrow_mut().next_uuid())),
            _ => Err("the number of arguments is wrong".to_owned()),
        }
    }
}

/// Returns the text of an argument that must be one.
fn text(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("expected a string but found {value}"))
}

/// Returns the items of an argument that must be an array.
fn items(value: &Value) -> Result<&[Value], String> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| format!("expected an array but found {value}"))
}

/// Returns a whole number; fractions are rounded, halves upwards (recorded: `-1.5` counts as `-1`).
fn whole(value: &Value) -> Result<i64, String> {
    let rounded = value.as_i64().or_else(|| {
        let rounded = (value.as_f64()? + 0.5).floor();
        // Beyond 2^53 an f64 is no exact integer, and no function takes numbers that large.
        (rounded.abs() < 9_007_199_254_740_992.0).then_some(rounded as i64)
    });
    rounded.ok_or_else(|| format!("expected an integer but found {value}"))
}
