//! What is wrong with a template, in CloudFormation's words where it has some.

use std::fmt;

/// A place in the template's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a template cannot be deployed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The text is neither YAML nor JSON, or goes beyond a limit.
    #[error("Template format error: {format} not well-formed. ({at}): {detail}")]
    NotWellFormed {
        /// `YAML` or `JSON`.
        format: &'static str,
        /// What was found.
        detail: String,
        /// Where.
        at: Location,
    },
    /// A section, a resource or an output is not as templates are.
    #[error("Template format error: {detail}{}", Place(.at))]
    Invalid {
        /// What is wrong.
        detail: String,
        /// Where, when the text is YAML.
        at: Option<Location>,
    },
    /// A name in `DependsOn`, `Ref` or `Fn::Sub` belongs to nothing.
    #[error(
        "Template format error: Unresolved resource dependencies [{}] in the {block} block of the template",
        names.join(", ")
    )]
    UnresolvedDependencies {
        /// The names, in the order in which they were met.
        names: Vec<String>,
        /// `Resources` or `Outputs`.
        block: &'static str,
    },
    /// Resources need each other.
    #[error("Circular dependency between resources: [{}]", names.join(", "))]
    CircularDependency {
        /// The resources of the cycle and those behind it, in document order.
        names: Vec<String>,
    },
    /// A parameter has no value, or one that it does not take.
    #[error("{0}")]
    Parameter(String),
    /// An intrinsic function is used in a way that it does not work.
    #[error("Template error: {0}")]
    Intrinsic(String),
    /// `Fn::ImportValue` names what no stack exports.
    #[error("No export named {0} found")]
    NoExport(String),
    /// The SAM transform refuses a resource.
    #[error(
        "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. \
         Number of errors found: 1. Resource with id [{logical_id}] is invalid. {detail}"
    )]
    Sam {
        /// The resource.
        logical_id: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The template is right, and this cannot do it yet.
    #[error("{what} is not supported yet{}", Place(.at))]
    Unsupported {
        /// What it is, with the logical id.
        what: String,
        /// Where, when the text is YAML.
        at: Option<Location>,
    },
}

impl TemplateError {
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::Invalid {
            detail: detail.into(),
            at: None,
        }
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported {
            what: what.into(),
            at: None,
        }
    }

    pub(crate) fn sam(logical_id: &str, detail: impl Into<String>) -> Self {
        Self::Sam {
            logical_id: logical_id.to_owned(),
            detail: detail.into(),
        }
    }
}

/// Writes ` (line 1, column 2)`, or nothing.
struct Place<'a>(&'a Option<Location>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(at) => write!(f, " ({at})"),
            None => Ok(()),
        }
    }
}
