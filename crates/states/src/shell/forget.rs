//! Forgets executions whose time is over: AWS keeps what ended for 90 days, here an operator says how long.
//!
//! A sweep reads records in the order in which executions began, and stops at those that are too young to be
//! over. Each is forgotten by its partition, so that nothing else happens to it meanwhile: first it is not
//! found any more, last its record goes, and a sweep that was cut off between them goes on with the next.

use std::time::Duration;

use store::{Batch, Key, Space};
use tokio::sync::oneshot;
use vocab::{Timestamp, limits};

use super::load::{self, read, unavailable};
use super::partition::Partition;
use super::requests::Request;
use super::{CommandError, Shared, Shell};
use crate::rows::{self, ExecutionRecord, ExecutionRef, map_runs};

/// How long it is from one sweep to the next.
const PAUSE: Duration = Duration::from_secs(3_600);
/// Records read at once.
const READ_AT_ONCE: usize = 256;
/// Most rows that one commit takes away.
const ROWS_AT_ONCE: usize = 10_000;
const DAY_SECONDS: u64 = 86_400;

/// What is over, as of a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Over {
    /// What ended before it is over.
    standard: Timestamp,
    /// The same for executions of EXPRESS machines.
    express: Timestamp,
}

impl Over {
    fn now(shared: &Shared) -> Self {
        let days = shared.options.limits.history_days;
        let ago = |days: u64| {
            let millis = i64::try_from(days.saturating_mul(DAY_SECONDS * 1_000));
            let now = shared.clock.now().as_millis();
            Timestamp::from_millis(now.saturating_sub(millis.unwrap_or(i64::MAX)))
        };
        Self {
            standard: ago(days),
            express: ago(days.min(limits::EXPRESS_HISTORY_DAYS)),
        }
    }

    fn holds(self, record: &ExecutionRecord) -> bool {
        let of_map_run = record.child_of.is_some();
        let before = if record.is_express() && !of_map_run {
            self.express
        } else {
            self.standard
        };
        record.stopped_at.is_some_and(|ended| ended < before)
    }
}

/// Sweeps now and then, until the server ends.
pub(super) async fn run(shell: Shell) {
    let shared = shell.shared.clone();
    let stopped = shared.stopped();
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
        tokio::select! {
            () = &mut stopped => return,
            swept = shell.forget_old() => match swept {
                Ok(0) => {}
                Ok(forgotten) => {
                    tracing::info!(forgotten, "executions were forgotten whose time is over");
                }
                Err(error) => tracing::warn!(%error, "a sweep over old executions was cut off"),
            },
        }
    }
}

impl Shell {
    /// Forgets the executions whose time is over; returns how many that were. Children of a map run are
    /// forgotten once their parent is.
    pub async fn forget_old(&self) -> Result<u64, CommandError> {
        let over = Over::now(&self.shared);
        let mut forgotten = 0;
        for partition in 0..self.shared.inboxes.len() {
            let partition = u16::try_from(partition).map_err(|_| CommandError::Unavailable)?;
            forgotten += self.forget_old_of(partition, over).await?;
        }
        Ok(forgotten)
    }

    async fn forget_old_of(&self, partition: u16, over: Over) -> Result<u64, CommandError> {
        let mut range = rows::executions_of(partition);
        let mut forgotten = 0;
        loop {
            let found = self.shared.store.scan(&range, READ_AT_ONCE).await;
            let found = found.map_err(unavailable)?;
            for (key, row) in &found {
                // What cannot be read was reported, and holds up no other.
                let Ok(record) = read::<ExecutionRecord>(row) else {
                    continue;
                };
                if record.started_at >= over.express.max(over.standard) {
                    return Ok(forgotten);
                }
                let Some(execution) = rows::execution_of_key(key).filter(|_| over.holds(&record))
                else {
                    continue;
                };
                if self.forget(execution, over).await? {
                    forgotten += 1;
                }
            }
            match found.last() {
                Some((last, _)) if found.len() == READ_AT_ONCE => {
                    range.start = [last, [0].as_slice()].concat().into();
                }
                Some(_) | None => return Ok(forgotten),
            }
        }
    }

    async fn forget(&self, execution: ExecutionRef, over: Over) -> Result<bool, CommandError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Forget {
            number: execution.number,
            over,
            reply,
        };
        self.send(execution.partition, request).await?;
        answer.await.unwrap_or(Err(CommandError::Unavailable))
    }
}

/// Returns the key of the number that a partition gives next, as it was when it last forgot an execution.
fn next_key(partition: u16) -> Key {
    let mut bytes = b"executions/next/".to_vec();
    bytes.extend_from_slice(&partition.to_be_bytes());
    Key::new(Space::Meta, bytes)
}

