//! What is on disk: the keys of each space and the records under them.
//!
//! Records are CBOR with numbered fields, like events. Numbers in keys are big-endian, so that keys sort
//! as numbers do; within a partition, keys of executions, journals and listings grow.

mod announcements;
pub mod map_runs;

pub use announcements::{
    Announcement, Waiter, abandoned, abandoned_key, announcement_key, announcements_to,
    announcements_to_tasks, job_key, task_of_key,
};
pub use map_runs::{ChildOf, ChildRow, MapRunEnd, MapRunRecord, MapRunRef, RedriveRow, Walk};

use engine_core::{EventId, Recorded, Status, TaskId, Timer, TimerKind};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};
use store::{Key, Range, Space};
use vocab::Timestamp;

use crate::machines::Logging;

/// Where an execution lives: names it within the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ExecutionRef {
    /// The partition that owns it.
    #[n(0)]
    pub partition: u16,
    /// Its number within the partition, in the order of their starts.
    #[n(1)]
    pub number: u64,
}

impl ExecutionRef {
    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32);
        bytes.extend_from_slice(&self.partition.to_be_bytes());
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (partition, rest) = bytes.split_first_chunk()?;
        let number = rest.first_chunk()?;
        Some(Self {
            partition: u16::from_be_bytes(*partition),
            number: u64::from_be_bytes(*number),
        })
    }
}

/// The SHA-256 of a definition's text: what an execution pins.
pub type DefinitionHash = [u8; 32];

/// What is known of an execution without its journal. Space `Executions`, written at start and close.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ExecutionRecord {
    /// `arn:aws:states:…:execution:MACHINE:NAME`.
    #[n(0)]
    pub execution_arn: String,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// The machine's ARN, without version or alias.
    #[n(2)]
    pub state_machine_arn: String,
    /// The definition that it pins.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub definition: DefinitionHash,
    /// As whom it calls.
    #[n(4)]
    pub role_arn: String,
    /// Running, or how it ended.
    #[n(5)]
    pub status: StatusCode,
    /// When it began.
    #[n(6)]
    pub started_at: Timestamp,
    /// When it ended.
    #[n(7)]
    pub stopped_at: Option<Timestamp>,
    /// The chunk of the journal that holds the closing event.
    #[n(8)]
    pub last_chunk: Option<u64>,
    /// Its X-Ray header.
    #[n(9)]
    pub trace_header: Option<String>,
    /// Whose child it is, if it is a map run's.
    #[n(10)]
    pub child_of: Option<ChildOf>,
    /// The version that it runs, if it was started through one.
    #[n(11)]
    pub qualified: Option<Qualified>,
    /// Its last redrives, the newest last; absent where there was none.
    #[n(12)]
    pub redrives: Option<Vec<Redrive>>,
    /// The task that started it, if one did.
    #[n(13)]
    pub started_by: Option<StartedBy>,
    /// The text of the made-up answers that it runs with; stored beside the definitions, by its hash.
    #[n(15)]
    pub mocks: Option<ByteArray<32>>,
    /// What it logs, and where; absent where it logs nothing.
    #[n(16)]
    pub logging: Option<Logging>,
}

/// The task that started an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StartedBy {
    /// The execution that the task is part of.
    #[n(0)]
    pub execution: ExecutionRef,
    /// The attempt.
    #[n(1)]
    pub task: TaskId,
    /// Whether the task goes on waiting for the end, and for what of it.
    #[n(2)]
    pub waits: Waits,
}

/// What a task wants to know of the execution that it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Waits {
    /// Nothing: it has what it wants.
    #[n(0)]
    No,
    /// The end, with the output as text (`.sync`).
    #[n(1)]
    ForText,
    /// The end, with the output as JSON (`.sync:2`).
    #[n(2)]
    ForJson,
}

/// A redrive of an execution.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Redrive {
    /// Which; the first is 1.
    #[n(0)]
    pub count: u64,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// By which the caller's repetition is known.
    #[n(2)]
    pub client_token: Option<String>,
}

/// The version that an execution runs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Qualified {
    /// `…:stateMachine:NAME:NUMBER`.
    #[n(0)]
    pub version_arn: String,
    /// `…:stateMachine:NAME:ALIAS`, where it was started through an alias.
    #[n(1)]
    pub alias_arn: Option<String>,
    /// The moment by which its revision is found.
    #[n(2)]
    pub revision_at: Timestamp,
}

/// As many redrives are remembered for their tokens (API reference, "RedriveExecution").
const REDRIVES_KEPT: usize = 10;

