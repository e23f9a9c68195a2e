//! `RedriveExecution`: goes on with an execution that ended without success.

use aws_model::states::{RedriveExecutionInput, RedriveExecutionOutput};
use engine_core::Command;
use service::{Failure, Reply};
use vocab::Timestamp;

use super::{executions, failure};
use crate::rows::{ExecutionRecord, ExecutionRef};
use crate::service::States;
use crate::shell::CommandError;

/// How long a token is known (API reference, "clientToken").
const TOKEN_KEPT_SECONDS: u64 = 15 * 60;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: RedriveExecutionInput = super::read(input)?;
    let arn = &input.execution_arn;
    let (execution, record) = executions::find(states, arn).await?;
    let token = input.client_token.as_deref();
    if let Some(at) = redriven_before(states, &record, token) {
        return Ok(redriven(at));
    }
    if let Some(reason) = not_redrivable(states, execution, &record).await? {
        return Err(failure::execution_not_redrivable(&reason));
    }
    let command = Command::RedriveExecution {
        client_token: token.map(Into::into),
        from_start: false,
    };
    match states.shell.submit(execution, command).await {
        Ok(at) => Ok(redriven(at)),
        Err(CommandError::Rejected(rejection)) => {
            // The same call may have been on its way.
            let record = states.shell.record(execution).await?;
            let before = record.and_then(|record| redriven_before(states, &record, token));
            before
                .map(redriven)
                .ok_or_else(|| failure::execution_not_redrivable(&rejection.to_string()))
        }
        Err(CommandError::NotFound | CommandError::NameTaken { .. }) => {
            Err(failure::execution_does_not_exist(arn))
        }
        Err(CommandError::Unavailable) => Err(failure::unavailable()),
    }
}

/// Returns why the execution may not be redriven, as far as that is known without the engine.
async fn not_redrivable(
    states: &States,
    execution: ExecutionRef,
    record: &ExecutionRecord,
) -> Result<Option<String>, Failure> {
    if let Some(child) = &record.child_of {
        // The run decides which of its children begin again.
        let reason = format!(
            "Execution is a child of the Map Run '{}' and is redriven with it",
            child.map_run_arn
        );
        return Ok(Some(reason));
    }
    let ends = executions::ends(states, execution, record).await?;
    executions::not_redrivable(states, record, ends.events).await
}

fn redriven(redrive_date: Timestamp) -> Reply {
    super::reply(&RedriveExecutionOutput { redrive_date })
}

/// Returns when a call with the same token redrove the execution.
fn redriven_before(
    states: &States,
    record: &ExecutionRecord,
    token: Option<&str>,
) -> Option<Timestamp> {
    let (token, now) = (token?, states.clock.now());
    let mut redrives = record.redrives.iter().flatten();
    redrives
        .find(|redrive| redrive.client_token.as_deref() == Some(token))
        .map(|redrive| redrive.at)
        .filter(|at| now <= at.plus_seconds(TOKEN_KEPT_SECONDS))
}
