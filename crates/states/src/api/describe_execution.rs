//! `DescribeExecution`: how an execution is, as of the last commit.

use aws_model::states::{
    CloudWatchEventsExecutionDataDetails, DescribeExecutionInput, DescribeExecutionOutput,
    ExecutionRedriveStatus, ExecutionStatus, IncludedData,
};
use engine_core::{Outcome, Text};
use service::{Failure, Reply};

use super::executions::{self, Ends, Sight};
use super::map_runs;
use crate::rows::{ExecutionRecord, StatusCode};
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    answer(states, input, Sight::Api).await
}

/// Answers for those who see what `sight` shows.
pub(crate) async fn answer(states: &States, input: &[u8], sight: Sight) -> Result<Reply, Failure> {
    let input: DescribeExecutionInput = super::read(input)?;
    let (execution, record) = executions::find_by(states, &input.execution_arn, sight).await?;
    let ends = executions::ends(states, execution, &record).await?;
    let included = match input.included_data {
        None | Some(IncludedData::AllData) => true,
        Some(IncludedData::MetadataOnly) => false,
    };
    let pending = map_runs::is_pending_redrive(states, &record).await?;
    let redrive = match pending {
        true => {
            let reason = "Execution is PENDING_REDRIVE and cannot be redriven".to_owned();
            (ExecutionRedriveStatus::NotRedrivable, Some(reason))
        }
        false => redrive(states, &record, &ends).await?,
    };
    let mut shown = describe(record, &ends, included);
    if pending {
        shown.status = ExecutionStatus::PendingRedrive;
    }
    (shown.redrive_status, shown.redrive_status_reason) = (Some(redrive.0), redrive.1);
    Ok(super::reply(&shown))
}

/// Members that have no value are absent, as recorded.
fn describe(record: ExecutionRecord, ends: &Ends, included: bool) -> DescribeExecutionOutput {
    let last_redrive = record.last_redrive().cloned();
    let mut shown = DescribeExecutionOutput::new(
        record.execution_arn,
        record.state_machine_arn,
        shown_status(record.status),
        record.started_at,
    );
    let details = Some(CloudWatchEventsExecutionDataDetails {
        included: Some(included),
    });
    shown.name = Some(record.name);
    shown.stop_date = record.stopped_at;
    shown.trace_header = record.trace_header;
    if let Some(qualified) = record.qualified {
        shown.state_machine_version_arn = Some(qualified.version_arn);
        shown.state_machine_alias_arn = qualified.alias_arn;
    }
    shown.map_run_arn = record.child_of.map(|child| child.map_run_arn);
    shown.input = ends
        .input
        .as_ref()
        .filter(|_| included)
        .map(|input| input.text().to_owned());
    shown.input_details = details.clone();
    match &ends.outcome {
        Some(Outcome::Succeeded(output)) => {
            shown.output = included.then(|| output.text().to_owned());
            shown.output_details = details;
        }
        Some(Outcome::Failed(error, cause) | Outcome::Aborted(error, cause)) => {
            let owned = |text: &Option<Text>| text.as_deref().map(str::to_owned);
            (shown.error, shown.cause) = (owned(error), owned(cause));
        }
        Some(Outcome::TimedOut) | None => {}
    }
    shown.redrive_count = Some(shown_count(
        last_redrive.as_ref().map(|redrive| redrive.count),
    ));
    shown.redrive_date = last_redrive.map(|redrive| redrive.at);
    shown
}

/// Says whether the execution can be redriven, and why not.
async fn redrive(
    states: &States,
    record: &ExecutionRecord,
    ends: &Ends,
) -> Result<(ExecutionRedriveStatus, Option<String>), Failure> {
    let reason = executions::not_redrivable(states, record, ends.events).await?;
    let status = match (&reason, &record.child_of) {
        (Some(_), _) => ExecutionRedriveStatus::NotRedrivable,
        (None, Some(_)) => ExecutionRedriveStatus::RedrivableByMapRun,
        (None, None) => ExecutionRedriveStatus::Redrivable,
    };
    Ok((status, reason))
}

/// Returns the API's word for a stored status.
pub(super) fn shown_status(status: StatusCode) -> ExecutionStatus {
    match status {
        StatusCode::Running => ExecutionStatus::Running,
        StatusCode::Succeeded => ExecutionStatus::Succeeded,
        StatusCode::Failed => ExecutionStatus::Failed,
        StatusCode::TimedOut => ExecutionStatus::TimedOut,
        StatusCode::Aborted => ExecutionStatus::Aborted,
    }
}

/// Returns a number of redrives as the API shows it.
pub(super) fn shown_count(redrives: Option<u64>) -> i64 {
    redrives.map_or(0, |count| i64::try_from(count).unwrap_or(i64::MAX))
}
