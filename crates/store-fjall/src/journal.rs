//! Looks at fjall's journal before fjall does, and takes off a tail that was never acknowledged.
//!
//! fjall reads a journal up to the first thing that it cannot read and cuts off the rest: right for
//! a batch that was torn by a loss of power, silent loss for one that was acknowledged. It refuses
//! to open at a torn batch whose end happens to be there. Here the two are told apart: groups are
//! numbered without gaps, and the ledger knows the last one that was acknowledged.
//!
//! The layout is fjall's format 3: `1 count seqno`, then items `2 type compression keyspace
//! key-length value-length stored-length key value`, then `3 checksum "FJL" 3`; little-endian; zeros
//! behind the last batch. The checksum is over the items only: a damaged `seqno` would let a batch
//! be skipped, or older rows win over it, so a group's row says from which one on it was written.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use store::StoreError;
use xxhash_rust::xxh3::Xxh3;

use crate::fault;
use crate::rows::{GROUPS_ID, GroupRow};

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const TRAILER: [u8; 4] = [b'F', b'J', b'L', 3];
/// fjall takes a `seqno` for each batch and a few for its own work in between.
const SEQNO_STEP_MAX: u64 = 1 << 32;
const READ_BUFFER_BYTES: usize = 256 * 1024;

/// Checks every journal in fjall's directory `rows`. Once this returns `Ok`, the journals hold
/// whole groups only, without a gap, and if they hold any, all up to `acknowledged`.
///
/// Changes nothing if it returns an error: what is left is evidence.
pub(crate) fn check(rows: &Path, acknowledged: u64) -> Result<(), StoreError> {
    let journals = journals(rows)?;
    let mut last: Option<Group> = None;
    let mut torn = None;
    for (at, path) in journals.iter().enumerate() {
        let found = walk(path, &mut last).map_err(|source| fault::open(path, source))?;
        match found {
            Tail::Clean => {}
            // fjall syncs a journal before it begins the next: only the last can be torn.
            Tail::Damaged { at: byte, what } if at + 1 < journals.len() => {
                return Err(fault::damaged(
                    path,
                    format_args!("{what} at byte {byte}, with later journals behind it"),
                ));
            }
            Tail::Damaged { at, what } => torn = Some((path, at, what)),
        }
    }
    let last_group = last.map(|group| group.row.number);
    let complete = last_group.is_none_or(|group| group >= acknowledged);
    match torn {
        None if complete => Ok(()),
        None => Err(lost(
            rows,
            last_group,
            acknowledged,
            "the end of the journal is gone",
        )),
        Some((path, byte, what)) if complete => {
            tracing::warn!(journal = %path.display(), byte, what, "took off a tail that was never acknowledged");
            let keep_evidence = last_group.is_none() && acknowledged > 0;
            take_off(path, byte, keep_evidence).map_err(|source| fault::open(path, source))
        }
        Some((path, byte, what)) => Err(lost(
            path,
            last_group,
            acknowledged,
            &format!("{what} at byte {byte}"),
        )),
    }
}

/// Returns the error for commits that were acknowledged and are not there.
pub(crate) fn lost(path: &Path, found: Option<u64>, acknowledged: u64, what: &str) -> StoreError {
    let found = found.unwrap_or_default();
    fault::damaged(
        path,
        format_args!(
            "{what}: commits were acknowledged up to group {acknowledged}, and they can be read up to {found}"
        ),
    )
}

/// Returns the journals in the order in which they were written.
fn journals(rows: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut journals = Vec::new();
    let entries = std::fs::read_dir(rows).map_err(|source| fault::open(rows, source))?;
    for entry in entries {
        let path = entry.map_err(|source| fault::open(rows, source))?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            let number = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .and_then(|stem| stem.parse::<u64>().ok());
            let number =
                number.ok_or_else(|| fault::damaged(&path, "a journal has a number for a name"))?;
            journals.push((number, path));
        }
    }
    journals.sort();
    Ok(journals.into_iter().map(|(_, path)| path).collect())
}

/// Cuts `path` to its first `bytes` bytes.
///
/// If no group in the journal can be read, only the tables can say whether one is missing; a copy
/// is kept in case they do.
fn take_off(path: &Path, bytes: u64, keep_evidence: bool) -> io::Result<()> {
    if keep_evidence {
        std::fs::copy(path, path.with_extension("damaged"))?;
    }
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(bytes)?;
    file.sync_all()
}

