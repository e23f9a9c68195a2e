//! What the children of a run returned, in the order of their items.

use engine_core::map_run::{Count, Failure, MapRunStart};
use engine_core::{Event, Payload};
use futures::{StreamExt, stream};
use store::StoreError;

use super::super::{Shared, load};
use crate::rows::{self, ChildRow, Chunk, MapRunRef, StatusCode, map_runs};

/// Children read at once.
const CHILDREN_AT_ONCE: usize = 256;
/// Journals read at once.
const JOURNALS_AT_ONCE: usize = 16;

/// Why results could not be gathered.
#[derive(Debug)]
pub(super) enum ResultsError {
    /// The run fails by it.
    Run(Failure),
    /// The store, or what is in it.
    Read,
}

/// Returns the array of what the children returned, with how many those are.
pub(super) async fn gather(
    shared: &Shared,
    run: MapRunRef,
    start: &MapRunStart,
) -> Result<(Payload, Count), ResultsError> {
    let bytes_max = shared.options.limits.payload_bytes_max;
    let (mut text, mut count) = (String::from("["), Count::default());
    let mut range = map_runs::children_of(run, 0);
    loop {
        let found = shared.store.scan(&range, CHILDREN_AT_ONCE).await;
        let found = found.map_err(read_failed)?;
        let full = found.len() == CHILDREN_AT_ONCE;
        if let Some((last, _)) = found.last() {
            range.start = [last, [0].as_slice()].concat().into();
        }
        let mut outputs = stream::iter(found)
            .map(|(_, row)| output_of(shared, row))
            .buffered(JOURNALS_AT_ONCE);
        while let Some(output) = outputs.next().await {
            let Some((items, output)) = output? else {
                continue;
            };
            if count.children > 0 {
                text.push(',');
            }
            text.push_str(output.text());
            count.children += 1;
            count.items += items;
            if text.len() + 1 > bytes_max {
                return Err(ResultsError::Run(too_long(&start.state)));
            }
        }
        if !full {
            text.push(']');
            let output = Payload::parse(&text).map_err(|_| ResultsError::Read)?;
            return Ok((output, count));
        }
    }
}

async fn output_of(
    shared: &Shared,
    row: bytes::Bytes,
) -> Result<Option<(u64, Payload)>, ResultsError> {
    let child: ChildRow = load::read(&row).map_err(|_| ResultsError::Read)?;
    let (StatusCode::Succeeded, Some(last)) = (child.status, child.last_chunk) else {
        return Ok(None);
    };
    let row = shared
        .store
        .get(&rows::chunk_key(child.execution, last))
        .await
        .map_err(read_failed)?
        .ok_or(ResultsError::Read)?;
    let chunk: Chunk = load::read(&row).map_err(|_| ResultsError::Read)?;
    let closing = chunk.events.iter().rev();
    let output = closing
        .filter_map(|recorded| match &recorded.event {
            Event::ExecutionSucceeded { output } => Some(output.clone()),
            _ => None,
        })
        .next();
    Ok(Some((child.items, output.ok_or(ResultsError::Read)?)))
}

fn read_failed(error: StoreError) -> ResultsError {
    load::unavailable(error);
    ResultsError::Read
}

fn too_long(state: &str) -> Failure {
    Failure {
        error: "States.DataLimitExceeded".into(),
        cause: format!(
            "The state/task '{state}' returned a result with a size exceeding the maximum number of bytes service limit."
        )
        .into(),
    }
}
