//! The store: one small trait that everything durable is written over.
//!
//! Keys are bytes within a [`Space`]; a [`Batch`] is atomic and conditional. Nothing above this
//! crate knows which database it is. Deliberately absent: transactions that read and then write
//! (a batch names what it expects instead), and callbacks.

#![forbid(unsafe_code)]

use async_trait::async_trait;
use bytes::Bytes;

pub mod conformance;
mod documents;
mod memory;

pub use documents::Documents;
pub use memory::MemoryStore;

/// A key space: keys of different spaces never meet, and each space is scanned alone.
///
/// The number is written to disk; it is never given to another space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Space {
    /// What the store and the server say about themselves: format version, keys, counters.
    Meta = 0,
    /// State machines and their revisions.
    StateMachines = 1,
    /// One row an execution: identity, status, times.
    Executions = 2,
    /// The events of executions, in chunks, appended.
    Journal = 3,
    /// (state machine, name) → execution.
    ExecutionNames = 4,
    /// Executions in the order in which they are listed.
    ExecutionListing = 5,
    /// Effects that still have to be carried out: the outbox.
    Outbox = 6,
    /// Timers by due time.
    Timers = 7,
    /// Lambda functions.
    Functions = 8,
    /// Stacks, their resources and events.
    Stacks = 9,
    /// Tags of resources.
    Tags = 10,
    /// Activities and their queues.
    Activities = 11,
    /// S3 buckets.
    Buckets = 12,
    /// S3 objects: (bucket, key) → what is known of it, and where its bytes are.
    Objects = 13,
    /// S3 multipart uploads that are not yet completed, and their parts.
    Uploads = 14,
    /// Files of object bytes: which are needed, which are to be removed.
    Blobs = 15,
    /// Map runs and their children.
    MapRuns = 16,
    /// Ends of executions that somebody waits for.
    Announcements = 17,
    /// Log groups and their streams.
    LogGroups = 18,
    /// Log events, in blocks, by time.
    LogEvents = 19,
    /// Chunks of journals whose events still have to be logged.
    LogBacklog = 20,
    /// Executions that ended, of which a collector of traces has not heard.
    SpanBacklog = 21,
    /// Queues.
    Queues = 22,
    /// Messages in queues: when each is seen, how often it was received.
    QueueIndex = 23,
    /// What messages in queues say.
    Messages = 24,
    /// Topics and their subscriptions.
    Topics = 25,
    /// Event buses, their rules, and schedules.
    Schedules = 26,
    /// Parameters and secrets.
    Parameters = 27,
    /// Calls that are still to be made for topics, rules and schedules.
    Deliveries = 28,
    /// IAM: users, groups, roles, policies, access keys.
    Iam = 29,
    /// Executions that began or ended, of which nobody has heard yet.
    StatusBacklog = 30,
    /// APIs of API Gateway, and what their deployments serve.
    Apis = 31,
}

impl Space {
    /// Every space, in the order of their numbers.
    pub const ALL: [Self; 32] = [
        Self::Meta,
        Self::StateMachines,
        Self::Executions,
        Self::Journal,
        Self::ExecutionNames,
        Self::ExecutionListing,
        Self::Outbox,
        Self::Timers,
        Self::Functions,
        Self::Stacks,
        Self::Tags,
        Self::Activities,
        Self::Buckets,
        Self::Objects,
        Self::Uploads,
        Self::Blobs,
        Self::MapRuns,
        Self::Announcements,
        Self::LogGroups,
        Self::LogEvents,
        Self::LogBacklog,
        Self::SpanBacklog,
        Self::Queues,
        Self::QueueIndex,
        Self::Messages,
        Self::Topics,
        Self::Schedules,
        Self::Parameters,
        Self::Deliveries,
        Self::Iam,
        Self::StatusBacklog,
        Self::Apis,
    ];
}

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 65_535;

/// A key: a space and bytes in it, ordered by the bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Where the key lives.
    pub space: Space,
    /// At most [`KEY_BYTES_MAX`] bytes; never empty.
    pub bytes: Bytes,
}

impl Key {
    /// Returns the key `bytes` of `space`.
    pub fn new(space: Space, bytes: impl Into<Bytes>) -> Self {
        Self {
            space,
            bytes: bytes.into(),
        }
    }
}