impl ExecutionRecord {
    /// Takes note of a redrive.
    pub fn redriven(&mut self, redrive: Redrive) {
        let redrives = self.redrives.get_or_insert_default();
        redrives.push(redrive);
        let old = redrives.len().saturating_sub(REDRIVES_KEPT);
        redrives.drain(..old);
    }

    /// Returns its last redrive. One of type EXPRESS that began anew tells of none (Redriving Map Runs).
    pub fn last_redrive(&self) -> Option<&Redrive> {
        let express = self.child_of.as_ref().is_some_and(|child| child.express);
        self.redrives.as_ref()?.last().filter(|_| !express)
    }

    /// Returns the moment by which its status is listed: of its end, else of its last beginning.
    pub fn listed_at(&self) -> Timestamp {
        let begun_at = || {
            self.last_redrive()
                .map_or(self.started_at, |redrive| redrive.at)
        };
        self.stopped_at.unwrap_or_else(begun_at)
    }

    /// Says whether it is an execution of an EXPRESS machine.
    pub fn is_express(&self) -> bool {
        found_as(&self.execution_arn).contains(':')
    }

    /// Returns the ARNs that list it: [`Self::listed_under`], and its version's and its alias's.
    pub fn lists(&self) -> impl Iterator<Item = &str> {
        let qualified = self.qualified.as_ref();
        let version = qualified.map(|by| by.version_arn.as_str());
        let alias = qualified.and_then(|by| by.alias_arn.as_deref());
        std::iter::once(self.listed_under())
            .chain(version)
            .chain(alias)
    }

    /// Returns the ARN under which the execution is listed: its machine's, or its map run's.
    pub fn listed_under(&self) -> &str {
        match &self.child_of {
            Some(child) => &child.map_run_arn,
            None => &self.state_machine_arn,
        }
    }
}

/// A status, as it is stored and ordered in the listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum StatusCode {
    /// Not yet at its end.
    #[n(0)]
    Running,
    /// Ended with an output.
    #[n(1)]
    Succeeded,
    /// Ended with an error.
    #[n(2)]
    Failed,
    /// Its own time was over.
    #[n(3)]
    TimedOut,
    /// Somebody stopped it.
    #[n(4)]
    Aborted,
}

impl StatusCode {
    /// Every status, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Aborted,
    ];

    /// Returns the word of the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }

    /// Returns the status with the API's word `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl From<StatusCode> for Status {
    fn from(status: StatusCode) -> Self {
        match status {
            StatusCode::Running => Self::Running,
            StatusCode::Succeeded => Self::Succeeded,
            StatusCode::Failed => Self::Failed,
            StatusCode::TimedOut => Self::TimedOut,
            StatusCode::Aborted => Self::Aborted,
        }
    }
}

impl From<Status> for StatusCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Running => Self::Running,
            Status::Succeeded => Self::Succeeded,
            Status::Failed => Self::Failed,
            Status::TimedOut => Self::TimedOut,
            Status::Aborted => Self::Aborted,
        }
    }
}

/// One line of a listing. Space `ExecutionListing`; its key holds machine, status and time.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ListingEntry {
    /// `arn:aws:states:…:execution:MACHINE:NAME`.
    #[n(0)]
    pub execution_arn: String,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// The machine's ARN, without version or alias.
    #[n(2)]
    pub state_machine_arn: String,
    /// When it began.
    #[n(3)]
    pub started_at: Timestamp,
    /// When it ended.
    #[n(4)]
    pub stopped_at: Option<Timestamp>,
    /// The map run that it is a child of.
    #[n(5)]
    pub map_run_arn: Option<String>,
    /// How many items of that run it has.
    #[n(6)]
    pub items: Option<u64>,
    /// The version that it runs, if it was started through one.
    #[n(7)]
    pub version_arn: Option<String>,
    /// The alias that it was started through.
    #[n(8)]
    pub alias_arn: Option<String>,
    /// How often it was redriven, if it was.
    #[n(9)]
    pub redrives: Option<u64>,
    /// When it was redriven last.
    #[n(10)]
    pub redriven_at: Option<Timestamp>,
}

impl ListingEntry {
    /// Returns the ARN under which the execution is listed.
    pub fn listed_under(&self) -> &str {
        self.map_run_arn
            .as_deref()
            .unwrap_or(&self.state_machine_arn)
    }

    /// Says whether `arn` lists the execution: its map run's or its machine's, its version's, its alias's.
    pub fn is_listed_under(&self, arn: &str) -> bool {
        self.listed_under() == arn
            || self.version_arn.as_deref() == Some(arn)
            || self.alias_arn.as_deref() == Some(arn)
    }
}

