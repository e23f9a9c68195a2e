//! The visits of states, from the events of a history.

use std::collections::HashMap;

use serde_json::Value;
use vocab::Timestamp;

use crate::print::moment;

/// One visit of one state: from its being entered to its end.
#[derive(Clone, Debug)]
pub struct Visit {
    pub name: String,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    pub end: End,
    /// How often its task was begun.
    pub attempts: usize,
    /// The last error of its task.
    pub error: Option<String>,
    /// What it waits for.
    pub waits_for: Option<&'static str>,
    /// The visit of the state that holds this one.
    within: Option<usize>,
}

/// How a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It goes on.
    Open,
    Exited,
    Failed,
    Aborted,
}

/// All visits, and how the execution itself began and ended.
#[derive(Debug, Default)]
pub struct Visits {
    pub all: Vec<Visit>,
    pub began: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    /// The visit that an event belongs to.
    owners: HashMap<u64, usize>,
    open: Vec<usize>,
    /// The visit of the last event that tells of an error.
    failed: Option<usize>,
}

impl Visits {
    /// Takes the next event. `is_within(outer, inner)` says whether a state holds another one, however deep.
    pub fn take(&mut self, event: &Value, is_within: impl Fn(&str, &str) -> bool) {
        let at = moment(&event["timestamp"]).unwrap_or(Timestamp::from_millis(0));
        let kind = event["type"].as_str().unwrap_or_default();
        let details = details(event);
        self.began = self.began.or(Some(at));
        if kind.ends_with("StateEntered") {
            let name = details["name"].as_str().unwrap_or_default();
            let within = self.owner(event).and_then(|before| {
                let holds = is_within(&self.all[before].name, name);
                if holds {
                    Some(before)
                } else {
                    self.all[before].within
                }
            });
            self.own(event, self.all.len());
            self.open.push(self.all.len());
            self.all.push(Visit {
                within,
                name: name.to_owned(),
                from: at,
                until: None,
                end: End::Open,
                attempts: 0,
                error: None,
                waits_for: (kind == "WaitStateEntered").then_some("its time"),
            });
            return;
        }
        if kind.ends_with("StateExited") {
            let name = details["name"].as_str().unwrap_or_default();
            if let Some(visit) = self.exited(event, name) {
                self.own(event, visit);
                self.end(visit, at, End::Exited);
            }
            return;
        }
        if let Some(end) = kind.strip_prefix("Execution") {
            self.execution(event, end, at);
            return;
        }
        let Some(owner) = self.owner(event) else {
            return;
        };
        self.own(event, owner);
        let visit = &mut self.all[owner];
        if kind.ends_with("Scheduled") {
            visit.attempts += 1;
        }
        visit.waits_for = waits_for(kind, details);
        if kind.ends_with("Failed") || kind.ends_with("TimedOut") {
            let error = details["error"].as_str().map(str::to_owned);
            visit.error = error.or(visit.error.take());
            self.failed = Some(owner);
        }
    }

    /// Returns the name of the state that an event belongs to.
    pub fn state_of(&self, event: &Value) -> Option<&str> {
        let visit = self.owners.get(&event["id"].as_u64()?)?;
        Some(&self.all[*visit].name)
    }

    fn own(&mut self, event: &Value, visit: usize) {
        if let Some(id) = event["id"].as_u64() {
            self.owners.insert(id, visit);
        }
    }

    fn owner(&self, event: &Value) -> Option<usize> {
        let previous = event["previousEventId"].as_u64()?;
        self.owners.get(&previous).copied()
    }

    /// Returns the visit that a state's exit ends: the exit of a Parallel or a Map follows something inside.
    fn exited(&self, event: &Value, name: &str) -> Option<usize> {
        let is_it = |visit: &usize| self.all[*visit].name == name;
        let by_chain = self.owner(event).filter(is_it);
        by_chain.or_else(|| self.open.iter().rev().copied().find(|visit| is_it(visit)))
    }

    /// Ends a visit, and with it those of the states inside that are still open.
    fn end(&mut self, ended: usize, at: Timestamp, end: End) {
        let (all, open) = (&mut self.all, &mut self.open);
        open.retain(|visit| {
            let mut around = Some(*visit);
            while around.is_some_and(|around| around > ended) {
                around = around.and_then(|around| all[around].within);
            }
            let ends = around == Some(ended);
            if ends {
                let how = if *visit == ended { end } else { End::Aborted };
                let visit = &mut all[*visit];
                (visit.until, visit.end, visit.waits_for) = (Some(at), how, None);
            }
            !ends
        });
    }

    fn execution(&mut self, event: &Value, end: &str, at: Timestamp) {
        if end == "Started" {
            return;
        }
        if end == "Redriven" {
            self.reopen(event);
            return;
        }
        self.ended = Some(at);
        for visit in std::mem::take(&mut self.open) {
            let failed = end == "Failed" && self.failed.is_none_or(|failed| failed == visit);
            let ended = &mut self.all[visit];
            ended.end = if failed { End::Failed } else { End::Aborted };
            (ended.until, ended.waits_for) = (Some(at), None);
        }
    }
}

impl Visits {
    /// Opens the visits again that had ended with the execution: a redrive goes on with them.
    fn reopen(&mut self, event: &Value) {
        let Some(ended) = self.ended.take() else {
            return;
        };
        for (number, visit) in self.all.iter_mut().enumerate() {
            if visit.until == Some(ended) && visit.end != End::Exited {
                (visit.until, visit.end) = (None, End::Open);
                self.open.push(number);
            }
        }
        if let Some(outermost) = self.open.first().copied() {
            self.own(event, outermost);
        }
    }
}

/// Returns the details of an event, whatever its type calls them.
pub fn details(event: &Value) -> &Value {
    let members = event.as_object().into_iter().flatten();
    let mut details = members.filter(|(name, _)| name.ends_with("EventDetails"));
    details.next().map_or(&Value::Null, |(_, details)| details)
}

fn waits_for(kind: &str, details: &Value) -> Option<&'static str> {
    let resource = details["resource"].as_str().unwrap_or_default();
    match kind {
        "ActivityScheduled" => Some("a worker"),
        "ActivityStarted" => Some("its worker"),
        "TaskSubmitted" if resource.ends_with(".waitForTaskToken") => Some("an answer"),
        "TaskSubmitted" => Some("its job"),
        "TaskScheduled" | "TaskStarted" | "LambdaFunctionScheduled" | "LambdaFunctionStarted" => {
            Some("its call")
        }
        // Between two attempts, or inside.
        _ => None,
    }
}
