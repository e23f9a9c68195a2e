//! `ReceiveMessage`: waits where it is asked to, takes messages out of sight, and gives up those that were
//! received too often.

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use serde_json::{Map, Value, json};
use service::{Failure, Members};
use store::{Batch, Expectation, StoreError};
use tokio::time::Instant;

use crate::book::Entry;
use crate::handle::Handle;
use crate::queue::{Redrive, Settings, arn};
use crate::rows::{self, MessageRow};
use crate::send::{place, sequence_number};
use crate::{Core, Queue, attributes, failure, sweep};

/// Most messages that may be out at once (SQS quotas).
const IN_FLIGHT_MAX: usize = 120_000;
/// How long a clock that is moved by hand is not looked at.
const PAUSE_MILLIS_MAX: i64 = 1_000;

/// What a caller wants.
#[derive(Clone, Copy)]
struct Wish {
    most: usize,
    visibility_millis: i64,
}

/// A message that was taken, and its place before.
struct Taken {
    seq: u64,
    before: Entry,
    after: Entry,
}

pub(crate) async fn call(core: &Arc<Core>, input: &Members) -> Result<Value, Failure> {
    let queue = core.find(input)?;
    let current = queue.current();
    let settings = &current.1;
    let within = |name: &'static str, least: i64, most: i64, default: i64, reason: &str| {
        let given = input.integer(name)?;
        match given {
            Some(value) if !(least..=most).contains(&value) => {
                Err(failure::invalid_value(value, name, reason))
            }
            given => Ok(given.unwrap_or(default)),
        }
    };
    let reason = "Must be between 1 and 10, if provided.";
    let most = within("MaxNumberOfMessages", 1, 10, 1, reason)?;
    let reason = "Must be >= 0 and <= 43200, if provided.";
    let visibility = settings.visibility_seconds;
    let visibility = within("VisibilityTimeout", 0, 43_200, visibility, reason)?;
    let reason = "Must be >= 0 and <= 20, if provided.";
    let wait = within("WaitTimeSeconds", 0, 20, settings.wait_seconds, reason)?;
    let wish = Wish {
        most: usize::try_from(most).unwrap_or(1),
        visibility_millis: visibility * 1000,
    };
    let messages = wait_for(core, &queue, &wish, wait).await?;
    let shown: Vec<Value> = messages
        .iter()
        .map(|(taken, message)| shown(&queue, settings, input, taken, message))
        .collect();
    if shown.is_empty() {
        return Ok(json!({}));
    }
    Ok(json!({ "Messages": shown }))
}

