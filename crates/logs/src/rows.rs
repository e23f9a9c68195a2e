//! What is on disk: groups and streams by name, events in blocks by time.
//!
//! A block is what one call or one moment of a function added to a stream within one second, and it is
//! one row: `e` group, second, stream, number. Reading a group is one scan in the order of time; a row
//! `x` group, stream, second, number leads to the blocks of one stream. Groups and streams have numbers
//! that are never used again, so that what a deleted group left behind is not found under a new one.

use bytes::Bytes;
use minicbor::{Decode, Encode};
use store::{Key, Range, Space};

/// A log group. Space `LogGroups`, key `g` and its name.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct GroupRecord {
    /// Never given to another group.
    #[n(0)]
    pub id: u64,
    /// When it was created, in milliseconds.
    #[n(1)]
    pub created_at: i64,
    /// How many days events are kept; for ever where there is no number.
    #[n(2)]
    pub retention_days: Option<i64>,
    /// `STANDARD`, `INFREQUENT_ACCESS` or `DELIVERY`.
    #[n(3)]
    pub class: String,
    /// Its tags, by key.
    #[n(4)]
    pub tags: Vec<(String, String)>,
    /// Whether `DeleteLogGroup` is refused.
    #[n(5)]
    pub protected: Option<bool>,
}

impl GroupRecord {
    /// Returns the first moment of which events are still shown at `now`, in milliseconds.
    pub fn kept_since(&self, now: i64) -> i64 {
        const DAY_MILLIS: i64 = 86_400_000;
        self.retention_days
            .map_or(0, |days| now.saturating_sub(days * DAY_MILLIS).max(0))
    }
}

/// A log stream. Space `LogGroups`, key `s`, its group's number and its name.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct StreamRecord {
    /// Never given to another stream.
    #[n(0)]
    pub id: u64,
    /// When it was created, in milliseconds.
    #[n(1)]
    pub created_at: i64,
    /// The least time of its events.
    #[n(2)]
    pub first_event: Option<i64>,
    /// The greatest time of its events.
    #[n(3)]
    pub last_event: Option<i64>,
    /// When events came last.
    #[n(4)]
    pub last_ingestion: Option<i64>,
    /// As CloudWatch counts: the bytes of the messages and 26 for each event.
    #[n(5)]
    pub stored_bytes: u64,
}

/// Events of one stream within one second, in the order of time.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Block {
    /// The stream's name, so that a search need not look it up.
    #[n(0)]
    pub stream: String,
    /// When they came, in milliseconds.
    #[n(1)]
    pub ingested_at: i64,
    /// The events.
    #[n(2)]
    pub events: Vec<Line>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Line {
    /// Its time, in milliseconds.
    #[n(0)]
    pub at: i64,
    /// What it says.
    #[n(1)]
    pub message: String,
}

/// What CloudWatch counts for an event beside its message.
pub(crate) const EVENT_OVERHEAD_BYTES: usize = 26;

impl Line {
    /// Returns the size as CloudWatch counts it.
    pub fn size(&self) -> usize {
        self.message.len() + EVENT_OVERHEAD_BYTES
    }
}

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    pub group: u64,
    pub second: u64,
    pub stream: u64,
    pub seq: u64,
}

impl Address {
    /// Returns the key of the block.
    pub fn key(self) -> Key {
        Key::new(
            Space::LogEvents,
            numbers(b'e', &[self.group, self.second, self.stream, self.seq]),
        )
    }

    /// Returns the key that leads from the stream to the block.
    pub fn index_key(self) -> Key {
        Key::new(
            Space::LogEvents,
            numbers(b'x', &[self.group, self.stream, self.second, self.seq]),
        )
    }

    /// Returns the address that a key of either kind is for.
    pub fn of_key(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (parts, []) = rest.as_chunks::<8>() else {
            return None;
        };
        let [group, second, third, seq] = parts else {
            return None;
        };
        let number = |bytes: &[u8; 8]| u64::from_be_bytes(*bytes);
        let (second, stream) = match kind {
            b'e' => (number(second), number(third)),
            b'x' => (number(third), number(second)),
            _ => return None,
        };
        Some(Self {
            group: number(group),
            second,
            stream,
            seq: number(seq),
        })
    }
}

