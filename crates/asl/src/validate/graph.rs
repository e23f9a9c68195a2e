//! Transitions: every target exists, every state is reached, every workflow can end.
//!
//! This reads the JSON itself, so that it holds for every query language. The order of the findings
//! and what each suppresses are measured on AWS (docs/adr/0020).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, MISSING_END_STATE, MISSING_TRANSITION_TARGET};

/// Checks `workflow` and the workflows inside it; they nest no deeper than the JSON does.
///
/// Where fields are wrong (`fields_are_right` is false) only targets that do not exist are worth saying:
/// what is not reachable, or does not end, may follow from a field that could not be read.
pub(crate) fn check(
    workflow: &Map<String, Value>,
    location: &str,
    fields_are_right: bool,
    findings: &mut Vec<Diagnostic>,
) {
    let states = workflow.get("States").and_then(Value::as_object);
    // Without any state that is what is said, and nothing more.
    let Some(states) = states.filter(|states| !states.is_empty()) else {
        return;
    };
    let named = check_targets(workflow, states, location, findings);
    if fields_are_right {
        check_ways(states, &named, location, findings);
    }
    for (name, state) in states {
        for (inner, at) in inner_workflows(state) {
            let location = format!("{location}/States/{name}{at}");
            check(inner, &location, fields_are_right, findings);
        }
    }
}

/// Reports every target that does not exist; returns all that are named.
fn check_targets<'j>(
    workflow: &'j Map<String, Value>,
    states: &'j Map<String, Value>,
    location: &str,
    findings: &mut Vec<Diagnostic>,
) -> BTreeSet<&'j str> {
    let mut named = BTreeSet::new();
    let mut target = |target: &'j Value, at: &dyn Fn() -> String| {
        let Some(target) = target.as_str() else {
            return;
        };
        named.insert(target);
        if !states.contains_key(target) {
            let message = format!("Missing 'Next' target: {target}");
            findings.push(Diagnostic::error(
                MISSING_TRANSITION_TARGET,
                message,
                Some(at()),
            ));
        }
    };
    if let Some(start_at) = workflow.get("StartAt") {
        target(start_at, &|| format!("{location}/StartAt"));
    }
    for (name, state) in states {
        for (next, at) in transitions(state) {
            target(next, &|| format!("{location}/States/{name}{at}"));
        }
    }
    named
}

/// Reports a workflow that cannot end; where it can, the states that nothing leads to.
fn check_ways(
    states: &Map<String, Value>,
    named: &BTreeSet<&str>,
    location: &str,
    findings: &mut Vec<Diagnostic>,
) {
    if !states.values().any(is_terminal) {
        findings.push(Diagnostic::error(
            MISSING_END_STATE,
            "Workflow has no terminal state",
            None,
        ));
        return;
    }
    for name in states.keys().filter(|name| !named.contains(name.as_str())) {
        let message = format!("State \"{name}\" is not reachable.");
        let at = format!("{location}/States/{name}");
        findings.push(Diagnostic::error(
            MISSING_TRANSITION_TARGET,
            message,
            Some(at),
        ));
    }
}

/// Returns every transition of a state, with its place in the state.
pub(crate) fn transitions(state: &Value) -> impl Iterator<Item = (&Value, String)> {
    let next = state.get("Next").map(|target| (target, "/Next".to_owned()));
    let default = state
        .get("Default")
        .map(|target| (target, "/Default".to_owned()));
    let listed = ["Choices", "Catch"].into_iter().flat_map(|list| {
        let members = state
            .get(list)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate();
        members.filter_map(move |(place, member)| {
            Some((member.get("Next")?, format!("/{list}[{place}]/Next")))
        })
    });
    next.into_iter().chain(listed).chain(default)
}

fn is_terminal(state: &Value) -> bool {
    let ends = state.get("End") == Some(&Value::Bool(true));
    ends || matches!(
        state.get("Type").and_then(Value::as_str),
        Some("Succeed" | "Fail")
    )
}

/// Returns the workflows inside a state, with their places in it.
pub(crate) fn inner_workflows(state: &Value) -> Vec<(&Map<String, Value>, String)> {
    let mut found = Vec::new();
    for (place, branch) in state
        .get("Branches")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        found.extend(
            branch
                .as_object()
                .map(|inner| (inner, format!("/Branches[{place}]"))),
        );
    }
    for field in ["ItemProcessor", "Iterator"] {
        let inner = state.get(field).and_then(Value::as_object);
        found.extend(inner.map(|inner| (inner, format!("/{field}"))));
    }
    found
}
