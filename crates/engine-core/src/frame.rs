//! Frames: the states that were entered and not yet left, what each waits for, and what is stored for it
//! besides its events: its call, its offer, its timers.

use std::collections::{BTreeMap, BTreeSet};

use vocab::Timestamp;

use crate::effect::{Offer, Timer, TimerKind};
use crate::event::{Completion, Scope, StateType, TaskDescription, TaskResource};
use crate::ids::{EventId, FrameId, MapRunId, TaskId};
use crate::payload::{Payload, Text};

/// A state that was entered and not yet left.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The state's name.
    pub name: Text,
    /// The state's type.
    pub state_type: StateType,
    /// Where it belongs.
    pub scope: Scope,
    /// Its raw input.
    pub input: Payload,
    /// When it was entered.
    pub entered_at: Timestamp,
    /// The last event of its chain: the next one follows it.
    pub tail: EventId,
    /// The last event before what the state did since it last waited: an expression's failure follows
    /// it. Recorded for a state that was just entered: what the entering followed.
    pub settled: EventId,
    /// How often each member of `Retry` took a failure on.
    pub retries: BTreeMap<u32, u64>,
    /// What it waits for.
    pub waiting: Waiting,
    /// The map run that the state began last, unless that one succeeded or the state was retried.
    pub last_run: Option<Box<LastRun>>,
    /// The branches or iterations that failed, until it is decided what becomes of the state.
    pub(crate) failed: Option<Box<Waiting>>,
}

/// A map run as its state remembers it: what a redrive may go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// Which.
    pub run: MapRunId,
    /// Its ARN.
    pub arn: Text,
    /// How often it was redriven.
    pub redrives: u64,
    /// What it failed with: error and cause.
    pub failure: Option<(Text, Text)>,
}

impl Frame {
    /// Notes that the state did what it does until `event`, and now waits.
    pub(crate) fn settle(&mut self, event: EventId) {
        (self.tail, self.settled) = (event, event);
    }

    /// Notes that the state waits for a map run.
    pub(crate) fn await_run(&mut self, run: MapRunId, arn: &Text, redrives: u64) {
        self.waiting = Waiting::MapRun { run: Some(run) };
        self.last_run = Some(Box::new(LastRun {
            run,
            arn: arn.clone(),
            redrives,
            failure: None,
        }));
    }

    /// Notes that the state's branches or iterations failed.
    pub(crate) fn branches_failed(&mut self) {
        let waiting = std::mem::replace(&mut self.waiting, Waiting::Turn);
        let owns = matches!(
            waiting,
            Waiting::Branches { .. } | Waiting::Iterations { .. }
        );
        self.failed = owns.then(|| Box::new(waiting));
    }

    /// Returns how often the state was retried (`$$.State.RetryCount`).
    pub fn retry_count(&self) -> u64 {
        self.retries.values().sum()
    }

    /// Returns the map run that the state waits for.
    pub(crate) fn map_run(&self) -> Option<MapRunId> {
        match self.waiting {
            Waiting::MapRun { run } => run,
            _ => None,
        }
    }

    /// Returns how often the state's map run was redriven.
    pub(crate) fn map_run_redrives(&self) -> u64 {
        self.last_run.as_ref().map_or(0, |last| last.redrives)
    }
}

/// What a frame waits for, between two commands.
#[derive(Clone, Debug, PartialEq)]
pub enum Waiting {
    /// For its turn.
    Turn,
    /// For its task.
    Task {
        /// The attempt.
        task: TaskId,
        /// How far the call is.
        stage: TaskStage,
        /// What completes it.
        completion: Completion,
        /// What was called.
        resource: TaskResource,
        /// When it was scheduled.
        scheduled_at: Timestamp,
        /// When its call began, or a worker took it.
        started_at: Option<Timestamp>,
        /// Seconds until its time is over.
        timeout_seconds: Option<u64>,
        /// When its time is over; `None` also where it does not count yet.
        timeout_at: Option<Timestamp>,
        /// Seconds between heartbeats.
        heartbeat_seconds: Option<u64>,
        /// When the next heartbeat is due.
        heartbeat_at: Option<Timestamp>,
    },
    /// For the next attempt.
    Retry {
        /// When it begins.
        due_at: Timestamp,
    },
    /// For a moment.
    Timer {
        /// Which.
        due_at: Timestamp,
    },
    /// For its branches.
    Branches {
        /// Their outputs so far.
        outputs: Vec<Option<Payload>>,
    },
    /// For its map run.
    MapRun {
        /// Which; `None` until it has begun.
        run: Option<MapRunId>,
    },
    /// For its iterations.
    Iterations {
        /// The items: a JSON array.
        items: Payload,
        /// The items are the pairs `{"Key": …, "Value": …}` of an object.
        pairs: bool,
        /// What each selector reads beside its item; absent when it is the frame's input.
        input: Option<Payload>,
        /// How many at once; 0 for all.
        concurrency: u32,
        /// The first item that was not begun.
        next: u32,
        /// Items before it that are to begin again: their iterations ended before their first state.
        again: BTreeSet<u32>,
        /// The iterations that were begun and have not ended, with the event that began each.
        open: BTreeMap<u32, EventId>,
        /// Their outputs so far.
        outputs: Vec<Option<Payload>>,
    },
}