fn numbers(kind: u8, numbers: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + 8 * numbers.len());
    bytes.push(kind);
    for number in numbers {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes
}

/// Returns the second in which a time lies.
pub(crate) fn second_of(millis: i64) -> u64 {
    millis.max(0) as u64 / 1000
}

/// Returns the range of a group's blocks from one second up to another, exclusive.
pub(crate) fn blocks_of_group(group: u64, from: u64, end: Option<u64>) -> Range {
    range(b'e', &[group], from, end)
}

/// Returns the range of the keys that lead to a stream's blocks.
pub(crate) fn blocks_of_stream(group: u64, stream: u64, from: u64, end: Option<u64>) -> Range {
    range(b'x', &[group, stream], from, end)
}

fn range(kind: u8, owner: &[u64], from: u64, end: Option<u64>) -> Range {
    let at = |second: u64| numbers(kind, &[owner, &[second]].concat());
    Range {
        space: Space::LogEvents,
        start: at(from).into(),
        end: match end {
            Some(end) => Some(at(end).into()),
            None => store::prefix_end(&numbers(kind, owner)),
        },
        reverse: false,
    }
}

/// Returns the key of a group's record.
pub(crate) fn group_key(name: &str) -> Key {
    Key::new(Space::LogGroups, prefixed(b"g", name))
}

/// Returns the range of the records of all groups whose names begin with `prefix`.
pub(crate) fn groups_from(prefix: &str) -> Range {
    Range::prefix(Space::LogGroups, &prefixed(b"g", prefix))
}

/// Returns the key of a stream's record.
pub(crate) fn stream_key(group: u64, name: &str) -> Key {
    Key::new(Space::LogGroups, prefixed(&numbers(b's', &[group]), name))
}

/// Returns the range of a group's streams whose names begin with `prefix`.
pub(crate) fn streams_from(group: u64, prefix: &str) -> Range {
    Range::prefix(
        Space::LogGroups,
        &prefixed(&numbers(b's', &[group]), prefix),
    )
}

/// Returns the row that says: what is left of this group, or of this stream of it, is to be removed.
pub(crate) fn purge_key(group: u64, stream: Option<u64>) -> Key {
    let owner = [group];
    let both = [group, stream.unwrap_or_default()];
    let owner: &[u64] = if stream.is_some() { &both } else { &owner };
    Key::new(Space::LogGroups, numbers(b'p', owner))
}

/// Returns the range of all purges.
pub(crate) fn purges() -> Range {
    Range::prefix(Space::LogGroups, b"p")
}

/// Returns the group, and the stream if it is one's, of a purge's key.
pub(crate) fn purge_of_key(bytes: &[u8]) -> Option<(u64, Option<u64>)> {
    let (parts, []) = bytes.get(1..)?.as_chunks::<8>() else {
        return None;
    };
    match parts {
        [group] => Some((u64::from_be_bytes(*group), None)),
        [group, stream] => Some((
            u64::from_be_bytes(*group),
            Some(u64::from_be_bytes(*stream)),
        )),
        _ => None,
    }
}

fn prefixed(prefix: &[u8], name: &str) -> Vec<u8> {
    [prefix, name.as_bytes()].concat()
}

/// Returns the name in a group's key.
pub(crate) fn group_name(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(1..)?).ok()
}

/// Returns the name in a stream's key.
pub(crate) fn stream_name(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(9..)?).ok()
}

/// Returns the bytes of a record.
pub(crate) fn encode<T: Encode<()>>(record: &T) -> Bytes {
    minicbor::to_vec(record)
        .expect("writing to memory does not fail")
        .into()
}

/// Returns the range of the keys that lead to all blocks of a group, or of one stream of it.
pub(crate) fn ways(group: u64, stream: Option<u64>) -> Range {
    let both = [group, stream.unwrap_or_default()];
    let owner: &[u64] = if stream.is_some() { &both } else { &both[..1] };
    Range::prefix(Space::LogEvents, &numbers(b'x', owner))
}
