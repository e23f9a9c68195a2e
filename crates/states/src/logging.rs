//! What executions log: which events at which level, and the line of each.
//!
//! Levels are those of the developer guide's table ("Log levels"); lines have the members and the order
//! that CloudWatch Logs shows for AWS's own.

use engine_core::history::{View, event_details, event_type};
use engine_core::{Event, EventId, Recorded, StateType};
use serde_json::{Map, Value, json};
use vocab::Timestamp;

use crate::machines::LevelCode;

/// Longest input or output in a line; what is longer is cut (developer guide, "CloudWatch Logs payloads").
const DATA_BYTES_MAX: usize = 248 << 10;

/// Says whether an event of this type is logged at a level.
pub(crate) fn is_logged(level: LevelCode, event_type: &str) -> bool {
    match level {
        LevelCode::Off => false,
        LevelCode::All => true,
        LevelCode::Error => {
            let failed = ["Failed", "TimedOut", "Aborted"];
            event_type == "FailStateEntered" || failed.iter().any(|end| event_type.ends_with(end))
        }
        LevelCode::Fatal => matches!(
            event_type,
            "ExecutionFailed" | "ExecutionTimedOut" | "ExecutionAborted"
        ),
    }
}

/// Says whether an event can be one that is logged at a level, without its type's name: where this says
/// no, [`is_logged`] does.
pub(crate) fn may_log(level: LevelCode, event: &Event) -> bool {
    match level {
        LevelCode::Off => false,
        LevelCode::All => event.is_public(),
        LevelCode::Error => match event {
            Event::StateEntered { state_type, .. } => *state_type == StateType::Fail,
            Event::TaskFailed { .. }
            | Event::TaskTimedOut { .. }
            | Event::ParallelFailed { .. }
            | Event::IterationFailed { .. }
            | Event::IterationAborted { .. }
            | Event::MapFailed { .. }
            | Event::MapRunFailed { .. }
            | Event::MapRunAborted { .. }
            | Event::StateAborted { .. }
            | Event::EvaluationFailed { .. }
            | Event::ExecutionFailed { .. }
            | Event::ExecutionAborted { .. }
            | Event::ExecutionTimedOut => true,
            Event::ExecutionStarted(_)
            | Event::StateExited { .. }
            | Event::TaskScheduled { .. }
            | Event::TaskStarted { .. }
            | Event::TaskSubmitted { .. }
            | Event::HeartbeatReceived { .. }
            | Event::TaskSucceeded { .. }
            | Event::RetryScheduled { .. }
            | Event::WaitStarted { .. }
            | Event::ParallelStarted { .. }
            | Event::BranchSucceeded { .. }
            | Event::ParallelSucceeded { .. }
            | Event::MapStarted { .. }
            | Event::IterationStarted { .. }
            | Event::IterationSucceeded { .. }
            | Event::MapSucceeded { .. }
            | Event::ExecutionSucceeded { .. }
            | Event::StateFailed { .. }
            | Event::DistributedMapStarted { .. }
            | Event::MapRunStarted { .. }
            | Event::MapRunSucceeded { .. }
            | Event::ExecutionRedriven { .. }
            | Event::MapRunRedriven { .. } => false,
        },
        LevelCode::Fatal => event.closes() && !matches!(event, Event::ExecutionSucceeded { .. }),
    }
}

/// What is the same for all lines of an execution.
pub(crate) struct Writer<'a> {
    pub level: LevelCode,
    pub view: View<'a>,
    pub execution_arn: &'a str,
    /// The map run, for its children.
    pub map_run_arn: Option<&'a str>,
}

impl Writer<'_> {
    /// Returns the line of the event with the number `id`; `None` where it is not logged.
    pub(crate) fn line(&self, id: EventId, recorded: &Recorded, redrives: u64) -> Option<String> {
        if !recorded.event.is_public() {
            return None;
        }
        let event_type = event_type(&recorded.event);
        if !is_logged(self.level, &event_type) {
            return None;
        }
        let mut details = event_details(&recorded.event, self.view);
        shorten(&mut details);
        details.sort_keys();
        let mut line = json!({
            "details": details,
            "redrive_count": redrives.to_string(),
            "id": id.0.to_string(),
            "type": event_type,
            "previous_event_id": recorded.previous.0.to_string(),
            "event_timestamp": recorded.at.as_millis().to_string(),
            "execution_arn": self.execution_arn,
        });
        if let Some(arn) = self.map_run_arn {
            line["map_run_arn"] = arn.into();
        }
        Some(line.to_string())
    }
}

/// Cuts data that is too long, and says so.
fn shorten(details: &mut Map<String, Value>) {
    for name in ["input", "output", "parameters"] {
        let Some(Value::String(text)) = details.get_mut(name) else {
            continue;
        };
        if text.len() <= DATA_BYTES_MAX {
            continue;
        }
        let mut end = DATA_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        if name != "parameters" {
            details.insert(format!("{name}Details"), json!({ "truncated": true }));
        }
    }
}

