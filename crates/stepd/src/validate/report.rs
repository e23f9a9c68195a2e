//! Findings as text: for people with the lines they are about, for machines as JSON.

use std::fmt;

use asl::Severity;
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};
use serde_json::{Value, json};

use super::definition::{Definition, Finding};

/// Columns of a report; lines of the definition are never broken.
const WIDTH: usize = 100;

/// Renders the findings with the lines they are about, and one line that counts them.
pub fn for_people(
    definition: &Definition,
    findings: Vec<Finding>,
    in_colour: bool,
) -> anyhow::Result<String> {
    let theme = match in_colour {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(WIDTH)
        .with_links(false);
    let name = match definition.name.as_str() {
        "-" => "standard input",
        name => name,
    };
    let source = NamedSource::new(name, definition.text.clone());
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let warnings = findings.len() - errors;
    let mut text = String::new();
    for finding in findings {
        let shown = Shown {
            finding,
            source: &source,
        };
        handler.render_report(&mut text, &shown)?;
        text.push('\n');
    }
    let counted = match (errors, warnings) {
        (0, 0) => "ok".to_owned(),
        (0, _) => counted(warnings, "warning"),
        (_, 0) => counted(errors, "error"),
        _ => format!(
            "{}, {}",
            counted(errors, "error"),
            counted(warnings, "warning")
        ),
    };
    text.push_str(&format!("{name}: {counted}\n"));
    Ok(text)
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Renders the findings as one line of JSON: the answer of `ValidateStateMachineDefinition` with line,
/// column and hint added to each finding.
pub fn json(definition: &Definition, findings: &[Finding]) -> String {
    let failed = findings.iter().any(Finding::is_error);
    let diagnostics: Vec<Value> = findings
        .iter()
        .map(|finding| entry(&definition.text, finding))
        .collect();
    let answer = json!({
        "file": definition.name,
        "result": if failed { "FAIL" } else { "OK" },
        "diagnostics": diagnostics,
    });
    format!("{answer}\n")
}

fn entry(text: &str, finding: &Finding) -> Value {
    let diagnostic = &finding.diagnostic;
    let mut entry = json!({
        "severity": diagnostic.severity.name(),
        "code": diagnostic.code,
        "message": diagnostic.message,
    });
    if let Some(location) = &diagnostic.location {
        entry["location"] = json!(location);
    }
    if let Some(mark) = finding.explanation.marks.first() {
        let before = &text[..mark.start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        entry["line"] = json!(before.matches('\n').count() + 1);
        entry["column"] = json!(before[line_start..].chars().count() + 1);
    }
    if let Some(hint) = &finding.explanation.hint {
        entry["hint"] = json!(hint);
    }
    entry
}

/// A finding as the renderer wants it.
struct Shown<'s> {
    finding: Finding,
    source: &'s NamedSource<String>,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.diagnostic.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.finding.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let hint = self.finding.explanation.hint.as_ref()?;
        Some(Box::new(hint))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let has_place = !self.finding.explanation.marks.is_empty();
        has_place.then_some(self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let marks = self.finding.explanation.marks.iter();
        let location = &self.finding.diagnostic.location;
        Some(Box::new(marks.enumerate().map(move |(place, mark)| {
            let says = location
                .clone()
                .filter(|text| place == 0 && text.starts_with('/'));
            LabeledSpan::new(says, mark.start, mark.len())
        })))
    }
}
