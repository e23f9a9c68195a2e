//! `ListMapRuns`: the map runs of an execution, newest first, in pages.

use aws_model::states::{ListMapRunsInput, ListMapRunsOutput, MapRunListItem};
use service::{Failure, Reply};

use super::executions;
use crate::definitions::unreadable;
use crate::page;
use crate::rows::{self, MapRunRecord};
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: ListMapRunsInput = super::read(input)?;
    let (execution, _) = executions::find(states, &input.execution_arn).await?;
    let arguments = ["ListMapRuns", input.execution_arn.as_str()];
    let mut range = rows::map_runs::records_of(execution).reversed();
    if let Some(token) = &input.next_token {
        let last = states.pages.open(&arguments, token, states.clock.now())?;
        range.end = Some(last.into());
    }
    let results_max = page::size(input.max_results);
    let found = states.store.scan(&range, results_max + 1).await;
    let found = found.map_err(unreadable)?;
    let page = found.iter().take(results_max);
    let map_runs = page.clone().map(|(_, row)| shown(row));
    let mut output = ListMapRunsOutput::new(map_runs.collect::<Result<_, _>>()?);
    if let (true, Some((last, _))) = (found.len() > results_max, page.last()) {
        output.next_token = Some(states.pages.seal(&arguments, last, states.clock.now()));
    }
    Ok(super::reply(&output))
}

fn shown(row: &[u8]) -> Result<MapRunListItem, Failure> {
    let record: MapRunRecord = minicbor::decode(row).map_err(|_| {
        tracing::error!("a map run's record cannot be read");
        super::failure::unavailable()
    })?;
    let mut item = MapRunListItem::new(
        record.execution_arn,
        record.map_run_arn,
        record.state_machine_arn,
        record.started_at,
    );
    item.stop_date = record.stopped_at;
    Ok(item)
}
