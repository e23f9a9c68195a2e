//! `DeleteMessage` and `ChangeMessageVisibility`, one by one and in batches.

use serde_json::{Map, Value};
use service::{Failure, Members};
use store::{Batch, Expectation, StoreError};

use crate::book::Entry;
use crate::handle::Handle;
use crate::{Core, Queue, batch, failure, rows, sweep};

/// How long a message may be out of sight after it was received.
const VISIBILITY_SECONDS_MAX: i64 = 43_200;

pub(crate) async fn delete(core: &Core, input: &Members) -> Result<Value, Failure> {
    let queue = core.find(input)?;
    let removed = take_out(core, &queue, needed_handle(input)?)?;
    remove(core, &queue, removed.into_iter().collect()).await?;
    Ok(Value::Null)
}

pub(crate) async fn delete_batch(core: &Core, input: &Members) -> Result<Value, Failure> {
    let queue = core.find(input)?;
    let entries = batch::entries(input, "DeleteMessageBatchRequestEntry")?;
    let (mut removed, mut results) = (Vec::new(), Vec::new());
    for entry in entries {
        let handle = entry.members.text("ReceiptHandle").unwrap_or_default();
        let taken = take_out(core, &queue, handle);
        let result = taken.map(|taken| {
            removed.extend(taken);
            Map::new()
        });
        results.push((entry.id, result));
    }
    remove(core, &queue, removed).await?;
    batch::answer(results)
}

fn needed_handle(input: &Members) -> Result<&str, Failure> {
    let handle = input.text("ReceiptHandle").unwrap_or_default();
    if handle.is_empty() {
        return Err(failure::missing("ReceiptHandle"));
    }
    Ok(handle)
}

/// Takes the message of a handle out of the book. One that is not there was deleted before.
fn take_out(core: &Core, queue: &Queue, handle: &str) -> Result<Option<(u64, Entry)>, Failure> {
    let read = Handle::read(handle, queue.number)?;
    let fifo = queue.current().1.fifo;
    let now = core.now();
    let mut book = queue.book.lock();
    let Some(entry) = book.get(read.seq) else {
        return Ok(None);
    };
    // Of a standard queue an older handle does as well, as on AWS most of the time.
    if fifo && (entry.receipt != read.receipt || !entry.in_flight(now)) {
        let reason = "The receipt handle has expired.";
        return Err(failure::invalid_value(handle, "ReceiptHandle", reason));
    }
    Ok(book.remove(read.seq).map(|entry| (read.seq, entry)))
}

async fn remove(core: &Core, queue: &Queue, removed: Vec<(u64, Entry)>) -> Result<(), Failure> {
    if removed.is_empty() {
        return Ok(());
    }
    let seqs: Vec<u64> = removed.iter().map(|(seq, _)| *seq).collect();
    if let Err(error) = sweep::remove(core, queue, &seqs).await {
        let mut book = queue.book.lock();
        removed
            .into_iter()
            .for_each(|(seq, entry)| book.put(seq, entry));
        return Err(failure::store(&error));
    }
    if queue.current().1.fifo {
        // The next of the group may be received now.
        queue.arrived.notify_one();
    }
    Ok(())
}

pub(crate) async fn visibility(core: &Core, input: &Members) -> Result<Value, Failure> {
    let queue = core.find(input)?;
    let handle = needed_handle(input)?;
    let seconds = input.integer("VisibilityTimeout")?;
    let seconds = seconds.ok_or_else(|| failure::missing("VisibilityTimeout"))?;
    hide(core, &queue, handle, seconds).await?;
    Ok(Value::Null)
}

pub(crate) async fn visibility_batch(core: &Core, input: &Members) -> Result<Value, Failure> {
    let queue = core.find(input)?;
    let entries = batch::entries(input, "ChangeMessageVisibilityBatchRequestEntry")?;
    let changes = entries.into_iter().map(|entry| {
        let queue = &queue;
        async move {
            let handle = entry.members.text("ReceiptHandle").unwrap_or_default();
            let change = async {
                let seconds = entry.members.integer("VisibilityTimeout")?.unwrap_or(30);
                hide(core, queue, handle, seconds).await
            };
            (entry.id.clone(), change.await.map(|()| Map::new()))
        }
    });
    batch::answer(futures::future::join_all(changes).await)
}

/// Keeps a message out of sight for `seconds` from now.
async fn hide(core: &Core, queue: &Queue, handle: &str, seconds: i64) -> Result<(), Failure> {
    if !(0..=VISIBILITY_SECONDS_MAX).contains(&seconds) {
        let reason =
            format!("VisibilityTimeout must be an integer between 0 and {VISIBILITY_SECONDS_MAX}.");
        return Err(failure::invalid_value(
            seconds,
            "VisibilityTimeout",
            &reason,
        ));
    }
    let read = Handle::read(handle, queue.number)?;
    let now = core.now();
    let (before, after) = {
        let mut book = queue.book.lock();
        let before = book.get(read.seq).cloned();
        let before = before.filter(|entry| entry.receipt == read.receipt && entry.in_flight(now));
        let Some(before) = before else {
            return Err(failure::invalid_value(
                handle,
                "ReceiptHandle",
                "Message does not exist or is not available for visibility timeout change.",
            ));
        };
        let after = Entry {
            visible_at: now + seconds * 1000,
            ..before.clone()
        };
        // What is seen sooner is seen when that is stored: who receives it expects so.
        if after.visible_at > before.visible_at {
            book.put(read.seq, after.clone());
        }
        (before, after)
    };
    let key = rows::index_key(queue.number, read.seq);
    let batch = Batch {
        expect: vec![(key.clone(), Expectation::Holds(rows::encode_entry(&before)))],
        put: vec![(key, rows::encode_entry(&after))],
        ..Batch::default()
    };
    match core.store.commit(batch).await {
        Ok(()) => {
            let mut book = queue.book.lock();
            if book.get(read.seq) == Some(&before) {
                book.put(read.seq, after);
            }
            drop(book);
            if seconds == 0 {
                queue.arrived.notify_one();
            } else {
                queue.arrived.notify_waiters();
            }
            Ok(())
        }
        // It was deleted, or changed once more, in the same moment.
        Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => {
            let mut book = queue.book.lock();
            if book.get(read.seq) == Some(&after) {
                book.put(read.seq, before);
            }
            Err(failure::store(&error))
        }
    }
}