/// What a batch demands of a key before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The key is not there.
    Absent,
    /// The key holds exactly this.
    Holds(Bytes),
}

impl Expectation {
    /// Says whether a key that holds `value` is as expected.
    pub fn holds(&self, value: Option<&[u8]>) -> bool {
        match (self, value) {
            (Self::Absent, None) => true,
            (Self::Holds(expected), Some(value)) => expected == value,
            (Self::Absent, Some(_)) | (Self::Holds(_), None) => false,
        }
    }
}

/// One atomic change. Every expectation holds, or nothing is written.
///
/// A key appears at most once among `put` and `delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Looked at before anything is written.
    pub expect: Vec<(Key, Expectation)>,
    /// Written, new or over what was there.
    pub put: Vec<(Key, Bytes)>,
    /// Removed; a key that is not there is no error.
    pub delete: Vec<Key>,
}

impl Batch {
    /// Says whether the batch demands and changes nothing.
    pub fn is_empty(&self) -> bool {
        self.expect.is_empty() && self.put.is_empty() && self.delete.is_empty()
    }

    /// Returns an error if a key of the batch is empty or too long. Every store asks this before
    /// it looks at a row, so that all of them refuse the same batches.
    pub fn check(&self) -> Result<(), StoreError> {
        let expected = self.expect.iter().map(|(key, _)| key);
        let written = self.put.iter().map(|(key, _)| key).chain(&self.delete);
        for key in expected.chain(written) {
            if key.bytes.is_empty() || key.bytes.len() > KEY_BYTES_MAX {
                let source = MalformedKey {
                    space: key.space,
                    length: key.bytes.len(),
                };
                return Err(StoreError::Unavailable {
                    operation: "commit",
                    source: source.into(),
                });
            }
        }
        Ok(())
    }
}

/// Part of one space in key order: from `start` (inclusive) to `end` (exclusive).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The space.
    pub space: Space,
    /// The first key that may be returned.
    pub start: Bytes,
    /// The first key behind the range; `None` for the end of the space.
    pub end: Option<Bytes>,
    /// From the last key to the first.
    pub reverse: bool,
}

impl Range {
    /// Returns the range of all keys of `space` that begin with `prefix`.
    pub fn prefix(space: Space, prefix: &[u8]) -> Self {
        Self {
            space,
            start: Bytes::copy_from_slice(prefix),
            end: prefix_end(prefix),
            reverse: false,
        }
    }

    /// Says whether no key can lie in the range.
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    /// Returns the same range, read backwards.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.reverse = true;
        self
    }
}

/// Returns the first key behind all keys that begin with `prefix`, if there is one.
pub fn prefix_end(prefix: &[u8]) -> Option<Bytes> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end.into())
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An expectation of the batch does not hold; nothing was written.
    #[error("the batch expected otherwise of a key in {:?}", key.space)]
    Conflict {
        /// The first key that was not as expected.
        key: Key,
    },
    /// The disk or the database failed. Whether a commit took effect is unknown: the store refuses
    /// all further work until it is opened again.
    #[error("the store could not {operation}")]
    Unavailable {
        /// What was tried: `read`, `scan`, `commit`, `open`.
        operation: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is on disk is not what was written.
    #[error("the store is damaged: {detail}")]
    Corrupted {
        /// What was found where, for the operator.
        detail: String,
    },
    /// Another server has the data directory open.
    #[error("{detail}")]
    InUse {
        /// Which directory, and what to do.
        detail: String,
    },
}

/// A key that no store accepts: the caller built it wrongly. The store works on.
#[derive(Debug, thiserror::Error)]
#[error("a key in {space:?} is {length} bytes long; keys have 1 to {KEY_BYTES_MAX}")]
struct MalformedKey {
    space: Space,
    length: usize,
}

/// A durable, ordered map with atomic, conditional batches.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Returns the value of `key` as of the last commit that returned.
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError>;

    /// Returns the first `limit` entries of `range`, in its order.
    async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError>;

    /// Applies `batch` whole or not at all. Once this returns `Ok`, the batch survives the loss of
    /// power; batches that wait together share one sync. Dropping the future does not undo it.
    async fn commit(&self, batch: Batch) -> Result<(), StoreError>;
}
