//! Choice: the first rule that holds says where to go.

use asl::{Choice, StateIndex, Transition};

use super::assign::Assigned;
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
            Ok((next, output, assigned)) => self.exit(id, output, assigned, Transition::Next(next)),
            Err(failure) => self.fail(id, failure),
        }
    }

    fn choose(
        &self,
        id: FrameId,
        choice: &Choice,
    ) -> Result<(StateIndex, Payload, Assigned), Failure> {
        let input = self.effective_input(id, &choice.flow)?;
        let chosen = self.with_scope(id, input.value(), |scope| {
            for option in &choice.choices {
                if option.rule.matches(scope)? {
                    return Ok(Some((option.next, option.assign.as_ref())));
                }
            }
            Ok(choice.default.map(|next| (next, choice.assign.as_ref())))
        })?;
        let (next, assign) = chosen.ok_or_else(|| self.runtime_failure(id, NO_CHOICE.into()))?;
        let assigned = self.assigned(id, assign, &input)?;
        let output = self.effective_output(id, &choice.flow, &input)?;
        Ok((next, output, assigned))
    }
}
