//! `GetLogEvents`: the events of one stream, from either end, forth and back.

use aws_model::logs::{GetLogEventsInput, GetLogEventsOutput, OutputLogEvent};
use service::{Failure, Reply};

use crate::position::Position;
use crate::reader::{Found, Reader, Source, Span};
use crate::{Core, failure, names, reply};

/// Most events of a page, and how many there are where a call says nothing.
const PAGE_EVENTS_MAX: usize = 10_000;
/// Most bytes of a page (API reference, "GetLogEvents").
const PAGE_BYTES_MAX: usize = 1 << 20;

/// Where a page begins, and which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// With the event at this place.
    Forward(Position),
    /// With the event before this place, backwards.
    Backward(Option<Position>),
}

pub(crate) async fn call(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: GetLogEventsInput = failure::read(input)?;
    let name = names::named(&core.site, input.log_group_name, input.log_group_identifier)?;
    let (_, group) = core.group(&name).await?;
    let (_, stream) = core.stream(group.id, &input.log_stream_name).await?;
    let kept_since = group.kept_since(core.clock.now().as_millis());
    let start = Position::before(input.start_time.unwrap_or(0).max(kept_since));
    let end = input.end_time.map(Position::before);
    let from = match &input.next_token {
        Some(token) => parse(token).ok_or_else(failure::invalid_token)?,
        None if input.start_from_head.unwrap_or(false) => From::Forward(start),
        None => From::Backward(end),
    };
    let source = Source::Stream {
        group: group.id,
        stream: stream.id,
    };
    let (span, reverse) = match from {
        From::Forward(place) => {
            let start = place.max(start);
            (Span { start, end }, false)
        }
        From::Backward(place) => {
            let end = match (place, end) {
                (Some(place), Some(end)) => Some(place.min(end)),
                (place, end) => place.or(end),
            };
            (Span { start, end }, true)
        }
    };
    let limit = input.limit.map_or(PAGE_EVENTS_MAX, |limit| limit as usize);
    let mut events = page(Reader::new(core, source, span, reverse), limit).await?;
    if reverse {
        events.reverse();
    }
    let (backward, forward) = match (events.first(), events.last(), from) {
        (Some(first), Some(last), _) => (first.position, last.position.next()),
        (_, _, From::Forward(place) | From::Backward(Some(place))) => (place, place),
        (_, _, From::Backward(None)) => (start, start),
    };
    Ok(reply(&GetLogEventsOutput {
        events: Some(events.into_iter().map(shown).collect()),
        next_forward_token: Some(format!("f/{forward}/s")),
        next_backward_token: Some(format!("b/{backward}/s")),
    }))
}

async fn page(mut reader: Reader<'_>, limit: usize) -> Result<Vec<Found>, Failure> {
    let (mut events, mut bytes) = (Vec::new(), 0);
    while let Some(second) = reader.next_second().await? {
        for event in second {
            bytes += event.size();
            if events.len() == limit || (bytes > PAGE_BYTES_MAX && !events.is_empty()) {
                return Ok(events);
            }
            events.push(event);
        }
    }
    Ok(events)
}

fn shown(event: Found) -> OutputLogEvent {
    OutputLogEvent {
        timestamp: Some(event.at()),
        ingestion_time: Some(event.ingested_at),
        message: Some(event.message),
    }
}

fn parse(token: &str) -> Option<From> {
    let (way, rest) = token.split_once('/')?;
    let place = Position::parse(rest.strip_suffix("/s").unwrap_or(rest))?;
    match way {
        "f" => Some(From::Forward(place)),
        "b" => Some(From::Backward(Some(place))),
        _ => None,
    }
}
