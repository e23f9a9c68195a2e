//! Intrinsic functions: `States.Format('{} of {}', $.part, $.whole)`.
//!
//! A call is read once; how many arguments it has counts when it is evaluated. One family of functions a
//! file.

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

pub(crate) use array::chunks;
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

/// The functions by their names.
const FUNCTIONS: [(&str, Function); 18] = [
    ("States.Format", Function::Format),
    ("States.StringToJson", Function::StringToJson),
    ("States.JsonToString", Function::JsonToString),
    ("States.Array", Function::Array),
    ("States.ArrayPartition", Function::ArrayPartition),
    ("States.ArrayContains", Function::ArrayContains),
    ("States.ArrayRange", Function::ArrayRange),
    ("States.ArrayGetItem", Function::ArrayGetItem),
    ("States.ArrayLength", Function::ArrayLength),
    ("States.ArrayUnique", Function::ArrayUnique),
    ("States.Base64Encode", Function::Base64Encode),
    ("States.Base64Decode", Function::Base64Decode),
    ("States.Hash", Function::Hash),
    ("States.JsonMerge", Function::JsonMerge),
    ("States.MathRandom", Function::MathRandom),
    ("States.MathAdd", Function::MathAdd),
    ("States.StringSplit", Function::StringSplit),
    ("States.UUID", Function::Uuid),
];

/// The value of a function, or why it refuses its arguments.
type Outcome = Result<Value, Refusal>;

/// Why a function refuses its arguments. AWS gives few details (measured).
#[derive(Clone, Debug, PartialEq, Eq)]
enum Refusal {
    /// Too many or too few, of the wrong type or out of range: AWS does not say which.
    Arguments,
    /// `States.Format` got another number of arguments than it has places for.
    Placeholders,
    /// A template of `States.Format` whose braces do not match.
    Template(&'static str),
    /// `States.StringToJson` got a text that is no JSON.
    Json(String),
}

impl Refusal {
    fn words(self, name: &str) -> String {
        match self {
            Self::Arguments => format!("Invalid arguments in {name}"),
            Self::Placeholders => format!(
                "Invalid arguments in {name}: number of arguments do not match the occurrences of {{}}."
            ),
            Self::Template(detail) => format!("Invalid template in {name}: {detail}"),
            Self::Json(detail) => {
                format!("Cannot convert String to Json in {name}, caused by: {detail}")
            }
        }
    }
}

/// Why a call has no value.
enum Trouble {
    /// A path among the arguments found nothing.
    Missing(String),
    /// A function refused its arguments.
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
        self.value(scope, budget).map_err(|trouble| match trouble {
            Trouble::Missing(detail) => Failure::runtime(format!(
                "The function '{text}' had the following error: {detail}"
            )),
            // The language's specification names an error for this, States.IntrinsicFailure; AWS
            // fails with States.Runtime (docs/adr/0022).
            Trouble::Refused(detail) => Failure::runtime(format!(
                "There was an error while evaluating the intrinsic function: {text}. {detail}"
            )),
            Trouble::Exceeded(failure) => failure,
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
            .map_err(|refusal| Trouble::Refused(refusal.words(self.function.name())))
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
            .find(|(_, function)| *function == self)
            .map_or("States", |(name, _)| name)
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
            (Self::JsonToString, [value]) => Ok(Value::String(jsonpath::java_json(value))),
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
            // AWS takes a definition with too many or too few arguments, and fails when it gets there.
            _ => Err(Refusal::Arguments),
        }
    }
}

/// Returns the text of an argument that must be one.
fn text(value: &Value) -> Result<&str, Refusal> {
    value.as_str().ok_or(Refusal::Arguments)
}

/// Returns the items of an argument that must be an array.
fn items(value: &Value) -> Result<&[Value], Refusal> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or(Refusal::Arguments)
}

/// Returns a 32-bit integer; fractions are cut off (measured on AWS, which the guide says to round).
fn truncated(value: &Value) -> Result<i32, Refusal> {
    let whole = value
        .as_i64()
        .or_else(|| value.as_f64().map(|number| number as i64));
    whole
        .and_then(|whole| i32::try_from(whole).ok())
        .ok_or(Refusal::Arguments)
}
