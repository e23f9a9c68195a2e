//! What is on disk of map runs. Space `MapRuns`; the first byte of a key says what its row is.
//!
//! | first byte | key behind it | row |
//! | --- | --- | --- |
//! | `r` | run | [`MapRunRecord`], written again as the run goes on |
//! | `s` | run | [`MapRunStart`](engine_core::map_run::MapRunStart), constant |
//! | `o` | run | nothing; there while the run is not over and its parent told |
//! | `x` | run | there when the parent wants nothing of the run any more: how often it had been redriven |
//! | `d` | run | [`RedriveRow`], the last redrive that the parent waits for |
//! | `f` | run | [`MapRunEnd`], from the run's end until the parent was told |
//! | `c` | run, child's number | [`ChildRow`] |
//! | `a` | the run's ARN | the run |
//!
//! A run's name begins with its parent's, so the runs of one execution are together.

use engine_core::map_run::{Count, Failure, MapRun};
use engine_core::{EventId, MapRunId, Payload};
use minicbor::{Decode, Encode};
use store::{Key, Range, Space};
use vocab::Timestamp;

use crate::machines::Logging;

use super::{DefinitionHash, ExecutionRef, StatusCode};

/// Names a map run within the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct MapRunRef {
    /// The execution that waits for it.
    #[n(0)]
    pub parent: ExecutionRef,
    /// Its name there.
    #[n(1)]
    pub run: MapRunId,
}

impl MapRunRef {
    /// Returns the bytes that stand for the run in keys.
    pub fn bytes(self) -> Vec<u8> {
        let mut bytes = self.parent.bytes();
        bytes.extend_from_slice(&self.run.0.0.to_be_bytes());
        bytes
    }

    /// Returns the run that `bytes` begin with.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let parent = ExecutionRef::from_bytes(bytes)?;
        let run = bytes.get(10..)?.first_chunk()?;
        let run = MapRunId(EventId(u64::from_be_bytes(*run)));
        Some(Self { parent, run })
    }
}

/// How a map run is. Small: it is written with every step that the run takes.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct MapRunRecord {
    /// `arn:aws:states:…:mapRun:MACHINE/LABEL:UUID`.
    #[n(0)]
    pub map_run_arn: String,
    /// The execution that waits for it.
    #[n(1)]
    pub execution_arn: String,
    /// `arn:aws:states:…:stateMachine:MACHINE/LABEL`.
    #[n(2)]
    pub state_machine_arn: String,
    /// As whom it and its children call.
    #[n(3)]
    pub role_arn: String,
    /// The definition that its parent pins.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub definition: DefinitionHash,
    /// Running, or how it ended. Never `TimedOut`.
    #[n(5)]
    pub status: StatusCode,
    /// When it began.
    #[n(6)]
    pub started_at: Timestamp,
    /// When it ended.
    #[n(7)]
    pub stopped_at: Option<Timestamp>,
    /// What it counts.
    #[n(8)]
    pub run: MapRun,
    /// The children before this one, with the items in them, are on disk.
    #[n(9)]
    pub confirmed: Count,
    /// Those up to this one were counted as begun, and may be on disk.
    #[n(10)]
    pub planned: Count,
    /// How many of the children's results its output holds, or were written by a writer.
    #[n(11)]
    pub results_written: Count,
    /// What identified the object of its items when it was opened first.
    #[n(12)]
    pub etag: Option<String>,
    /// How often it was redriven.
    #[n(13)]
    pub redrives: Option<u64>,
    /// When it was redriven last.
    #[n(14)]
    pub redriven_at: Option<Timestamp>,
    /// How far the walk over the children is that begin again; absent when there is none.
    #[n(15)]
    pub again: Option<Walk>,
    /// What its children log.
    #[n(16)]
    pub logging: Option<Logging>,
}

impl MapRunRecord {
    /// Says whether the child with the number `index`, which ended with `status`, is to begin again.
    pub fn is_pending_redrive(&self, index: u64, status: StatusCode) -> bool {
        let unsuccessful = !matches!(status, StatusCode::Running | StatusCode::Succeeded);
        let walk = self.again.filter(|_| self.status == StatusCode::Running);
        unsuccessful && walk.is_some_and(|walk| index >= walk.planned)
    }
}

/// How far a redriven run is among the children that it had before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Walk {
    /// Those before this one that had not succeeded were counted as begun again.
    #[n(0)]
    pub planned: u64,
    /// Those before this one have begun again.
    #[n(1)]
    pub confirmed: u64,
}

