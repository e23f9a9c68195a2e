//! The engine, as a value: a command goes in, events and effects come out.
//!
//! ```text
//! step(machine, execution, command, cue) -> Ok(Transition { events, effects }) | Err(Rejection)
//! execution.apply(event)                    // total; decides nothing
//! ```
//!
//! The state of an execution is the fold of [`Execution::apply`] over its events. Only [`step`] decides,
//! and it changes the execution in no way but by emitting an event. Deliberately absent: a clock,
//! randomness, I/O, async, locks and hash-ordered maps; the moment and the entropy of a decision come
//! with its [`Cue`].

#![forbid(unsafe_code)]

mod command;
mod context;
mod effect;
mod ended;
mod event;
mod execution;
mod frame;
pub mod history;
mod ids;
pub mod map_run;
mod payload;
mod remains;
mod step;

pub use command::{Command, NotRedrivable, Rejection};
pub use effect::{Effect, Offer, TaskCall, Timer, TimerKind};
pub use ended::EndedTask;
pub use event::{
    Assignment, Completion, Event, Identity, Recorded, Scope, StateType, TaskDescription,
    TaskResource,
};
pub use execution::{Execution, Outcome, Status};
pub use frame::{Frame, LastRun, TaskStage, Waiting};
pub use ids::{EventId, FrameId, MapRunId, TaskId};
pub use payload::{Payload, Text};
pub use step::inspection::{End, Inspection, Pause, Reached, Setup, Told};
pub use step::notes::{Handled, Stage};
pub use step::{Cue, EveryActivity, KnowActivities, Limits, Lived, SealToken, Transition, step};
