//! The rows: fjall's database, one keyspace a space and one for the number of the last group.

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use bytes::Bytes;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use store::{KEY_BYTES_MAX, Key, Range, Space, StoreError};

use crate::{Options, fault};

/// fjall's number of the keyspace that holds the last group: it is made first.
pub(crate) const GROUPS_ID: u64 = 1;
/// The keyspaces that are not spaces: fjall's own and the groups.
pub(crate) const OTHER_KEYSPACES: usize = 2;
const GROUP_KEY: &[u8] = b"last";
/// fjall accepts no less.
const JOURNALS_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The row that every group writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupRow {
    /// 1 for the first group, and no gaps.
    pub(crate) number: u64,
    /// fjall's `seqno` of the group is this or a little more.
    pub(crate) seqno_min: u64,
}

impl GroupRow {
    pub(crate) const BYTES: usize = 16;

    fn encode(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.number.to_be_bytes());
        bytes[8..].copy_from_slice(&self.seqno_min.to_be_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: [u8; Self::BYTES]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self {
            number: (both >> 64) as u64,
            seqno_min: both as u64,
        }
    }
}

/// The open database. Clones share it.
#[derive(Clone)]
pub(crate) struct Rows {
    database: Database,
    groups: Keyspace,
    spaces: [Keyspace; Space::ALL.len()],
}

impl Rows {
    /// Opens or makes the database in `path`.
    ///
    /// fjall asserts some of what it reads; a panic here is damage found.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let opened = catch_unwind(AssertUnwindSafe(|| Self::open_unguarded(path, options)));
        match opened {
            Ok(Ok(rows)) if rows.groups.id() == GROUPS_ID => Ok(rows),
            Ok(Ok(_)) => Err(fault::damaged(
                path,
                "the keyspaces are not those that were made",
            )),
            Ok(Err(fjall::Error::Locked)) => Err(StoreError::InUse {
                detail: format!("{} is in use by another program", path.display()),
            }),
            Ok(Err(error)) => Err(fault::fjall("open", error)),
            Err(panic) => Err(fault::damaged(path, said(&*panic))),
        }
    }

    fn open_unguarded(path: &Path, options: &Options) -> fjall::Result<Self> {
        let database = Database::builder(path)
            .cache_size(options.cache_bytes)
            .max_journaling_size(JOURNALS_BYTES_MAX)
            // Opening reads the whole journal and compresses again to compare: faster without.
            .journal_compression(CompressionType::None)
            .manual_journal_persist(true)
            .worker_threads(options.worker_threads)
            .open()?;
        // One space alone never reaches the limit: all are written out together before.
        let create = || KeyspaceCreateOptions::default().max_memtable_size(options.unflushed_bytes);
        let groups = database.keyspace("Groups", create)?;
        let mut spaces = Vec::with_capacity(Space::ALL.len());
        for space in Space::ALL {
            spaces.push(database.keyspace(&format!("{space:?}"), create)?);
        }
        let spaces = spaces
            .try_into()
            .unwrap_or_else(|_| unreachable!("one keyspace was made for each space"));
        Ok(Self {
            database,
            groups,
            spaces,
        })
    }

    /// Returns the number of the last group that was written; 0 before the first.
    pub(crate) fn last_group(&self) -> Result<u64, StoreError> {
        let row = guarded("read", || self.groups.get(GROUP_KEY))?;
        let row = row
            .and_then(|value| value[..].try_into().ok())
            .map(GroupRow::decode);
        Ok(row.map_or(0, |row| row.number))
    }

    /// Returns the value of `key`.
    pub(crate) fn get(&self, key: &Key) -> Result<Option<fjall::Slice>, StoreError> {
        if key.bytes.is_empty() || key.bytes.len() > KEY_BYTES_MAX {
            return Ok(None);
        }
        guarded("read", || self.spaces[key.space as usize].get(&key.bytes))
    }

    /// Returns the first `limit` rows of `range`: those of one moment between two groups.
    pub(crate) fn scan(
        &self,
        range: &Range,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        if range.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let keyspace = &self.spaces[range.space as usize];
        guarded("scan", || {
            let snapshot = self.database.snapshot();
            let rows = snapshot.range::<&[u8], _>(
                keyspace,
                (start_bound(&range.start), end_bound(range.end.as_ref())),
            );
            let copy = |row: fjall::Guard| {
                row.into_inner().map(|(key, value)| {
                    (Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value))
                })
            };
            if range.reverse {
                rows.rev().take(limit).map(copy).collect()
            } else {
                rows.take(limit).map(copy).collect()
            }
        })
    }

    /// Writes `changes` as group `number` and syncs. Once this returns, the group is on disk and
    /// every read sees it; before the sync no read sees any of it.
    pub(crate) fn write<'a>(
        &self,
        number: u64,
        changes: impl ExactSizeIterator<Item = (&'a Key, &'a Option<Bytes>)>,
    ) -> fjall::Result<()> {
        let mut batch =
            fjall::OwnedWriteBatch::with_capacity(self.database.clone(), changes.len() + 1)
                .durability(Some(PersistMode::SyncAll));
        let row = GroupRow {
            number,
            seqno_min: self.database.seqno(),
        };
        batch.insert(&self.groups, GROUP_KEY, row.encode());
        for (key, value) in changes {
            let space = &self.spaces[key.space as usize];
            match value {
                Some(value) => batch.insert(space, &key.bytes[..], &value[..]),
                None => batch.remove(space, &key.bytes[..]),
            }
        }
        batch.commit()
    }

    /// Returns how many bytes are in memory only, but for the journal.
    pub(crate) fn unflushed_bytes(&self) -> u64 {
        self.database.write_buffer_size()
    }

    /// Has everything that is in memory written to tables, in the background.
    pub(crate) fn flush(&self) -> fjall::Result<()> {
        self.spaces
            .iter()
            .chain([&self.groups])
            .try_for_each(|keyspace| keyspace.rotate_memtable().map(drop))
    }
}

/// A bound before which no key of the range lies. fjall takes no bound that could not be a key.
fn start_bound(start: &Bytes) -> Bound<&[u8]> {
    match start.get(..KEY_BYTES_MAX) {
        _ if start.is_empty() => Bound::Unbounded,
        Some(longest) if start.len() > KEY_BYTES_MAX => Bound::Excluded(longest),
        Some(_) | None => Bound::Included(start),
    }
}

fn end_bound(end: Option<&Bytes>) -> Bound<&[u8]> {
    match end {
        None => Bound::Unbounded,
        Some(end) if end.len() > KEY_BYTES_MAX => Bound::Included(&end[..KEY_BYTES_MAX]),
        Some(end) => Bound::Excluded(end),
    }
}

/// Runs a read. A table file is checked block by block; what passes and still makes no sense makes
/// fjall panic, which is damage found and must not take the caller's task with it.
fn guarded<T>(
    operation: &'static str,
    read: impl FnOnce() -> fjall::Result<T>,
) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| fault::fjall(operation, error)),
        Err(panic) => Err(StoreError::Corrupted {
            detail: format!("could not {operation}: {}", said(&*panic)),
        }),
    }
}

/// Returns the message of a panic.
fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("what was read makes no sense")
}
