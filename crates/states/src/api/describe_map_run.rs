//! `DescribeMapRun`: what a map run counts, as of its last step.

use aws_model::states::{DescribeMapRunInput, DescribeMapRunOutput};
use service::{Failure, Reply};

use super::describe_execution::shown_count;
use super::map_runs::{self, execution_counts, item_counts, shown_status, whole};
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: DescribeMapRunInput = super::read(input)?;
    let (_, record) = map_runs::find(states, &input.map_run_arn).await?;
    let settings = record.run.settings();
    let mut shown = DescribeMapRunOutput::new(
        &record.map_run_arn,
        &record.execution_arn,
        shown_status(record.status),
        record.started_at,
        whole(settings.concurrency),
        settings.tolerance.percentage,
        whole(settings.tolerance.count),
        item_counts(&record),
        execution_counts(&record),
    );
    shown.stop_date = record.stopped_at;
    shown.redrive_count = Some(shown_count(record.redrives));
    shown.redrive_date = record.redriven_at;
    Ok(super::reply(&shown))
}