/// Part of a journal: the events that one commit added to one execution. Space `Journal`.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Chunk {
    /// The last number of the history before this chunk.
    #[n(0)]
    pub after: EventId,
    /// The events, in order.
    #[n(1)]
    pub events: Vec<Recorded>,
}

impl Chunk {
    /// Returns the events with their numbers in the history. One that is not part of the history has the
    /// number of the last one before it that is.
    pub fn numbered(&self) -> impl Iterator<Item = (EventId, &Recorded)> {
        let mut id = self.after;
        self.events.iter().map(move |recorded| {
            if recorded.event.is_public() {
                id = id.next();
            }
            (id, recorded)
        })
    }
}

/// Returns the bytes of a record.
pub fn encode<T: Encode<()>>(record: &T) -> Vec<u8> {
    minicbor::to_vec(record).expect("writing to memory does not fail")
}

/// Returns the key of an execution's record.
pub fn execution_key(execution: ExecutionRef) -> Key {
    Key::new(Space::Executions, execution.bytes())
}

/// Returns the range of a partition's records.
pub fn executions_of(partition: u16) -> Range {
    Range::prefix(Space::Executions, &partition.to_be_bytes())
}

/// Returns the execution that a key of the space `Executions` is for.
pub fn execution_of_key(bytes: &[u8]) -> Option<ExecutionRef> {
    ExecutionRef::from_bytes(bytes)
}

/// Returns the key of the chunk that begins with the journal's event number `first`, counted from 0
/// over all events, also those that are not part of the history.
pub fn chunk_key(execution: ExecutionRef, first: u64) -> Key {
    let mut bytes = execution.bytes();
    bytes.extend_from_slice(&first.to_be_bytes());
    Key::new(Space::Journal, bytes)
}

/// Returns the range of an execution's chunks.
pub fn journal_of(execution: ExecutionRef) -> Range {
    Range::prefix(Space::Journal, &execution.bytes())
}

/// Returns the key under which an execution is found by its name.
pub fn name_key(state_machine_arn: &str, name: &str) -> Key {
    Key::new(
        Space::ExecutionNames,
        [state_machine_arn.as_bytes(), name.as_bytes()].join(&0),
    )
}

/// Returns what the execution with this ARN is found as, within its machine: `NAME`, or `NAME:UUID` of an
/// EXPRESS machine.
pub fn found_as(execution_arn: &str) -> &str {
    // arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME
    execution_arn.splitn(8, ':').nth(7).unwrap_or_default()
}

/// Returns the value of a name's row.
pub fn name_value(execution: ExecutionRef) -> Vec<u8> {
    execution.bytes()
}

/// Returns the execution that a name's row holds.
pub fn execution_of_name(value: &[u8]) -> Option<ExecutionRef> {
    ExecutionRef::from_bytes(value)
}

/// Returns the first bytes of all listing keys of a machine: eight bytes of the ARN's hash.
pub fn listing_prefix(state_machine_arn: &str) -> [u8; 8] {
    let digest = Sha256::digest(state_machine_arn.as_bytes());
    *digest.first_chunk().expect("a digest has 32 bytes")
}

/// Returns the key of a listing's line: machine, status, newest first. Running executions are ordered by
/// their start, closed ones by their end.
pub fn listing_key(
    state_machine_arn: &str,
    status: StatusCode,
    at: Timestamp,
    execution: ExecutionRef,
) -> Key {
    let mut bytes = Vec::with_capacity(27);
    bytes.extend_from_slice(&listing_prefix(state_machine_arn));
    bytes.push(status as u8);
    bytes.extend_from_slice(&(!(at.as_millis() as u64)).to_be_bytes());
    // Of two in one millisecond the later number comes first, too.
    bytes.extend_from_slice(&execution.partition.to_be_bytes());
    bytes.extend_from_slice(&(!execution.number).to_be_bytes());
    Key::new(Space::ExecutionListing, bytes)
}

/// Returns the execution that a key of the listing is for.
pub fn execution_of_listing_key(bytes: &[u8]) -> Option<ExecutionRef> {
    let (partition, number) = bytes.get(17..)?.split_first_chunk()?;
    Some(ExecutionRef {
        partition: u16::from_be_bytes(*partition),
        number: !u64::from_be_bytes(*number.first_chunk()?),
    })
}

