//! From text to a [`StateMachine`], or to everything that is wrong with it.
//!
//! One file for each kind of state and for each list that states share. Fields are checked one by
//! one; of a definition whose fields are not right the graph is only looked at for missing targets.

mod assign;
mod choice;
mod distributed;
mod fail;
mod fields;
mod flow;
mod map;
mod map_numbers;
mod map_rules;
mod matrix;
mod parallel;
mod resource;
mod retry;
mod state;
mod task;
mod text;
mod wait;
mod workflow;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use vocab::limits::DEFINITION_BYTES_MAX;

use crate::definition::StateMachine;
use crate::diagnostic::{Diagnostic, MISSING_END_STATE, Severity};
use crate::parse::fields::Report;
use crate::validate::{graph, labels, warnings};

/// The type of a state machine: it decides which integrations a definition may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MachineType {
    /// `STANDARD`.
    #[default]
    Standard,
    /// `EXPRESS`: no activities, no jobs, no callbacks.
    Express,
}

/// How a definition is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The type of the machine.
    pub machine_type: MachineType,
    /// Operators of JSONata that are newer than the 2.0.6 of AWS are allowed: `??` and `?:`.
    pub newer_jsonata: bool,
    /// Longest definition, in bytes.
    pub bytes_max: usize,
    /// Says whether AWS's SDK has no such action: `(service, action)` of `aws-sdk:SERVICE:ACTION`.
    pub unknown_action: UnknownAction,
}

/// See [`Reading::unknown_action`].
pub type UnknownAction = fn(&str, &str) -> bool;

impl Default for Reading {
    fn default() -> Self {
        Self {
            machine_type: MachineType::Standard,
            newer_jsonata: false,
            bytes_max: DEFINITION_BYTES_MAX,
            unknown_action: |_, _| false,
        }
    }
}

impl From<MachineType> for Reading {
    fn from(machine_type: MachineType) -> Self {
        Self {
            machine_type,
            ..Self::default()
        }
    }
}

/// Parses the definition of a standard machine, or returns every error in it.
pub fn parse(text: &str) -> Result<StateMachine, Vec<Diagnostic>> {
    parse_for(text, MachineType::Standard)
}

/// Parses the definition of a machine of the given type, or returns every error in it.
pub fn parse_for(text: &str, machine_type: MachineType) -> Result<StateMachine, Vec<Diagnostic>> {
    parse_as(text, machine_type.into())
}

/// Parses a definition, or returns every error in it.
pub fn parse_as(text: &str, reading: Reading) -> Result<StateMachine, Vec<Diagnostic>> {
    let (machine, mut findings) = read(text, reading);
    findings.retain(|finding| finding.severity == Severity::Error);
    match machine {
        Some(machine) if findings.is_empty() => Ok(machine),
        _ => Err(findings),
    }
}

/// Parses the definition of one state by itself, as the state [`LONE_STATE`] of a machine that holds what
/// it leads to as states that end: whatever follows need not be there.
pub fn parse_state(text: &str, reading: Reading) -> Result<StateMachine, Vec<Diagnostic>> {
    let mut repeated = Vec::new();
    let state = match text::read(text, reading.bytes_max, &mut repeated) {
        Ok(state) => Value::Object(state),
        Err(finding) => return Err(vec![finding]),
    };
    let targets: Vec<String> = graph::transitions(&state)
        .filter_map(|(target, _)| Some(target.as_str()?.to_owned()))
        .collect();
    let mut states = Map::new();
    states.insert(LONE_STATE.into(), state);
    for target in targets {
        states
            .entry(target)
            .or_insert_with(|| json!({"Type": "Succeed"}));
    }
    let mut definition = Map::new();
    definition.insert("StartAt".into(), LONE_STATE.into());
    definition.insert("States".into(), Value::Object(states));
    // What it says of a state that only leads to itself is about a machine that nobody has written.
    let (machine, mut findings) = read_definition(&definition, reading, repeated);
    findings
        .retain(|finding| finding.severity == Severity::Error && finding.code != MISSING_END_STATE);
    match machine {
        Some(machine) if findings.is_empty() => Ok(machine),
        _ => Err(findings),
    }
}

/// The name under which AWS reads a state that comes by itself (recorded).
pub const LONE_STATE: &str = "StateName";

/// Reads a definition that was accepted before, whatever would be said about it today: an execution
/// goes on with what it pinned although a later version of this crate finds more. `None` when it cannot
/// be read as a machine at all.
pub fn load(text: &str) -> Option<StateMachine> {
    let reading = Reading {
        newer_jsonata: true,
        bytes_max: usize::MAX,
        ..Reading::default()
    };
    read(text, reading).0
}

/// Returns everything that is to be said about the definition of a standard machine.
pub fn diagnose(text: &str) -> Vec<Diagnostic> {
    diagnose_for(text, MachineType::Standard)
}

/// Returns everything that is to be said about the definition of a machine of the given type.
pub fn diagnose_for(text: &str, machine_type: MachineType) -> Vec<Diagnostic> {
    diagnose_as(text, machine_type.into())
}

/// Returns everything that is to be said about a definition.
pub fn diagnose_as(text: &str, reading: Reading) -> Vec<Diagnostic> {
    read(text, reading).1
}

fn read(text: &str, reading: Reading) -> (Option<StateMachine>, Vec<Diagnostic>) {
    let mut repeated = Vec::new();
    match text::read(text, reading.bytes_max, &mut repeated) {
        Ok(definition) => read_definition(&definition, reading, repeated),
        Err(finding) => (None, vec![finding]),
    }
}

/// Reads a definition; `repeated` is what its text has twice.
fn read_definition(
    definition: &Map<String, Value>,
    reading: Reading,
    mut repeated: Vec<Diagnostic>,
) -> (Option<StateMachine>, Vec<Diagnostic>) {
    let report = Report::default();
    let machine = workflow::machine(definition, reading, &report);
    let mut findings = report.into_findings();
    let fields_are_right = findings.is_empty();
    findings.append(&mut repeated);
    labels::check(definition, "", &mut BTreeSet::new(), &mut findings);
    graph::check(definition, "", fields_are_right, &mut findings);
    let machine_wide = warnings::Machine {
        speaks_jsonata: definition.get("QueryLanguage") == Some(&"JSONata".into()),
        may_wait: reading.machine_type == MachineType::Standard,
    };
    warnings::check(definition, "", machine_wide, &mut findings);
    (machine, findings)
}
