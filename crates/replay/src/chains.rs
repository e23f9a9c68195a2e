//! Two histories compared along the chains of their events.
//!
//! Branches and iterations run side by side, and the order in which the service numbers their events is one
//! of several. What an event follows is none: each recorded event must have its equal that follows the
//! equal of what it follows.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::compare::{Bindings, same};
use crate::recording::{details, state_of};
use crate::{Difference, Report};

/// Members of an event that are compared by other means, or say nothing.
const APART: [&str; 4] = ["id", "previousEventId", "timestamp", "type"];

/// Compares a recorded history with one that was made; `stuck` says why no more of it was made.
pub(crate) fn compare(recorded: &[Value], made: &[Value], stuck: Option<&str>) -> Report {
    let mut partners: BTreeMap<u64, u64> = BTreeMap::from([(0, 0)]);
    let mut followers: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    for event in made {
        followers
            .entry(number(event, "previousEventId"))
            .or_default()
            .push(event);
    }
    let mut bindings = Bindings::of_originals();
    let difference = |event: &Value, why: String| Difference {
        event: event["id"].as_u64(),
        kind: kind(event).to_owned(),
        state: state_of(recorded, event).map(str::to_owned),
        why,
    };
    for (at, event) in recorded.iter().enumerate() {
        let previous = partners.get(&number(event, "previousEventId"));
        let candidates = previous.and_then(|previous| followers.get_mut(previous));
        let mut nearest = None;
        let found = candidates.and_then(|candidates| {
            let equal = |ours: &&Value| {
                if kind(ours) != kind(event) {
                    return false;
                }
                let mut trial = bindings.clone();
                match alike(event, ours, &mut trial) {
                    Ok(()) => {
                        bindings = trial;
                        true
                    }
                    Err(why) => {
                        nearest.get_or_insert(why);
                        false
                    }
                }
            };
            let place = candidates.iter().position(equal)?;
            Some(candidates.remove(place))
        });
        let Some(ours) = found else {
            let why = nearest
                .or_else(|| stuck.map(str::to_owned))
                .unwrap_or_else(|| {
                    let instead = previous.and_then(|previous| followers.get(previous)?.first());
                    match instead {
                        Some(ours) => format!("instead comes {} {}", kind(ours), details(ours)),
                        None => "it does not happen".to_owned(),
                    }
                });
            return Report {
                same: at,
                recorded: recorded.len(),
                difference: Some(difference(event, why)),
            };
        };
        partners.insert(number(event, "id"), number(ours, "id"));
    }
    let extra = followers
        .values()
        .flatten()
        .min_by_key(|event| number(event, "id"));
    Report {
        same: recorded.len(),
        recorded: recorded.len(),
        difference: extra.map(|extra| Difference {
            event: None,
            kind: kind(extra).to_owned(),
            state: state_of(made, extra).map(str::to_owned),
            why: details(extra).to_string(),
        }),
    }
}

fn alike(recorded: &Value, ours: &Value, bindings: &mut Bindings) -> Result<(), String> {
    let without = |event: &Value| {
        let mut event = event.clone();
        if let Some(members) = event.as_object_mut() {
            members.retain(|name, _| !APART.contains(&name.as_str()));
        }
        event
    };
    same(&without(recorded), &without(ours), bindings)
}

fn number(event: &Value, member: &str) -> u64 {
    event[member].as_u64().unwrap_or_default()
}

fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap_or_default()
}