impl Partition {
    /// Returns the number that was noted when an execution was last forgotten; 0 where none was.
    pub(super) async fn noted_number(
        number: u16,
        shared: &Shared,
    ) -> Result<u64, store::StoreError> {
        let noted = shared.store.get(&next_key(number)).await?;
        let noted = noted.and_then(|row| row.as_ref().try_into().ok());
        Ok(noted.map_or(0, u64::from_be_bytes))
    }

    /// Forgets an execution, unless it is not over or somebody was faster; says whether it did. Nothing
    /// else happens in the partition meanwhile.
    pub(super) async fn forget(&mut self, number: u64, over: Over) -> Result<bool, CommandError> {
        let (execution, shared) = (self.reference(number), self.shared().clone());
        let row = shared.store.get(&rows::execution_key(execution)).await;
        let Some(row) = row.map_err(unavailable)? else {
            return Ok(false);
        };
        let record: ExecutionRecord = read(&row)?;
        if !over.holds(&record) || has_parent(&shared, &record).await? {
            return Ok(false);
        }
        let mut going = Going {
            shared: &shared,
            batch: Batch::default(),
        };
        let found_as = rows::found_as(&record.execution_arn);
        let name = rows::name_key(&record.state_machine_arn, found_as);
        let named = shared.store.get(&name).await.map_err(unavailable)?;
        // Of a sweep that was cut off, the name may be another's by now.
        if named.and_then(|row| rows::execution_of_name(&row)) == Some(execution) {
            going.batch.delete.push(name);
        }
        let (status, at) = (record.status, record.listed_at());
        let lists = record.lists();
        let lines = lists.map(|list| rows::listing_key(list, status, at, execution));
        going.batch.delete.extend(lines);
        // The next number is found by the last execution, and it is never given twice. Which is the last on
        // disk is not known here: what begins in this very group may never be written.
        let next = self.next_number().to_be_bytes().to_vec();
        let noted = (next_key(execution.partition), next.into());
        going.batch.put.push(noted);
        going.map_runs(execution).await?;
        going.all_of(rows::journal_of(execution)).await?;
        going.batch.delete.push(rows::span_key(execution));
        going.batch.delete.push(rows::execution_key(execution));
        going.commit().await?;
        Ok(true)
    }
}

/// Says whether an execution is a child whose parent is still there.
async fn has_parent(shared: &Shared, record: &ExecutionRecord) -> Result<bool, CommandError> {
    let Some(child) = &record.child_of else {
        return Ok(false);
    };
    let parent = rows::execution_key(child.run.parent);
    let parent = shared.store.get(&parent).await;
    Ok(parent.map_err(unavailable)?.is_some())
}

/// Rows that go.
struct Going<'s> {
    shared: &'s Shared,
    batch: Batch,
}

impl Going<'_> {
    async fn commit(&mut self) -> Result<(), CommandError> {
        let batch = std::mem::take(&mut self.batch);
        self.shared.store.commit(batch).await.map_err(unavailable)
    }

    /// Takes all rows of a range away.
    async fn all_of(&mut self, mut range: store::Range) -> Result<(), CommandError> {
        loop {
            let found = self.shared.store.scan(&range, READ_AT_ONCE).await;
            let found = found.map_err(unavailable)?;
            let full = found.len() == READ_AT_ONCE;
            if let Some((last, _)) = found.last() {
                range.start = [last, [0].as_slice()].concat().into();
            }
            let keys = found.into_iter().map(|(key, _)| Key::new(range.space, key));
            self.batch.delete.extend(keys);
            if self.batch.delete.len() >= ROWS_AT_ONCE {
                self.commit().await?;
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// Takes all rows of an execution's map runs away.
    async fn map_runs(&mut self, execution: ExecutionRef) -> Result<(), CommandError> {
        let range = map_runs::records_of(execution);
        let found = self.shared.store.scan(&range, usize::MAX);
        for (key, row) in found.await.map_err(unavailable)? {
            let Some(run) = map_runs::run_of_key(&key) else {
                continue;
            };
            let record: map_runs::MapRunRecord = load::read(&row)?;
            self.batch.delete.extend([
                map_runs::arn_key(&record.map_run_arn),
                map_runs::start_key(run),
                map_runs::open_key(run),
                map_runs::abort_key(run),
                map_runs::redrive_key(run),
                map_runs::end_key(run),
            ]);
            self.all_of(map_runs::children_of(run, 0)).await?;
            self.batch.delete.push(map_runs::record_key(run));
        }
        Ok(())
    }
}
