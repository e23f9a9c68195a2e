//! Expressions that stand where a path may stand.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use jsonpath::{JsonPath, NotFound};
use serde_json::{Map, Value};

use crate::definition::PathField;
use crate::query::intrinsic::Call;
use crate::query::{Budget, Failure, Scope, variables};

/// An expression that stands where a path may stand: a JSONPath over the input or (`$$`) the context
/// or (`$name`) a variable, or, in the fields that allow it, a call of an intrinsic function.
#[derive(Clone, Debug)]
pub struct Path {
    text: Arc<str>,
    source: Source,
    miss: Miss,
}

/// Where a path looks.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Input(JsonPath),
    Context(JsonPath),
    Variable { name: Box<str>, path: JsonPath },
    Call(Box<Call>),
}

/// What AWS writes when a path finds nothing: it depends on the field that the path stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// `InputPath`, `OutputPath`, `TimeoutSecondsPath`, …: the path library's own words.
    Invalid,
    /// `ErrorPath`, `CausePath`: the field is named, the input is quoted.
    Field(&'static str),
    /// `SecondsPath`, `TimestampPath`.
    Parameter(&'static str),
    /// `ItemsPath`.
    Items,
    /// `Variable` and the operands of a choice rule.
    Choice,
}

/// What may stand in a field beside a path over the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// A path over the input only.
    Input,
    /// Also a path over the context object.
    Context,
    /// Also a call of an intrinsic function.
    Call,
}

impl Path {
    /// Compiles `text` for a field.
    pub(crate) fn parse(text: &str, allowed: Allowed, miss: Miss) -> Result<Self, String> {
        let source = Source::parse(text, allowed)?;
        Ok(Self {
            text: text.into(),
            source,
            miss,
        })
    }

    /// Returns the text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Says whether the path is `$`, so that evaluating it gives the input back.
    pub fn is_identity(&self) -> bool {
        matches!(&self.source, Source::Input(path) if path.is_root())
    }

    /// Adds the names of the variables that the path reads.
    pub(crate) fn add_variables(&self, names: &mut BTreeSet<Arc<str>>) {
        self.source.add_variables(names);
    }

    /// Returns what the path selects: a definite path's one value, an indefinite path's list.
    pub fn evaluate<'a>(&self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Failure> {
        match self.source.select(scope, &self.text, &Budget::new())? {
            Ok(value) => Ok(value),
            Err(missing) => Err(self.miss.failure(&self.text, scope, &missing)),
        }
    }

    /// Like [`evaluate`](Self::evaluate), with `None` for what is not there.
    pub(crate) fn find<'a>(&self, scope: &Scope<'a>) -> Result<Option<Cow<'a, Value>>, Failure> {
        Ok(self.source.select(scope, &self.text, &Budget::new())?.ok())
    }

    /// Returns AWS's complaint about the value that was found: `The SecondsPath parameter …`.
    pub(crate) fn parameter(&self) -> &'static str {
        match self.miss {
            Miss::Parameter(field) | Miss::Field(field) => field,
            Miss::Invalid | Miss::Items | Miss::Choice => "Path",
        }
    }
}

impl Source {
    pub(crate) fn parse(text: &str, allowed: Allowed) -> Result<Self, String> {
        if allowed == Allowed::Call && text.starts_with("States.") {
            return Call::parse(text).map(|call| Self::Call(Box::new(call)));
        }
        if let Some(rest) = text.strip_prefix("$$") {
            if allowed == Allowed::Input {
                return Err("the context object cannot be read here".to_owned());
            }
            let path = JsonPath::parse(&format!("${rest}")).map_err(|error| error.to_string())?;
            return Ok(Self::Context(path));
        }
        if let Some((name, rest)) = variables::split(text) {
            if name == "states" {
                return Err("$states is JSONata's".to_owned());
            }
            let path = JsonPath::parse(&format!("${rest}")).map_err(|error| error.to_string())?;
            return Ok(Self::Variable {
                name: name.into(),
                path,
            });
        }
        JsonPath::parse(text)
            .map(Self::Input)
            .map_err(|error| error.to_string())
    }

