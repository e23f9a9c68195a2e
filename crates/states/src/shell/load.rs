//! Executions from the store: the fold of a journal, with what it takes to go on with it.

use engine_core::Execution;
use store::StoreError;

use super::hot::Hot;
use super::{CommandError, Shared, chunk_number, decode};
use crate::open_tasks::OpenTasks;
use crate::rows::{self, Chunk, ExecutionRecord, ExecutionRef};

/// How many chunks are read at once.
const CHUNKS_READ: usize = 512;

/// Folds an execution from its journal.
pub(super) async fn load(shared: &Shared, reference: ExecutionRef) -> Result<Hot, CommandError> {
    let row = shared
        .store
        .get(&rows::execution_key(reference))
        .await
        .map_err(unavailable)?;
    let record: ExecutionRecord = read(&row.ok_or(CommandError::NotFound)?)?;
    let (execution, journal_len) = fold(shared, reference, &record).await?;
    let machine = shared.definitions.machine(&record.definition).await;
    let machine = machine.map_err(|_| CommandError::Unavailable)?;
    let cut_off = execution.must_continue();
    let open_tasks = OpenTasks::of(&execution);
    Ok(Hot {
        execution,
        machine,
        record,
        journal_len,
        cut_off,
        open_tasks,
    })
}

async fn fold(
    shared: &Shared,
    reference: ExecutionRef,
    record: &ExecutionRecord,
) -> Result<(Execution, u64), CommandError> {
    let mut range = rows::journal_of(reference);
    let (mut execution, mut journal_len) = (Execution::new(), 0);
    loop {
        let found = shared
            .store
            .scan(&range, CHUNKS_READ)
            .await
            .map_err(unavailable)?;
        for (key, row) in &found {
            if chunk_number(key).ok() != Some(journal_len) {
                tracing::error!(arn = %record.execution_arn, "a journal has a gap");
                return Err(CommandError::Unavailable);
            }
            let chunk: Chunk = read(row)?;
            journal_len += chunk.events.len() as u64;
            chunk.events.iter().for_each(|event| execution.apply(event));
        }
        // What ended before was measured then.
        drop(execution.take_ended_tasks());
        if found.len() < CHUNKS_READ {
            return Ok((execution, journal_len));
        }
        range.start = rows::chunk_key(reference, journal_len).bytes;
    }
}

/// Returns what a command answers when the store cannot be read; the operator gets the reason.
pub(super) fn unavailable(error: StoreError) -> CommandError {
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "the store could not be read"
    );
    CommandError::Unavailable
}

/// Returns the record in a row.
pub(super) fn read<'b, T: minicbor::Decode<'b, ()>>(row: &'b [u8]) -> Result<T, CommandError> {
    decode(row).map_err(|_| CommandError::Unavailable)
}
