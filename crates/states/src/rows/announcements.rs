//! Ends that somebody waits for: a row in the same commit as the end, until whoever waits has taken it.
//!
//! Space `Announcements`. A key begins with who waits, so that each finds what is for it, in any order
//! and in portions. Who waits deletes the rows in the commit with which it takes note of them: each is
//! taken at least once and counted once.
//!
//! Of a task that waits for a nested execution there are two rows more: which execution it is, written
//! when that begins, and, when the task has ended without it, that it is to be stopped.

use minicbor::{Decode, Encode};
use store::{Key, Range, Space};

use super::{ExecutionRef, MapRunRef, StatusCode};
use engine_core::{EventId, TaskId};

/// Who waits for an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Waiter {
    /// The map run that began the execution.
    MapRun(MapRunRef),
    /// The task that began it.
    Task(ExecutionRef, TaskId),
}

impl Waiter {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::MapRun(run) => [b"m", &*run.bytes()].concat(),
            Self::Task(execution, task) => task_bytes(b't', execution, task),
        }
    }
}

/// An execution's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Announcement {
    /// How it ended.
    #[n(0)]
    pub status: StatusCode,
    /// How many items of a map run it had.
    #[n(1)]
    pub items: u64,
}

/// Returns the key of the end of `execution`, for `waiter`.
pub fn announcement_key(waiter: Waiter, execution: ExecutionRef) -> Key {
    let bytes = [waiter.bytes(), execution.bytes()].concat();
    Key::new(Space::Announcements, bytes)
}

/// Returns the range of the ends that `waiter` has not taken.
pub fn announcements_to(waiter: Waiter) -> Range {
    Range::prefix(Space::Announcements, &waiter.bytes())
}

fn task_bytes(kind: u8, execution: ExecutionRef, task: TaskId) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&execution.bytes());
    bytes.extend_from_slice(&task.0.0.to_be_bytes());
    bytes
}

/// Returns the range of all ends that tasks have not taken.
pub fn announcements_to_tasks() -> Range {
    Range::prefix(Space::Announcements, b"t")
}

/// Returns the key under which the execution is found that a task waits for.
pub fn job_key(execution: ExecutionRef, task: TaskId) -> Key {
    Key::new(Space::Announcements, task_bytes(b'j', execution, task))
}

/// Returns the key that is there while the execution is to be stopped that a task waited for.
pub fn abandoned_key(execution: ExecutionRef, task: TaskId) -> Key {
    Key::new(Space::Announcements, task_bytes(b'x', execution, task))
}

/// Returns the range of the executions that are to be stopped.
pub fn abandoned() -> Range {
    Range::prefix(Space::Announcements, b"x")
}

/// Returns the task that a key of [`announcements_to_tasks`] or of [`abandoned`] is for.
pub fn task_of_key(bytes: &[u8]) -> Option<(ExecutionRef, TaskId)> {
    let execution = ExecutionRef::from_bytes(bytes.get(1..)?)?;
    let task = bytes.get(11..)?.first_chunk()?;
    Some((execution, TaskId(EventId(u64::from_be_bytes(*task)))))
}
