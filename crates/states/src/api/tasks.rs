//! Answers to tasks: what `SendTaskSuccess`, `SendTaskFailure` and `SendTaskHeartbeat` have in common.

use engine_core::{Command, TaskId};
use service::{Failure, Reply};

use super::{empty_reply, failure};
use crate::rows::ExecutionRef;
use crate::service::States;
use crate::shell::CommandError;

/// Returns the task that `token` is for, or `InvalidToken`.
pub(super) fn open(states: &States, token: &str) -> Result<(ExecutionRef, TaskId), Failure> {
    states
        .tokens
        .open(token)
        .map_err(|_| failure::invalid_token())
}

/// Tells the execution; once this returns, the answer is durable. Whatever the engine does not take is
/// told in one word, as AWS does: the task does not exist any more.
pub(super) async fn answer(
    states: &States,
    execution: ExecutionRef,
    command: Command,
) -> Result<Reply, Failure> {
    match states.shell.submit(execution, command).await {
        Ok(_) => Ok(empty_reply()),
        Err(CommandError::Rejected(_)) => Err(failure::task_timed_out()),
        Err(CommandError::NotFound | CommandError::NameTaken { .. }) => {
            Err(failure::task_does_not_exist())
        }
        Err(CommandError::Unavailable) => Err(failure::unavailable()),
    }
}
