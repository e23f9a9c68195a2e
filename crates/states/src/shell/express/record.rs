//! Writes down what executions in memory went through, behind their answers, for people to look at.
//!
//! They live in a partition of their own, which takes no commands. It is a ring: the newest stay, and of
//! the others those that are still to be logged or told to a collector of traces, up to a bound.

use std::iter::Peekable;
use std::sync::Arc;

use engine_core::EventId;
use store::{Batch, Key, StoreError};
use tokio::sync::mpsc;

use super::super::group::{Group, Touched};
use super::super::hot::Hot;
use super::super::load::read;
use super::super::{CommandError, Shared};
use super::Finished;
use crate::changes::Change;
use crate::open_tasks::OpenTasks;
use crate::rows::{self, ExecutionRecord, ExecutionRef};

/// The partition of the executions that ran in memory.
const PARTITION: u16 = u16::MAX;
/// Most executions of one commit.
const COMMIT_MAX: usize = 64;
/// Most bytes of events of one commit, but for one execution that has more.
const COMMIT_BYTES_MAX: usize = 16 << 20;
/// How many stay readable.
const KEPT: u64 = 10_000;
/// How many stay at most while some of them are still to be logged or exported: what is older than that
/// is not logged or exported any more.
const KEPT_OWED: u64 = 20_000;
/// Most executions whose rows one commit takes away: more than it adds, so that the ring gets small again.
const FORGOTTEN_MAX: u64 = 256;

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
            let mut rest = finished.drain(..).peekable();
            while rest.peek().is_some() {
                if let Err(error) = self.write(first_of(&mut rest)).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(
                        error,
                        "what executions went through could not be written down"
                    );
                }
            }
        }
    }

    async fn write(&mut self, finished: Vec<Finished>) -> Result<(), CommandError> {
        let mut group = Group::default();
        let mut changes = Vec::new();
        for finished in finished {
            let execution = reference(self.next);
            self.next += 1;
            let Finished {
                machine,
                execution: mut folded,
                record,
                events,
                bytes: _,
            } = finished;
            if self.shared.changes.is_heard() {
                changes.push(Change {
                    execution_arn: record.execution_arn.as_str().into(),
                    state_machine_arn: record.state_machine_arn.as_str().into(),
                    last_event: folded.last_event().0,
                    is_listed_anew: true,
                });
            }
            let found_as = rows::found_as(&record.execution_arn);
            group.add_name(
                rows::name_key(&record.state_machine_arn, found_as),
                execution,
            );
            self.shared.metrics.count(&record, &events);
            self.shared.metrics.time(&folded.take_ended_tasks());
            if self.shared.options.spans.is_some() {
                group.add_spans(execution);
            }
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
                listed_anew: false,
                events,
                after: EventId::NONE,
            };
            group.add_execution(execution, &mut touched);
        }
        let (mut batch, begin) = group.finish();
        let first = self.forget_oldest(&mut batch).await?;
        self.shared.store.commit(batch).await.map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a commit failed");
            CommandError::Unavailable
        })?;
        self.shared.changes.tell(changes);
        if begin.logs {
            self.shared.backlog.notify_one();
        }
        if self.shared.options.spans.is_some() {
            self.shared.closed.notify_one();
        }
        self.first = first;
        Ok(())
    }

    /// Takes the oldest away, up to one that is still to be logged or exported; says which is then the
    /// oldest. Beyond [`KEPT_OWED`] it goes whatever is owed: the ring is bounded.
    async fn forget_oldest(&self, batch: &mut Batch) -> Result<u64, CommandError> {
        let end = self.next.saturating_sub(KEPT).max(self.first);
        let owed_end = self.next.saturating_sub(KEPT_OWED);
        for number in self.first..end.min(self.first + FORGOTTEN_MAX) {
            let execution = reference(number);
            if number >= owed_end && self.is_owed(execution).await? {
                return Ok(number);
            }
            self.forget(execution, batch).await?;
        }
        Ok(end.min(self.first + FORGOTTEN_MAX))
    }

    /// Says whether an execution is still to be logged, or told to a collector of traces.
    async fn is_owed(&self, execution: ExecutionRef) -> Result<bool, CommandError> {
        for key in owed_rows(execution) {
            let row = self.shared.store.get(&key).await;
            if row.map_err(super::super::load::unavailable)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes the rows of an execution away.
    async fn forget(&self, execution: ExecutionRef, batch: &mut Batch) -> Result<(), CommandError> {
        let key = rows::execution_key(execution);
        let row = self.shared.store.get(&key).await;
        let Some(row) = row.map_err(super::super::load::unavailable)? else {
            return Ok(());
        };
        let record: ExecutionRecord = read(&row)?;
        batch.delete.extend(rows_of(execution, &record));
        batch.delete.extend(owed_rows(execution));
        Ok(())
    }
}

fn reference(number: u64) -> ExecutionRef {
    ExecutionRef {
        partition: PARTITION,
        number,
    }
}

/// Returns as many as one commit writes down: one, and more while they have few bytes.
fn first_of(rest: &mut Peekable<impl Iterator<Item = Box<Finished>>>) -> Vec<Finished> {
    let mut some: Vec<_> = rest.next().map(|finished| *finished).into_iter().collect();
    let mut bytes = some.iter().map(|finished| finished.bytes).sum::<usize>();
    while let Some(finished) = rest.next_if(|next| bytes + next.bytes <= COMMIT_BYTES_MAX) {
        bytes += finished.bytes;
        some.push(*finished);
    }
    some
}

/// Returns the keys of the rows that say that an execution is to be logged and exported.
fn owed_rows(execution: ExecutionRef) -> [Key; 2] {
    [rows::backlog_key(execution, 0), rows::span_key(execution)]
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
