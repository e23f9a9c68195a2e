//! The embedded store: fjall with group commit, one process a data directory, damage reported.
//!
//! [`FjallStore::open`] locks the directory, checks what lies there before fjall touches it, and
//! starts the threads that commit. Why it looks at fjall's files: `docs/adr/0002-store-damage.md`.

#![forbid(unsafe_code)]

mod commit;
mod fault;
mod journal;
mod ledger;
mod lock;
mod manifest;
mod rows;

use std::io;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use store::{Batch, Key, Range, Space, Store, StoreError};

use commit::GroupCommit;
use fault::Poison;
use ledger::{Ledger, Stage};
use lock::DirectoryLock;
use rows::Rows;

/// fjall's directory in the data directory.
const ROWS: &str = "rows";

/// How much memory and how many threads the store takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What blocks of tables may stay in memory, in bytes.
    pub cache_bytes: u64,
    /// What commits may stay in memory before they go to tables, in bytes. Opening the store reads
    /// as much into memory again.
    pub unflushed_bytes: u64,
    /// Threads that write and merge tables; at least one. With two, fjall keeps one free to write
    /// tables, and that one spins while the other merges.
    pub worker_threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 24 * 1024 * 1024,
            unflushed_bytes: 16 * 1024 * 1024,
            worker_threads: 1,
        }
    }
}

/// A [`Store`] in a directory of its own.
///
/// After a write or a sync failed, every call answers [`StoreError::Unavailable`] until the store
/// is opened again. Dropping the store commits what waits and closes the directory.
pub struct FjallStore {
    // Dropped in this order: the threads end, the database closes, the lock goes.
    group_commit: GroupCommit,
    rows: Rows,
    poison: Poison,
    _lock: DirectoryLock,
}

impl FjallStore {
    /// Opens the store in `path`, or makes one if the directory is empty or not there.
    ///
    /// Errors: [`StoreError::InUse`] if another process has it open; [`StoreError::Corrupted`] if
    /// what is there is not what was acknowledged, or not a store at all.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let path = path.as_ref();
        std::fs::create_dir_all(path).map_err(|source| fault::open(path, source))?;
        let lock = DirectoryLock::acquire(path)?;
        let at = path.join(ROWS);
        let mut ledger = match Ledger::open(path)? {
            None if at.exists() => {
                return Err(fault::damaged(
                    path,
                    "there are rows, but the ledger is gone",
                ));
            }
            None => Ledger::create(path)?,
            Some(ledger) => ledger,
        };
        match ledger.stage {
            Stage::Creating => clear(&at).map_err(|source| fault::open(&at, source))?,
            Stage::Ready { spaces } => {
                manifest::check(&at, spaces + rows::OTHER_KEYSPACES)?;
                journal::check(&at, ledger.acknowledged)?;
            }
        }
        let rows = Rows::open(&at, &options)?;
        let last_group = rows.last_group()?;
        if last_group < ledger.acknowledged {
            return Err(journal::lost(
                &at,
                Some(last_group),
                ledger.acknowledged,
                "groups are gone",
            ));
        }
        // A group that was written and not acknowledged is kept; its number is taken.
        ledger.acknowledged = last_group;
        let stage = Stage::Ready {
            spaces: Space::ALL.len(),
        };
        if ledger.stage != stage {
            ledger.set_stage(stage)?;
        }
        let poison = Poison::default();
        let group_commit = GroupCommit::start(
            rows.clone(),
            ledger,
            options.unflushed_bytes,
            poison.clone(),
        )
        .map_err(|source| StoreError::Unavailable {
            operation: "open",
            source: source.into(),
        })?;
        Ok(Self {
            group_commit,
            rows,
            poison,
            _lock: lock,
        })
    }
}

/// Removes what a creation that did not finish left behind.
fn clear(rows: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(rows) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[async_trait]
impl Store for FjallStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.poison.check("read")?;
        Ok(self
            .rows
            .get(key)?
            .map(|value| Bytes::copy_from_slice(&value)))
    }

    async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.poison.check("scan")?;
        self.rows.scan(range, limit)
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        batch.check()?;
        self.poison.check("commit")?;
        self.group_commit.commit(batch).await
    }
}
