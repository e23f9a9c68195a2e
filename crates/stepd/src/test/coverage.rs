//! Which states and ways of a definition the cases went through.

use std::collections::{BTreeMap, BTreeSet};

use asl::{Catcher, StateKind, StateMachine};

use super::world::Ran;

/// What there is, and how much of it was gone through.
pub struct Coverage {
    /// The states, in the order of the definition.
    states: Vec<String>,
    /// The ways that a Choice or a catcher opens, with what people call them.
    ways: BTreeMap<(String, String, bool), String>,
    entered: BTreeSet<String>,
    gone: BTreeSet<(String, String, bool)>,
}

impl Coverage {
    /// Returns what there is in `machine`.
    pub fn of(machine: &StateMachine) -> Self {
        let mut ways: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for state in machine.states() {
            let mut way = |to: asl::StateIndex, caught: bool, name: String| {
                let to = machine.state(to).name.to_string();
                ways.entry((state.name.to_string(), to, caught))
                    .or_default()
                    .push(name);
            };
            let catchers: &[Catcher] = match &state.kind {
                StateKind::Choice(choice) => {
                    for (number, option) in (1..).zip(&choice.choices) {
                        way(option.next, false, format!("rule {number}"));
                    }
                    if let Some(default) = choice.default {
                        way(default, false, "Default".to_owned());
                    }
                    &[]
                }
                StateKind::Task(task) => &task.catch,
                StateKind::Parallel(parallel) => &parallel.catch,
                StateKind::Map(map) => &map.catch,
                StateKind::Pass(_)
                | StateKind::Wait(_)
                | StateKind::Succeed(_)
                | StateKind::Fail(_) => &[],
            };
            for (number, catcher) in (1..).zip(catchers) {
                way(catcher.next, true, format!("catcher {number}"));
            }
        }
        let named = |((from, to, caught), names): ((String, String, bool), Vec<String>)| {
            let shown = format!("'{from}' {} → '{to}'", names.join(", "));
            ((from, to, caught), shown)
        };
        Self {
            states: machine
                .states()
                .iter()
                .map(|state| state.name.to_string())
                .collect(),
            ways: ways.into_iter().map(named).collect(),
            entered: BTreeSet::new(),
            gone: BTreeSet::new(),
        }
    }

    /// Adds what an execution went through.
    pub fn add(&mut self, ran: &Ran) {
        self.entered
            .extend(ran.visits.iter().map(|visit| visit.state.clone()));
        for way in &ran.ways {
            self.gone
                .insert((way.from.clone(), way.to.clone(), way.caught));
        }
    }

    /// Returns how many states there are.
    pub fn states(&self) -> usize {
        self.states.len()
    }

    /// Returns the states that were never entered.
    pub fn states_missed(&self) -> Vec<&str> {
        let missed = self
            .states
            .iter()
            .filter(|name| !self.entered.contains(*name));
        missed.map(String::as_str).collect()
    }

    /// Returns how many ways there are.
    pub fn ways(&self) -> usize {
        self.ways.len()
    }

    /// Returns the ways that were never gone.
    pub fn ways_missed(&self) -> Vec<&str> {
        let missed = self
            .ways
            .iter()
            .filter(|(way, _)| !self.gone.contains(*way));
        missed.map(|(_, shown)| shown.as_str()).collect()
    }
}
