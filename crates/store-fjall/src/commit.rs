//! Group commit: batches that wait together are checked one by one and written as one.
//!
//! Two threads. The committer takes what waits, checks each batch against the store and the
//! batches before it in the group, writes the group and syncs the journal. The witness then syncs
//! the group's number to the ledger and answers. So the second sync of one group runs beside the
//! first sync of the next.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::mpsc as threads;
use std::thread::{Builder, JoinHandle};

use bytes::Bytes;
use store::{Batch, Key, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::fault::{self, Poison};
use crate::ledger::Ledger;
use crate::rows::Rows;

/// How many batches may wait for the committer; a caller beyond that waits for a place.
const WAITING_MAX: usize = 1024;
/// A group is closed when it has this many batches or bytes: it bounds what one answer waits for.
const GROUP_BATCHES_MAX: usize = 512;
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many groups may wait for the witness.
const WITNESS_GROUPS_MAX: usize = 4;

type Answer = Result<(), StoreError>;

/// A batch and the caller who waits for it, if he still does.
struct Waiting {
    batch: Batch,
    answer: oneshot::Sender<Answer>,
}

/// The way in: hands batches to the committer and waits for the answer.
///
/// Dropping it commits what already waits, answers, and ends both threads.
#[derive(Debug)]
pub(crate) struct GroupCommit {
    waiting: Option<mpsc::Sender<Waiting>>,
    threads: Vec<JoinHandle<()>>,
    poison: Poison,
}

impl GroupCommit {
    /// Starts the threads. `unflushed_bytes` may be in memory before all of it goes to tables.
    pub(crate) fn start(
        rows: Rows,
        ledger: Ledger,
        unflushed_bytes: u64,
        poison: Poison,
    ) -> io::Result<Self> {
        let (waiting, received) = mpsc::channel(WAITING_MAX);
        let (written, witnessed) = threads::sync_channel(WITNESS_GROUPS_MAX);
        let committer = Committer {
            last_group: ledger.acknowledged,
            unflushed: rows.unflushed_bytes(),
            unflushed_bytes,
            rows,
            poison: poison.clone(),
            written,
        };
        let witness = Witness {
            ledger,
            poison: poison.clone(),
        };
        let threads = vec![
            Builder::new()
                .name("store-committer".into())
                .spawn(move || committer.run(received))?,
            Builder::new()
                .name("store-witness".into())
                .spawn(move || witness.run(&witnessed))?,
        ];
        Ok(Self {
            waiting: Some(waiting),
            threads,
            poison,
        })
    }

    /// Commits `batch` in the next group.
    pub(crate) async fn commit(&self, batch: Batch) -> Answer {
        let (answer, answered) = oneshot::channel();
        let waiting = self
            .waiting
            .as_ref()
            .ok_or_else(|| self.poison.error("commit"))?;
        waiting
            .send(Waiting { batch, answer })
            .await
            .map_err(|_| self.poison.error("commit"))?;
        answered
            .await
            .unwrap_or_else(|_| Err(self.poison.error("commit")))
    }
}

impl Drop for GroupCommit {
    fn drop(&mut self) {
        self.waiting = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                self.poison.set(&"a thread of the store panicked");
            }
        }
    }
}

/// A group that is written, or that wrote nothing, and those who wait to hear of it.
struct Group {
    /// The group's number; `None` if it wrote nothing.
    number: Option<u64>,
    answers: Vec<(oneshot::Sender<Answer>, Answer)>,
}

/// What a group changes: the last word on each key.
type Changes = HashMap<Key, Option<Bytes>>;

struct Committer {
    rows: Rows,
    last_group: u64,
    /// Bytes written since everything was last sent to tables.
    unflushed: u64,
    unflushed_bytes: u64,
    poison: Poison,
    written: threads::SyncSender<Group>,
}

impl Committer {
    fn run(mut self, mut received: mpsc::Receiver<Waiting>) {
        let mut taken = Vec::with_capacity(WAITING_MAX);
        let mut waiting = VecDeque::with_capacity(WAITING_MAX);
        while received.blocking_recv_many(&mut taken, WAITING_MAX) > 0 {
            waiting.extend(taken.drain(..));
            while !waiting.is_empty() {
                let group = self.commit_group(&mut waiting);
                if self.written.send(group).is_err() {
                    self.poison.set(&"the thread that answers ended");
                    return;
                }
                // What came in meanwhile joins the next group.
                while let Ok(next) = received.try_recv() {
                    waiting.push_back(next);
                    if waiting.len() >= GROUP_BATCHES_MAX {
                        break;
                    }
                }
            }
        }
    }