/// How far the call of a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStage {
    /// To be made, or on its way: a row of the outbox. Of an activity: offered to its workers.
    Calling,
    /// Returned; the token's holder or the job is waited for. Of an activity: a worker has it.
    Submitted,
}

impl Frame {
    /// Returns the task whose call is to be made or on its way.
    pub(crate) fn open_call(&self) -> Option<TaskId> {
        match &self.waiting {
            Waiting::Task {
                task,
                stage: TaskStage::Calling,
                resource: TaskResource::LambdaFunction { .. } | TaskResource::Integration { .. },
                ..
            } => Some(*task),
            _ => None,
        }
    }

    /// Returns the task that waits for its job.
    pub(crate) fn open_job(&self) -> Option<TaskId> {
        match &self.waiting {
            Waiting::Task {
                task,
                completion: Completion::OnJob,
                ..
            } => Some(*task),
            _ => None,
        }
    }

    /// Returns the task that a worker may take.
    pub(crate) fn open_offer(&self) -> Option<Offer> {
        match &self.waiting {
            Waiting::Task {
                task,
                stage: TaskStage::Calling,
                resource: TaskResource::Activity { arn },
                scheduled_at,
                ..
            } => Some(Offer {
                activity: arn.clone(),
                at: *scheduled_at,
                task: *task,
            }),
            _ => None,
        }
    }

    /// Returns the timers that run for this frame, called `id`.
    pub(crate) fn timers(&self, id: FrameId) -> Vec<(Timer, Timestamp)> {
        match &self.waiting {
            Waiting::Task {
                task,
                timeout_at,
                heartbeat_at,
                ..
            } => {
                let timeout = timeout_at.map(|at| {
                    (
                        Timer {
                            kind: TimerKind::TaskTimeout,
                            of: task.0,
                        },
                        at,
                    )
                });
                let heartbeat = heartbeat_at.map(|at| {
                    (
                        Timer {
                            kind: TimerKind::TaskHeartbeat,
                            of: task.0,
                        },
                        at,
                    )
                });
                timeout.into_iter().chain(heartbeat).collect()
            }
            Waiting::Retry { due_at } => vec![(
                Timer {
                    kind: TimerKind::Retry,
                    of: id.0,
                },
                *due_at,
            )],
            Waiting::Timer { due_at } => vec![(
                Timer {
                    kind: TimerKind::Wait,
                    of: id.0,
                },
                *due_at,
            )],
            Waiting::Turn
            | Waiting::Branches { .. }
            | Waiting::Iterations { .. }
            | Waiting::MapRun { .. } => Vec::new(),
        }
    }
}

pub(crate) fn calling(
    task: TaskId,
    description: &TaskDescription,
    scheduled_at: Timestamp,
    timeout_at: Option<Timestamp>,
) -> Waiting {
    Waiting::Task {
        task,
        stage: TaskStage::Calling,
        completion: description.completion,
        resource: description.resource.clone(),
        scheduled_at,
        started_at: None,
        timeout_seconds: description.timeout_seconds,
        timeout_at,
        heartbeat_seconds: description.heartbeat_seconds,
        heartbeat_at: None,
    }
}

impl Waiting {
    pub(crate) fn set_heartbeat(&mut self, due_at: Option<Timestamp>) {
        if let Self::Task { heartbeat_at, .. } = self {
            *heartbeat_at = due_at;
        }
    }

    pub(crate) fn set_started(&mut self, at: Timestamp) {
        if let Self::Task { started_at, .. } = self {
            *started_at = Some(at);
        }
    }

    /// A worker took the task: nobody else may, and its time counts.
    pub(crate) fn taken(&mut self, over_at: Option<Timestamp>) {
        if let Self::Task {
            stage, timeout_at, ..
        } = self
        {
            (*stage, *timeout_at) = (TaskStage::Submitted, over_at);
        }
    }

    pub(crate) fn set_output(&mut self, index: u32, output: Payload) {
        let slot = match self {
            Self::Branches { outputs } => outputs.get_mut(index as usize),
            Self::Iterations { outputs, open, .. } => {
                open.remove(&index);
                outputs.get_mut(index as usize)
            }
            Self::Turn
            | Self::Task { .. }
            | Self::Retry { .. }
            | Self::Timer { .. }
            | Self::MapRun { .. } => None,
        };
        if let Some(slot) = slot {
            *slot = Some(output);
        }
    }
}