/// Receives; where there is nothing, waits up to `seconds` for something.
async fn wait_for(
    core: &Arc<Core>,
    queue: &Arc<Queue>,
    wish: &Wish,
    seconds: i64,
) -> Result<Vec<(Taken, MessageRow)>, Failure> {
    let until = Instant::now() + Duration::from_secs(seconds.unsigned_abs());
    let mut stopping = core.stopping.subscribe();
    loop {
        let arrived = queue.arrived.notified();
        tokio::pin!(arrived);
        // From here on no message is missed.
        arrived.as_mut().enable();
        let received = carried_out(core, queue, wish).await?;
        if !received.is_empty() {
            return Ok(received);
        }
        let now = Instant::now();
        if now >= until || *stopping.borrow_and_update() || core.named(&queue.name).is_none() {
            return Ok(Vec::new());
        }
        let clock = core.now();
        let due = queue.book.lock().next_due(clock);
        let due = due.map(|due| (due - clock).clamp(1, PAUSE_MILLIS_MAX).unsigned_abs());
        let pause = due.map_or(until - now, |due| {
            (until - now).min(Duration::from_millis(due))
        });
        tokio::select! {
            () = &mut arrived => {}
            () = tokio::time::sleep(pause) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Receives, to the end even if the caller goes away meanwhile: what is changed in memory is written down.
async fn carried_out(
    core: &Arc<Core>,
    queue: &Arc<Queue>,
    wish: &Wish,
) -> Result<Vec<(Taken, MessageRow)>, Failure> {
    let (core, queue, wish) = (Arc::clone(core), Arc::clone(queue), *wish);
    let task = tokio::spawn(async move { receive(&core, &queue, &wish).await });
    let ended = task.await;
    ended.unwrap_or_else(|_| Err(Failure::internal("The messages could not be received.")))
}

/// Takes messages out of sight. Once this returns, that they are is durable.
async fn receive(
    core: &Core,
    queue: &Arc<Queue>,
    wish: &Wish,
) -> Result<Vec<(Taken, MessageRow)>, Failure> {
    loop {
        let current = queue.current();
        let settings = &current.1;
        let Look {
            taken,
            given_up,
            expired,
        } = take(core, queue, settings, wish)?;
        let cleared = !given_up.is_empty() || !expired.is_empty();
        if let Err(failure) = clear(core, queue, settings, given_up, &expired).await {
            put_back(queue, &taken);
            return Err(failure);
        }
        if taken.is_empty() && cleared {
            continue;
        }
        if taken.is_empty() {
            return Ok(Vec::new());
        }
        let received = keep(core, queue, taken).await?;
        if !received.is_empty() {
            return Ok(received);
        }
    }
}

/// Gives up and removes what is in the book no more.
async fn clear(
    core: &Core,
    queue: &Queue,
    settings: &Settings,
    given_up: Vec<(u64, Entry)>,
    expired: &[u64],
) -> Result<(), Failure> {
    if let Some(redrive) = settings.redrive.as_ref().filter(|_| !given_up.is_empty()) {
        give_up(core, queue, redrive, given_up).await?;
    }
    let removed = sweep::remove(core, queue, expired).await;
    removed.map_err(|error| failure::store(&error))
}

/// Undoes in memory what could not be written down. Who waits may have it.
fn put_back(queue: &Queue, taken: &[Taken]) {
    let mut book = queue.book.lock();
    for taken in taken {
        if book.get(taken.seq) == Some(&taken.after) {
            book.put(taken.seq, taken.before.clone());
        }
    }
    drop(book);
    queue.arrived.notify_waiters();
}

/// What a look into the book came to.
#[derive(Default)]
struct Look {
    taken: Vec<Taken>,
    /// Received too often; in the book no more.
    given_up: Vec<(u64, Entry)>,
    /// Too old; in the book no more.
    expired: Vec<u64>,
}

/// Changes the places of messages in memory.
fn take(core: &Core, queue: &Queue, settings: &Settings, wish: &Wish) -> Result<Look, Failure> {
    let now = core.now();
    let oldest = now - settings.retention_seconds * 1000;
    let redrive = settings.redrive.as_ref();
    // A queue that is gone, or does not let this one, takes nothing; the messages stay where they are. So they do where a row names the
    // queue itself: they would be given up to it for ever.
    let redrive = redrive.filter(|redrive| {
        redrive.queue != queue.name && core.lets_use(&redrive.queue, &queue.name)
    });
    let mut book = queue.book.lock();
    let seqs = book.receivable(now, wish.most);
    if book.len() >= IN_FLIGHT_MAX && book.counts(now).in_flight >= IN_FLIGHT_MAX {
        return Err(Failure::client(
            "OverLimit",
            "Too many messages are in flight: delete messages that were processed.",
        ));
    }
    let mut look = Look::default();
    for seq in seqs {
        let Some(before) = book.get(seq).cloned() else {
            continue;
        };
        if before.sent_at <= oldest {
            book.remove(seq);
            look.expired.push(seq);
            continue;
        }
        if redrive.is_some_and(|redrive| before.received >= redrive.received_max) {
            book.remove(seq);
            look.given_up.push((seq, before));
            continue;
        }
        let first = before.received == 0;
        let after = Entry {
            visible_at: now + wish.visibility_millis,
            received: before.received.saturating_add(1),
            first_received_at: if first { now } else { before.first_received_at },
            receipt: rand::random_range(1..u64::MAX),
            ..before.clone()
        };
        book.put(seq, after.clone());
        look.taken.push(Taken { seq, before, after });
    }
    Ok(look)
}

/// Writes the new places down and reads what the messages say. One that was deleted meanwhile is left out.
async fn keep(
    core: &Core,
    queue: &Queue,
    taken: Vec<Taken>,
) -> Result<Vec<(Taken, MessageRow)>, Failure> {
    let all: Vec<&Taken> = taken.iter().collect();
    let kept = match write_places(core, queue, &all).await {
        Ok(()) => vec![true; taken.len()],
        Err(StoreError::Conflict { .. }) => {
            let mut kept = Vec::with_capacity(taken.len());
            for one in &taken {
                match write_places(core, queue, &[one]).await {
                    Ok(()) => kept.push(true),
                    Err(StoreError::Conflict { .. }) => kept.push(false),
                    Err(error) => {
                        // Those before it are written down.
                        put_back(queue, &taken[kept.len()..]);
                        return Err(failure::store(&error));
                    }
                }
            }
            kept
        }
        Err(error) => {
            put_back(queue, &taken);
            return Err(failure::store(&error));
        }
    };
    let taken: Vec<Taken> = taken
        .into_iter()
        .zip(kept)
        .filter_map(|(taken, kept)| kept.then_some(taken))
        .collect();
    let keys: Vec<_> = taken
        .iter()
        .map(|taken| rows::message_key(queue.number, taken.seq))
        .collect();
    let read = try_join_all(keys.iter().map(|key| core.store.get(key))).await;
    let read = read.map_err(|error| failure::store(&error))?;
    // Others that wait reckoned with nothing; from now on these are due again.
    queue.arrived.notify_waiters();
    let mut received = Vec::with_capacity(taken.len());
    for (taken, row) in taken.into_iter().zip(read) {
        let Some(row) = row else { continue };
        let row = minicbor::decode(&row).map_err(|_| failure::damaged())?;
        received.push((taken, row));
    }
    Ok(received)
}

async fn write_places(core: &Core, queue: &Queue, taken: &[&Taken]) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    for taken in taken {
        let key = rows::index_key(queue.number, taken.seq);
        let before = Expectation::Holds(rows::encode_entry(&taken.before));
        batch.expect.push((key.clone(), before));
        batch.put.push((key, rows::encode_entry(&taken.after)));
    }
    core.store.commit(batch).await
}

/// Moves messages to the queue for those that were received too often, in one commit.
async fn give_up(
    core: &Core,
    queue: &Queue,
    redrive: &Redrive,
    messages: Vec<(u64, Entry)>,
) -> Result<(), Failure> {
    let back = |messages: Vec<(u64, Entry)>| {
        let mut book = queue.book.lock();
        for (seq, entry) in messages {
            book.put(seq, entry);
        }
    };
    let Some(target) = core.named(&redrive.queue) else {
        back(messages);
        return Ok(());
    };
    let fifo = target.current().1.fifo;
    let _order = match fifo {
        true => Some(target.sending.lock().await),
        false => None,
    };
    let now = core.now();
    let source = arn(&core.site, &queue.name);
    let mut batch = Batch::default();
    let mut placed = Vec::new();
    for (seq, entry) in &messages {
        let key = rows::message_key(queue.number, *seq);
        let read = match core.store.get(&key).await {
            Ok(Some(row)) => minicbor::decode::<MessageRow>(&row).map_err(|_| failure::damaged()),
            Ok(None) => continue,
            Err(error) => Err(failure::store(&error)),
        };
        let mut row = match read {
            Ok(row) => row,
            Err(failure) => {
                back(messages);
                return Err(failure);
            }
        };
        row.dead_letter_source = Some(source.clone());
        if fifo {
            // Two messages that shared an id after each other are two dead letters.
            row.deduplication_id = Some(row.id.clone());
        }
        let new_seq = if fifo { core.next_seq() } else { *seq };
        let moved = Entry {
            visible_at: now,
            sent_at: if fifo { now } else { entry.sent_at },
            receipt: 0,
            ..entry.clone()
        };
        let index = rows::index_key(queue.number, *seq);
        let before = Expectation::Holds(rows::encode_entry(entry));
        batch.expect.push((index.clone(), before));
        batch.delete.extend([index, key]);
        let places = [
            (
                rows::index_key(target.number, new_seq),
                rows::encode_entry(&moved),
            ),
            (
                rows::message_key(target.number, new_seq),
                rows::encode(&row),
            ),
        ];
        batch.put.extend(places);
        placed.push((new_seq, moved));
    }
    match core.store.commit(batch).await {
        Ok(()) => {
            place(&target, placed, now);
            Ok(())
        }
        Err(error) => {
            back(messages);
            Err(failure::store(&error))
        }
    }
}

/// Shows a message with what was asked for.
fn shown(
    queue: &Queue,
    settings: &Settings,
    input: &Members,
    taken: &Taken,
    message: &MessageRow,
) -> Value {
    let entry = &taken.after;
    let handle = Handle {
        queue: queue.number,
        seq: taken.seq,
        receipt: entry.receipt,
    };
    let mut shown = Map::new();
    shown.insert("MessageId".into(), message.id.as_str().into());
    shown.insert("ReceiptHandle".into(), handle.write().into());
    let digest = attributes::body_digest(&message.body);
    shown.insert("MD5OfBody".into(), digest.into());
    shown.insert("Body".into(), message.body.as_str().into());
    let mut asked = input.texts("AttributeNames");
    asked.extend(input.texts("MessageSystemAttributeNames"));
    let all = asked.contains(&"All");
    let system = [
        ("SenderId", Some(message.sender.clone())),
        ("SentTimestamp", Some(entry.sent_at.to_string())),
        ("ApproximateReceiveCount", Some(entry.received.to_string())),
        (
            "ApproximateFirstReceiveTimestamp",
            Some(entry.first_received_at.to_string()),
        ),
        (
            "SequenceNumber",
            settings.fifo.then(|| sequence_number(taken.seq)),
        ),
        ("MessageDeduplicationId", message.deduplication_id.clone()),
        ("MessageGroupId", message.group.clone()),
        ("AWSTraceHeader", message.trace.clone()),
        (
            "DeadLetterQueueSourceArn",
            message.dead_letter_source.clone(),
        ),
    ];
    let system: Map<String, Value> = system
        .into_iter()
        .filter(|(name, _)| all || asked.contains(name))
        .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
        .collect();
    if !system.is_empty() {
        shown.insert("Attributes".into(), system.into());
    }
    let asked = input.texts("MessageAttributeNames");
    let own: Vec<_> = message
        .attributes
        .iter()
        .filter(|attribute| attributes::is_asked_for(&asked, &attribute.name))
        .collect();
    if let Some(digest) = attributes::digest(own.iter().copied()) {
        shown.insert("MD5OfMessageAttributes".into(), digest.into());
        let own: Map<String, Value> = own
            .into_iter()
            .map(|attribute| (attribute.name.clone(), attributes::shown(attribute)))
            .collect();
        shown.insert("MessageAttributes".into(), own.into());
    }
    Value::Object(shown)
}
