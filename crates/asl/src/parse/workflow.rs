//! A `StartAt` with its `States`: the machine itself, a branch, an item processor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};
use vocab::limits::STATE_NAME_CHARS_MAX;

use crate::definition::{State, StateIndex, StateMachine, Workflow};
use crate::diagnostic::{DUPLICATE_STATE_NAME, Diagnostic, INVALID_STATE_NAME};
use crate::distributed::ExecutionType;
use crate::parse::fields::{Fields, Report};
use crate::parse::{MachineType, Reading, UnknownAction};
use crate::parse::{assign, state};
use crate::query::Dialect;
use crate::validate::graph::inner_workflows;

/// Most seconds that a machine or a task may be given (Amazon States Language, "Timeouts").
pub(crate) const SECONDS_MAX: u64 = 99_999_999;

const MACHINE_FIELDS: [&str; 6] = [
    "Comment",
    "StartAt",
    "States",
    "Version",
    "TimeoutSeconds",
    "QueryLanguage",
];

/// The language of a state's data flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    JsonPath,
    Jsonata,
}

/// The machine that is being built.
pub(crate) struct Builder<'j> {
    pub(crate) machine_type: MachineType,
    pub(crate) unknown_action: UnknownAction,
    /// Inner states follow the machine's language; that of a Map or Parallel does not reach them.
    pub(crate) language: Language,
    pub(crate) dialect: Dialect,
    report: &'j Report,
    /// The variables that each workflow around the one being read assigns, and its own.
    assigned: Vec<assign::Assigned<'j>>,
    states: Vec<Option<State>>,
    by_name: BTreeMap<Arc<str>, StateIndex>,
}

/// The states that transitions of one workflow may name.
pub(crate) struct Siblings<'j>(BTreeMap<&'j str, StateIndex>);

impl Siblings<'_> {
    /// Returns the place of a state. A name that leads nowhere is reported when the graph is checked.
    pub(crate) fn find(&self, name: &str) -> Option<StateIndex> {
        self.0.get(name).copied()
    }
}

/// Reads a whole definition; `None` when something in it is wrong, which is then in the report.
pub(crate) fn machine<'j>(
    definition: &'j Map<String, Value>,
    reading: Reading,
    report: &'j Report,
) -> Option<StateMachine> {
    let fields = Fields::new(definition, String::new(), report);
    fields.allow_only(&[&MACHINE_FIELDS]);
    fields.word("Version", &["1.0"]);
    let language = language(&fields).unwrap_or(Language::JsonPath);
    let mut builder = Builder {
        machine_type: reading.machine_type,
        unknown_action: reading.unknown_action,
        language,
        dialect: if reading.newer_jsonata {
            Dialect::Newer
        } else {
            Dialect::Aws
        },
        report,
        assigned: Vec::new(),
        states: Vec::new(),
        by_name: BTreeMap::new(),
    };
    let timeout_seconds = fields.integer("TimeoutSeconds", 1..=SECONDS_MAX);
    let root = builder.workflow(&fields)?;
    Some(StateMachine {
        comment: fields.comment(),
        timeout_seconds,
        root,
        states: builder.states.into_iter().collect::<Option<Vec<State>>>()?,
        by_name: builder.by_name,
    })
}

/// Reads `QueryLanguage`.
pub(crate) fn language(fields: &Fields<'_>) -> Option<Language> {
    match fields.word("QueryLanguage", &["JSONPath", "JSONata"])? {
        "JSONata" => Some(Language::Jsonata),
        _ => Some(Language::JsonPath),
    }
}

