//! `UpdateMapRun`: changes the concurrency and the tolerances of a map run that goes on.

use aws_model::states::UpdateMapRunInput;
use service::{Failure, Reply};

use super::{failure, map_runs};
use crate::rows::StatusCode;
use crate::service::States;
use crate::shell::{CommandError, SettingsChange};

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: UpdateMapRunInput = super::read(input)?;
    let arn = &input.map_run_arn;
    let (run, record) = map_runs::find(states, arn).await?;
    if record.status != StatusCode::Running {
        return Err(failure::map_run_completed());
    }
    // The model has checked that none is negative.
    let whole = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    let change = SettingsChange {
        concurrency: whole(input.max_concurrency),
        tolerated_failure_count: whole(input.tolerated_failure_count),
        tolerated_failure_percentage: input.tolerated_failure_percentage,
    };
    match states.shell.update_map_run(run, change).await {
        Ok(()) => Ok(super::empty_reply()),
        Err(_) if map_runs::find(states, arn).await?.1.status != StatusCode::Running => {
            Err(failure::map_run_completed())
        }
        Err(CommandError::NotFound | CommandError::Rejected(_)) => {
            Err(failure::resource_not_found(arn))
        }
        Err(CommandError::NameTaken { .. } | CommandError::Unavailable) => {
            Err(failure::unavailable())
        }
    }
}
