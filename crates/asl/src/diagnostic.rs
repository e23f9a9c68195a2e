//! What is wrong with a definition, in the words of `ValidateStateMachineDefinition`.

use std::fmt;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// The definition is accepted.
    Warning,
}

impl Severity {
    /// Returns the word of the API: `ERROR` or `WARNING`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
        }
    }
}

/// One finding about a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// `SCHEMA_VALIDATION_FAILED`, `MISSING_TRANSITION_TARGET`, ….
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where: `/States/X/Choices[0]/Next`, `/` for the whole definition, or `[Source: (String)"…";
    /// line: 1, column: 4]` in a text that is no JSON.
    pub location: Option<String>,
}

// The codes of AWS (API reference, `ValidateStateMachineDefinitionDiagnostic`).

/// The text is not JSON.
pub const INVALID_JSON_DESCRIPTION: &str = "INVALID_JSON_DESCRIPTION";
/// There is no text.
pub const MISSING_DESCRIPTION: &str = "MISSING_DESCRIPTION";
/// States are nested too deeply.
pub const TOO_DEEPLY_NESTED: &str = "TOO_DEEPLY_NESTED";
/// A field is missing, unknown, or has a value that it may not have.
pub const SCHEMA_VALIDATION_FAILED: &str = "SCHEMA_VALIDATION_FAILED";
/// A state cannot have the name that it has.
pub const INVALID_STATE_NAME: &str = "INVALID_STATE_NAME";
/// A Map's label is not one.
pub const INVALID_LABEL_NAME: &str = "INVALID_LABEL_NAME";
/// Two Maps of one machine have the same label.
pub const DUPLICATE_LABEL_NAME: &str = "DUPLICATE_LABEL_NAME";
/// A transition leads nowhere, or a state cannot be reached.
pub const MISSING_TRANSITION_TARGET: &str = "MISSING_TRANSITION_TARGET";
/// A workflow cannot end.
pub const MISSING_END_STATE: &str = "MISSING_END_STATE";
/// Two states of one machine have the same name.
pub const DUPLICATE_STATE_NAME: &str = "DUPLICATE_STATE_NAME";
/// A JSONata expression cannot be read.
pub const INVALID_JSONATA_EXPRESSION: &str = "INVALID_JSONATA_EXPRESSION";
/// A JSONata expression reads what there is not where it stands.
pub const UNSUPPORTED_JSONATA_EXPRESSION: &str = "UNSUPPORTED_JSONATA_EXPRESSION";
/// A warning: a field of a payload template holds what looks computed, and its name does not end in `.$`.
pub const NO_DOLLAR: &str = "NO_DOLLAR";
/// A warning: a field that takes a text holds a path, which its twin that ends in `Path` would take.
pub const NO_PATH: &str = "NO_PATH";
/// A warning: the Result of a Pass state holds what looks computed.
pub const PASS_RESULT_IS_STATIC: &str = "PASS_RESULT_IS_STATIC";

// Our own.

/// A warning: a task waits for an answer that nobody may ever give. Not a code of AWS.
pub const NO_TIMEOUT: &str = "NO_TIMEOUT";
/// A warning: a retrier or a catcher that no error reaches. Not a code of AWS.
pub const NEVER_REACHED: &str = "NEVER_REACHED";
/// The definition is legal, but uses what this implementation does not have yet. Not a code of AWS.
pub const NOT_BUILT_YET: &str = "NOT_BUILT_YET";

impl Diagnostic {
    pub(crate) fn error(
        code: &'static str,
        message: impl Into<String>,
        location: Option<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            location,
        }
    }

    pub(crate) fn warning(
        code: &'static str,
        message: impl Into<String>,
        location: Option<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message, location)
        }
    }
}

/// Writes `CODE: message at location`, as `CreateStateMachine` does; without a location AWS writes
/// ` at null`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.location.as_deref().unwrap_or("null");
        write!(f, "{}: {} at {location}", self.code, self.message)
    }
}

/// Joins findings by `, `, as `CreateStateMachine` does inside `Invalid State Machine Definition: '…'`.
pub fn joined(diagnostics: &[Diagnostic]) -> String {
    let texts: Vec<String> = diagnostics.iter().map(Diagnostic::to_string).collect();
    texts.join(", ")
}
