//! `SendTaskFailure`: the holder of a token says that the task failed.

use aws_model::states::SendTaskFailureInput;
use engine_core::Command;
use service::{Failure, Reply};

use super::tasks;
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: SendTaskFailureInput = super::read(input)?;
    let (execution, task) = tasks::open(states, &input.task_token)?;
    let (error, cause) = (input.error.map(Into::into), input.cause.map(Into::into));
    tasks::answer(states, execution, Command::TaskFailed { task, error, cause }).await
}
