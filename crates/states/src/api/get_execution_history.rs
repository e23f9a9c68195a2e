//! `GetExecutionHistory`: the events of an execution, in pages, from either end.
//!
//! A page is written as it is read, chunk by chunk, and ends at its number of events or of bytes:
//! a history of any size costs the memory of one page.

use aws_model::states::GetExecutionHistoryInput;
use bytes::Bytes;
use engine_core::EventId;
use engine_core::history::{View, history_event};
use service::{Failure, Reply};

use super::executions::Sight;
use super::{executions, failure};
use crate::page;
use crate::rows::{Chunk, ExecutionRef};
use crate::service::States;

/// A page ends behind the event with which it reaches this size.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many chunks are read at once.
const CHUNKS_AT_ONCE: usize = 32;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    answer(states, input, Sight::Api).await
}

/// Answers for those who see what `sight` shows.
pub(crate) async fn answer(states: &States, input: &[u8], sight: Sight) -> Result<Reply, Failure> {
    let input: GetExecutionHistoryInput = super::read(input)?;
    let reverse = input.reverse_order.unwrap_or(false);
    let include_data = input.include_execution_data.unwrap_or(true);
    let (execution, _) = executions::find_by(states, &input.execution_arn, sight).await?;
    let flags = match (reverse, include_data) {
        (false, false) => "",
        (false, true) => "data",
        (true, false) => "reverse",
        (true, true) => "reverse data",
    };
    let arguments = ["GetExecutionHistory", input.execution_arn.as_str(), flags];
    let cursor = match &input.next_token {
        None => None,
        Some(token) => {
            let bytes = states.pages.open(&arguments, token, states.clock.now())?;
            Some(Cursor::from_bytes(&bytes).ok_or_else(failure::invalid_token)?)
        }
    };
    let mut page = Page {
        view: View {
            region: &states.site.region,
            include_data,
        },
        reverse,
        events_max: page::size(input.max_results),
        shown: 0,
        last: cursor,
        output: br#"{"events":["#.to_vec(),
    };
    let more = page.fill(states, execution).await?;
    page.output.push(b']');
    if let (true, Some(last)) = (more, page.last) {
        let token = states
            .pages
            .seal(&arguments, &last.to_bytes(), states.clock.now());
        // Tokens are URL-safe base64: nothing in them is escaped in JSON.
        page.output
            .extend_from_slice(format!(r#","nextToken":"{token}""#).as_bytes());
    }
    page.output.push(b'}');
    Ok(Reply {
        output: page.output.into(),
        payload: Bytes::new(),
    })
}

/// The last event that was shown.
#[derive(Clone, Copy)]
struct Cursor {
    /// The number of its chunk.
    chunk: u64,
    /// Its number.
    event: EventId,
}

impl Cursor {
    fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.chunk.to_be_bytes());
        bytes[8..].copy_from_slice(&self.event.0.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (chunk, rest) = bytes.split_first_chunk()?;
        let event = EventId(u64::from_be_bytes(rest.try_into().ok()?));
        Some(Self {
            chunk: u64::from_be_bytes(*chunk),
            event,
        })
    }
}

/// A page as it is written.
struct Page<'a> {
    view: View<'a>,
    reverse: bool,
    events_max: usize,
    shown: usize,
    last: Option<Cursor>,
    output: Vec<u8>,
}

impl Page<'_> {
    /// Writes events until the page is full; says whether there are more.
    async fn fill(&mut self, states: &States, execution: ExecutionRef) -> Result<bool, Failure> {
        let mut from = self.last.map(|cursor| cursor.chunk);
        loop {
            let chunks = states
                .shell
                .chunks(execution, from, self.reverse, CHUNKS_AT_ONCE)
                .await?;
            for (number, chunk) in &chunks {
                if self.write(*number, chunk) {
                    return Ok(true);
                }
            }
            let next = chunks.last().and_then(|(number, _)| match self.reverse {
                true => number.checked_sub(1),
                false => number.checked_add(1),
            });
            match next {
                Some(next) if chunks.len() == CHUNKS_AT_ONCE => from = Some(next),
                Some(_) | None => return Ok(false),
            }
        }
    }

    /// Writes the events of a chunk that were not shown yet; says whether one found the page full.
    fn write(&mut self, number: u64, chunk: &Chunk) -> bool {
        let public: Vec<_> = chunk
            .numbered()
            .filter(|(_, recorded)| recorded.event.is_public())
            .collect();
        let mut forward = public.iter();
        let mut backward = public.iter().rev();
        let events: &mut dyn Iterator<Item = &(EventId, &engine_core::Recorded)> = if self.reverse {
            &mut backward
        } else {
            &mut forward
        };
        for (id, recorded) in events {
            let was_shown = self.last.is_some_and(|last| match self.reverse {
                true => *id >= last.event,
                false => *id <= last.event,
            });
            if was_shown {
                continue;
            }
            if self.shown == self.events_max || self.output.len() >= PAGE_BYTES_MAX {
                return true;
            }
            let Some(event) = history_event(*id, recorded, self.view) else {
                continue;
            };
            if self.shown > 0 {
                self.output.push(b',');
            }
            serde_json::to_writer(&mut self.output, &event)
                .expect("writing to memory does not fail");
            self.shown += 1;
            self.last = Some(Cursor {
                chunk: number,
                event: *id,
            });
        }
        false
    }
}
