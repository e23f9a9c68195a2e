//! Tasks that ended, for who measures how long tasks take. Nothing is decided by them.

use vocab::Timestamp;

use crate::event::TaskResource;
use crate::frame::Waiting;

/// Most tasks that are remembered until somebody asks for them.
const ENDED_TASKS_MAX: usize = 1_024;

/// A task that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedTask {
    /// What was called.
    pub resource: TaskResource,
    /// When it was scheduled.
    pub scheduled_at: Timestamp,
    /// When its call began, or a worker took it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// The tasks that ended since somebody asked last. They are no part of what an execution is.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndedTasks(Vec<EndedTask>);

impl PartialEq for EndedTasks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl EndedTasks {
    /// Adds what a frame waited for, where that was a task.
    pub(crate) fn add(&mut self, waited: Option<Waiting>, ended_at: Timestamp) {
        if let Some(Waiting::Task {
            resource,
            scheduled_at,
            started_at,
            ..
        }) = waited
            && self.0.len() < ENDED_TASKS_MAX
        {
            self.0.push(EndedTask {
                resource,
                scheduled_at,
                started_at,
                ended_at,
            });
        }
    }

    pub(crate) fn take(&mut self) -> Vec<EndedTask> {
        std::mem::take(&mut self.0)
    }
}
