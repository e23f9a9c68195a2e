//! `StopExecution`: ends an execution now.

use aws_model::states::{StopExecutionInput, StopExecutionOutput};
use engine_core::Command;
use service::{Failure, Reply};

use super::{executions, failure};
use crate::service::States;
use crate::shell::CommandError;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: StopExecutionInput = super::read(input)?;
    let arn = &input.execution_arn;
    let (execution, _) = executions::find(states, arn).await?;
    let (error, cause) = (input.error.map(Into::into), input.cause.map(Into::into));
    let stop_date = match states.shell.submit(execution, Command::StopExecution { error, cause }).await {
        Ok(stopped_at) => stopped_at,
        // One that has ended stays as it ended; the caller has what it wanted.
        Err(CommandError::Rejected(_)) => {
            let record = states.shell.record(execution).await?;
            record
                .and_then(|record| record.stopped_at)
                .ok_or_else(|| failure::execution_does_not_exist(arn))?
        }
        Err(CommandError::NotFound | CommandError::NameTaken { .. }) => {
            return Err(failure::execution_does_not_exist(arn));
        }
        Err(CommandError::Unavailable) => return Err(failure::unavailable()),
    };
    Ok(super::reply(&StopExecutionOutput { stop_date }))
}
