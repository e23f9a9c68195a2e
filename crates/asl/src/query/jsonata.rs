//! JSONata: one expression of a field, compiled once and evaluated against a [`Scope`].
//!
//! What an expression may say is decided when the definition is read ([`check`]), what it sees is
//! `$states` and the variables ([`reads`]), and what it fails with is a `States.QueryEvaluationError`
//! in AWS's words. The engine underneath is named below this module only.

mod check;
mod dialect;
mod engine;
mod functions;
mod meter;
mod plain;
mod reads;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::query::{Failure, Scope};
use engine::{Program, Stop};

/// The error of every expression that fails.
const ERROR: &str = "States.QueryEvaluationError";

/// A JSONata expression in a field of a state.
#[derive(Clone, Debug)]
pub struct Expression(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Trimmed, without `{%` and `%}`.
    text: Box<str>,
    /// Where it stands in its state: `Output/a/b[0]`.
    location: Arc<str>,
    program: Program,
}

/// Which members of `$states` a field may read beside `input` and `context`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readable {
    /// `$states.result`: in `Output` and `Assign` of a state that has a result.
    pub(crate) result: bool,
    /// `$states.errorOutput`: in `Output` and `Assign` of a catcher.
    pub(crate) error_output: bool,
}

/// Which JSONata is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// JSONata 2.0.6, which AWS runs.
    #[default]
    Aws,
    /// Also the operators that came later.
    Newer,
}

/// Where an expression stands, and what holds there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    /// The field within its state.
    pub(crate) location: &'p str,
    pub(crate) readable: Readable,
    pub(crate) dialect: Dialect,
}

/// Why an expression is refused when its definition is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// The type that a field asks for, in the words of AWS's complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any value.
    Any,
    /// A boolean: `Condition`.
    Boolean,
    /// A number: `TimeoutSeconds`, `MaxConcurrency`.
    Number,
    /// A text: `Error`, `Timestamp`.
    String,
    /// An array: `Items`.
    Array,
    /// An object: `Arguments`.
    Object,
    /// An array or an object: `Items`.
    ArrayOrObject,
}

impl Expression {
    /// Returns what stands between `{%` and `%}`, trimmed, if `text` is an expression at all.
    pub(crate) fn written(text: &str) -> Option<&str> {
        text.strip_prefix("{%")?.strip_suffix("%}").map(str::trim)
    }

    /// Compiles `text`, which stands between `{%` and `%}`.
    pub(crate) fn parse(text: &str, place: Place<'_>) -> Result<Self, Vec<Refusal>> {
        let read = match place.dialect {
            Dialect::Aws => dialect::set_apart(text),
            Dialect::Newer => Cow::Borrowed(text),
        };
        let program = Program::compile(&read).map_err(|message| {
            vec![Refusal {
                code: crate::diagnostic::INVALID_JSONATA_EXPRESSION,
                message,
            }]
        })?;
        check::check(&program, place)?;
        Ok(Self(Arc::new(Inner {
            text: text.into(),
            location: place.location.into(),
            program,
        })))
    }

    /// Returns the text, trimmed, without `{%` and `%}`.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns where the expression stands in its state: `Output/a/b[0]`.
    pub fn location(&self) -> &str {
        &self.0.location
    }

    /// Adds the names of the variables that the expression reads.
    pub(crate) fn add_variables(&self, names: &mut BTreeSet<Arc<str>>) {
        self.0.program.reads().add_variables(names);
    }

    /// Returns the expression's value, whatever its type.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Failure> {
        self.evaluate_as(scope, Expected::Any)
    }

    /// Returns the expression's value, which must have the expected type.
    pub fn evaluate_as(&self, scope: &Scope<'_>, expected: Expected) -> Result<Value, Failure> {
        let value = match self.0.program.run(scope) {
            Ok(Some(value)) => value,
            Ok(None) => return Err(self.failure("returned nothing (undefined).")),
            Err(stop) => return Err(self.stopped(&stop)),
        };
        if expected.accepts(&value) {
            return Ok(value);
        }
        Err(self.failure(&format!(
            "returned an unexpected result type. Expected '{}', but was '{}' for value: {value}",
            expected.name(),
            type_name(&value),
        )))
    }

    /// Returns the failure of a value that the field does not take, though its type is right.
    pub(crate) fn refused(&self, complaint: &str) -> Failure {
        self.failure(complaint)
    }

    fn stopped(&self, stop: &Stop) -> Failure {
        match stop {
            Stop::Unsupported => self.failure("returned an unsupported result type."),
            // With a code it is a sentence of its own, without one a part of this one (measured).
            Stop::Threw { code, message } => self.failure(&format!(
                "threw an error during evaluation. {code}: {message}"
            )),
            Stop::Bound(message) => {
                self.failure(&format!("threw an error during evaluation: {message}"))
            }
            Stop::Internal(id) => {
                self.failure(&format!("threw an internal error during evaluation. {id}"))
            }
        }
    }

    fn failure(&self, ending: &str) -> Failure {
        let Inner { text, location, .. } = &*self.0;
        Failure {
            location: Some(Arc::clone(location)),
            ..Failure::new(
                ERROR,
                format!(
                    "The JSONata expression '{text}' specified for the field '{location}' {ending}"
                ),
            )
        }
    }
}

impl Expected {
    fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Boolean => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::String => value.is_string(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
            Self::ArrayOrObject => value.is_array() || value.is_object(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            // Recorded before Items took objects; the text has not been seen since.
            Self::Array | Self::ArrayOrObject => "array",
            Self::Object => "object",
        }
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
