//! The next children of a run: their inputs, made of items.

use std::sync::Arc;

use asl::StateMachine;
use engine_core::Payload;
use engine_core::map_run::{Batch, Count, Failure, MapRunStart, child_input};

use service::{Gate, Principal};
use vocab::Timestamp;

use super::source::Source;

/// Most bytes of the inputs that are made ahead of their children.
const BYTES_AHEAD_MAX: usize = 8 << 20;

/// A child to be begun.
pub(super) struct Planned {
    /// Its number.
    pub index: u64,
    /// How many items it has.
    pub items: u64,
    /// Its input.
    pub input: Payload,
}

/// Makes children of items, in their order. The same items make the same children, so that a run which
/// goes on after a restart makes those that it would have made.
pub(super) struct Children {
    machine: Arc<StateMachine>,
    start: Arc<MapRunStart>,
    source: Source,
    /// The item that did not fit into the last batch.
    held: Option<Payload>,
    next: u64,
    exhausted: bool,
    input_bytes_max: usize,
    /// What expressions are told: when the run began, so that a child which is made twice is made alike.
    now: Timestamp,
}

impl Children {
    /// Returns the children from the first that is not in `done` on.
    pub async fn open(
        machine: Arc<StateMachine>,
        start: Arc<MapRunStart>,
        done: Count,
        input_bytes_max: usize,
        now: Timestamp,
        (gate, principal): (Arc<dyn Gate>, Principal),
    ) -> Result<Self, Failure> {
        Ok(Self {
            source: Source::open(&start.items, done.items, gate, principal).await?,
            machine,
            start,
            held: None,
            next: done.children,
            exhausted: false,
            input_bytes_max,
            now,
        })
    }

    /// Returns what identifies the object that the items are read from, where it is one.
    pub fn etag(&mut self) -> Option<String> {
        self.source.etag()
    }

    /// Says whether there may be more.
    pub fn more(&self) -> bool {
        !self.exhausted
    }

    /// Returns up to `most` children, and what ended them early.
    pub async fn take(&mut self, most: usize) -> (Vec<Planned>, Option<Failure>) {
        let (mut planned, mut bytes) = (Vec::new(), 0);
        while planned.len() < most && bytes < BYTES_AHEAD_MAX && !self.exhausted {
            match self.child().await {
                Ok(Some(child)) => {
                    bytes += child.input.len();
                    planned.push(child);
                }
                Ok(None) => self.exhausted = true,
                Err(failure) => {
                    self.exhausted = true;
                    return (planned, Some(failure));
                }
            }
        }
        (planned, None)
    }

    async fn child(&mut self) -> Result<Option<Planned>, Failure> {
        let start = self.start.clone();
        let mut batch = Batch::new(start.batching.as_ref(), self.input_bytes_max);
        while !batch.is_full() {
            let item = match self.held.take() {
                Some(item) => item,
                None => match self.source.next().await? {
                    Some(item) => child_input(&self.machine, &start, &item, self.now)?,
                    None => break,
                },
            };
            if !batch.add(&item) {
                self.held = Some(item);
                break;
            }
        }
        let items = batch.items();
        if items == 0 {
            return Ok(None);
        }
        let input = batch.finish();
        if input.len() > self.input_bytes_max {
            return Err(self.too_long());
        }
        let index = self.next;
        self.next += 1;
        Ok(Some(Planned {
            index,
            items,
            input,
        }))
    }

    fn too_long(&self) -> Failure {
        Failure {
            error: "States.DataLimitExceeded".into(),
            cause: format!(
                "The input of a child of the state '{}' has a size exceeding the maximum number of bytes service limit.",
                self.start.state
            )
            .into(),
        }
    }
}