/// Returns the range of a machine's listing lines with one status.
pub fn listing_of(state_machine_arn: &str, status: StatusCode) -> Range {
    let mut prefix = listing_prefix(state_machine_arn).to_vec();
    prefix.push(status as u8);
    Range::prefix(Space::ExecutionListing, &prefix)
}

/// Returns the key of a call in the outbox.
pub fn outbox_key(execution: ExecutionRef, task: TaskId) -> Key {
    let mut bytes = execution.bytes();
    bytes.extend_from_slice(&task.0.0.to_be_bytes());
    Key::new(Space::Outbox, bytes)
}

/// Returns the row that says: the events of this chunk are to be logged.
pub fn backlog_key(execution: ExecutionRef, first: u64) -> Key {
    let mut bytes = execution.bytes();
    bytes.extend_from_slice(&first.to_be_bytes());
    Key::new(Space::LogBacklog, bytes)
}

/// Returns the row that says: a collector of traces is to be told of this execution.
pub fn span_key(execution: ExecutionRef) -> Key {
    Key::new(Space::SpanBacklog, execution.bytes())
}

/// Returns the row that says: somebody is to hear that this execution has this status since `at`. Rows are in
/// the order of time.
pub fn status_key(execution: ExecutionRef, at: Timestamp, status: StatusCode) -> Key {
    let mut bytes = at.as_millis().to_be_bytes().to_vec();
    bytes.extend_from_slice(&execution.bytes());
    bytes.push(status as u8);
    Key::new(Space::StatusBacklog, bytes)
}

/// Returns since when a row of [`status_key`] is so, and the API's word for its status.
pub fn status_of_key(bytes: &[u8]) -> Option<(Timestamp, &'static str)> {
    let at = i64::from_be_bytes(*bytes.first_chunk()?);
    let word = match bytes.last()? {
        0 => "RUNNING",
        1 => "SUCCEEDED",
        2 => "FAILED",
        3 => "TIMED_OUT",
        _ => "ABORTED",
    };
    Some((Timestamp::from_millis(at), word))
}

/// Returns the chunk that a row of the backlog names.
pub fn chunk_of_backlog(bytes: &[u8]) -> Option<(ExecutionRef, u64)> {
    let first = bytes.get(10..)?.first_chunk()?;
    Some((ExecutionRef::from_bytes(bytes)?, u64::from_be_bytes(*first)))
}

/// Returns the call that a key of the outbox is for.
pub fn call_of_key(bytes: &[u8]) -> Option<(ExecutionRef, TaskId)> {
    let execution = ExecutionRef::from_bytes(bytes)?;
    let task = bytes.get(10..)?.first_chunk()?;
    Some((execution, TaskId(EventId(u64::from_be_bytes(*task)))))
}

/// Returns the key of a timer: by moment first, so that what is due comes first.
pub fn timer_key(due_at: Timestamp, execution: ExecutionRef, timer: Timer) -> Key {
    let mut bytes = Vec::with_capacity(27);
    bytes.extend_from_slice(&(due_at.as_millis().max(0) as u64).to_be_bytes());
    bytes.extend_from_slice(&execution.bytes());
    bytes.push(timer.kind as u8);
    bytes.extend_from_slice(&timer.of.0.to_be_bytes());
    Key::new(Space::Timers, bytes)
}

/// Returns the timer that a key of the space `Timers` is for.
pub fn timer_of_key(bytes: &[u8]) -> Option<(Timestamp, ExecutionRef, Timer)> {
    let (due_at, rest) = bytes.split_first_chunk()?;
    let execution = ExecutionRef::from_bytes(rest)?;
    let kind = match rest.get(10)? {
        0 => TimerKind::Execution,
        1 => TimerKind::TaskTimeout,
        2 => TimerKind::TaskHeartbeat,
        3 => TimerKind::Retry,
        4 => TimerKind::Wait,
        _ => return None,
    };
    let of = EventId(u64::from_be_bytes(*rest.get(11..)?.first_chunk()?));
    Some((
        Timestamp::from_millis(u64::from_be_bytes(*due_at) as i64),
        execution,
        Timer { kind, of },
    ))
}

/// Returns the first bytes of the keys of all timers that are due at `moment`.
pub fn moment_bytes(moment: Timestamp) -> bytes::Bytes {
    (moment.as_millis().max(0) as u64)
        .to_be_bytes()
        .to_vec()
        .into()
}

/// Returns the range of the timers from the key `start` on that are due before `moment`.
pub fn timers_between(start: bytes::Bytes, moment: Timestamp) -> Range {
    Range {
        space: Space::Timers,
        start,
        end: Some(moment_bytes(moment)),
        reverse: false,
    }
}
