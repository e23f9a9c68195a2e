//! What can go wrong with a path: it cannot be read, it finds nothing, it cannot be written.

use thiserror::Error;

/// Why a text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message} at character {position}")]
pub struct ParseError {
    /// What is wrong.
    pub message: String,
    /// Where, counted in bytes from the start of the text.
    pub position: usize,
}

/// Why an evaluation found nothing. The texts are those of Jayway's library, which AWS passes on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotFound {
    /// The last step of a definite path finds nothing.
    #[error("No results for path: {path}")]
    NoResults {
        /// The path in bracket notation.
        path: String,
    },
    /// The last step of a definite path is an index past the end of its array.
    /// Payload templates take it for `null`.
    #[error("No results for path: {path}")]
    PastEnd {
        /// The path in bracket notation.
        path: String,
    },
    /// A step before the last one finds nothing.
    #[error("Missing property in path {path}")]
    MissingProperty {
        /// The path up to the missing property, in bracket notation.
        path: String,
    },
    /// A property is asked of something that is not an object.
    #[error(
        "Expected to find an object with property ['{property}'] in path {path} but found '{found}'. \
         This is not a json object according to the JsonProvider: \
         'com.jayway.jsonpath.spi.json.JacksonJsonProvider'."
    )]
    NotAnObject {
        /// The property.
        property: String,
        /// The path of what was found, in bracket notation.
        path: String,
        /// The class of what was found: `java.lang.String`, `null`, ….
        found: &'static str,
    },
    /// An index or a slice is asked of something that is not an array.
    #[error("Filter: {step} can only be applied to arrays. Current context is: {context}")]
    NotAnArray {
        /// The step in bracket notation.
        step: String,
        /// What was found, as Java prints it.
        context: String,
    },
    /// A filter is asked of a text, a number, a boolean or `null`.
    #[error("Filter: [?] can not be applied to primitives. Current context is: {context}")]
    Primitive {
        /// What was found, as Java prints it.
        context: String,
    },
    /// An index is asked of `null`.
    #[error("The path {path} is null")]
    Null {
        /// The path up to the null, in bracket notation.
        path: String,
    },
    /// The function at the end of the path has no value for what was found.
    #[error("Aggregation function attempted to calculate value using empty array")]
    NothingToAggregate,
    /// The path visits more nodes than one evaluation may.
    #[error("The path visits more than {limit} nodes")]
    TooManyNodes {
        /// The limit.
        limit: u64,
    },
}

impl NotFound {
    /// Returns the property that was not there, where it is a property that was not there.
    pub fn missing_property(&self) -> Option<&str> {
        match self {
            Self::NoResults { path } | Self::MissingProperty { path } => path
                .rsplit_once("['")
                .map(|(_, last)| last.strip_suffix("']").unwrap_or(last)),
            Self::NotAnObject { property, .. } => Some(property),
            Self::PastEnd { .. }
            | Self::NotAnArray { .. }
            | Self::Null { .. }
            | Self::Primitive { .. }
            | Self::NothingToAggregate
            | Self::TooManyNodes { .. } => None,
        }
    }
}

/// Why a value cannot be put at a reference path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// A step meets a value of another kind than it names.
    #[error("Unable to apply step \"{step}\"")]
    Step {
        /// The property or index.
        step: String,
    },
}
