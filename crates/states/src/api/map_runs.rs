//! Finding a map run by its ARN, and how it is shown.

use aws_model::states::{MapRunExecutionCounts, MapRunItemCounts, MapRunStatus};
use engine_core::map_run::Tally;
use service::Failure;

use super::{failure, names};
use crate::rows::{ExecutionRecord, MapRunRecord, MapRunRef, StatusCode};
use crate::service::States;

/// Returns the run that `arn` names, or `ResourceNotFound`.
pub(super) async fn find(states: &States, arn: &str) -> Result<(MapRunRef, MapRunRecord), Failure> {
    let (resource_type, _) = names::resource(arn)?;
    if resource_type != "mapRun" {
        return Err(failure::wrong_resource_type(resource_type));
    }
    let found = states.shell.find_map_run(arn).await?;
    found.ok_or_else(|| failure::resource_not_found(arn))
}

/// Says whether an execution is a child of a redriven run that waits for its turn to begin again.
pub(super) async fn is_pending_redrive(
    states: &States,
    child: &ExecutionRecord,
) -> Result<bool, Failure> {
    let Some(of) = &child.child_of else {
        return Ok(false);
    };
    let run = states.shell.find_map_run(&of.map_run_arn).await?;
    Ok(run.is_some_and(|(_, run)| run.is_pending_redrive(of.index, child.status)))
}

pub(super) fn shown_status(status: StatusCode) -> MapRunStatus {
    match status {
        StatusCode::Running => MapRunStatus::Running,
        StatusCode::Succeeded => MapRunStatus::Succeeded,
        StatusCode::Failed | StatusCode::TimedOut => MapRunStatus::Failed,
        StatusCode::Aborted => MapRunStatus::Aborted,
    }
}

/// What `pending` means for children is what is known: of items that no child was made for yet, how many
/// children they will be is not.
pub(super) fn execution_counts(record: &MapRunRecord) -> MapRunExecutionCounts {
    let tally = record.run.children();
    let pending = match record.run.items() == tally {
        // No batches: an item is a child.
        true => record.run.items_total() - tally.begun,
        false => 0,
    };
    let [running, succeeded, failed, timed_out, aborted] = ends(tally);
    let mut shown = MapRunExecutionCounts::new(
        whole(pending),
        running,
        succeeded,
        failed,
        timed_out,
        aborted,
        whole(tally.begun + pending),
        whole(record.results_written.children),
    );
    shown.failures_not_redrivable = Some(whole(tally.not_redrivable.unwrap_or(0)));
    shown.pending_redrive = Some(whole(tally.pending_redrive));
    shown
}

pub(super) fn item_counts(record: &MapRunRecord) -> MapRunItemCounts {
    let tally = record.run.items();
    let total = record.run.items_total();
    let [running, succeeded, failed, timed_out, aborted] = ends(tally);
    let mut shown = MapRunItemCounts::new(
        whole(total - tally.begun),
        running,
        succeeded,
        failed,
        timed_out,
        aborted,
        whole(total),
        whole(record.results_written.items),
    );
    shown.failures_not_redrivable = Some(whole(tally.not_redrivable.unwrap_or(0)));
    shown.pending_redrive = Some(whole(tally.pending_redrive));
    shown
}

fn ends(tally: Tally) -> [i64; 5] {
    [
        tally.running(),
        tally.succeeded,
        tally.failed,
        tally.timed_out,
        tally.aborted,
    ]
    .map(whole)
}

pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
