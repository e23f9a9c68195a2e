//! `SendTaskSuccess`: the holder of a token hands in the task's result.

use aws_model::states::SendTaskSuccessInput;
use engine_core::{Command, Payload};
use service::{Failure, Reply};

use super::{failure, tasks};
use crate::service::States;
use asl::JsonFault;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: SendTaskSuccessInput = super::read_within(input, &states.limits)?;
    let (execution, task) = tasks::open(states, &input.task_token)?;
    let bytes_max = states.limits.payload_bytes_max;
    if input.output.len() > bytes_max {
        let detail = format!("The output is longer than {bytes_max} bytes.");
        return Err(failure::invalid_output(&detail));
    }
    let output = Payload::parse(&input.output)
        .map_err(|error| failure::invalid_output(&JsonFault::of(&input.output, &error).message))?;
    tasks::answer(states, execution, Command::TaskSucceeded { task, output }).await
}
