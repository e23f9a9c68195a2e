//! `PutLogEvents`: a batch of events for one stream.

use aws_model::logs::{
    InputLogEvent, PutLogEventsInput, PutLogEventsOutput, RejectedLogEventsInfo,
};
use service::{Failure, Reply};

use crate::append::Addition;
use crate::rows::{EVENT_OVERHEAD_BYTES, Line};
use crate::{Core, failure, reply};

/// Most bytes of a batch, messages and 26 for each event (API reference, "PutLogEvents").
const BATCH_BYTES_MAX: usize = 1_048_576;
/// The events of a batch lie within a day.
const BATCH_MILLIS_MAX: i64 = 86_400_000;
/// Events may be this much older than the moment at which they come.
const PAST_MILLIS_MAX: i64 = 14 * 86_400_000;
/// Events may be this much newer.
const FUTURE_MILLIS_MAX: i64 = 2 * 3_600_000;

pub(crate) async fn call(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: PutLogEventsInput = failure::read(input)?;
    check(&input.log_events)?;
    let (_, group) = core.group(&input.log_group_name).await?;
    let now = core.clock.now().as_millis();
    let (taken, rejected) = sort_out(input.log_events, now, group.kept_since(now));
    let lines = taken.into_iter().map(|event| Line {
        at: event.timestamp,
        message: event.message,
    });
    let addition = Addition {
        group: input.log_group_name,
        stream: input.log_stream_name,
        lines: lines.collect(),
    };
    // An addition of no events finds out whether there is such a stream.
    core.append(&[addition], false).await?;
    Ok(reply(&PutLogEventsOutput {
        // Clients may leave the token out, and any will do, since 2023.
        next_sequence_token: Some(token(now)),
        rejected_log_events_info: rejected,
        rejected_entity_info: None,
    }))
}

/// Returns a token in the form of AWS's: 56 digits.
pub(crate) fn token(now: i64) -> String {
    format!("4{now:055}")
}

/// Checks what the whole batch must be.
fn check(events: &[InputLogEvent]) -> Result<(), Failure> {
    let mut bytes = 0;
    for event in events {
        bytes += event.message.len() + EVENT_OVERHEAD_BYTES;
    }
    if bytes > BATCH_BYTES_MAX {
        return Err(failure::invalid(format!(
            "Upload too large: {bytes} bytes exceeds limit of {BATCH_BYTES_MAX}"
        )));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(failure::invalid(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    if let (Some(first), Some(last)) = (events.first(), events.last())
        && last.timestamp - first.timestamp > BATCH_MILLIS_MAX
    {
        return Err(failure::invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    Ok(())
}

/// Returns the events that are taken, and which are not, by their places.
fn sort_out(
    events: Vec<InputLogEvent>,
    now: i64,
    kept_since: i64,
) -> (Vec<InputLogEvent>, Option<RejectedLogEventsInfo>) {
    let place = |limit: i64| events.partition_point(|event| event.timestamp < limit);
    let expired = place(kept_since);
    let too_old = place(now - PAST_MILLIS_MAX);
    let too_new = place(now + FUTURE_MILLIS_MAX + 1);
    let count = events.len();
    let first = expired.max(too_old);
    let end_index = |end: usize| (end > 0).then_some(end as i64);
    let rejected = RejectedLogEventsInfo {
        too_new_log_event_start_index: (too_new < count).then_some(too_new as i64),
        too_old_log_event_end_index: end_index(too_old),
        expired_log_event_end_index: end_index(expired),
    };
    let taken = events
        .into_iter()
        .take(too_new)
        .skip(first)
        .collect::<Vec<_>>();
    let rejects = taken.len() < count;
    (taken, rejects.then_some(rejected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(timestamp: i64) -> InputLogEvent {
        InputLogEvent {
            timestamp,
            message: "x".to_owned(),
        }
    }

    #[test]
    fn events_outside_of_their_time_are_told_by_their_places() {
        let now = 100 * 86_400_000;
        let day = 86_400_000;
        /// Too new from, too old up to, expired up to.
        type Rejected = [Option<i64>; 3];
        let cases: [(&[i64], i64, usize, Rejected); 4] = [
            (&[now], 0, 1, [None; 3]),
            (&[now - 15 * day, now], 0, 1, [None, Some(1), None]),
            (
                &[now, now + FUTURE_MILLIS_MAX + 1],
                0,
                1,
                [Some(1), None, None],
            ),
            (
                &[now - 3 * day, now - 2 * day],
                now - day,
                0,
                [None, None, Some(2)],
            ),
        ];
        for (times, kept_since, taken, [new, old, expired]) in cases {
            let events = times.iter().map(|at| event(*at)).collect();
            let (left, rejected) = sort_out(events, now, kept_since);
            assert_eq!(left.len(), taken, "{times:?}");
            let rejected = rejected.unwrap_or_default();
            assert_eq!(rejected.too_new_log_event_start_index, new);
            assert_eq!(rejected.too_old_log_event_end_index, old);
            assert_eq!(rejected.expired_log_event_end_index, expired);
        }
    }

    #[test]
    fn a_batch_is_checked_whole() {
        let day = BATCH_MILLIS_MAX;
        let cases: [(&[i64], &str); 4] = [
            (&[1, 2, 2], ""),
            (&[2, 1], "chronological order"),
            (&[0, day], ""),
            (&[0, day + 1], "24 hours"),
        ];
        for (times, expected) in cases {
            let events: Vec<_> = times.iter().map(|at| event(*at)).collect();
            match check(&events) {
                Ok(()) => assert_eq!(expected, "", "{times:?}"),
                Err(failure) => assert!(failure.message.contains(expected) && !expected.is_empty()),
            }
        }
        let large = InputLogEvent {
            timestamp: 1,
            message: "x".repeat(BATCH_BYTES_MAX - 25),
        };
        let failure = check(&[large]).expect_err("one byte too many");
        assert_eq!(
            failure.message,
            "Upload too large: 1048577 bytes exceeds limit of 1048576"
        );
    }
}
