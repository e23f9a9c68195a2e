//! The rows of the activities' queues: one for each task that waits for a worker, the oldest first.
//!
//! The row is a place in a line and nothing else; what the worker is given is in the outbox, under the
//! task. Both rows come with the events that offer the task and go with those that give it away.

use std::sync::Arc;

use engine_core::{EventId, Offer, TaskId};
use sha2::{Digest, Sha256};
use store::{Key, Range, Space};
use vocab::Timestamp;

use crate::rows::ExecutionRef;

/// Queues, by the hash of the activity's ARN.
const QUEUES: &[u8] = b"q/";

/// A task's place in a queue. Ordered as tasks are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub at: Timestamp,
    pub execution: ExecutionRef,
    pub task: TaskId,
}

impl Place {
    pub(crate) fn of(execution: ExecutionRef, offer: &Offer) -> Self {
        Self {
            at: offer.at,
            execution,
            task: offer.task,
        }
    }

    /// Returns the place that a row of a queue is for.
    fn from_key(bytes: &[u8]) -> Option<Self> {
        let (at, rest) = bytes.get(queue_prefix("").len()..)?.split_first_chunk()?;
        let execution = ExecutionRef::from_bytes(rest)?;
        let task = rest.get(10..)?.first_chunk()?;
        Some(Self {
            at: Timestamp::from_millis(u64::from_be_bytes(*at) as i64),
            execution,
            task: TaskId(EventId(u64::from_be_bytes(*task))),
        })
    }
}

/// Returns the key of a place in the queue of `activity`.
pub(crate) fn place_key(activity: &str, place: Place) -> Key {
    let mut bytes = queue_prefix(activity);
    bytes.extend_from_slice(&(place.at.as_millis().max(0) as u64).to_be_bytes());
    bytes.extend_from_slice(&place.execution.bytes());
    bytes.extend_from_slice(&place.task.0.0.to_be_bytes());
    Key::new(Space::Activities, bytes)
}

/// Returns the range of the queue of `activity`.
pub(super) fn queue_of(activity: &str) -> Range {
    Range::prefix(Space::Activities, &queue_prefix(activity))
}

/// Returns the places of rows that a scan found.
pub(super) fn places<V>(rows: &[(bytes::Bytes, V)]) -> impl Iterator<Item = Place> {
    rows.iter().filter_map(|(key, _)| Place::from_key(key))
}

/// Sixteen bytes of the hash: no two activities share a queue.
fn queue_prefix(activity: &str) -> Vec<u8> {
    let digest: Arc<[u8]> = Sha256::digest(activity.as_bytes())[..16].into();
    [QUEUES, &digest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written_and_sorts_by_its_moment() {
        let place = |millis, number, task| Place {
            at: Timestamp::from_millis(millis),
            execution: ExecutionRef {
                partition: 3,
                number,
            },
            task: TaskId(EventId(task)),
        };
        let in_order = [
            place(5, 9, 3),
            place(6, 1, 3),
            place(6, 2, 3),
            place(6, 2, 7),
        ];
        let keys = in_order.map(|place| place_key("arn", place).bytes);
        assert!(keys.is_sorted() && in_order.is_sorted());
        for (key, place) in keys.iter().zip(in_order) {
            assert_eq!(Place::from_key(key), Some(place));
        }
        assert_eq!(Place::from_key(b"q/short"), None);
    }
}
