//! Reads events in the order of time, from either end, second by second.
//!
//! What is in memory is one second of the group or stream and a few blocks more, however much there is.

use std::collections::VecDeque;
use std::sync::Arc;

use service::Failure;
use store::Range;

use crate::append::decode;
use crate::position::Position;
use crate::rows::{self, Address, Block};
use crate::{Core, failure};

/// How many blocks, or ways to blocks, are read at once.
const ROWS_AT_ONCE: usize = 16;

/// Whose events are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    Group(u64),
    Stream { group: u64, stream: u64 },
}

/// Which events are read: from the first (inclusive) to the last (exclusive).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub start: Position,
    pub end: Option<Position>,
}

/// An event that was read.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub position: Position,
    pub stream: Arc<str>,
    pub ingested_at: i64,
    pub message: String,
}

impl Found {
    pub fn at(&self) -> i64 {
        self.position.at as i64
    }

    /// Returns the size as CloudWatch counts it.
    pub fn size(&self) -> usize {
        self.message.len() + rows::EVENT_OVERHEAD_BYTES
    }
}

pub(crate) struct Reader<'c> {
    core: &'c Core,
    source: Source,
    span: Span,
    reverse: bool,
    /// What is still to be scanned; `None` at the end.
    range: Option<Range>,
    blocks: VecDeque<(Address, Block)>,
    /// Bytes of the blocks that were read.
    pub bytes_read: usize,
}

impl<'c> Reader<'c> {
    pub fn new(core: &'c Core, source: Source, span: Span, reverse: bool) -> Self {
        let from = span.start.at / 1000;
        // The last second is read too: it may hold events before the end.
        let end = span.end.map(|end| end.at / 1000 + 1);
        let range = match source {
            Source::Group(group) => rows::blocks_of_group(group, from, end),
            Source::Stream { group, stream } => rows::blocks_of_stream(group, stream, from, end),
        };
        Self {
            core,
            source,
            span,
            reverse,
            range: (!range.is_empty()).then_some(Range { reverse, ..range }),
            blocks: VecDeque::new(),
            bytes_read: 0,
        }
    }

    /// Returns the events of the next second that has any within the span, in the order of reading;
    /// `None` when there are no more.
    pub async fn next_second(&mut self) -> Result<Option<Vec<Found>>, Failure> {
        loop {
            while self.range.is_some() && !self.has_whole_second() {
                self.scan().await?;
            }
            let Some((first, _)) = self.blocks.front() else {
                return Ok(None);
            };
            let second = first.second;
            let count = self.blocks.iter().take_while(|(at, _)| at.second == second);
            let count = count.count();
            let mut found = Vec::new();
            for (address, block) in self.blocks.drain(..count) {
                self.span.take(address, block, &mut found);
            }
            if found.is_empty() {
                continue;
            }
            found.sort_unstable_by_key(|event| event.position);
            if self.reverse {
                found.reverse();
            }
            return Ok(Some(found));
        }
    }

    fn has_whole_second(&self) -> bool {
        match (self.blocks.front(), self.blocks.back()) {
            (Some((first, _)), Some((last, _))) => first.second != last.second,
            _ => false,
        }
    }

    async fn scan(&mut self) -> Result<(), Failure> {
        let Some(range) = &mut self.range else {
            return Ok(());
        };
        let store = &self.core.store;
        let rows = store.scan(range, ROWS_AT_ONCE).await;
        let rows = rows.map_err(failure::unreadable)?;
        let last = rows.last().map(|(key, _)| key.clone());
        let more = rows.len() == ROWS_AT_ONCE;
        for (key, row) in rows {
            let address = Address::of_key(&key);
            let address =
                address.ok_or_else(|| Failure::internal("A stored key is unreadable."))?;
            let row = match self.source {
                Source::Group(_) => row,
                Source::Stream { .. } => match self.core.read_row(&address.key()).await? {
                    Some(row) => row,
                    // Removed since the way to it was read.
                    None => continue,
                },
            };
            self.bytes_read += row.len();
            self.blocks.push_back((address, decode(&row)?));
        }
        match (more, last) {
            (true, Some(last)) if range.reverse => range.end = Some(last),
            (true, Some(last)) => range.start = [&last[..], &[0]].concat().into(),
            (false, _) | (true, None) => self.range = None,
        }
        Ok(())
    }
}

impl Span {
    /// Adds the events of a block that lie within.
    fn take(self, address: Address, block: Block, found: &mut Vec<Found>) {
        let stream: Arc<str> = block.stream.into();
        for (index, line) in (0_u16..).zip(block.events) {
            let position = Position {
                at: line.at.max(0) as u64,
                seq: address.seq,
                index,
            };
            if position >= self.start && self.end.is_none_or(|end| position < end) {
                found.push(Found {
                    position,
                    stream: Arc::clone(&stream),
                    ingested_at: block.ingested_at,
                    message: line.message,
                });
            }
        }
    }
}