    /// Takes a group off `waiting`, and writes and syncs what holds of it.
    fn commit_group(&mut self, waiting: &mut VecDeque<Waiting>) -> Group {
        let mut changes = Changes::new();
        let mut answers = Vec::with_capacity(waiting.len().min(GROUP_BATCHES_MAX));
        let mut bytes = 0;
        while answers.len() < GROUP_BATCHES_MAX && bytes < GROUP_BYTES_MAX {
            let Some(Waiting { batch, answer }) = waiting.pop_front() else {
                break;
            };
            let outcome = self
                .poison
                .check("commit")
                .and_then(|()| self.check(&batch, &changes));
            if outcome.is_ok() {
                bytes += take_in(&mut changes, batch);
            }
            answers.push((answer, outcome));
        }
        if changes.is_empty() {
            return Group {
                number: None,
                answers,
            };
        }
        let number = self.last_group + 1;
        if let Err(error) = self.rows.write(number, changes.iter()) {
            self.poison.set(&error);
            self.stop_all(&mut answers);
            return Group {
                number: None,
                answers,
            };
        }
        self.last_group = number;
        self.flush_if_due(bytes as u64);
        Group {
            number: Some(number),
            answers,
        }
    }

    /// Checks the expectations of `batch` as of the batches before it.
    fn check(&self, batch: &Batch, changes: &Changes) -> Answer {
        for (key, expected) in &batch.expect {
            let holds = match changes.get(key) {
                Some(value) => expected.holds(value.as_deref()),
                None => expected.holds(self.rows.get(key)?.as_deref()),
            };
            if !holds {
                return Err(StoreError::Conflict { key: key.clone() });
            }
        }
        Ok(())
    }

    /// Nobody in a group that failed hears of success or of a conflict with a part of it.
    fn stop_all(&self, answers: &mut [(oneshot::Sender<Answer>, Answer)]) {
        for (_, outcome) in answers {
            *outcome = Err(self.poison.error("commit"));
        }
    }

    /// Sends all spaces to tables when together they reach the limit.
    ///
    /// All, because a journal can go only when everything in it is in tables: a space with few
    /// writes would keep every journal, and opening the store would read them all.
    fn flush_if_due(&mut self, bytes: u64) {
        self.unflushed += bytes;
        if self.unflushed >= self.unflushed_bytes {
            self.unflushed = 0;
            // The group is on disk; what fails here stops the store for those who come next.
            if let Err(error) = self.rows.flush() {
                self.poison.set(&fault::fjall("commit", error));
            }
        }
    }
}

/// Adds what `batch` changes to `changes`; returns how many bytes that is.
fn take_in(changes: &mut Changes, batch: Batch) -> usize {
    /// What a row takes in memory besides its key and value, about.
    const ROW_OVERHEAD_BYTES: usize = 64;
    let mut bytes = 0;
    for key in batch.delete {
        bytes += key.bytes.len() + ROW_OVERHEAD_BYTES;
        changes.insert(key, None);
    }
    for (key, value) in batch.put {
        bytes += key.bytes.len() + value.len() + ROW_OVERHEAD_BYTES;
        changes.insert(key, Some(value));
    }
    bytes
}

struct Witness {
    ledger: Ledger,
    poison: Poison,
}

impl Witness {
    fn run(mut self, written: &threads::Receiver<Group>) {
        let mut groups = Vec::with_capacity(WITNESS_GROUPS_MAX);
        while let Ok(group) = written.recv() {
            groups.push(group);
            groups.extend(written.try_iter().take(WITNESS_GROUPS_MAX));
            if let Some(number) = groups.iter().filter_map(|group| group.number).max()
                && let Err(error) = self.ledger.acknowledge(number)
            {
                self.poison.set(&error);
            }
            self.answer(groups.drain(..));
        }
    }

    fn answer(&self, groups: impl Iterator<Item = Group>) {
        for (answer, outcome) in groups.flat_map(|group| group.answers) {
            // A conflict may be with a group that is not acknowledged: then it is not told either.
            let outcome = self.poison.check("commit").and(outcome);
            // Whoever dropped the future does not want to know.
            let _ = answer.send(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use store::Space;

    use super::*;
    use crate::Options;

    #[tokio::test]
    async fn a_failed_sync_stops_the_store() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let mut ledger = Ledger::create(root.path()).expect("creates");
        let rows = Rows::open(&root.path().join("rows"), &Options::default()).expect("opens");
        let poison = Poison::default();
        ledger.fail_from_now_on();
        let group_commit =
            GroupCommit::start(rows, ledger, u64::MAX, poison.clone()).expect("starts");
        let row = Key::new(Space::Meta, "row");
        let asks = Batch {
            expect: vec![(row.clone(), store::Expectation::Absent)],
            ..Batch::default()
        };
        let writes = Batch {
            put: vec![(row, Bytes::new())],
            ..Batch::default()
        };
        group_commit
            .commit(asks.clone())
            .await
            .expect("a batch that writes nothing needs no sync");
        for batch in [writes.clone(), asks, writes] {
            let answer = group_commit.commit(batch).await;
            assert!(
                matches!(
                    answer,
                    Err(StoreError::Unavailable {
                        operation: "commit",
                        ..
                    })
                ),
                "{answer:?}"
            );
        }
        assert!(matches!(
            poison.check("read"),
            Err(StoreError::Unavailable {
                operation: "read",
                ..
            })
        ));
    }
}