/// Returns the stream to which executions of a machine log at a moment: one an hour.
pub(crate) fn stream_name(machine: &str, at: Timestamp) -> String {
    let text = at.to_string();
    let (date, hour) = (&text[..10], &text[11..13]);
    // Of names that CloudWatch Logs does not take, these two signs are changed.
    let machine = machine.replace([':', '*'], "_");
    format!("states/{machine}/{date}-{hour}/00000000")
}

#[cfg(test)]
mod tests {
    use engine_core::{FrameId, Payload, Scope, TaskResource};

    use super::*;

    #[test]
    fn levels_are_those_of_the_developer_guide() {
        let fatal = ["ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"];
        let error = [
            "FailStateEntered",
            "LambdaFunctionFailed",
            "LambdaFunctionScheduleFailed",
            "LambdaFunctionStartFailed",
            "LambdaFunctionTimedOut",
            "MapIterationAborted",
            "MapIterationFailed",
            "MapStateAborted",
            "MapStateFailed",
            "ParallelStateAborted",
            "ParallelStateFailed",
            "TaskFailed",
            "TaskStartFailed",
            "TaskStateAborted",
            "TaskSubmitFailed",
            "TaskTimedOut",
            "WaitStateAborted",
        ];
        let other = [
            "ChoiceStateEntered",
            "ExecutionStarted",
            "ExecutionSucceeded",
            "MapStateExited",
            "TaskScheduled",
            "TaskSubmitted",
            "WaitStateExited",
        ];
        let expected = |types: &[&str], all: bool, error: bool, fatal: bool| {
            for one in types {
                let logged = [
                    LevelCode::All,
                    LevelCode::Error,
                    LevelCode::Fatal,
                    LevelCode::Off,
                ]
                .map(|level| is_logged(level, one));
                assert_eq!(logged, [all, error, fatal, false], "{one}");
            }
        };
        expected(&fatal, true, true, true);
        expected(&error, true, true, false);
        expected(&other, true, false, false);
    }

    #[test]
    fn no_event_is_passed_over_that_is_logged() {
        let frame = FrameId(EventId(1));
        let entered = |state_type| Event::StateEntered {
            name: "S".into(),
            state_type,
            scope: Scope::ROOT,
            input: Payload::empty_object(),
        };
        let resource = || TaskResource::Activity { arn: "a".into() };
        let (name, error) = (|| "S".into(), || "E".into());
        let events = [
            entered(StateType::Fail),
            entered(StateType::Pass),
            Event::TaskFailed {
                frame,
                error: None,
                cause: None,
                resource: resource(),
            },
            Event::TaskTimedOut {
                frame,
                heartbeat: false,
                resource: resource(),
            },
            Event::TaskSucceeded {
                frame,
                output: Payload::empty_object(),
                resource: resource(),
            },
            Event::ParallelFailed { frame },
            Event::ParallelSucceeded { frame },
            Event::IterationFailed {
                scope: Scope::ROOT,
                name: name(),
            },
            Event::IterationAborted {
                scope: Scope::ROOT,
                name: name(),
            },
            Event::MapFailed { frame },
            Event::MapRunFailed {
                frame,
                error: error(),
                cause: error(),
            },
            Event::MapRunAborted { frame },
            Event::StateAborted {
                frame,
                state_type: StateType::Wait,
            },
            Event::EvaluationFailed {
                frame,
                state: name(),
                error: error(),
                cause: error(),
                location: name(),
            },
            Event::ExecutionSucceeded {
                output: Payload::empty_object(),
            },
            Event::ExecutionFailed {
                error: None,
                cause: None,
            },
            Event::ExecutionAborted {
                error: None,
                cause: None,
            },
            Event::ExecutionTimedOut,
        ];
        for event in events {
            let levels = [
                LevelCode::All,
                LevelCode::Error,
                LevelCode::Fatal,
                LevelCode::Off,
            ];
            let logged = levels.map(|level| is_logged(level, &event_type(&event)));
            assert_eq!(
                levels.map(|level| may_log(level, &event)),
                logged,
                "{event:?}"
            );
        }
    }

    #[test]
    fn data_that_is_too_long_is_cut_between_letters() {
        let long = "é".repeat(DATA_BYTES_MAX);
        let mut details = Map::new();
        details.insert("input".to_owned(), long.into());
        shorten(&mut details);
        let text = details["input"].as_str().expect("text");
        assert_eq!(text.len(), DATA_BYTES_MAX);
        assert_eq!(details["inputDetails"], json!({ "truncated": true }));
    }

    #[test]
    fn a_stream_is_named_after_machine_and_hour() {
        let at = Timestamp::from_millis(1_785_902_417_166);
        assert_eq!(stream_name("M", at), "states/M/2026-08-05-04/00000000");
    }
}
