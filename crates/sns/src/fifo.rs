//! FIFO topics: what was published in the last minutes is known, messages have numbers, and those of a group are
//! delivered to each subscriber one after the other.
//!
//! What a topic remembers is rows of the commits that publish, so a message that was accepted is not accepted
//! again by the next process. Deliveries of a group wait in line (the crate `delivery`); the queue at the end is
//! told the message's own id, so one that is delivered again is not there twice (docs/adr/0072).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use service::{Failure, Members};
use sha2::{Digest, Sha256};
use store::Batch;

use crate::failure::invalid;
use crate::rows::TopicRow;
use crate::{Core, Topic};

/// How long a topic remembers an id.
const REMEMBERED_MILLIS: i64 = 300_000;
/// Rows that one commit forgets besides.
const FORGOTTEN_MAX: usize = 100;
/// So that sequence numbers have twenty digits, as AWS's have.
const SEQUENCE_BASE: u64 = 10_000_000_000_000_000_000;

/// Says whether a name is one of a FIFO topic.
pub(crate) fn is_fifo(name: &str) -> bool {
    name.ends_with(".fifo")
}

/// What a message of a FIFO topic has besides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ordered {
    pub group: String,
    pub deduplication_id: String,
    /// Given when it is published.
    pub sequence: u64,
}

impl Ordered {
    /// Returns the number as answers and notifications show it.
    pub(crate) fn sequence_number(&self) -> String {
        (SEQUENCE_BASE + self.sequence).to_string()
    }
}

/// Reads and checks what a message for `topic` says of its order.
pub(crate) fn read(topic: &Topic, input: &Members, text: &str) -> Result<Option<Ordered>, Failure> {
    let group = token(input, "MessageGroupId")?;
    let id = token(input, "MessageDeduplicationId")?;
    if !is_fifo(&topic.row.name) {
        return match id {
            None => Ok(None),
            Some(_) => Err(invalid(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
            )),
        };
    }
    let group =
        group.ok_or_else(|| invalid("The MessageGroupId parameter is required for FIFO topics"))?;
    let by_content = topic.row.says("ContentBasedDeduplication", "true");
    let id = id.or_else(|| by_content.then(|| hex::encode(Sha256::digest(text))));
    let deduplication_id = id.ok_or_else(|| {
        invalid(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        )
    })?;
    Ok(Some(Ordered {
        group,
        deduplication_id,
        sequence: 0,
    }))
}

fn token(input: &Members, name: &str) -> Result<Option<String>, Failure> {
    let Some(text) = input.text(name) else {
        return Ok(None);
    };
    if !text.is_empty() && text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(text.to_owned()));
    }
    Err(invalid(format!(
        "{name} Reason: {name} can only include alphanumeric and punctuation characters. 1 to 128 in length"
    )))
}

/// A message that a topic remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub until: i64,
    pub message_id: String,
    pub sequence: u64,
    /// The group where ids are looked for within a group; empty otherwise.
    pub scope: String,
    pub id: String,
}

/// The messages that a topic remembers, by scope and id.
#[derive(Default)]
struct Known {
    by_name: HashMap<(String, String), Remembered>,
    /// As they are to be forgotten.
    in_order: VecDeque<(i64, (String, String))>,
}

/// The order of one topic.
#[derive(Default)]
pub(crate) struct Order {
    /// Held by who publishes, so that messages are numbered and lined up as they are stored.
    pub publishing: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

impl Order {
    /// Puts a message among those that are known.
    pub(crate) fn remember(&self, row: Remembered) {
        let mut known = self.known.lock();
        let name = (row.scope.clone(), row.id.clone());
        known.in_order.push_back((row.until, name.clone()));
        known.by_name.insert(name, row);
    }

    pub(crate) fn find(&self, scope: &str, id: &str, now: i64) -> Option<Remembered> {
        let known = self.known.lock();
        let found = known.by_name.get(&(scope.to_owned(), id.to_owned()));
        found.filter(|row| row.until > now).cloned()
    }

    /// Has `batch` remove rows of messages that are to be forgotten.
    fn forget(&self, core: &Core, topic: &str, now: i64, batch: &mut Batch) {
        let mut known = self.known.lock();
        for _ in 0..FORGOTTEN_MAX {
            let Some((until, _)) = known.in_order.front().filter(|(until, _)| *until <= now) else {
                return;
            };
            let until = *until;
            let Some((_, name)) = known.in_order.pop_front() else {
                return;
            };
            // One that was remembered again meanwhile has the same key, and stays.
            if known
                .by_name
                .get(&name)
                .is_some_and(|row| row.until == until)
            {
                known.by_name.remove(&name);
                let key = key(topic, &name.0, &name.1);
                batch.delete.push(core.documents.key(&key));
            }
        }
    }
}

fn key(topic: &str, scope: &str, id: &str) -> String {
    // Neither has a line feed.
    format!("d/{topic}/{scope}\n{id}")
}

/// Returns what all rows of the topic's remembered messages begin with.
pub(crate) fn prefix(topic: &str) -> String {
    format!("d/{topic}/")
}

/// Numbers of messages, each greater than every one before, in this run and in all that were.
#[derive(Default)]
pub(crate) struct Sequence(AtomicU64);

impl Sequence {
    /// Has the next number be greater than `number`.
    pub(crate) fn reach(&self, number: u64) {
        self.0.fetch_max(number, Ordering::AcqRel);
    }

    fn next(&self, now: i64) -> u64 {
        let by_time = (now.max(0) as u64) << 20;
        let next = |last: u64| (last + 1).max(by_time);
        let last = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| Some(next(last)));
        next(last.unwrap_or_default())
    }
}

/// What a message comes to.
pub(crate) enum Admitted {
    /// It is new, with this number; the row says so.
    New(Remembered),
    /// It was published before.
    Known(Remembered),
}

/// Numbers a message, or finds it among those that are known and among the `new` ones of the same call.
pub(crate) fn admit(
    core: &Core,
    topic: &TopicRow,
    order: &Order,
    new: &[Remembered],
    message_id: &str,
    ordered: &Ordered,
) -> Admitted {
    let now = core.clock.now().as_millis();
    let scope = match topic.says("FifoThroughputScope", "MessageGroup") {
        true => ordered.group.as_str(),
        false => "",
    };
    let id = ordered.deduplication_id.as_str();
    let in_call = new.iter().find(|row| row.scope == scope && row.id == id);
    if let Some(known) = in_call.cloned().or_else(|| order.find(scope, id, now)) {
        return Admitted::Known(known);
    }
    Admitted::New(Remembered {
        until: now + REMEMBERED_MILLIS,
        message_id: message_id.to_owned(),
        sequence: core.sequence.next(now),
        scope: scope.to_owned(),
        id: id.to_owned(),
    })
}

/// Has `batch` remember the `new` messages of `topic`, and forget old ones.
pub(crate) fn write(
    core: &Core,
    topic: &str,
    order: &Order,
    new: &[Remembered],
    batch: &mut Batch,
) {
    order.forget(core, topic, core.clock.now().as_millis(), batch);
    for row in new {
        let key = key(topic, &row.scope, &row.id);
        // A key is put or deleted, never both.
        let stored = core.documents.key(&key);
        batch.delete.retain(|deleted| *deleted != stored);
        core.documents.put(batch, &key, row);
    }
}

impl Core {
    /// Returns the order of a FIFO topic.
    pub(crate) fn order(&self, topic: &str) -> Arc<Order> {
        Arc::clone(self.orders.lock().entry(topic.to_owned()).or_default())
    }
}
