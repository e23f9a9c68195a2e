//! The query languages: paths, intrinsic functions and JSONata expressions, and the payload templates
//! and choice rules that are made of them.
//!
//! Everything here is evaluated against a [`Scope`] and fails with a [`Failure`] whose cause is the
//! text that AWS records, without the sentence that names the state (the engine adds it).

mod budget;
mod choice;
mod intrinsic;
mod jsonata;
mod number_field;
mod path;
mod result_path;
mod template;
mod variables;
mod wait;

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;
use vocab::{Entropy, Timestamp};

pub(crate) use budget::Budget;
pub use choice::ChoiceRule;
pub(crate) use choice::{Check, Comparison, Operand, Pattern, Rule};
pub(crate) use jsonata::{Dialect, Place, Readable, Refusal};
pub use jsonata::{Expected, Expression};
pub use path::Path;
pub(crate) use path::{Allowed, Miss, looks_computed};
pub use result_path::ReferencePath;
pub use template::Template;
pub(crate) use variables::is_name as is_variable_name;
pub use variables::{NoVariables, Variables};
pub use wait::WaitTime;

/// What an expression may read.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The value that `$` names, `$states.input` in JSONata.
    pub input: &'a Value,
    /// `$states.result`: what a state's task, branches or iterations made.
    pub result: Option<&'a Value>,
    /// `$states.errorOutput`: what a catcher caught.
    pub error_output: Option<&'a Value>,
    /// Gives the context object, `$$`; made only when an expression reads it.
    pub context: &'a dyn Context,
    /// The variables, `$name`.
    pub variables: &'a dyn Variables,
    /// Feeds `States.UUID` and `States.MathRandom`, `$uuid` and `$random`.
    pub entropy: &'a RefCell<Entropy>,
    /// What `$now` and `$millis` tell.
    pub now: Timestamp,
}

impl<'a> Scope<'a> {
    /// Returns the same scope over another input.
    pub fn with_input(self, input: &'a Value) -> Self {
        Self { input, ..self }
    }
}

/// The context object, made only when an expression reads it. A closure that makes it is one.
pub trait Context {
    /// Returns the whole context object.
    fn object(&self) -> Value;

    /// Returns an object that has the context's member `name`, if there is one; the others may be left
    /// out. `$$.Task.Token` need not copy the execution's input.
    fn with_member(&self, _name: &str) -> Value {
        self.object()
    }
}

impl<F: Fn() -> Value> Context for F {
    fn object(&self) -> Value {
        self()
    }
}

/// A failed evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `States.Runtime`, `States.ParameterPathFailure`, `States.IntrinsicFailure`, ….
    pub error: Cow<'static, str>,
    /// AWS's text, without "An error occurred while executing the state …".
    pub cause: String,
    /// The field whose JSONata expression failed, as `EvaluationFailed` shows it: `Output/a/b[0]`.
    pub location: Option<Arc<str>>,
}

impl Failure {
    /// A failure that no Retry or Catch on `States.ALL` sees.
    pub(crate) fn runtime(cause: impl Into<String>) -> Self {
        Self::new("States.Runtime", cause)
    }

    /// Returns the failure with this error and cause, of no JSONata expression.
    pub fn new(error: &'static str, cause: impl Into<String>) -> Self {
        Self {
            error: Cow::Borrowed(error),
            cause: cause.into(),
            location: None,
        }
    }
}