impl<'j> Builder<'j> {
    /// Reads the states of a workflow, with those inside them.
    pub(crate) fn workflow(&mut self, fields: &Fields<'j>) -> Option<Workflow> {
        let is_whole = fields.require(&["States", "StartAt"]);
        let start_at = fields.text("StartAt");
        let states = fields.object("States")?;
        if states.names().next().is_none() {
            fields.refuse_field("States", "Value cannot be empty");
        }
        let siblings = self.siblings(&states);
        let assigned = assign::names_of(&states);
        assign::check_shadowing(&states, &assigned, &self.assigned);
        self.assigned.push(assigned);
        for name in states.names() {
            let state = states.get(name).unwrap_or(&Value::Null);
            if let Some(own) = self.assigned.last_mut() {
                assign::take_caught(own, state);
            }
            self.state(name, &states, &siblings);
            if let Some(own) = self.assigned.last_mut() {
                assign::put_caught(own, state);
            }
        }
        self.assigned.pop();
        if !is_whole {
            return None;
        }
        Some(Workflow {
            start_at: siblings.find(start_at?)?,
        })
    }

    /// Reads the workflow that the children of a Distributed Map run: executions of their own, which see
    /// no variables of the one that starts them.
    pub(crate) fn child_workflow(
        &mut self,
        fields: &Fields<'j>,
        execution_type: ExecutionType,
    ) -> Option<Workflow> {
        let machine_type = match execution_type {
            ExecutionType::Standard => MachineType::Standard,
            ExecutionType::Express => MachineType::Express,
        };
        let machine_type = std::mem::replace(&mut self.machine_type, machine_type);
        let assigned = std::mem::take(&mut self.assigned);
        let workflow = self.workflow(fields);
        (self.machine_type, self.assigned) = (machine_type, assigned);
        workflow
    }

    /// Gives every state its place in document order: a state is followed by the states inside it.
    fn siblings(&self, states: &Fields<'j>) -> Siblings<'j> {
        let mut next = self.states.len();
        let mut places = BTreeMap::new();
        for name in states.names() {
            places.insert(
                name,
                StateIndex(u32::try_from(next).expect("a definition has at most 1 MiB")),
            );
            next += 1 + states.get(name).map_or(0, count_inner);
        }
        Siblings(places)
    }

    fn state(&mut self, name: &'j str, states: &Fields<'j>, siblings: &Siblings<'j>) {
        let Some(index) = siblings.find(name) else {
            return;
        };
        let shared: Arc<str> = name.into();
        if let Some(message) = wrong_name(name) {
            let at = Some(states.at(name));
            self.report
                .add(Diagnostic::error(INVALID_STATE_NAME, message, at));
        }
        if self.by_name.insert(Arc::clone(&shared), index).is_some() {
            let message = format!("Duplicate State name: {name}");
            self.report.add(Diagnostic::error(
                DUPLICATE_STATE_NAME,
                message,
                Some(states.at(name)),
            ));
        }
        self.states.push(None);
        let fields = states.object(name);
        // The states inside this one have their own: what they read is not what it reads.
        let outer = self.report.exchange_variables(BTreeSet::new());
        let kind = fields
            .as_ref()
            .and_then(|fields| state::kind(self, name, fields, siblings));
        let variables = self.report.exchange_variables(outer);
        let comment = fields.as_ref().and_then(Fields::comment);
        let place = index.0 as usize;
        if let Some(slot) = self.states.get_mut(place) {
            *slot = kind.map(|kind| State {
                name: shared,
                comment,
                variables: variables.into_iter().collect(),
                kind,
            });
        }
        // Where inner states were not read, their places stay empty, and the report says why.
        let inner = states.get(name).map_or(0, count_inner);
        self.states.resize_with(place + 1 + inner, || None);
    }
}

/// Says why a state cannot be called `name`. Spaces and letters of any script are allowed.
fn wrong_name(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("State name cannot be empty".to_owned());
    }
    let too_long = name.chars().count() > STATE_NAME_CHARS_MAX;
    too_long.then(|| format!("State name is longer than {STATE_NAME_CHARS_MAX} characters"))
}

/// Counts the states inside a state; they nest no deeper than the JSON does.
fn count_inner(state: &Value) -> usize {
    let workflows = inner_workflows(state);
    let states = workflows
        .iter()
        .filter_map(|(inner, _)| inner.get("States").and_then(Value::as_object));
    states
        .flat_map(Map::values)
        .map(|state| 1 + count_inner(state))
        .sum()
}
