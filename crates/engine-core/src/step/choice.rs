//! Choice: the first rule that holds says where to go.

use asl::{Choice, Flow, StateIndex, Transition};

use super::assign::Assigned;
use super::failure::Failure;
use super::flow::Seen;
use super::{Progress, Turn};
use crate::ids::FrameId;
use crate::payload::Payload;

/// What AWS says of a Choice state without a rule that holds and without a default. The error is
/// `States.Runtime`, as measured (docs/adr/0005), although the guide names `States.NoChoiceMatched`.
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
        let chosen = self.with_scope(id, Seen::input(&input), |scope| {
            for option in &choice.choices {
                if option.rule.matches(scope)? {
                    return Ok(Some(option));
                }
            }
            Ok(None)
        })?;
        let Some(option) = chosen else {
            let next = choice.default;
            let next = next.ok_or_else(|| self.runtime_failure(id, NO_CHOICE.into()))?;
            let assign = choice.assign.as_ref();
            let (output, assigned) = self.passed_and_assigned(id, &choice.flow, assign, &input)?;
            return Ok((next, output, assigned));
        };
        let assigned = self.assigned(id, option.assign.as_ref(), Seen::input(&input))?;
        let output = match &choice.flow {
            Flow::JsonPath(_) => self.effective_output(id, &choice.flow, &input)?,
            // The state's own Output is that of its Default only, as its Assign is.
            Flow::Jsonata(_) => {
                self.filled_or(id, option.output.as_ref(), Seen::input(&input), &input)?
            }
        };
        Ok((option.next, output, assigned))
    }
}
