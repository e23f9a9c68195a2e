//! What is stored for a frame besides its events: its call, its offer, its timers.

use vocab::Timestamp;

use crate::effect::{Offer, Timer, TimerKind};
use crate::event::TaskResource;
use crate::execution::{Frame, TaskStage, Waiting};
use crate::ids::{FrameId, TaskId};

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
