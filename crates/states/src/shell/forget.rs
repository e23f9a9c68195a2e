//! Forgets executions whose time is over: AWS keeps what ended for 90 days, here an operator says how long.
//!
//! A sweep reads records in the order in which executions first began, and stops at those that are too young
//! to be over. Each is forgotten by its partition, so that nothing else happens to it meanwhile: first it is not
//! found any more, last its record goes, and a sweep that was cut off between them goes on with the next.

use std::time::Duration;

use bytes::Bytes;
use store::{Batch, Key, Range, Space};
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
        let before = if goes_as_express(record) {
            self.express
        } else {
            self.standard
        };
        record.stopped_at.is_some_and(|ended| ended < before)
    }
}

/// Says whether an execution is kept as one of an EXPRESS machine is. A child of a map run is not: it goes
/// after its parent.
fn goes_as_express(record: &ExecutionRecord) -> bool {
    record.is_express() && record.child_of.is_none()
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
        let all = rows::executions_of(partition);
        let (mut forgotten, _) = self.sweep(all.clone(), over, over.standard).await?;
        if over.express > over.standard {
            // Executions of EXPRESS machines are over long before the others among which they are: each of
            // these is read once for their sake, not in every sweep.
            let swept = self.shared.express_swept.lock().get(&partition).cloned();
            let rest = Range {
                start: swept.unwrap_or_else(|| all.start.clone()),
                ..all
            };
            let (more, swept) = self.sweep(rest, over, over.express).await?;
            forgotten += more;
            self.shared.express_swept.lock().insert(partition, swept);
        }
        Ok(forgotten)
    }

    /// Forgets what is over among the records of `rest`, up to a whole page of executions that began after
    /// `young`: one that began anew is young among old ones, and says nothing of what is behind it. Returns
    /// how many were forgotten, and the key before which no execution of an EXPRESS machine is left.
    async fn sweep(
        &self,
        mut rest: Range,
        over: Over,
        young: Timestamp,
    ) -> Result<(u64, Bytes), CommandError> {
        let (mut forgotten, mut swept, mut is_swept) = (0, rest.start.clone(), true);
        loop {
            let found = self.shared.store.scan(&rest, READ_AT_ONCE).await;
            let found = found.map_err(unavailable)?;
            let mut all_young = true;
            for (key, row) in &found {
                // What cannot be read was reported, and holds up no other.
                let Ok(record) = read::<ExecutionRecord>(row) else {
                    continue;
                };
                all_young &= record.started_at >= young;
                let is_gone = match rows::execution_of_key(key) {
                    Some(execution) if over.holds(&record) => self.forget(execution, over).await?,
                    Some(_) | None => false,
                };
                forgotten += u64::from(is_gone);
                is_swept &= is_gone || !goes_as_express(&record);
            }
            match found.last() {
                Some((last, _)) if found.len() == READ_AT_ONCE && !all_young => {
                    rest.start = [last, [0].as_slice()].concat().into();
                }
                Some(_) | None => return Ok((forgotten, swept)),
            }
            if is_swept {
                swept = rest.start.clone();
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
    async fn all_of(&mut self, mut range: Range) -> Result<(), CommandError> {
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
