//! The query language: paths, payload templates, intrinsic functions and choice rules.
//!
//! Everything here is evaluated against a [`Scope`] and fails with a [`Failure`] whose cause is the
//! text that AWS records, without the sentence that names the state (the engine adds it).

mod budget;
mod choice;
mod intrinsic;
mod number_field;
mod path;
mod result_path;
mod template;
mod variables;
mod wait;

use std::borrow::Cow;
use std::cell::RefCell;

use serde_json::Value;
use vocab::Entropy;

pub(crate) use budget::Budget;
pub use choice::ChoiceRule;
pub(crate) use choice::{Check, Comparison, Operand, Pattern, Rule};
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
    /// The value that `$` names.
    pub input: &'a Value,
    /// Gives the context object, `$$`; made only when an expression reads it.
    pub context: &'a dyn Context,
    /// The variables, `$name`.
    pub variables: &'a dyn Variables,
    /// Feeds `States.UUID` and `States.MathRandom`.
    pub entropy: &'a RefCell<Entropy>,
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
}

impl Failure {
    /// A failure that no Retry or Catch on `States.ALL` sees.
    pub(crate) fn runtime(cause: impl Into<String>) -> Self {
        Self::new("States.Runtime", cause)
    }

    pub(crate) fn new(error: &'static str, cause: impl Into<String>) -> Self {
        Self {
            error: Cow::Borrowed(error),
            cause: cause.into(),
        }
    }
}
