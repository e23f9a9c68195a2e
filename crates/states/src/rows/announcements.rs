//! Ends that somebody waits for: a row in the same commit as the end, until whoever waits has taken it.
//!
//! Space `Announcements`. A key begins with who waits, so that each finds what is for it, in any order
//! and in portions. Who waits deletes the rows in the commit with which it takes note of them: each is
//! taken at least once and counted once. A nested execution that a task waits for is a second kind of
//! waiter, with a first byte of its own.

use minicbor::{Decode, Encode};
use store::{Key, Range, Space};

use super::{ExecutionRef, MapRunRef, StatusCode};

/// Who waits for an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Waiter {
    /// The map run that began the execution.
    MapRun(MapRunRef),
}

impl Waiter {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::MapRun(run) => [b"m", &*run.bytes()].concat(),
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
