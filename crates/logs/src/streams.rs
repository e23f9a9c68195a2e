//! Log streams: created, listed by name or by their last event, deleted.

use std::sync::Arc;

use aws_model::logs::{
    CreateLogStreamInput, DeleteLogStreamInput, DescribeLogStreamsInput, DescribeLogStreamsOutput,
    LogStream, OrderBy,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use service::{Failure, Reply};
use store::{Batch, Expectation, StoreError};

use crate::append::decode;
use crate::rows::{self, StreamRecord};
use crate::{Core, empty_reply, failure, names, put_events, reply, sweep};

/// Most streams of a page.
const PAGE_MAX: usize = 50;
/// How many rows are read at once.
const ROWS_AT_ONCE: usize = 1_000;

pub(crate) async fn create(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: CreateLogStreamInput = failure::read(input)?;
    let group_key = rows::group_key(&input.log_group_name);
    loop {
        let (row, group) = core.group(&input.log_group_name).await?;
        let key = rows::stream_key(group.id, &input.log_stream_name);
        let record = StreamRecord::new(core.clock.now().as_millis());
        let batch = Batch {
            expect: vec![
                (key.clone(), Expectation::Absent),
                (group_key.clone(), Expectation::Holds(row)),
            ],
            put: vec![(key.clone(), rows::encode(&record))],
            ..Batch::default()
        };
        match core.store.commit(batch).await {
            Ok(()) => return Ok(empty_reply()),
            Err(StoreError::Conflict { key: other }) if other == key => {
                return Err(failure::stream_exists());
            }
            // The group changed meanwhile.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(failure::unreadable(error)),
        }
    }
}

pub(crate) async fn delete(core: &Arc<Core>, input: &[u8]) -> Result<Reply, Failure> {
    let input: DeleteLogStreamInput = failure::read(input)?;
    let (_, group) = core.group(&input.log_group_name).await?;
    let key = rows::stream_key(group.id, &input.log_stream_name);
    loop {
        let (row, record) = core.stream(group.id, &input.log_stream_name).await?;
        let purge = rows::purge_key(group.id, Some(record.id));
        let batch = Batch {
            expect: vec![(key.clone(), Expectation::Holds(row))],
            put: vec![(purge, Bytes::new())],
            delete: vec![key.clone()],
        };
        match core.store.commit(batch).await {
            Ok(()) => break,
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(failure::unreadable(error)),
        }
    }
    sweep::soon(core);
    Ok(empty_reply())
}

/// A stream in the order that is asked for: its last event (0 by name), its name.
type Place = (i64, String);

pub(crate) async fn describe(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: DescribeLogStreamsInput = failure::read(input)?;
    let name = names::named(&core.site, input.log_group_name, input.log_group_identifier)?;
    let by_time = input.order_by == Some(OrderBy::LastEventTime);
    if by_time && input.log_stream_name_prefix.is_some() {
        return Err(failure::invalid(
            "Cannot order by LastEventTime with a logStreamNamePrefix.",
        ));
    }
    let (_, group) = core.group(&name).await?;
    let descending = input.descending.unwrap_or(false);
    let after = input.next_token.as_deref().map(open_token).transpose()?;
    let limit = input.limit.map_or(PAGE_MAX, |limit| limit as usize);
    let mut range = rows::streams_from(
        group.id,
        input.log_stream_name_prefix.as_deref().unwrap_or_default(),
    );
    range.reverse = descending && !by_time;
    if let (false, Some((_, name))) = (by_time, &after) {
        let key = rows::stream_key(group.id, name).bytes;
        if descending {
            range.end = Some(key);
        } else {
            let next = Bytes::from([&key[..], &[0]].concat());
            range.start = range.start.max(next);
        }
    }
    // One more than is shown says that there are more. By time all streams are looked at, and only the
    // first of them are kept.
    let mut kept: Vec<(Place, StreamRecord)> = Vec::new();
    'rows: loop {
        let rows = core.store.scan(&range, ROWS_AT_ONCE).await;
        let rows = rows.map_err(failure::unreadable)?;
        for (key, row) in &rows {
            let name = rows::stream_name(key).unwrap_or_default().to_owned();
            let record: StreamRecord = decode(row)?;
            let at = if by_time {
                record.last_event.unwrap_or(0)
            } else {
                0
            };
            let place = (at, name);
            let behind = match &after {
                Some(after) if by_time && descending => place < *after,
                Some(after) if by_time => place > *after,
                Some(_) | None => true,
            };
            if !behind {
                continue;
            }
            kept.push((place, record));
            if !by_time && kept.len() > limit {
                break 'rows;
            }
        }
        if by_time {
            kept.sort_unstable_by(|(a, _), (b, _)| if descending { b.cmp(a) } else { a.cmp(b) });
            kept.truncate(limit + 1);
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_AT_ONCE => {
                if range.reverse {
                    range.end = Some(key.clone());
                } else {
                    range.start = [&key[..], &[0]].concat().into();
                }
            }
            Some(_) | None => break,
        }
    }
    let more = kept.len() > limit;
    kept.truncate(limit);
    let next_token = kept.last().filter(|_| more).map(|(place, _)| seal(place));
    let streams = kept.into_iter();
    let streams = streams.map(|((_, stream), record)| shown(core, &name, stream, &record));
    Ok(reply(&DescribeLogStreamsOutput {
        log_streams: Some(streams.collect()),
        next_token,
    }))
}

fn seal((at, name): &Place) -> String {
    URL_SAFE_NO_PAD.encode(format!("{at}:{name}"))
}

fn open_token(token: &str) -> Result<Place, Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let place = text.and_then(|text| {
        let (at, name) = text.split_once(':')?;
        Some((at.parse().ok()?, name.to_owned()))
    });
    place.ok_or_else(failure::invalid_token)
}

fn shown(core: &Core, group: &str, stream: String, record: &StreamRecord) -> LogStream {
    LogStream {
        arn: Some(names::stream_arn(&core.site, group, &stream)),
        log_stream_name: Some(stream),
        creation_time: Some(record.created_at),
        first_event_timestamp: record.first_event,
        last_event_timestamp: record.last_event,
        last_ingestion_time: record.last_ingestion,
        upload_sequence_token: record.last_ingestion.map(put_events::token),
        // "…is always zero" for a stream since 2019 (API reference, "LogStream").
        stored_bytes: Some(0),
    }
}
