//! Buses and rules as they are kept.

use std::collections::BTreeMap;

use event_pattern::Pattern;
use schedule_expression::Schedule;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vocab::Timestamp;

/// The row of a bus: `b/NAME`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct BusRow {
    pub name: String,
    pub description: Option<String>,
    pub policy: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
}

/// The row of a rule with its targets: `r/BUS/NAME`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RuleRow {
    pub bus: String,
    pub name: String,
    pub pattern: Option<String>,
    pub schedule: Option<String>,
    pub enabled: bool,
    /// As it was given: `ENABLED`, or one that has more.
    pub state: String,
    pub description: Option<String>,
    pub role: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// As `PutTargets` was told, by their ids.
    pub targets: BTreeMap<String, Map<String, Value>>,
    /// From when on a rate is counted.
    pub scheduled_at: Timestamp,
    /// Up to when a schedule has fired.
    pub fired_at: Timestamp,
}

impl RuleRow {
    pub(crate) fn key(&self) -> String {
        format!("r/{}/{}", self.bus, self.name)
    }
}

/// A rule at work.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub row: RuleRow,
    pub pattern: Option<Pattern>,
    pub schedule: Option<Schedule>,
}

impl From<RuleRow> for Rule {
    fn from(row: RuleRow) -> Self {
        let pattern = row
            .pattern
            .as_deref()
            .and_then(|text| Pattern::parse(text).ok());
        let schedule = row
            .schedule
            .as_deref()
            .and_then(|text| Schedule::parse(text).ok());
        Self {
            row,
            pattern,
            schedule,
        }
    }
}

/// Returns the name of a bus from its name or its ARN.
pub(crate) fn bus_name(text: &str) -> &str {
    match text.split_once(":event-bus/") {
        Some((_, name)) => name,
        None => text,
    }
}
