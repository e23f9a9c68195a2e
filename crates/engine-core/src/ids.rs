//! Identifiers: everything in an execution is named by the number of the event that made it.

use std::fmt;

use minicbor::{Decode, Encode};

/// The number of an event in the history that clients see: 1, 2, 3, …. Zero is "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct EventId(#[n(0)] pub u64);

impl EventId {
    /// Before the first event; the `previousEventId` of events that follow none.
    pub const NONE: Self = Self(0);

    /// Returns the number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A state that was entered and not yet left, named by its `…StateEntered` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct FrameId(#[n(0)] pub EventId);

/// What a Distributed Map started, named by its `MapRunStarted` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct MapRunId(#[n(0)] pub EventId);

/// One attempt of a task, named by its `…Scheduled` event; a retry is another task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct TaskId(#[n(0)] pub EventId);
