//! Succeed: ends its workflow with its input.

use asl::{Succeed, Transition};

use super::{Progress, Turn};
use crate::ids::FrameId;

impl Turn<'_> {
    pub(super) fn run_succeed(&mut self, id: FrameId, succeed: &Succeed) -> Progress {
        let output = self
            .effective_input(id, &succeed.flow)
            .and_then(|input| self.effective_output(id, &succeed.flow, &input));
        match output {
            Ok(output) => self.exit(id, output, None, Transition::End),
            Err(failure) => self.fail(id, failure),
        }
    }
}
