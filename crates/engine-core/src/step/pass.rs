//! Pass: hands its input on, or a result of its own.

use asl::{Flow, Pass};

use super::failure::Failure;
use super::{Progress, Turn};
use crate::ids::FrameId;
use crate::payload::Payload;

impl Turn<'_> {
    pub(super) fn run_pass(&mut self, id: FrameId, pass: &Pass) -> Progress {
        match self.pass_output(id, pass) {
            Ok(output) => self.exit(id, output, pass.transition),
            Err(failure) => self.fail(id, failure),
        }
    }

    fn pass_output(&self, id: FrameId, pass: &Pass) -> Result<Payload, Failure> {
        let Flow::JsonPath(_) = &pass.flow;
        let result = match &pass.result {
            Some(result) => Payload::from_value(result.clone()),
            None => self.parameters(id, &pass.flow)?,
        };
        self.output_of(id, &pass.flow, result)
    }
}
