//! `FilterLogEvents`: the events of a group that match a pattern, in the order of time.
//!
//! A page ends when it is full, or when much was read and little found: then it says where to go on, as
//! AWS does, so that a search through everything never holds a call up for long.

use std::collections::BTreeSet;

use aws_model::logs::{
    FilterLogEventsInput, FilterLogEventsOutput, FilteredLogEvent, SearchedLogStream,
};
use service::{Failure, Reply};

use crate::pattern::Pattern;
use crate::position::Position;
use crate::reader::{Found, Reader, Source, Span};
use crate::{Core, failure, names, reply};

/// Most events of a page.
const PAGE_EVENTS_MAX: usize = 10_000;
/// Most bytes of a page (API reference, "FilterLogEvents").
const PAGE_BYTES_MAX: usize = 1 << 20;
/// Most bytes that are read for a page.
const READ_BYTES_MAX: usize = 32 << 20;

/// Which streams are searched.
enum Streams {
    All,
    Named(BTreeSet<String>),
    Prefixed(String),
}

impl Streams {
    fn have(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(name),
            Self::Prefixed(prefix) => name.starts_with(prefix.as_str()),
        }
    }
}

pub(crate) async fn call(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: FilterLogEventsInput = failure::read(input)?;
    let name = names::named(&core.site, input.log_group_name, input.log_group_identifier)?;
    let pattern = Pattern::parse(input.filter_pattern.as_deref().unwrap_or_default())
        .map_err(|error| failure::invalid(error.to_string()))?;
    let streams = match (input.log_stream_names, input.log_stream_name_prefix) {
        (Some(_), Some(_)) => {
            return Err(failure::invalid(
                "logStreamNames and logStreamNamePrefix cannot both be specified",
            ));
        }
        (Some(names), None) => Streams::Named(names.into_iter().collect()),
        (None, Some(prefix)) => Streams::Prefixed(prefix),
        (None, None) => Streams::All,
    };
    let (_, group) = core.group(&name).await?;
    let source = source(core, group.id, &streams).await?;
    let kept_since = group.kept_since(core.clock.now().as_millis());
    let reverse = input.start_from_head == Some(false);
    let mut span = Span {
        start: Position::before(input.start_time.unwrap_or(0).max(kept_since)),
        // The end is inclusive here, unlike that of GetLogEvents.
        end: input
            .end_time
            .map(|end| Position::before(end.saturating_add(1))),
    };
    if let Some(token) = &input.next_token {
        let place = Position::unseal(token).ok_or_else(failure::invalid_token)?;
        if reverse {
            span.end = Some(span.end.map_or(place, |end| end.min(place)));
        } else {
            span.start = span.start.max(place);
        }
    }
    let limit = input.limit.map_or(PAGE_EVENTS_MAX, |limit| limit as usize);
    let reader = Reader::new(core, source, span, reverse);
    let wanted = |event: &Found| streams.have(&event.stream) && pattern.matches(&event.message);
    let (events, next) = page(reader, wanted, limit, reverse).await?;
    Ok(reply(&FilterLogEventsOutput {
        events: Some(events.into_iter().map(shown).collect()),
        // "…this field is always an empty list" (API reference).
        searched_log_streams: Some(Vec::<SearchedLogStream>::new()),
        next_token: next.map(Position::seal),
    }))
}

/// Returns what is to be read: one stream, if only one is asked for, else the group.
async fn source(core: &Core, group: u64, streams: &Streams) -> Result<Source, Failure> {
    let Streams::Named(names) = streams else {
        return Ok(Source::Group(group));
    };
    let mut only = None;
    for name in names {
        let (_, record) = core.stream(group, name).await?;
        only = Some(record.id);
    }
    Ok(match only.filter(|_| names.len() == 1) {
        Some(stream) => Source::Stream { group, stream },
        None => Source::Group(group),
    })
}

/// Returns a page and where the next begins, if there may be one.
async fn page(
    mut reader: Reader<'_>,
    wanted: impl Fn(&Found) -> bool,
    limit: usize,
    reverse: bool,
) -> Result<(Vec<Found>, Option<Position>), Failure> {
    let (mut events, mut bytes) = (Vec::new(), 0);
    while let Some(second) = reader.next_second().await? {
        let mut last = None;
        for event in second {
            // Where to go on if the page ends before this event.
            let here = if reverse {
                event.position.next()
            } else {
                event.position
            };
            last = Some(event.position);
            if !wanted(&event) {
                continue;
            }
            bytes += event.size();
            if events.len() == limit || (bytes > PAGE_BYTES_MAX && !events.is_empty()) {
                return Ok((events, Some(here)));
            }
            events.push(event);
        }
        if reader.bytes_read > READ_BYTES_MAX {
            return Ok((events, last.map(|at| if reverse { at } else { at.next() })));
        }
    }
    Ok((events, None))
}

fn shown(event: Found) -> FilteredLogEvent {
    FilteredLogEvent {
        timestamp: Some(event.at()),
        ingestion_time: Some(event.ingested_at),
        event_id: Some(event.position.to_string()),
        log_stream_name: Some(event.stream.as_ref().to_owned()),
        message: Some(event.message),
    }
}
