//! `ResultPath`: where a result goes into the input.

use std::sync::Arc;

use serde_json::Value;

use crate::definition::ResultPath;
use crate::query::Failure;

/// A path that names one place, to be written to: `$.a.b[0]`.
#[derive(Clone, Debug)]
pub struct ReferencePath {
    text: Arc<str>,
    path: jsonpath::ReferencePath,
}

impl ReferencePath {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let path = jsonpath::ReferencePath::parse(text).map_err(|error| error.to_string())?;
        Ok(Self {
            text: text.into(),
            path,
        })
    }

    /// Returns the text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Says whether the path is `$`.
    pub(crate) fn is_root(&self) -> bool {
        self.path.is_root()
    }
}

impl ResultPath {
    /// Says whether the result alone is the output, so that the input need not be kept.
    pub fn replaces_input(&self) -> bool {
        matches!(self, Self::Root)
    }

    /// Says whether the input passes through and the result is dropped.
    pub fn is_identity(&self) -> bool {
        matches!(self, Self::Discard)
    }

    /// Returns `input` with `result` put where the path says.
    pub fn place(&self, mut input: Value, result: Value) -> Result<Value, Failure> {
        match self {
            Self::Root => Ok(result),
            Self::Discard => Ok(input),
            Self::Path(ReferencePath { text, path }) => match path.write(&mut input, result) {
                Ok(()) => Ok(input),
                Err(_) => Err(Failure::new(
                    "States.ResultPathMatchFailure",
                    format!("Unable to apply ReferencePath {text} to input {input}"),
                )),
            },
        }
    }
}
