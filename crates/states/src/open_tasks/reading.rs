//! What is known of the open tasks of an execution, read from its journal.

use std::collections::BTreeMap;

use asl::StateMachine;
use aws_model::epoch_seconds;
use engine_core::{
    Completion, Event, EventId, FrameId, TaskDescription, TaskId, TaskResource, Text,
};
use serde::Serialize;
use service::Failure;
use vocab::Timestamp;

use super::index::{Change, change};
use crate::rows::{Chunk, ExecutionRecord, ExecutionRef};
use crate::service::States;

/// How many chunks are read at once.
const CHUNKS_AT_ONCE: usize = 64;

/// A task that somebody must answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenTask {
    /// Answers it.
    pub task_token: String,
    /// Whose it is.
    pub execution_arn: String,
    /// The machine, without version or alias.
    pub state_machine_arn: String,
    /// The state that waits.
    pub state_name: String,
    /// What its definition says about it to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_comment: Option<String>,
    /// As the definition has it: `arn:aws:states:::lambda:invoke.waitForTaskToken`, an activity's ARN.
    pub resource: String,
    /// JSON text: what the service was called with, or what the worker is given.
    pub parameters: String,
    /// How far it is.
    pub stage: Stage,
    /// The worker that has it, where it said its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_name: Option<String>,
    /// Since when it waits.
    #[serde(with = "epoch_seconds")]
    pub scheduled_date: Timestamp,
    /// When its time is over, if ever and if it counts already.
    #[serde(
        with = "epoch_seconds::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub timeout_date: Option<Timestamp>,
    /// Within how many seconds a heartbeat is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_seconds: Option<u64>,
    /// When the next heartbeat is due.
    #[serde(
        with = "epoch_seconds::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub heartbeat_date: Option<Timestamp>,
}

/// How far an open task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// A callback's call is to be made, or on its way.
    Calling,
    /// A callback's call has returned: whoever holds the token is waited for.
    Waiting,
    /// A task of an activity waits for a worker.
    Offered,
    /// A worker has it.
    Taken,
}

/// An open task, as the events tell it.
pub(super) struct Told {
    state_name: Option<Text>,
    description: Box<TaskDescription>,
    scheduled_at: Timestamp,
    timeout_at: Option<Timestamp>,
    heartbeat_at: Option<Timestamp>,
    begun: bool,
    worker_name: Option<Text>,
}

/// Reads what the journal of `execution` tells of its open tasks from the chunk number `first` on.
pub(super) async fn read(
    states: &States,
    execution: ExecutionRef,
    mut first: u64,
) -> Result<BTreeMap<TaskId, Told>, Failure> {
    let mut reader = Reader::default();
    loop {
        let found = states
            .shell
            .chunks(execution, Some(first), false, CHUNKS_AT_ONCE)
            .await?;
        found.iter().for_each(|(_, chunk)| reader.take(chunk));
        match found.last() {
            Some((last, chunk)) if found.len() == CHUNKS_AT_ONCE => {
                first = last + chunk.events.len() as u64;
            }
            Some(_) | None => break,
        }
    }
    let open = reader.open.into_values();
    Ok(open.collect())
}

#[derive(Default)]
struct Reader {
    names: BTreeMap<FrameId, Text>,
    open: BTreeMap<FrameId, (TaskId, Told)>,
}

impl Reader {
    fn take(&mut self, chunk: &Chunk) {
        for (id, recorded) in chunk.numbered() {
            match change(recorded) {
                Change::None | Change::Opens(_) => self.tell(id, recorded.at, &recorded.event),
                Change::Ends(frame) => drop(self.open.remove(&frame)),
                Change::Closes => self.open.clear(),
            }
        }
    }

    fn tell(&mut self, id: EventId, at: Timestamp, event: &Event) {
        match event {
            Event::StateEntered { name, .. } => {
                self.names.insert(FrameId(id), name.clone());
            }
            Event::TaskScheduled {
                frame,
                task,
                timeout_at,
            } if task.completion == Completion::OnToken => {
                let told = Told {
                    state_name: self.names.get(frame).cloned(),
                    description: task.clone(),
                    scheduled_at: at,
                    timeout_at: *timeout_at,
                    heartbeat_at: None,
                    begun: false,
                    worker_name: None,
                };
                self.open.insert(*frame, (TaskId(id), told));
            }
            Event::TaskStarted {
                frame,
                heartbeat_at,
                resource: TaskResource::Activity { .. },
                worker_name,
                timeout_at,
            } => self.on(*frame, |told| {
                told.begun = true;
                (told.timeout_at, told.heartbeat_at) = (*timeout_at, *heartbeat_at);
                told.worker_name = worker_name.clone();
            }),
            Event::TaskSubmitted {
                frame,
                heartbeat_at,
                ..
            } => self.on(*frame, |told| {
                (told.begun, told.heartbeat_at) = (true, *heartbeat_at);
            }),
            Event::HeartbeatReceived {
                frame,
                heartbeat_at,
            } => self.on(*frame, |told| told.heartbeat_at = *heartbeat_at),
            // What is left says nothing of a task that is open.
            _ => {}
        }
    }

    fn on(&mut self, frame: FrameId, change: impl FnOnce(&mut Told)) {
        if let Some((_, told)) = self.open.get_mut(&frame) {
            change(told);
        }
    }
}

impl Told {
    /// Returns the task as it is shown; `state_name` where its state was entered before what was read.
    pub(super) fn shown(
        &self,
        task_token: String,
        record: &ExecutionRecord,
        machine: &StateMachine,
        state_name: Option<&Text>,
    ) -> OpenTask {
        let state_name = self.state_name.as_ref().or(state_name);
        let state_name = state_name.map(|name| (**name).to_owned());
        let state_name = state_name.unwrap_or_default();
        let mut states = machine.states().iter();
        let state = states.find(|state| *state.name == *state_name);
        let activity = matches!(self.description.resource, TaskResource::Activity { .. });
        OpenTask {
            task_token,
            execution_arn: record.execution_arn.clone(),
            state_machine_arn: record.state_machine_arn.clone(),
            state_comment: state.and_then(|state| state.comment.clone()),
            state_name,
            resource: match &self.description.resource {
                TaskResource::LambdaFunction { arn } | TaskResource::Activity { arn } => {
                    (**arn).to_owned()
                }
                TaskResource::Integration {
                    resource_type,
                    resource,
                } => format!("arn:aws:states:::{resource_type}:{resource}"),
            },
            parameters: self.description.parameters.text().to_owned(),
            stage: match (activity, self.begun) {
                (false, false) => Stage::Calling,
                (false, true) => Stage::Waiting,
                (true, false) => Stage::Offered,
                (true, true) => Stage::Taken,
            },
            worker_name: self.worker_name.as_deref().map(str::to_owned),
            scheduled_date: self.scheduled_at,
            timeout_date: self.timeout_at,
            heartbeat_seconds: self.description.heartbeat_seconds,
            heartbeat_date: self.heartbeat_at,
        }
    }
}
