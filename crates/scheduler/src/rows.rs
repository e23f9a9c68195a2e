//! Groups and schedules as they are kept, and when a schedule is due.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use schedule_expression::{Schedule, Zone};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Members;
use vocab::Timestamp;

use crate::DEFAULT;

/// The row of a group: `sg/NAME`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GroupRow {
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub created_at: Timestamp,
}

impl Default for GroupRow {
    fn default() -> Self {
        Self {
            name: DEFAULT.to_owned(),
            tags: BTreeMap::new(),
            created_at: Timestamp::default(),
        }
    }
}

/// The row of a schedule: `ss/GROUP/NAME`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ScheduleRow {
    pub group: String,
    pub name: String,
    pub expression: String,
    pub zone: String,
    pub enabled: bool,
    pub description: Option<String>,
    pub key_arn: Option<String>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// Minutes within which it may fire; none where it fires when it is due.
    pub window_minutes: Option<u64>,
    /// `NONE` or `DELETE`.
    pub after_completion: String,
    pub target: Value,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    /// Up to when it has fired.
    pub fired_at: Timestamp,
}

impl ScheduleRow {
    pub(crate) fn key(&self) -> String {
        format!("ss/{}/{}", self.group, self.name)
    }
}

/// A schedule at work.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub row: ScheduleRow,
    schedule: Option<Schedule>,
    zone: Zone,
    /// When it is due next, and when it fires for that.
    next: Option<(Timestamp, Timestamp)>,
}

impl From<ScheduleRow> for Plan {
    fn from(row: ScheduleRow) -> Self {
        let mut plan = Self {
            schedule: Schedule::parse(&row.expression).ok(),
            zone: Zone::named(&row.zone).unwrap_or_else(Zone::utc),
            next: None,
            row,
        };
        let due = plan.due_after(plan.row.fired_at);
        plan.next = due
            .filter(|_| plan.row.enabled)
            .map(|due| (due, plan.within_window(due)));
        plan
    }
}

impl Plan {
    /// Returns when it fires next.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.next.map(|(_, fires)| fires)
    }

    /// Returns the time for which it fires next.
    pub(crate) fn scheduled(&self) -> Option<Timestamp> {
        self.next.map(|(due, _)| due)
    }

    /// Returns the first time behind `after` for which it is to fire.
    pub(crate) fn due_after(&self, after: Timestamp) -> Option<Timestamp> {
        let begin = self.row.start.unwrap_or(self.row.created_at);
        let next = match self.schedule.as_ref()? {
            // Once is once, however long ago: what was missed is made up for.
            Schedule::At(_) => {
                let long_ago = Timestamp::from_millis(i64::MIN / 2);
                let at = self.schedule.as_ref()?.next(long_ago, begin, &self.zone)?;
                (after < at).then_some(at)?
            }
            schedule => {
                // A time that is the start itself counts.
                let after = after.max(begin.plus_millis(-1));
                schedule.next(after, begin, &self.zone)?
            }
        };
        let over = self.row.end.is_some_and(|end| next > end);
        (!over).then_some(next)
    }

    /// Returns up to when it has fired where it fired at `now` for `due`. What was missed before has fired with
    /// it; but a time whose window is not over fires for itself.
    pub(crate) fn fired_up_to(&self, due: Timestamp, now: Timestamp) -> Timestamp {
        let window = self.row.window_minutes.unwrap_or(0) * 60_000;
        due.max(now.plus_millis(-i64::try_from(window).unwrap_or(0)))
    }

    /// Returns a moment in the window behind `due`: always the same one for the same time.
    fn within_window(&self, due: Timestamp) -> Timestamp {
        let Some(minutes) = self.row.window_minutes else {
            return due;
        };
        let mut hasher = DefaultHasher::new();
        (&self.row.group, &self.row.name, due.as_millis()).hash(&mut hasher);
        let millis = hasher.finish() % (minutes.max(1) * 60_000);
        due.plus_millis(i64::try_from(millis).unwrap_or(0))
    }
}

/// Returns the group that a call names; each operation names it in its own way.
pub(crate) fn group_of(input: &Members) -> &str {
    let named = ["GroupName", "groupName", "ScheduleGroup"];
    named
        .iter()
        .find_map(|name| input.text(name))
        .unwrap_or(DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(window_minutes: Option<u64>) -> ScheduleRow {
        ScheduleRow {
            group: DEFAULT.to_owned(),
            name: "s".to_owned(),
            expression: "rate(1 minute)".to_owned(),
            zone: "UTC".to_owned(),
            enabled: true,
            description: None,
            key_arn: None,
            start: None,
            end: None,
            window_minutes,
            after_completion: "NONE".to_owned(),
            target: Value::Null,
            created_at: Timestamp::from_millis(0),
            modified_at: Timestamp::from_millis(0),
            fired_at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn a_window_swallows_no_time() {
        for (window, asleep_minutes, expected) in [
            // Whatever their moments within the window are, each time fires.
            (Some(15), 0, vec![1, 2, 3, 4, 5, 6]),
            (None, 0, vec![1, 2, 3, 4, 5, 6]),
            // What was missed while there was no server fires once.
            (None, 10, vec![1, 11, 12, 13, 14, 15]),
            (Some(2), 10, vec![1, 9, 10, 11, 12, 13]),
        ] {
            let mut row = row(window);
            let mut now = Timestamp::from_millis(asleep_minutes * 60_000);
            let mut fired = Vec::new();
            while fired.len() < 6 {
                let plan = Plan::from(row.clone());
                let (due, fires) = plan.next.expect("it goes on");
                now = now.max(fires);
                fired.push(due.as_millis() / 60_000);
                row.fired_at = plan.fired_up_to(due, now);
            }
            assert_eq!(fired, expected, "{window:?} {asleep_minutes}");
        }
    }
}
