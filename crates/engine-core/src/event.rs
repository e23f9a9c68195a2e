//! Facts. Stored, replayed, never failing, and never given another meaning.
//!
//! Most are lines of the history that clients see; a few are ours alone ([`Event::is_public`]). In the
//! journal an event is CBOR with numbered fields: one may be added, none may change or be reused.

mod place;
mod size;
mod task;

use minicbor::{Decode, Encode};
use vocab::Timestamp;

use crate::ids::{EventId, FrameId, MapRunId};
use crate::payload::{Payload, Text};

pub use place::{Scope, StateType};
pub use task::{Completion, TaskDescription, TaskResource};

/// An event with what the history says of it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Recorded {
    /// AWS's `previousEventId`: the event that this one follows in its own branch.
    #[n(0)]
    pub previous: EventId,
    /// When it was decided.
    #[n(1)]
    pub at: Timestamp,
    /// What happened.
    #[n(2)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Event {
    /// The execution began.
    #[n(0)]
    ExecutionStarted(#[n(0)] Box<Identity>),
    /// A state was entered; the event's number is the frame's name.
    #[n(1)]
    StateEntered {
        /// The state's name.
        #[n(0)]
        name: Text,
        /// The state's type.
        #[n(1)]
        state_type: StateType,
        /// The branch or iteration that it belongs to.
        #[n(2)]
        scope: Scope,
        /// Its raw input.
        #[n(3)]
        input: Payload,
    },
    /// A state was left; the next `StateEntered` of the same scope takes its place.
    #[n(2)]
    StateExited {
        /// The frame that ends.
        #[n(0)]
        frame: FrameId,
        /// The state's name.
        #[n(1)]
        name: Text,
        /// The state's type.
        #[n(2)]
        state_type: StateType,
        /// Its output.
        #[n(3)]
        output: Payload,
        /// The variables that it assigned in its scope; absent where its definition assigns none.
        #[n(4)]
        assigned: Option<Vec<Assignment>>,
    },
    /// A task's call was decided; the event's number is the task's name.
    #[n(3)]
    TaskScheduled {
        /// The Task state.
        #[n(0)]
        frame: FrameId,
        /// What is called, with what.
        #[n(1)]
        task: Box<TaskDescription>,
        /// When the task's `TimeoutSeconds` are over.
        #[n(2)]
        timeout_at: Option<Timestamp>,
    },
    /// The call of a task began.
    #[n(4)]
    TaskStarted {
        /// The Task state.
        #[n(0)]
        frame: FrameId,
        /// When `HeartbeatSeconds` are over, for tasks that are expected to beat from the start.
        #[n(1)]
        heartbeat_at: Option<Timestamp>,
        /// As in the schedule.
        #[n(2)]
        resource: TaskResource,
        /// The worker that took the task of an activity, where it said its name.
        #[n(3)]
        worker_name: Option<Text>,
        /// When `TimeoutSeconds` are over, for tasks whose time counts from here.
        #[n(4)]
        timeout_at: Option<Timestamp>,
    },
    /// The call of a task that waits for more than the call returned.
    #[n(5)]
    TaskSubmitted {
        /// The Task state.
        #[n(0)]
        frame: FrameId,
        /// What the called service answered.
        #[n(1)]
        output: Payload,
        /// When `HeartbeatSeconds` are over.
        #[n(2)]
        heartbeat_at: Option<Timestamp>,
        /// As in the schedule.
        #[n(3)]
        resource: TaskResource,
    },
    /// A heartbeat came. Not in the history (AWS records none).
    #[n(6)]
    HeartbeatReceived {
        /// The Task state.
        #[n(0)]
        frame: FrameId,
        /// When the next one is due; `None` where the task asks for none.
        #[n(1)]
        heartbeat_at: Option<Timestamp>,
    },
    /// A task's result came.
    #[n(7)]
    TaskSucceeded {
        /// The Task state.
        #[n(0)]
        frame: FrameId,
        /// The result.
        #[n(1)]
        output: Payload,
        /// As in the schedule.
        #[n(2)]
        resource: TaskResource,
    },
    /// A task failed.
    #[n(8)]
    TaskFailed {
        /// The Task state.
        #[n(0)]
        frame: FrameId,
        /// Absent when the answer named none.
        #[n(1)]
        error: Option<Text>,
        /// Absent when the answer named none.
        #[n(2)]
        cause: Option<Text>,
        /// As in the schedule.
        #[n(3)]
        resource: TaskResource,
    },
    /// A task's time or the time between its heartbeats was over.
    #[n(9)]
    TaskTimedOut {
        /// The Task state.
        #[n(0)]
        frame: FrameId,
        /// A heartbeat was missed, rather than the whole time used up.
        #[n(1)]
        heartbeat: bool,
        /// As in the schedule.
        #[n(2)]
        resource: TaskResource,
    },
    /// A retrier took a failure on. Not in the history: only the next attempt is.
    #[n(10)]
    RetryScheduled {
        /// The state that failed.
        #[n(0)]
        frame: FrameId,
        /// Which member of `Retry`.
        #[n(1)]
        retrier: u32,
        /// When the next attempt begins.
        #[n(2)]
        due_at: Timestamp,
        /// The last event of what failed: the next attempt follows it.
        #[n(3)]
        failed_at: EventId,
    },
    /// A Wait state knows its time. Not in the history.
    #[n(11)]
    WaitStarted {
        /// The Wait state.
        #[n(0)]
        frame: FrameId,
        /// When it is over.
        #[n(1)]
        due_at: Timestamp,
    },
    /// The branches of a Parallel state begin.
    #[n(12)]
    ParallelStarted {
        /// The Parallel state.
        #[n(0)]
        frame: FrameId,
        /// How many.
        #[n(1)]
        branches: u32,
    },
    /// A branch came to its end. Not in the history.
    #[n(13)]
    BranchSucceeded {
        /// The Parallel state and the branch.
        #[n(0)]
        scope: Scope,
        /// The branch's output.
        #[n(1)]
        output: Payload,
        /// The branch's last event.
        #[n(2)]
        last: EventId,
    },
    /// All branches succeeded.
    #[n(14)]
    ParallelSucceeded {
        /// The Parallel state.
        #[n(0)]
        frame: FrameId,
    },
    /// A branch failed and no retrier took it on.
    #[n(15)]
    ParallelFailed {
        /// The Parallel state.
        #[n(0)]
        frame: FrameId,
    },
    /// The iterations of a Map state begin.
    #[n(16)]
    MapStarted {
        /// The Map state.
        #[n(0)]
        frame: FrameId,
        /// The items: a JSON array.
        #[n(1)]
        items: Payload,
        /// How many items.
        #[n(2)]
        length: u32,
        /// How many iterations at once; 0 for all.
        #[n(3)]
        concurrency: u32,
        /// What each iteration's selector reads beside its item; absent when it is the frame's input.
        #[n(4)]
        input: Option<Payload>,
        /// The items are the pairs of an object.
        #[n(5)]
        pairs: Option<bool>,
    },
    /// An iteration begins.
    #[n(17)]
    IterationStarted {
        /// The Map state and the item.
        #[n(0)]
        scope: Scope,
        /// The Map state's name.
        #[n(1)]
        name: Text,
    },
    /// An iteration came to its end.
    #[n(18)]
    IterationSucceeded {
        /// The Map state and the item.
        #[n(0)]
        scope: Scope,
        /// The Map state's name.
        #[n(1)]
        name: Text,
        /// The iteration's output.
        #[n(2)]
        output: Payload,
        /// The iteration's last event.
        #[n(3)]
        last: EventId,
    },
    /// An iteration failed.
    #[n(19)]
    IterationFailed {
        /// The Map state and the item.
        #[n(0)]
        scope: Scope,
        /// The Map state's name.
        #[n(1)]
        name: Text,
    },
    /// An iteration ended because another one failed.
    #[n(20)]
    IterationAborted {
        /// The Map state and the item.
        #[n(0)]
        scope: Scope,
        /// The Map state's name.
        #[n(1)]
        name: Text,
    },
    /// All iterations succeeded.
    #[n(21)]
    MapSucceeded {
        /// The Map state.
        #[n(0)]
        frame: FrameId,
    },
    /// An iteration failed and no retrier took it on.
    #[n(22)]
    MapFailed {
        /// The Map state.
        #[n(0)]
        frame: FrameId,
    },
    /// A state ended because another branch or iteration failed.
    #[n(23)]
    StateAborted {
        /// The frame that ends.
        #[n(0)]
        frame: FrameId,
        /// Its type.
        #[n(1)]
        state_type: StateType,
    },
    /// The execution came to its end.
    #[n(24)]
    ExecutionSucceeded {
        /// Its output.
        #[n(0)]
        output: Payload,
    },
    /// The execution failed.
    #[n(25)]
    ExecutionFailed {
        /// Absent when what failed named none.
        #[n(0)]
        error: Option<Text>,
        /// Absent when what failed named none.
        #[n(1)]
        cause: Option<Text>,
    },
    /// Somebody stopped the execution.
    #[n(26)]
    ExecutionAborted {
        /// As the caller said.
        #[n(0)]
        error: Option<Text>,
        /// As the caller said.
        #[n(1)]
        cause: Option<Text>,
    },
    /// The execution's time was over.
    #[n(27)]
    ExecutionTimedOut,
    /// A state without a failure event of its own failed. Not in the history: what it leads to is.
    #[n(28)]
    StateFailed {
        /// The frame that ends.
        #[n(0)]
        frame: FrameId,
    },
    /// A JSONata expression of a state failed; the state fails with it, unless it retries.
    #[n(29)]
    EvaluationFailed {
        /// The state's frame.
        #[n(0)]
        frame: FrameId,
        /// The state's name.
        #[n(1)]
        state: Text,
        /// `States.QueryEvaluationError`.
        #[n(2)]
        error: Text,
        /// Why.
        #[n(3)]
        cause: Text,
        /// The field of the expression: `Output/a/b[0]`.
        #[n(4)]
        location: Text,
    },
    /// A Map state in distributed mode begins.
    #[n(30)]
    DistributedMapStarted {
        /// The Map state.
        #[n(0)]
        frame: FrameId,
        /// How many items its input holds; 0 where a reader finds them.
        #[n(1)]
        length: u64,
    },
    /// The map run of a Distributed Map begins; the event's number is the run's name.
    #[n(31)]
    MapRunStarted {
        /// The Map state.
        #[n(0)]
        frame: FrameId,
        /// `arn:aws:states:…:mapRun:MACHINE/LABEL:UUID`.
        #[n(1)]
        map_run_arn: Text,
    },
    /// A map run came to its end; its result is in what leaves the state.
    #[n(32)]
    MapRunSucceeded {
        /// The Map state.
        #[n(0)]
        frame: FrameId,
    },
    /// A map run failed.
    #[n(33)]
    MapRunFailed {
        /// The Map state.
        #[n(0)]
        frame: FrameId,
        /// What failed.
        #[n(1)]
        error: Text,
        /// Why.
        #[n(2)]
        cause: Text,
    },
    /// A map run ended because another branch or iteration failed.
    #[n(34)]
    MapRunAborted {
        /// The Map state.
        #[n(0)]
        frame: FrameId,
    },
    /// An execution that had ended without success goes on with the state that it ended in, and, of a
    /// state with branches or iterations, with those that had not succeeded.
    #[n(35)]
    ExecutionRedriven {
        /// The state that goes on; of the number zero, the execution begins with its first state.
        #[n(0)]
        frame: FrameId,
        /// Which redrive this is; the first is 1.
        #[n(1)]
        count: u64,
        /// When the execution's time is over, which counts anew.
        #[n(2)]
        deadline: Timestamp,
        /// By which the caller's repetition is known.
        #[n(3)]
        client_token: Option<Text>,
        /// What had succeeded inside the state is done again, too.
        #[n(4)]
        anew: Option<bool>,
    },
    /// The map run that a state had ended with goes on.
    #[n(36)]
    MapRunRedriven {
        /// The Map state.
        #[n(0)]
        frame: FrameId,
        /// The run, by the number of its start.
        #[n(1)]
        run: MapRunId,
        /// `arn:aws:states:…:mapRun:MACHINE/LABEL:UUID`.
        #[n(2)]
        map_run_arn: Text,
        /// Which redrive of the run this is; the first is 1.
        #[n(3)]
        count: u64,
    },
}

