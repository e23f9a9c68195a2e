//! `StartSyncExecution`: runs an execution of an EXPRESS machine and answers with its end. An execution
//! that fails is an answer like any other.

use aws_model::states::{
    BillingDetails, CloudWatchEventsExecutionDataDetails, IncludedData, StartSyncExecutionInput,
    StartSyncExecutionOutput, SyncExecutionStatus,
};
use engine_core::{Outcome, Text};
use service::{Failure, Reply};

use super::failure;
use super::start_execution::{self, Wanted};
use crate::machines::TypeCode;
use crate::service::States;
use crate::shell::SyncEnd;

/// Durations are billed in steps of this many milliseconds, memory in steps of this many MB.
const BILLED_MILLIS: i64 = 100;
const BILLED_MEGABYTES: i64 = 64;
/// What an execution holds beside its data (Step Functions pricing, "Memory").
const MEGABYTES_MIN: i64 = 50;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: StartSyncExecutionInput = super::read_within(input, &states.limits)?;
    let included = match input.included_data {
        None | Some(IncludedData::AllData) => true,
        Some(IncludedData::MetadataOnly) => false,
    };
    let wanted = Wanted {
        state_machine_arn: &input.state_machine_arn,
        name: input.name.as_deref(),
        input: input.input.as_deref(),
        trace_header: input.trace_header.as_deref(),
        started_by: None,
    };
    let (machine, start) =
        start_execution::prepare(states, wanted, Some(TypeCode::Express)).await?;
    let (name, shown_input) = (start.name.clone(), start.input.clone());
    let end = states.shell.run_sync(start).await;
    let end = end.map_err(|_| failure::unavailable())?;
    let mut shown = shown_end(&end, included);
    shown.name = Some((*name).to_owned());
    shown.state_machine_arn = Some((*machine.arn).to_owned());
    shown.input = included.then(|| shown_input.text().to_owned());
    shown.trace_header = input.trace_header;
    shown.billing_details = Some(billed(&end));
    Ok(super::reply(&shown))
}

/// Members that have no value are absent, as recorded.
fn shown_end(end: &SyncEnd, included: bool) -> StartSyncExecutionOutput {
    let status = match &end.outcome {
        Outcome::Succeeded(_) => SyncExecutionStatus::Succeeded,
        Outcome::Failed(..) | Outcome::Aborted(..) => SyncExecutionStatus::Failed,
        Outcome::TimedOut => SyncExecutionStatus::TimedOut,
    };
    let mut shown = StartSyncExecutionOutput::new(
        end.execution_arn.clone(),
        end.started_at,
        end.stopped_at,
        status,
    );
    let details = || {
        Some(CloudWatchEventsExecutionDataDetails {
            included: Some(included),
        })
    };
    shown.input_details = details();
    let owned = |text: &Option<Text>| text.as_deref().map(str::to_owned);
    match &end.outcome {
        Outcome::Succeeded(output) => {
            shown.output = included.then(|| output.text().to_owned());
            shown.output_details = details();
        }
        Outcome::Failed(error, cause) | Outcome::Aborted(error, cause) => {
            (shown.error, shown.cause) = (owned(error), owned(cause));
        }
        Outcome::TimedOut => shown.error = Some("States.Timeout".to_owned()),
    }
    shown
}

fn billed(end: &SyncEnd) -> BillingDetails {
    let millis = end.stopped_at.as_millis() - end.started_at.as_millis();
    let bytes = i64::try_from(end.bytes).unwrap_or(i64::MAX);
    let megabytes = MEGABYTES_MIN.saturating_add(bytes / (1024 * 1024));
    BillingDetails {
        billed_duration_in_milliseconds: Some(stepped(millis, BILLED_MILLIS)),
        billed_memory_used_in_mb: Some(stepped(megabytes, BILLED_MEGABYTES)),
    }
}

/// Returns `used` in whole steps, at least one.
fn stepped(used: i64, step: i64) -> i64 {
    let steps = used.max(1).saturating_add(step - 1) / step;
    steps.saturating_mul(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bills_whole_steps() {
        for (used, billed) in [
            (-5, 100),
            (0, 100),
            (1, 100),
            (100, 100),
            (101, 200),
            (399, 400),
        ] {
            assert_eq!(stepped(used, BILLED_MILLIS), billed, "{used} ms");
        }
        assert_eq!(stepped(MEGABYTES_MIN, BILLED_MEGABYTES), 64);
        assert_eq!(stepped(MEGABYTES_MIN + 15, BILLED_MEGABYTES), 128);
    }
}
