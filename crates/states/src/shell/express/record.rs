//! Writes down what executions in memory went through, behind their answers, for people to look at.
//!
//! They live in a partition of their own, which takes no commands. It is a ring: the newest stay.

use std::sync::Arc;

use engine_core::EventId;
use store::{Batch, Key, StoreError};
use tokio::sync::mpsc;

use super::super::group::{Group, Touched};
use super::super::hot::Hot;
use super::super::load::read;
use super::super::{CommandError, Shared};
use super::Finished;
use crate::open_tasks::OpenTasks;
use crate::rows::{self, ExecutionRecord, ExecutionRef};

/// The partition of the executions that ran in memory.
const PARTITION: u16 = u16::MAX;
/// Most executions of one commit.
const COMMIT_MAX: usize = 64;
/// How many stay readable.
const KEPT: u64 = 10_000;

pub(in super::super) struct Recorder {
    shared: Arc<Shared>,
    finished: mpsc::Receiver<Box<Finished>>,
    /// The oldest that is there.
    first: u64,
    next: u64,
}

impl Recorder {
    pub async fn open(
        shared: Arc<Shared>,
        finished: mpsc::Receiver<Box<Finished>>,
    ) -> Result<Self, StoreError> {
        let all = rows::executions_of(PARTITION);
        let first = shared.store.scan(&all, 1).await?;
        let last = shared.store.scan(&all.reversed(), 1).await?;
        let number = |rows: &[(bytes::Bytes, bytes::Bytes)]| {
            let (key, _) = rows.first()?;
            Some(rows::execution_of_key(key)?.number)
        };
        let next = number(&last).map_or(0, |last| last + 1);
        Ok(Self {
            shared,
            finished,
            first: number(&first).unwrap_or(next),
            next,
        })
    }

    pub async fn run(mut self) {
        let shared = self.shared.clone();
        let stopped = shared.stopped();
        tokio::pin!(stopped);
        let mut finished = Vec::with_capacity(COMMIT_MAX);
        loop {
            tokio::select! {
                biased;
                taken = self.finished.recv_many(&mut finished, COMMIT_MAX) => {
                    if taken == 0 {
                        return;
                    }
                }
                () = &mut stopped, if !self.finished.is_closed() => {
                    self.finished.close();
                    continue;
                }
            }
            if let Err(error) = self.write(finished.drain(..)).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "what executions went through could not be written down"
                );
            }
        }
    }

    async fn write(
        &mut self,
        finished: impl Iterator<Item = Box<Finished>>,
    ) -> Result<(), CommandError> {
        let mut group = Group::default();
        for finished in finished {
            let execution = reference(self.next);
            self.next += 1;
            let Finished {
                machine,
                execution: folded,
                record,
                events,
            } = *finished;
            let found_as = rows::found_as(&record.execution_arn);
            group.add_name(
                rows::name_key(&record.state_machine_arn, found_as),
                execution,
            );
            let hot = Hot {
                execution: folded,
                machine,
                record,
                journal_len: 0,
                cut_off: false,
                // It has ended, and nothing of it was ever open in the store.
                open_tasks: OpenTasks::default(),
            };
            let mut touched = Touched {
                hot,
                new: true,
                events,
                after: EventId::NONE,
            };
            group.add_execution(execution, &mut touched);
        }
        let (mut batch, begin) = group.finish();
        let first = self.next.saturating_sub(KEPT).max(self.first);
        for number in self.first..first {
            self.forget(reference(number), &mut batch).await?;
        }
        self.shared.store.commit(batch).await.map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a commit failed");
            CommandError::Unavailable
        })?;
        if begin.logs {
            self.shared.backlog.notify_one();
        }
        self.first = first;
        Ok(())
    }

    /// Takes the rows of the oldest away.
    async fn forget(&self, execution: ExecutionRef, batch: &mut Batch) -> Result<(), CommandError> {
        let key = rows::execution_key(execution);
        let row = self.shared.store.get(&key).await;
        let Some(row) = row.map_err(super::super::load::unavailable)? else {
            return Ok(());
        };
        let record: ExecutionRecord = read(&row)?;
        batch.delete.extend(rows_of(execution, &record));
        Ok(())
    }
}

fn reference(number: u64) -> ExecutionRef {
    ExecutionRef {
        partition: PARTITION,
        number,
    }
}

/// Returns the keys of all rows of an execution that was written in one chunk.
fn rows_of(execution: ExecutionRef, record: &ExecutionRecord) -> Vec<Key> {
    let found_as = rows::found_as(&record.execution_arn);
    let mut keys = vec![
        rows::execution_key(execution),
        rows::chunk_key(execution, 0),
        rows::name_key(&record.state_machine_arn, found_as),
    ];
    let (status, at) = (record.status, record.listed_at());
    let lists = record.lists();
    keys.extend(lists.map(|list| rows::listing_key(list, status, at, execution)));
    keys
}
