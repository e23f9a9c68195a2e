//! `RedriveExecution`: goes on with an execution that ended without success.

use aws_model::states::{RedriveExecutionInput, RedriveExecutionOutput};
use engine_core::{Command, Rejection};
use service::{Failure, Reply};
use vocab::Timestamp;

use super::{executions, failure};
use crate::machines::MachineStatus;
use crate::rows::ExecutionRecord;
use crate::service::States;
use crate::shell::CommandError;

/// How long a token is known (API reference, "clientToken").
const TOKEN_KEPT_SECONDS: u64 = 15 * 60;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: RedriveExecutionInput = super::read(input)?;
    let arn = &input.execution_arn;
    let (execution, record) = executions::find(states, arn).await?;
    if record.child_of.is_some() {
        return Err(failure::not_built("RedriveExecution of a Map Run's child"));
    }
    let name = record.state_machine_arn.rsplit(':').next();
    let machine = states.machines.read(name.unwrap_or_default()).await?;
    // Of a machine that is gone, the definition may be gone too.
    if machine.is_none_or(|machine| machine.record.status == MachineStatus::Deleting) {
        let reason = "State machine is in DELETING status";
        return Err(failure::execution_not_redrivable(reason));
    }
    let token = input.client_token.as_deref();
    if let Some(at) = redriven_before(states, &record, token) {
        return Ok(redriven(at));
    }
    let command = Command::RedriveExecution {
        client_token: token.map(Into::into),
    };
    match states.shell.submit(execution, command).await {
        Ok(at) => Ok(redriven(at)),
        Err(CommandError::Rejected(Rejection::RedriveNotBuilt)) => Err(failure::not_built(
            "RedriveExecution of an execution that ended in a Parallel or Map state",
        )),
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
