//! `SendTaskHeartbeat`: the holder of a token is still at work.

use aws_model::states::SendTaskHeartbeatInput;
use engine_core::Command;
use service::{Failure, Reply};

use super::tasks;
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: SendTaskHeartbeatInput = super::read(input)?;
    let (execution, task) = tasks::open(states, &input.task_token)?;
    tasks::answer(states, execution, Command::TaskHeartbeat { task }).await
}