/// A redrive of a map run, as its parent asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RedriveRow {
    /// Which; the first is 1.
    #[n(0)]
    pub count: u64,
    /// When.
    #[n(1)]
    pub at: Timestamp,
}

/// The end of a map run, as its parent is told it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum MapRunEnd {
    /// With this result.
    #[n(0)]
    Succeeded(#[n(0)] Payload),
    /// For this reason.
    #[n(1)]
    Failed(#[n(0)] Failure),
}

/// A child of a map run: where it is and how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ChildRow {
    /// The execution.
    #[n(0)]
    pub execution: ExecutionRef,
    /// Running, or how it ended.
    #[n(1)]
    pub status: StatusCode,
    /// How many items it has.
    #[n(2)]
    pub items: u64,
    /// The chunk of its journal that holds the closing event.
    #[n(3)]
    pub last_chunk: Option<u64>,
}

/// What an execution says of the map run that it is a child of.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ChildOf {
    /// The run.
    #[n(0)]
    pub run: MapRunRef,
    /// The run's ARN.
    #[n(1)]
    pub map_run_arn: String,
    /// The child's number among the run's children.
    #[n(2)]
    pub index: u64,
    /// How many items it has.
    #[n(3)]
    pub items: u64,
    /// It is of type EXPRESS.
    #[n(4)]
    pub express: bool,
}

fn key(kind: u8, rest: &[u8]) -> Key {
    let mut bytes = Vec::with_capacity(1 + rest.len());
    bytes.push(kind);
    bytes.extend_from_slice(rest);
    Key::new(Space::MapRuns, bytes)
}

/// Returns the key of a run's record.
pub fn record_key(run: MapRunRef) -> Key {
    key(b'r', &run.bytes())
}

/// Returns the range of the records of an execution's runs.
pub fn records_of(parent: ExecutionRef) -> Range {
    Range::prefix(Space::MapRuns, &[b"r", &*parent.bytes()].concat())
}

/// Returns the key of what a run was told at its start.
pub fn start_key(run: MapRunRef) -> Key {
    key(b's', &run.bytes())
}

/// Returns the key that is there while a run is not over.
pub fn open_key(run: MapRunRef) -> Key {
    key(b'o', &run.bytes())
}

/// Returns the range of the runs that are not over.
pub fn open() -> Range {
    Range::prefix(Space::MapRuns, b"o")
}

/// Returns the run that a key of [`open`] or [`records_of`] is for.
pub fn run_of_key(bytes: &[u8]) -> Option<MapRunRef> {
    MapRunRef::from_bytes(bytes.get(1..)?)
}

/// Returns the key that is there when a run is to end.
pub fn abort_key(run: MapRunRef) -> Key {
    key(b'x', &run.bytes())
}

/// Returns what a row at [`abort_key`] says: how often the run had been redriven.
pub fn abort_value(redrives: u64) -> Vec<u8> {
    redrives.to_be_bytes().to_vec()
}

/// Returns the number in a row at [`abort_key`]; rows of a time before there were redrives hold nothing.
pub fn redrives_at_abort(row: &[u8]) -> u64 {
    row.try_into().map_or(0, u64::from_be_bytes)
}

/// Returns the key of the redrive that a run's parent waits for.
pub fn redrive_key(run: MapRunRef) -> Key {
    key(b'd', &run.bytes())
}

/// Returns the key of a run's end.
pub fn end_key(run: MapRunRef) -> Key {
    key(b'f', &run.bytes())
}

/// Returns the key under which a run is found by its ARN.
pub fn arn_key(map_run_arn: &str) -> Key {
    key(b'a', map_run_arn.as_bytes())
}

/// Returns the key of a run's child.
pub fn child_key(run: MapRunRef, index: u64) -> Key {
    let mut bytes = run.bytes();
    bytes.extend_from_slice(&index.to_be_bytes());
    key(b'c', &bytes)
}

/// Returns the number of the child that a key of [`children_of`] is for.
pub fn index_of_key(bytes: &[u8]) -> Option<u64> {
    bytes.last_chunk().map(|index| u64::from_be_bytes(*index))
}

/// Returns the range of a run's children from the one with the number `from` on.
pub fn children_of(run: MapRunRef, from: u64) -> Range {
    let mut range = Range::prefix(Space::MapRuns, &[b"c", &*run.bytes()].concat());
    range.start = child_key(run, from).bytes;
    range
}
