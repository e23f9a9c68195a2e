//! What the shell must now do. Stored with the events that call for it, carried out at least once.

use minicbor::{Decode, Encode};
use vocab::Timestamp;

use crate::event::TaskDescription;
use crate::ids::{EventId, FrameId, MapRunId, TaskId};
use crate::map_run::MapRunStart;
use crate::payload::Text;

/// What the shell must now do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Carry out a task's call and answer with a command. A row of the outbox until it is settled.
    ScheduleTask {
        /// Which attempt.
        task: TaskId,
        /// The call.
        call: TaskCall,
    },
    /// The task's call needs no carrying out any more: it has returned, or nobody waits for it.
    SettleTask {
        /// Which attempt.
        task: TaskId,
    },
    /// End the task's job: the task ended without it, by its time or with everything around it.
    AbandonJob {
        /// Which attempt.
        task: TaskId,
    },
    /// Let a worker of an activity take the task. A row of the activity's queue until it is withdrawn.
    OfferTask {
        /// The task's place in the queue.
        offer: Offer,
        /// What the worker is given.
        call: TaskCall,
    },
    /// The task is not to be taken any more: a worker has it, or nobody waits for it.
    WithdrawTask {
        /// As it was offered.
        offer: Offer,
    },
    /// Begin a map run, and answer with a command at its end.
    StartMapRun {
        /// Which.
        run: MapRunId,
        /// All that it takes.
        start: Box<MapRunStart>,
    },
    /// End a map run: nobody waits for it any more.
    AbortMapRun {
        /// Which.
        run: MapRunId,
        /// How often it had been redriven: a later redrive is not meant.
        redrives: u64,
    },
    /// Go on with a map run that ended, or is about to: its children that did not succeed begin again.
    RedriveMapRun {
        /// Which.
        run: MapRunId,
        /// Which redrive; the first is 1.
        redrives: u64,
    },
    /// Fire at the given moment.
    StartTimer {
        /// Which timer.
        timer: Timer,
        /// When.
        due_at: Timestamp,
    },
    /// Fire no more.
    CancelTimer {
        /// Which timer.
        timer: Timer,
        /// As it was started.
        due_at: Timestamp,
    },
    /// Send [`Command::Continue`](crate::Command::Continue): the turn was cut off by its bound.
    Continue,
    /// Tell those who wait for the execution's end.
    AnnounceClosed,
}

/// A task's place in the queue of its activity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offer {
    /// The activity's ARN.
    pub activity: Text,
    /// When it was offered: the oldest is taken first.
    pub at: Timestamp,
    /// Which attempt.
    pub task: TaskId,
}

/// A task's call, as the outbox keeps it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct TaskCall {
    /// What is called, with what.
    #[n(0)]
    pub description: TaskDescription,
    /// The state that calls, for logs and for people.
    #[n(1)]
    pub frame: FrameId,
}

/// A timer of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Timer {
    /// What it is for.
    #[n(0)]
    pub kind: TimerKind,
    /// The task or the frame that it belongs to; zero for the execution's own.
    #[n(1)]
    pub of: EventId,
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum TimerKind {
    /// The execution's time is over.
    #[n(0)]
    Execution,
    /// A task's `TimeoutSeconds` are over.
    #[n(1)]
    TaskTimeout,
    /// A task's `HeartbeatSeconds` are over.
    #[n(2)]
    TaskHeartbeat,
    /// The next attempt begins.
    #[n(3)]
    Retry,
    /// A Wait state is over.
    #[n(4)]
    Wait,
}
