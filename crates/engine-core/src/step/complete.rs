//! The end of a workflow: of the execution, of a branch, or of an iteration.

use asl::StateKind;

use super::failure::{Failure, too_deep};
use super::{Progress, Turn};
use crate::event::{Event, Scope};
use crate::ids::{EventId, FrameId};
use crate::payload::{NESTING_MAX, Payload};

impl Turn<'_> {
    /// Ends the workflow of `scope` with `output`; `last` is its last event.
    pub(super) fn complete(&mut self, scope: Scope, last: EventId, output: Payload) -> Progress {
        let Some(owner) = scope.owner else {
            return self.close(last, Event::ExecutionSucceeded { output });
        };
        match &self.state_of(owner).kind {
            StateKind::Parallel(parallel) => {
                self.complete_branch(scope, last, output, owner, parallel)
            }
            StateKind::Map(map) => self.complete_iteration(scope, last, output, owner, map),
            StateKind::Pass(_)
            | StateKind::Task(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_) => unreachable!("only Parallel and Map states own scopes"),
        }
    }

    /// Returns the JSON array of `outputs`, made of their texts.
    pub(super) fn array_of<'p>(
        &self,
        id: FrameId,
        outputs: impl Iterator<Item = &'p Payload>,
    ) -> Result<Payload, Failure> {
        let mut text = String::from("[");
        for (index, output) in outputs.enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(output.text());
        }
        text.push(']');
        let array = Payload::trusted(&text);
        if array.nests_deeper_than(NESTING_MAX) {
            return Err(self.runtime_failure(id, too_deep()));
        }
        Ok(array)
    }
}
