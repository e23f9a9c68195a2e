//! An execution as a picture: the states of its definition with what became of them, and when.
//!
//! Made from what the API answers and nothing else: a definition's text and the events of a history.

mod definition;
mod draw;
mod visits;

pub use draw::{graph, timeline};
pub use visits::details;

use definition::Node;
use serde_json::Value;
use visits::Visits;

/// The states of an execution and what became of them.
pub struct Picture {
    nodes: Vec<Node>,
    visits: Visits,
}

impl Picture {
    /// Returns the picture of the states of `definition`, which nobody has visited yet.
    pub fn new(definition: &str) -> Self {
        let nodes = definition::nodes(definition);
        Self {
            visits: Visits::default(),
            nodes,
        }
    }

    /// Takes the next event of the history; events come in the order of their numbers.
    pub fn take(&mut self, event: &Value) {
        let nodes = &self.nodes;
        self.visits.take(event, |outer, inner| {
            definition::is_within(nodes, outer, inner)
        });
    }

    /// Returns the name of the state that an event belongs to.
    pub fn state_of(&self, event: &Value) -> Option<&str> {
        self.visits.state_of(event)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vocab::Timestamp;

    use super::*;
    use crate::print::Paint;

    /// Two branches, one of which fails while the other one waits.
    fn picture(events: usize) -> Picture {
        let definition = json!({"StartAt": "Both", "States": {
            "After": {"Type": "Pass", "End": true},
            "Both": {"Type": "Parallel", "Next": "After", "Branches": [
                {"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "End": true}}},
                {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "End": true}}}]}}});
        let entered = |name: &str| json!({"name": name});
        let rows = [
            (0, 0, "ExecutionStarted", json!({})),
            (0, 0, "ParallelStateEntered", entered("Both")),
            (2, 0, "ParallelStateStarted", json!({})),
            (3, 0, "TaskStateEntered", entered("Ask")),
            (3, 0, "WaitStateEntered", entered("Rest")),
            (4, 1_000, "ActivityScheduled", json!({})),
            (6, 9_000, "ActivityFailed", json!({"error": "No"})),
            (7, 10_000, "ExecutionFailed", json!({"error": "No"})),
            (8, 20_000, "ExecutionRedriven", json!({})),
        ];
        let mut picture = Picture::new(&definition.to_string());
        for (id, (previous, millis, kind, details)) in (1u64..).zip(rows).take(events) {
            picture.take(&json!({
                "id": id, "previousEventId": previous, "type": kind, "someEventDetails": details,
                "timestamp": f64::from(millis) / 1_000.0,
            }));
        }
        picture
    }

    fn check(events: usize, expected: &[&str]) {
        let now = Timestamp::from_millis(30_000);
        let lines = graph(&picture(events), now, 80, Paint::none());
        assert_eq!(lines, expected, "after {events} events");
    }

    #[test]
    fn states_are_shown_as_they_are() {
        let nothing = [
            " · Both  Parallel  → After",
            "    · Ask  Task",
            "    · Rest  Wait",
            " · After  Pass",
        ];
        check(1, &nothing);
        check(
            6,
            &[
                " ▶ Both  Parallel  since 30.0 s  → After",
                "    ▶ Ask  Task  waits for a worker, 30.0 s",
                "    ▶ Rest  Wait  waits for its time, 30.0 s",
                " · After  Pass",
            ],
        );
        check(
            8,
            &[
                " ■ Both  Parallel  10.0 s  → After",
                "    ✗ Ask  Task  10.0 s, No",
                "    ■ Rest  Wait  10.0 s",
                " · After  Pass",
            ],
        );
        let open = graph(
            &picture(9),
            Timestamp::from_millis(30_000),
            80,
            Paint::none(),
        );
        assert!(
            open.iter().take(3).all(|line| line.contains('▶')),
            "{open:?}"
        );
    }

    #[test]
    fn a_timeline_is_as_wide_as_it_may_be() {
        let now = Timestamp::from_millis(30_000);
        for columns in [0, 30, 80] {
            let lines = timeline(&picture(8), now, columns, Paint::none());
            assert_eq!(lines.len(), 3);
            let bars: Vec<usize> = lines.iter().map(|line| line.matches('━').count()).collect();
            assert!(
                bars.iter().all(|bar| *bar == bars[0] && *bar >= 10),
                "{lines:?}"
            );
        }
    }
}
