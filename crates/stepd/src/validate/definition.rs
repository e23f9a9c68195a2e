//! A definition's text, in JSON or YAML, and what is found in it.

use std::ops::Range;

use asl::explain::{Explanation, explain};
use asl::outline::Outline;
use asl::{Diagnostic, Reading, Severity};
use cfn_template::TemplateError;
use serde_json::Value;
use vocab::limits::DEFINITION_BYTES_MAX;

/// Stands for a resource that is known only at deployment.
const STAND_IN: &str = "arn:aws:lambda:us-east-1:000000000000:function:deployed-later";

/// A text with the name it goes by.
pub struct Definition {
    /// The file; `-` for standard input.
    pub name: String,
    /// What is in it.
    pub text: String,
    is_yaml: bool,
}

/// A finding with its explanation.
pub struct Finding {
    /// What is wrong.
    pub diagnostic: Diagnostic,
    /// Where to look and what to do.
    pub explanation: Explanation,
}

impl Finding {
    /// Says whether the definition is refused for it.
    pub fn is_error(&self) -> bool {
        self.diagnostic.severity == Severity::Error
    }
}

impl Definition {
    /// Takes a text. `.json` and `.yaml` are taken at their word, except that YAML which begins with a
    /// brace is JSON; elsewhere the first character tells.
    pub fn new(name: &str, text: String) -> Self {
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        let looks_like_json = match text.trim_start().chars().next() {
            Some(first) => "{[\"".contains(first),
            None => true,
        };
        let ends = |extension: &str| name.to_ascii_lowercase().ends_with(extension);
        Self {
            is_yaml: !ends(".json") && !looks_like_json,
            name: name.to_owned(),
            text,
        }
    }

    /// Says whether the text is taken for YAML.
    pub fn is_yaml(&self) -> bool {
        self.is_yaml
    }

    /// Returns every finding, in AWS's order, behind which come names that appear twice.
    pub fn check(&self, reading: Reading) -> Vec<Finding> {
        let (diagnostics, outline) = match self.is_yaml {
            false => (self.diagnose_json(reading), Outline::of_json(&self.text)),
            true => (self.diagnose_yaml(reading), Outline::of_yaml(&self.text)),
        };
        let is_unreadable = |found: &Diagnostic| {
            matches!(
                found.code,
                asl::diagnostic::INVALID_JSON_DESCRIPTION | asl::diagnostic::TOO_DEEPLY_NESTED
            )
        };
        let is_readable = !diagnostics.iter().any(is_unreadable);
        let mut findings: Vec<Finding> = diagnostics
            .into_iter()
            .map(|diagnostic| Finding {
                explanation: explain(&diagnostic, &self.text, &outline),
                diagnostic,
            })
            .collect();
        if is_readable {
            // Of two states with one name it is said already.
            let is_known = |place: &Range<usize>| {
                findings.iter().any(|finding| {
                    finding.diagnostic.code == asl::diagnostic::DUPLICATE_STATE_NAME
                        && finding.explanation.marks.contains(place)
                })
            };
            let repeated: Vec<_> = outline
                .repeated()
                .into_iter()
                .filter(|(_, place)| !is_known(place))
                .collect();
            findings.extend(repeated.into_iter().map(|(name, place)| twice(name, place)));
        }
        findings
    }

    /// Returns the text as JSON: itself, or what its YAML stands for.
    pub fn into_json(self) -> anyhow::Result<String> {
        if !self.is_yaml {
            return Ok(self.text);
        }
        let document = cfn_template::yaml::parse(&self.text)?;
        Ok(document.value.to_string())
    }

    fn diagnose_json(&self, reading: Reading) -> Vec<Diagnostic> {
        if self.text.contains("${")
            && self.text.len() <= DEFINITION_BYTES_MAX
            && let Ok(mut value) = serde_json::from_str(&self.text)
        {
            fill(&mut value);
            return asl::diagnose_as(&value.to_string(), reading);
        }
        asl::diagnose_as(&self.text, reading)
    }

    /// YAML is checked as the JSON that it stands for, as AWS's own tools do.
    fn diagnose_yaml(&self, reading: Reading) -> Vec<Diagnostic> {
        let error = match cfn_template::yaml::parse(&self.text) {
            Ok(mut document) => {
                fill(&mut document.value);
                return asl::diagnose_as(&document.value.to_string(), reading);
            }
            Err(error) => error,
        };
        let (message, location) = match error {
            TemplateError::NotWellFormed { detail, at, .. } => (
                format!("Not well-formed YAML: {detail}"),
                Some(format!(
                    "[Source: (String); line: {}, column: {}]",
                    at.line, at.column
                )),
            ),
            other => (other.to_string(), None),
        };
        vec![Diagnostic {
            severity: Severity::Error,
            code: asl::diagnostic::INVALID_JSON_DESCRIPTION,
            message,
            location,
        }]
    }
}

/// Fills the resources that a template fills at deployment: `"Resource": "${FunctionArn}"`, by
/// `DefinitionSubstitutions`. Any function stands in for them.
pub fn fill(definition: &mut Value) {
    let mut open = vec![definition];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => open.extend(fields.iter_mut().map(|(name, value)| {
                let is_filled_later = name == "Resource"
                    && value
                        .as_str()
                        .is_some_and(|text| text.starts_with("${") && text.ends_with('}'));
                if is_filled_later {
                    *value = Value::from(STAND_IN);
                }
                value
            })),
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// A name that JSON has twice: the parser takes the last one and says nothing, and so does AWS.
fn twice(name: &str, place: Range<usize>) -> Finding {
    Finding {
        diagnostic: Diagnostic {
            severity: Severity::Warning,
            code: "REPEATED_FIELD",
            message: format!("'{name}' appears twice"),
            location: None,
        },
        explanation: Explanation {
            marks: vec![place],
            hint: Some("only the last one counts: rename or remove one of the two".to_owned()),
        },
    }
}