impl Event {
    /// Says whether the event has a number and a line in the history.
    pub fn is_public(&self) -> bool {
        !matches!(
            self,
            Self::HeartbeatReceived { .. }
                | Self::RetryScheduled { .. }
                | Self::WaitStarted { .. }
                | Self::BranchSucceeded { .. }
                | Self::StateFailed { .. }
        )
    }

    /// Says whether the event ends the execution.
    pub fn closes(&self) -> bool {
        matches!(
            self,
            Self::ExecutionSucceeded { .. }
                | Self::ExecutionFailed { .. }
                | Self::ExecutionAborted { .. }
                | Self::ExecutionTimedOut
        )
    }
}

/// Who an execution is: constant for its life.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Identity {
    /// `arn:aws:states:…:execution:MACHINE:NAME`.
    #[n(0)]
    pub execution_arn: Text,
    /// Its name.
    #[n(1)]
    pub name: Text,
    /// `arn:aws:states:…:stateMachine:MACHINE`.
    #[n(2)]
    pub state_machine_arn: Text,
    /// The machine's name.
    #[n(3)]
    pub state_machine_name: Text,
    /// As whom the execution calls.
    #[n(4)]
    pub role_arn: Text,
    /// The input as it was given.
    #[n(5)]
    pub input: Payload,
    /// When its time is over.
    #[n(6)]
    pub deadline: Timestamp,
    /// The X-Ray header that the start carried.
    #[n(7)]
    pub trace_header: Option<Text>,
    /// The region that the history shows for tasks.
    #[n(8)]
    pub region: Text,
    /// The version that runs, if it was started through one.
    #[n(9)]
    pub version_arn: Option<Text>,
    /// The alias that it was started through.
    #[n(10)]
    pub alias_arn: Option<Text>,
}

/// A variable that was assigned.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Assignment {
    /// Its name, without `$`.
    #[n(0)]
    pub name: Text,
    /// Its value.
    #[n(1)]
    pub value: Payload,
}
