//! Pass: hands its input on, or a result of its own.

use asl::{Flow, Pass};

use super::assign::Assigned;
use super::failure::Failure;
use super::notes::Stage;
use super::{Progress, Turn};
use crate::ids::FrameId;
use crate::payload::Payload;

impl Turn<'_> {
    pub(super) fn run_pass(&mut self, id: FrameId, pass: &Pass) -> Progress {
        match self.pass_output(id, pass) {
            Ok((output, assigned)) => self.exit(id, output, assigned, pass.transition),
            Err(failure) => self.fail(id, failure),
        }
    }

    fn pass_output(&self, id: FrameId, pass: &Pass) -> Result<(Payload, Assigned), Failure> {
        if let Flow::Jsonata(_) = &pass.flow {
            let input = &self.frame(id).input;
            return self.passed_and_assigned(id, &pass.flow, pass.assign.as_ref(), input);
        }
        let result = match &pass.result {
            Some(result) => {
                let result = Payload::from_value(result.clone());
                self.note(Stage::Result, &result);
                result
            }
            None => self.parameters(id, &pass.flow)?,
        };
        self.output_and_assigned(id, &pass.flow, pass.assign.as_ref(), result)
    }
}
