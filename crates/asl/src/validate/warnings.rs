//! What is legal and probably not meant: a text that looks like a path where no path is read, a catcher
//! that nothing reaches, a callback that is waited for without end.
//!
//! The first three codes are AWS's (API reference, `ValidateStateMachineDefinitionDiagnostic`), whose
//! texts are not documented; the others are ours.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::diagnostic::{
    Diagnostic, NEVER_REACHED, NO_DOLLAR, NO_PATH, NO_TIMEOUT, PASS_RESULT_IS_STATIC,
};
use crate::query::looks_computed;
use crate::validate::graph::inner_workflows;

/// The fields of states, catchers and choice rules that hold payload templates in JSONPath.
const TEMPLATES: [&str; 5] = [
    "Parameters",
    "ResultSelector",
    "ItemSelector",
    "Assign",
    "Credentials",
];

/// The fields of a Task that bound how long it waits.
const TIMEOUTS: [&str; 4] = [
    "TimeoutSeconds",
    "TimeoutSecondsPath",
    "HeartbeatSeconds",
    "HeartbeatSecondsPath",
];

/// What holds for a whole machine.
#[derive(Clone, Copy)]
pub(crate) struct Machine {
    /// States that do not say otherwise speak JSONata.
    pub(crate) speaks_jsonata: bool,
    /// Its tasks may wait for answers.
    pub(crate) may_wait: bool,
}

/// Adds the warnings about `workflow`. Workflows nest no deeper than the JSON does.
pub(crate) fn check(
    workflow: &Map<String, Value>,
    location: &str,
    machine: Machine,
    findings: &mut Vec<Diagnostic>,
) {
    let states = workflow.get("States").and_then(Value::as_object);
    for (name, state) in states.into_iter().flatten() {
        let Some(fields) = state.as_object() else {
            continue;
        };
        let at = format!("{location}/States/{name}");
        let own = fields.get("QueryLanguage").and_then(Value::as_str);
        if !own.map_or(machine.speaks_jsonata, |language| language == "JSONata") {
            json_path(fields, &at, findings);
        }
        if machine.may_wait {
            callback(fields, &at, findings);
        }
        for list in ["Retry", "Catch"] {
            handlers(fields, list, &at, findings);
        }
        for (inner, inside) in inner_workflows(state) {
            check(inner, &format!("{at}{inside}"), machine, findings);
        }
    }
}

fn add(findings: &mut Vec<Diagnostic>, code: &'static str, message: String, location: String) {
    findings.push(Diagnostic::warning(code, message, Some(location)));
}

fn json_path(state: &Map<String, Value>, at: &str, findings: &mut Vec<Diagnostic>) {
    let kind = state.get("Type").and_then(Value::as_str);
    if let (Some("Pass"), Some(result)) = (kind, state.get("Result")) {
        static_result(result, &format!("{at}/Result"), findings);
    }
    if kind == Some("Fail") {
        literals(state, &["Error", "Cause"], at, findings);
    }
    templates(state, at, findings);
    for list in ["Catch", "Choices"] {
        for (place, member) in members(state, list) {
            let at = format!("{at}/{list}[{place}]");
            templates(member, &at, findings);
            if list == "Choices" {
                rule(member, &at, findings);
            }
        }
    }
}

fn members<'j>(
    owner: &'j Map<String, Value>,
    list: &str,
) -> impl Iterator<Item = (usize, &'j Map<String, Value>)> {
    let members = owner.get(list).and_then(Value::as_array);
    let members = members.into_iter().flatten().enumerate();
    members.filter_map(|(place, member)| Some((place, member.as_object()?)))
}

/// A Result is copied as it is.
fn static_result(result: &Value, at: &str, findings: &mut Vec<Diagnostic>) {
    match result {
        Value::String(text) if looks_computed(text) => {
            let message =
                format!("The Result of a Pass state is static: '{text}' is taken as text");
            add(findings, PASS_RESULT_IS_STATIC, message, at.to_owned());
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                static_result(value, &format!("{at}/{name}"), findings);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                static_result(item, &format!("{at}[{place}]"), findings);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn templates(owner: &Map<String, Value>, at: &str, findings: &mut Vec<Diagnostic>) {
    for name in TEMPLATES {
        if let Some(template) = owner.get(name) {
            template_fields(template, &format!("{at}/{name}"), findings);
        }
    }
}

/// Only fields whose names end in `.$` are computed.
fn template_fields(template: &Value, at: &str, findings: &mut Vec<Diagnostic>) {
    match template {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if !name.ends_with(".$") && looks_computed(text) => {
                        let message = format!(
                            "No '.$' on the field '{name}', which appears to be a JSONPath or an intrinsic function"
                        );
                        add(findings, NO_DOLLAR, message, format!("{at}/{name}"));
                    }
                    _ => template_fields(value, &format!("{at}/{name}"), findings),
                }
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                template_fields(item, &format!("{at}[{place}]"), findings);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Fields that take a text have a twin that takes a path.
fn literals(owner: &Map<String, Value>, names: &[&str], at: &str, findings: &mut Vec<Diagnostic>) {
    for name in names {
        let text = owner.get(*name).and_then(Value::as_str);
        if text.is_some_and(looks_computed) {
            let message = format!(
                "The value of the field '{name}' looks like a path, but the name of the field does not end with 'Path'"
            );
            add(findings, NO_PATH, message, format!("{at}/{name}"));
        }
    }
}

const TEXT_COMPARISONS: [&str; 5] = [
    "StringEquals",
    "StringLessThan",
    "StringLessThanEquals",
    "StringGreaterThan",
    "StringGreaterThanEquals",
];

fn rule(rule: &Map<String, Value>, at: &str, findings: &mut Vec<Diagnostic>) {
    literals(rule, &TEXT_COMPARISONS, at, findings);
    for list in ["And", "Or"] {
        for (place, member) in members(rule, list) {
            self::rule(member, &format!("{at}/{list}[{place}]"), findings);
        }
    }
    if let Some(inner) = rule.get("Not").and_then(Value::as_object) {
        self::rule(inner, &format!("{at}/Not"), findings);
    }
}

/// Nobody has to answer, and the default timeout is longer than an execution may take.
fn callback(state: &Map<String, Value>, at: &str, findings: &mut Vec<Diagnostic>) {
    let resource = state.get("Resource").and_then(Value::as_str);
    let waits = resource.is_some_and(|resource| resource.ends_with(".waitForTaskToken"));
    if waits && !TIMEOUTS.iter().any(|name| state.contains_key(*name)) {
        let message = "The task waits for an answer without TimeoutSeconds or HeartbeatSeconds";
        add(findings, NO_TIMEOUT, message.to_owned(), at.to_owned());
    }
}

/// The first member that names an error takes it, and later ones never see it.
fn handlers(
    state: &Map<String, Value>,
    list: &'static str,
    at: &str,
    findings: &mut Vec<Diagnostic>,
) {
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    for (place, member) in members(state, list) {
        let names = member.get("ErrorEquals").and_then(Value::as_array);
        let names: Vec<&str> = names
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        // A retrier that is exhausted still takes its error: the catchers come next.
        if !names.is_empty() && names.iter().all(|name| taken.contains(name)) {
            let message = "Every error here is named by an earlier member of the list";
            let at = format!("{at}/{list}[{place}]/ErrorEquals");
            add(findings, NEVER_REACHED, message.to_owned(), at);
        }
        taken.extend(names);
    }
}
