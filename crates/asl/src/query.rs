//! The query language: paths, payload templates, intrinsic functions and choice rules.
//!
//! Everything here is evaluated against a [`Scope`] and fails with a [`Failure`] whose cause is the
//! text that AWS records, without the sentence that names the state (the engine adds it).

use std::borrow::Cow;
use std::cell::RefCell;

use serde_json::Value;
use vocab::Entropy;

use crate::definition::{PathField, ResultPath};

/// What an expression may read.
pub struct Scope<'a> {
    /// The value that `$` names.
    pub input: &'a Value,
    /// Gives the context object, `$$`; made only when an expression reads it.
    pub context: &'a dyn Fn() -> Value,
    /// Feeds `States.UUID` and `States.MathRandom`.
    pub entropy: &'a RefCell<Entropy>,
}

/// A failed evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `States.Runtime`, `States.ParameterPathFailure`, `States.IntrinsicFailure`, ….
    pub error: Cow<'static, str>,
    /// AWS's text, without "An error occurred while executing the state …".
    pub cause: String,
}

/// An expression that stands where a path may stand: a JSONPath over the input or (`$$`) the context,
/// or, in the fields that allow it, a call of an intrinsic function.
#[derive(Clone, Debug)]
pub struct Path(());

impl Path {
    /// Returns the text as written.
    pub fn text(&self) -> &str {
        todo!()
    }

    /// Returns what the path selects: a definite path's one value, an indefinite path's list.
    pub fn evaluate<'a>(&self, _scope: &Scope<'a>) -> Result<Cow<'a, Value>, Failure> {
        todo!()
    }
}

/// A path that names one place, to be written to: `$.a.b[0]`.
#[derive(Clone, Debug)]
pub struct ReferencePath(());

/// A payload template: JSON whose fields that end in `.$` are computed.
#[derive(Clone, Debug)]
pub struct Template(());

impl Template {
    /// Returns the payload.
    pub fn evaluate(&self, _scope: &Scope<'_>) -> Result<Value, Failure> {
        todo!()
    }
}

/// One rule of a Choice state, with the rules it is made of.
#[derive(Clone, Debug)]
pub struct ChoiceRule(());

impl ChoiceRule {
    /// Says whether the rule holds.
    pub fn matches(&self, _scope: &Scope<'_>) -> Result<bool, Failure> {
        todo!()
    }
}

impl PathField {
    /// Returns the selected part of the scope's input, or of the context.
    pub fn select<'a>(&self, _scope: &Scope<'a>) -> Result<Cow<'a, Value>, Failure> {
        todo!()
    }
}

impl ResultPath {
    /// Returns `input` with `result` put where the path says.
    pub fn place(&self, _input: Value, _result: Value) -> Result<Value, Failure> {
        todo!()
    }
}
