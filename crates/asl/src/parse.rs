//! From text to a [`StateMachine`], or to everything that is wrong with it.
//!
//! One file for each kind of state and for each list that states share. Fields are checked one by
//! one first; only a definition whose fields are right is looked at as a graph, as on AWS.

mod assign;
mod choice;
mod distributed;
mod fail;
mod fields;
mod flow;
mod map;
mod map_numbers;
mod parallel;
mod resource;
mod retry;
mod state;
mod task;
mod wait;
mod workflow;

use serde_json::Value;
use vocab::limits::DEFINITION_BYTES_MAX;

use crate::definition::StateMachine;
use crate::diagnostic::{Diagnostic, INVALID_JSON_DESCRIPTION, Severity};
use crate::parse::fields::Report;
use crate::validate::graph;

/// The type of a state machine: it decides which integrations a definition may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MachineType {
    /// `STANDARD`.
    #[default]
    Standard,
    /// `EXPRESS`: no activities, no jobs, no callbacks.
    Express,
}

/// Parses the definition of a standard machine, or returns every error in it.
pub fn parse(text: &str) -> Result<StateMachine, Vec<Diagnostic>> {
    parse_for(text, MachineType::Standard)
}

/// Parses the definition of a machine of the given type, or returns every error in it.
pub fn parse_for(text: &str, machine_type: MachineType) -> Result<StateMachine, Vec<Diagnostic>> {
    let (machine, mut findings) = read(text, machine_type);
    findings.retain(|finding| finding.severity == Severity::Error);
    match machine {
        Some(machine) if findings.is_empty() => Ok(machine),
        _ => Err(findings),
    }
}

/// Returns everything that is to be said about the definition of a standard machine.
pub fn diagnose(text: &str) -> Vec<Diagnostic> {
    diagnose_for(text, MachineType::Standard)
}

/// Returns everything that is to be said about the definition of a machine of the given type.
pub fn diagnose_for(text: &str, machine_type: MachineType) -> Vec<Diagnostic> {
    read(text, machine_type).1
}

fn read(text: &str, machine_type: MachineType) -> (Option<StateMachine>, Vec<Diagnostic>) {
    let json = match json(text) {
        Ok(json) => json,
        Err(finding) => return (None, vec![finding]),
    };
    let Value::Object(definition) = &json else {
        return (
            None,
            vec![not_json("Definition must be a valid JSON object", None)],
        );
    };
    let report = Report::default();
    let machine = workflow::machine(definition, machine_type, &report);
    let (mut findings, not_built) = report.into_findings();
    if findings.is_empty() {
        graph::check(definition, "", &mut findings);
    }
    // What is not built is only worth saying about a definition that is right.
    if findings.is_empty() {
        findings = not_built;
    }
    (machine, findings)
}

/// Reads JSON whose size and depth are bounded: `serde_json` refuses more than 128 levels.
fn json(text: &str) -> Result<Value, Diagnostic> {
    if text.len() > DEFINITION_BYTES_MAX {
        let message = format!("Definition is longer than {DEFINITION_BYTES_MAX} bytes");
        return Err(not_json(&message, None));
    }
    serde_json::from_str(text).map_err(|error| {
        let location = format!(
            "[Source: (String); line: {}, column: {}]",
            error.line(),
            error.column()
        );
        let message = error.to_string();
        let message = message
            .split(" at line ")
            .next()
            .unwrap_or("Definition must be a valid JSON object");
        not_json(message, Some(location))
    })
}

fn not_json(message: &str, location: Option<String>) -> Diagnostic {
    Diagnostic::error(INVALID_JSON_DESCRIPTION, message, location)
}