    /// Adds the names of the variables that are read; recurses as deep as calls nest.
    pub(crate) fn add_variables(&self, names: &mut BTreeSet<Arc<str>>) {
        match self {
            Self::Input(path) | Self::Context(path) => path.add_variables(names),
            Self::Variable { name, path } => {
                names.insert((&**name).into());
                path.add_variables(names);
            }
            Self::Call(call) => call.add_variables(names),
        }
    }

    /// Selects; the outer error is a function's failure, the inner one says that nothing is there.
    pub(crate) fn select<'a>(
        &self,
        scope: &Scope<'a>,
        text: &str,
        budget: &Budget,
    ) -> Result<Result<Cow<'a, Value>, NotFound>, Failure> {
        let variables = |name: &str| scope.variables.get(name);
        match self {
            Self::Input(path) => Ok(path.evaluate_with(scope.input, &variables)),
            Self::Context(path) => {
                if path.is_root() {
                    return Ok(Ok(Cow::Owned(scope.context.object())));
                }
                let context = match path.only_member() {
                    Some(name) => scope.context.with_member(name),
                    None => scope.context.object(),
                };
                Ok(path
                    .evaluate_with(&context, &variables)
                    .map(|found| Cow::Owned(found.into_owned())))
            }
            Self::Variable { name, path } => Ok(match scope.variables.get(name) {
                Some(value) => path.evaluate_with(value, &variables),
                None => Err(NotFound::NoResults {
                    path: format!("${name}"),
                }),
            }),
            Self::Call(call) => call
                .evaluate(scope, text, budget)
                .map(|value| Ok(Cow::Owned(value))),
        }
    }
}

impl Miss {
    fn failure(self, text: &str, scope: &Scope<'_>, missing: &NotFound) -> Failure {
        match self {
            Self::Invalid => Failure::runtime(format!("Invalid path '{text}' : {missing}")),
            Self::Field(field) => not_in_input(text, field, scope),
            Self::Parameter(field) => Failure::runtime(format!(
                "The {field} parameter does not reference an input value: {text}"
            )),
            Self::Items => match missing.missing_property() {
                Some(step) => Failure::new(
                    "States.ReferencePathConflict",
                    format!("Unable to apply step \"{step}\" to input {}", scope.input),
                ),
                None => Failure::runtime(format!("Invalid path '{text}' : {missing}")),
            },
            Self::Choice => Failure::runtime(format!(
                "Invalid path '{text}': The choice state's condition path references an invalid value."
            )),
        }
    }
}

/// The failure that quotes where it looked: the input, or the context object for a `$$` path.
pub(crate) fn not_in_input(text: &str, field: &str, scope: &Scope<'_>) -> Failure {
    let context;
    let searched = if text.starts_with("$$") {
        context = scope.context.object();
        &context
    } else {
        scope.input
    };
    Failure::runtime(format!(
        "The JSONPath '{text}' specified for the field '{field}' could not be found in the input '{searched}'"
    ))
}

impl PathField {
    /// Says whether the field lets everything through as it is.
    pub fn is_identity(&self) -> bool {
        match self {
            Self::Root => true,
            Self::Discard => false,
            Self::Path(path) => path.is_identity(),
        }
    }

    /// Returns the selected part of the scope's input, or of the context.
    pub fn select<'a>(&self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Failure> {
        match self {
            Self::Root => Ok(Cow::Borrowed(scope.input)),
            Self::Discard => Ok(Cow::Owned(Value::Object(Map::new()))),
            Self::Path(path) => path.evaluate(scope),
        }
    }
}

/// Says whether a text looks as if it were to be computed: a path into the input or the context, or a
/// call of an intrinsic function. A price such as `$5` does not.
pub(crate) fn looks_computed(text: &str) -> bool {
    let is_path = ["$.", "$[", "$$.", "$$["]
        .iter()
        .any(|start| text.starts_with(start));
    let is_call = text.starts_with("States.") && text.ends_with(')');
    (is_path || is_call) && Source::parse(text, Allowed::Call).is_ok()
}
