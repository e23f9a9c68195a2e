//! Transitions: every target exists, every state is reached, every workflow can end.
//!
//! This reads the JSON itself, so that it holds for every query language. The order of the findings
//! and what each suppresses are measured on AWS (features §12.12, "Graph").

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, MISSING_END_STATE, MISSING_TRANSITION_TARGET};

/// Checks `workflow` and the workflows inside it; they nest no deeper than the JSON does.
pub(crate) fn check(workflow: &Map<String, Value>, location: &str, findings: &mut Vec<Diagnostic>) {
    let Some(states) = workflow.get("States").and_then(Value::as_object) else {
        return;
    };
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let start = workflow
        .get("StartAt")
        .map(|target| (target, format!("{location}/StartAt")));
    let within = states.iter().flat_map(|(name, state)| {
        transitions(state)
            .map(move |(target, at)| (target, format!("{location}/States/{name}{at}")))
    });
    for (target, at) in start.into_iter().chain(within) {
        let Some(target) = target.as_str() else {
            continue;
        };
        named.insert(target);
        if !states.contains_key(target) {
            let message = format!("Missing 'Next' target: {target}");
            findings.push(Diagnostic::error(
                MISSING_TRANSITION_TARGET,
                message,
                Some(at),
            ));
        }
    }
    if states.values().any(is_terminal) {
        for name in states.keys().filter(|name| !named.contains(name.as_str())) {
            let message = format!("State \"{name}\" is not reachable.");
            let at = format!("{location}/States/{name}");
            findings.push(Diagnostic::error(
                MISSING_TRANSITION_TARGET,
                message,
                Some(at),
            ));
        }
    } else {
        findings.push(Diagnostic::error(
            MISSING_END_STATE,
            "Workflow has no terminal state",
            None,
        ));
    }
    for (name, state) in states {
        for (inner, at) in inner_workflows(state) {
            check(inner, &format!("{location}/States/{name}{at}"), findings);
        }
    }
}

/// Returns every transition of a state, with its place in the state.
fn transitions(state: &Value) -> impl Iterator<Item = (&Value, String)> {
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
