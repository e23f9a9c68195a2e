//! Orders, and the reasons for not following one.

use vocab::Timestamp;

use crate::effect::Timer;
use crate::event::Identity;
use crate::ids::{MapRunId, TaskId};
use crate::map_run;
use crate::payload::{Payload, Text};

/// What somebody wants of an execution.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Begin. The first command of every execution, and only the first.
    StartExecution(Box<Identity>),
    /// The call of a task that waits for its token or its job returned.
    TaskSubmitted {
        /// Which attempt.
        task: TaskId,
        /// What the called service answered.
        output: Payload,
    },
    /// The call of a task that waits for its token or its job failed. Like [`Command::TaskFailed`], but
    /// without effect once the call has returned before: a call may be made twice.
    TaskSubmitFailed {
        /// Which attempt.
        task: TaskId,
        /// `None` where the service names none.
        error: Option<Text>,
        /// `None` where the service names none.
        cause: Option<Text>,
    },
    /// A task has its result: its call returned, or the holder of its token answered.
    TaskSucceeded {
        /// Which attempt.
        task: TaskId,
        /// The result.
        output: Payload,
    },
    /// A task failed: its call did, or the holder of its token says so.
    TaskFailed {
        /// Which attempt.
        task: TaskId,
        /// `None` where the answer names none.
        error: Option<Text>,
        /// `None` where the answer names none.
        cause: Option<Text>,
    },
    /// A worker took the task of an activity: from here on its time counts.
    TaskTaken {
        /// Which attempt.
        task: TaskId,
        /// As the worker calls itself.
        worker_name: Option<Text>,
    },
    /// The holder of a token is still at work.
    TaskHeartbeat {
        /// Which attempt.
        task: TaskId,
    },
    /// A map run is at its end, with its result.
    MapRunSucceeded {
        /// Which.
        run: MapRunId,
        /// How often it had been redriven.
        redrives: u64,
        /// The result.
        output: Payload,
    },
    /// A map run failed. Its children have ended.
    MapRunFailed {
        /// Which.
        run: MapRunId,
        /// How often it had been redriven.
        redrives: u64,
        /// Why.
        failure: map_run::Failure,
    },
    /// A timer that was started is due. May come more than once, and late.
    TimerFired {
        /// Which timer.
        timer: Timer,
        /// When it was due, as it was started.
        due_at: Timestamp,
    },
    /// End now.
    StopExecution {
        /// As the caller says.
        error: Option<Text>,
        /// As the caller says.
        cause: Option<Text>,
    },
    /// Go on with the state that the execution ended in without success.
    RedriveExecution {
        /// By which the caller's repetition is known.
        client_token: Option<Text>,
        /// Begin with the first state instead, with everything forgotten that came before.
        from_start: bool,
    },
    /// Go on: the last turn was cut off by its bound.
    Continue,
}

/// Why a command changed nothing. The execution is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A second `StartExecution`.
    #[error("the execution has already begun")]
    AlreadyStarted,
    /// Anything before `StartExecution`.
    #[error("the execution has not begun")]
    NotStarted,
    /// The execution has ended.
    #[error("the execution has ended")]
    ExecutionClosed,
    /// The task was answered, timed out, or was aborted, or another attempt took its place.
    #[error("the task does not wait for an answer")]
    TaskNotOpen,
    /// The call of the task has already returned.
    #[error("the task was already submitted")]
    TaskAlreadySubmitted,
    /// A worker took the task before, or it is none of an activity.
    #[error("the task is not offered to workers")]
    TaskNotOffered,
    /// The map run has ended, or its state was left.
    #[error("the map run is not waited for")]
    MapRunNotOpen,
    /// The timer was cancelled or has fired before.
    #[error("the timer is not running")]
    TimerNotRunning,
    /// The execution is not one that may be redriven.
    #[error("{0}")]
    NotRedrivable(NotRedrivable),
    /// Nothing was cut off.
    #[error("there is nothing to continue")]
    NothingToContinue,
}

/// Why an execution may not be redriven (`redriveStatusReason` of the API model).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRedrivable {
    /// It has not ended.
    #[error("Execution is RUNNING and cannot be redriven")]
    Running,
    /// There is nothing to be done again.
    #[error("Execution is SUCCEEDED and cannot be redriven")]
    Succeeded,
    /// There is no room for the redrive and an event behind it.
    #[error("Execution history event limit exceeded")]
    HistoryFull,
    /// It began longer ago than an execution may live.
    #[error("Execution has exceeded the max execution time")]
    TooOld,
    /// It ended too long ago.
    #[error("Execution redrivable period exceeded")]
    PeriodOver,
}
