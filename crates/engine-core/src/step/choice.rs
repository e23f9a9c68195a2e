//! Choice: the first rule that holds says where to go.

use asl::{Choice, StateIndex, Transition};

use super::failure::Failure;
use super::{Progress, Turn};
use crate::ids::FrameId;
use crate::payload::Payload;

/// What AWS says of a Choice state without a rule that holds and without a default. The error is
/// `States.Runtime`, as measured (features §12.5), although the guide names `States.NoChoiceMatched`.
const NO_CHOICE: &str =
    "Failed to transition out of the state. The state does not point to a next state.";

impl Turn<'_> {
    pub(super) fn run_choice(&mut self, id: FrameId, choice: &Choice) -> Progress {
        match self.choose(id, choice) {
            Ok((next, output)) => self.exit(id, output, Transition::Next(next)),
            Err(failure) => self.fail(id, failure),
        }
    }

    fn choose(&self, id: FrameId, choice: &Choice) -> Result<(StateIndex, Payload), Failure> {
        let input = self.effective_input(id, &choice.flow)?;
        let chosen = self.with_scope(id, input.value(), |scope| {
            for (rule, next) in &choice.choices {
                if rule.matches(scope)? {
                    return Ok(Some(*next));
                }
            }
            Ok(choice.default)
        })?;
        let next = chosen.ok_or_else(|| self.runtime_failure(id, NO_CHOICE.into()))?;
        Ok((next, self.effective_output(id, &choice.flow, &input)?))
    }
}
