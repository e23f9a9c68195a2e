//! Jobs: a task that waits for one is answered, or the job is ended with the task.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{Completion, FrameId, TaskId};

use crate::store::Rows;

/// The tasks that may have begun a job.
#[derive(Default)]
pub struct Jobs {
    /// Those whose call was in the outbox: a job may run.
    begun: BTreeSet<TaskId>,
    answered: BTreeSet<TaskId>,
}

impl Jobs {
    /// Takes note of tasks that somebody answered: their jobs have ended, or go on on their own.
    pub fn answered(&mut self, tasks: impl Iterator<Item = TaskId>) {
        self.answered.extend(tasks);
    }

    /// Checks that no job goes on whose task ended without it, and that no other one is ended.
    pub fn check<'r>(
        &mut self,
        rows: &'r Rows,
        open: &BTreeMap<TaskId, FrameId>,
    ) -> Result<(), String> {
        let is_job = |task: &&'r TaskId| {
            let call = rows.call(**task);
            call.is_some_and(|call| call.description.completion == Completion::OnJob)
        };
        self.begun.extend(rows.outbox.keys().filter(is_job));
        for task in &self.begun {
            let ended_without = !open.contains_key(task) && !self.answered.contains(task);
            if ended_without != rows.abandoned.contains(task) {
                let what = if ended_without { "goes on" } else { "is ended" };
                return Err(format!("the job of task {} {what}", task.0));
            }
        }
        Ok(())
    }
}