/// What is behind the last whole group of a journal.
enum Tail {
    /// Nothing, or the zeros that fjall allocates in advance.
    Clean,
    /// Something else: from which byte, and what.
    Damaged { at: u64, what: &'static str },
}

/// Reads a journal to its end or to the first damage, counting groups on from `last`.
fn walk(path: &Path, last: &mut Option<Group>) -> io::Result<Tail> {
    let file = File::open(path)?;
    let mut reader = Reader {
        inner: BufReader::with_capacity(READ_BUFFER_BYTES, file),
        position: 0,
        hash: Xxh3::new(),
    };
    loop {
        let at = reader.position;
        match reader.group() {
            Ok(Some(group)) if group.follows(last.as_ref()) => *last = Some(group),
            Ok(Some(_)) => {
                return Ok(Tail::Damaged {
                    at,
                    what: "a group is missing or out of order",
                });
            }
            Ok(None) => return Ok(Tail::Clean),
            Err(Unread::Damaged(what)) => return Ok(Tail::Damaged { at, what }),
            Err(Unread::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(Tail::Damaged {
                    at,
                    what: "a batch ends early",
                });
            }
            Err(Unread::Io(error)) => return Err(error),
        }
    }
}

/// A group as it is in the journal.
struct Group {
    row: GroupRow,
    seqno: u64,
}

impl Group {
    /// Says whether the group was written right behind `last`, or can be the first in the journal.
    fn follows(&self, last: Option<&Self>) -> bool {
        let in_order = last.is_none_or(|last| {
            last.row.number.checked_add(1) == Some(self.row.number) && self.seqno > last.seqno
        });
        in_order
            && (self.row.seqno_min..self.row.seqno_min.saturating_add(SEQNO_STEP_MAX))
                .contains(&self.seqno)
    }
}

/// Why a batch could not be read.
enum Unread {
    Damaged(&'static str),
    Io(io::Error),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

struct Reader {
    inner: BufReader<File>,
    position: u64,
    hash: Xxh3,
}

impl Reader {
    /// Reads one batch and returns its group; `None` behind the last.
    fn group(&mut self) -> Result<Option<Group>, Unread> {
        if self.inner.fill_buf()?.is_empty() {
            return Ok(None);
        }
        match self.array::<1>()? {
            [START] => {}
            // Allocated in advance. What was lost here shows in the numbers of the groups.
            [0] => return Ok(None),
            [_] => return Err(Unread::Damaged("something that is no batch")),
        }
        let items = u32::from_le_bytes(self.array()?);
        let seqno = u64::from_le_bytes(self.array()?);
        self.hash.reset();
        let mut found = None;
        for _ in 0..items {
            if let Some(row) = self.item()? {
                found = Some(row);
            }
        }
        let sum = self.hash.digest();
        if self.array()? != [END] || self.array()? != sum.to_le_bytes() || self.array()? != TRAILER
        {
            return Err(Unread::Damaged("a batch that is not what was written"));
        }
        let row = found.ok_or(Unread::Damaged("a batch without a group"))?;
        Ok(Some(Group { row, seqno }))
    }

    /// Reads one item; returns the group's row if that is the item.
    fn item(&mut self) -> Result<Option<GroupRow>, Unread> {
        let [tag, _type, _compression] = self.hashed()?;
        if tag != ITEM {
            return Err(Unread::Damaged(
                "a batch with something in it that is no row",
            ));
        }
        let keyspace = u64::from_le_bytes(self.hashed()?);
        let key_length = u16::from_le_bytes(self.hashed()?);
        let _value_length: [u8; 4] = self.hashed()?;
        let stored_length = u32::from_le_bytes(self.hashed()?);
        self.skip(u64::from(key_length))?;
        if keyspace == GROUPS_ID && stored_length as usize == GroupRow::BYTES {
            return Ok(Some(GroupRow::decode(self.hashed()?)));
        }
        self.skip(u64::from(stored_length))?;
        Ok(None)
    }

    fn hashed<const N: usize>(&mut self) -> Result<[u8; N], Unread> {
        let bytes = self.array()?;
        self.hash.update(&bytes);
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unread> {
        let mut bytes = [0; N];
        io::Read::read_exact(&mut self.inner, &mut bytes)?;
        self.position += N as u64;
        Ok(bytes)
    }

    /// Hashes the next `length` bytes without keeping them: a damaged length costs no memory.
    fn skip(&mut self, mut length: u64) -> Result<(), Unread> {
        while length > 0 {
            let buffer = self.inner.fill_buf()?;
            if buffer.is_empty() {
                return Err(Unread::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            let taken =
                usize::try_from(length).map_or(buffer.len(), |length| length.min(buffer.len()));
            self.hash.update(&buffer[..taken]);
            self.inner.consume(taken);
            self.position += taken as u64;
            length -= taken as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
