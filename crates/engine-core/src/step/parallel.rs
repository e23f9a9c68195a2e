//! Parallel: branches that run side by side over the same input.

use asl::Parallel;

use super::{Progress, Turn};
use crate::event::{Event, Scope};
use crate::frame::Waiting;
use crate::ids::{EventId, FrameId};
use crate::payload::Payload;

impl Turn<'_> {
    pub(super) fn run_parallel(&mut self, id: FrameId, parallel: &Parallel) -> Progress {
        let input = match self.parameters(id, &parallel.flow) {
            Ok(input) => input,
            Err(failure) => return self.fail(id, failure),
        };
        let tail = self.frame(id).tail;
        let branches = parallel.branches.len() as u32;
        let started = self.emit(
            tail,
            Event::ParallelStarted {
                frame: id,
                branches,
            },
        )?;
        for (index, branch) in (0u32..).zip(&parallel.branches) {
            self.enter_workflow(
                branch,
                Scope {
                    owner: Some(id),
                    index,
                },
                started,
                input.clone(),
            )?;
        }
        Ok(())
    }

    pub(super) fn complete_branch(
        &mut self,
        scope: Scope,
        last: EventId,
        output: Payload,
        id: FrameId,
        parallel: &Parallel,
    ) -> Progress {
        self.emit(
            last,
            Event::BranchSucceeded {
                scope,
                output,
                last,
            },
        )?;
        self.finish_parallel(id, parallel, last)
    }

    /// Leaves the state if all its branches have succeeded; `last` is the last event of the last of them.
    pub(super) fn finish_parallel(
        &mut self,
        id: FrameId,
        parallel: &Parallel,
        last: EventId,
    ) -> Progress {
        let Waiting::Branches { outputs } = &self.frame(id).waiting else {
            return Ok(());
        };
        if outputs.iter().any(Option::is_none) {
            return Ok(());
        }
        let result = self.array_of(id, outputs.iter().flatten());
        let left = result.and_then(|result| {
            self.output_and_assigned(id, &parallel.flow, parallel.assign.as_ref(), result)
        });
        match left {
            Ok((output, assigned)) => {
                // Recorded: this and the state's exit follow the same event.
                self.emit(last, Event::ParallelSucceeded { frame: id })?;
                self.exit(id, output, assigned, parallel.transition)
            }
            Err(failure) => self.fail(id, failure),
        }
    }
}
