//! Carries out moves of dead letters (`moves`): some messages at a time, each time in one commit that counts them.

use std::sync::Arc;
use std::time::Duration;

use store::{Batch, Expectation, StoreError};

use crate::book::Entry;
use crate::moves::{MoveRow, Status, finish};
use crate::rows::{self, MessageRow};
use crate::send::place;
use crate::{Core, Queue, sweep};

/// Most messages of one commit: they may be a mebibyte each.
const MOVED_AT_ONCE_MAX: usize = 10;
/// How long a store that failed is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// Has a task be carried out behind the answer.
pub(crate) fn begin(core: &Arc<Core>, source: u64, id: String) {
    let mut movers = core.movers.lock();
    while movers.try_join_next().is_some() {}
    movers.spawn(run(Arc::clone(core), source, id));
}

async fn run(core: Arc<Core>, source: u64, id: String) {
    let mut stopping = core.stopping.subscribe();
    loop {
        if *stopping.borrow_and_update() {
            return;
        }
        let pause = match step(&core, source, &id).await {
            Ok(Next::Over) => return,
            Ok(Next::After(pause)) => pause,
            Err(error) => {
                tracing::error!(%error, "messages could not be moved");
                PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopping.changed() => {}
        }
    }
}

enum Next {
    Over,
    After(Duration),
}

/// Moves some messages.
async fn step(core: &Core, source: u64, id: &str) -> Result<Next, StoreError> {
    // Held to the end: whoever cancels waits for the commit, and nothing is moved behind the answer.
    let mut moves = core.moves.lock().await;
    let row = moves.get_mut(&source).into_iter().flatten();
    let mut row = row.filter(|row| row.id == id && row.status == Status::Running);
    let (Some(row), Some(queue)) = (row.next(), core.numbered(source)) else {
        return Ok(Next::Over);
    };
    let most = usize::try_from(row.to_move.saturating_sub(row.moved)).unwrap_or(usize::MAX);
    let most = most
        .min(MOVED_AT_ONCE_MAX)
        .min(row.rate.unwrap_or(u32::MAX) as usize);
    let taken = take(core, &queue, most).await?;
    if taken.is_empty() {
        finish(core, row, Status::Completed, None).await?;
        return Ok(Next::Over);
    }
    let back = |taken: Vec<(u64, Entry)>| {
        let mut book = queue.book.lock();
        for (seq, entry) in taken {
            book.put(seq, entry);
        }
        drop(book);
        queue.arrived.notify_waiters();
    };
    let read = read(core, &queue, row, taken).await;
    let (messages, target) = match read {
        Ok(Read::Together {
            messages,
            rest,
            target,
        }) => {
            back(rest);
            (messages, target)
        }
        Ok(Read::Nowhere(taken, reason)) => {
            back(taken);
            finish(core, row, Status::Failed, Some(reason)).await?;
            return Ok(Next::Over);
        }
        Ok(Read::Gone) => return Ok(Next::After(Duration::ZERO)),
        Err((taken, error)) => {
            back(taken);
            return Err(error);
        }
    };
    let count = messages.len() as u64;
    let mut counted = row.clone();
    counted.moved += count;
    let places = messages.iter().map(|(seq, entry, _)| (*seq, entry.clone()));
    let places: Vec<_> = places.collect();
    if let Err(error) = commit(core, &queue, &target, messages, &counted).await {
        back(places);
        return Err(error);
    }
    *row = counted;
    Ok(Next::After(match row.rate {
        Some(rate) => Duration::from_secs_f64(count as f64 / f64::from(rate)),
        None => Duration::ZERO,
    }))
}

/// Takes messages that may be received out of the book.
async fn take(core: &Core, queue: &Queue, most: usize) -> Result<Vec<(u64, Entry)>, StoreError> {
    let now = core.now();
    let oldest = now - queue.current().1.retention_seconds * 1000;
    let (mut taken, mut expired) = (Vec::new(), Vec::new());
    {
        let mut book = queue.book.lock();
        while taken.len() < most {
            let seqs = book.receivable(now, most - taken.len());
            if seqs.is_empty() {
                break;
            }
            for seq in seqs {
                match book.remove(seq) {
                    Some(entry) if entry.sent_at <= oldest => expired.push(seq),
                    Some(entry) => taken.push((seq, entry)),
                    None => {}
                }
            }
        }
    }
    match sweep::remove(core, queue, &expired).await {
        Ok(()) => Ok(taken),
        Err(error) => {
            let mut book = queue.book.lock();
            taken
                .into_iter()
                .for_each(|(seq, entry)| book.put(seq, entry));
            Err(error)
        }
    }
}

/// What messages say, and where they go.
enum Read {
    /// The first ones of them go to the same queue.
    Together {
        messages: Vec<(u64, Entry, MessageRow)>,
        rest: Vec<(u64, Entry)>,
        target: Arc<Queue>,
    },
    /// The first one goes nowhere, for this reason.
    Nowhere(Vec<(u64, Entry)>, &'static str),
    /// All were deleted meanwhile.
    Gone,
}

async fn read(
    core: &Core,
    queue: &Queue,
    task: &MoveRow,
    taken: Vec<(u64, Entry)>,
) -> Result<Read, (Vec<(u64, Entry)>, StoreError)> {
    let keys = taken
        .iter()
        .map(|(seq, _)| rows::message_key(queue.number, *seq));
    let keys: Vec<_> = keys.collect();
    let read = futures::future::try_join_all(keys.iter().map(|key| core.store.get(key)));
    let found = match read.await {
        Ok(found) => found,
        Err(error) => return Err((taken, error)),
    };
    let mut messages: Vec<(u64, Entry, MessageRow)> = Vec::new();
    let mut rest = Vec::new();
    let mut leads: Option<(String, Arc<Queue>)> = None;
    let mut problem = None;
    for ((seq, entry), row) in taken.into_iter().zip(found) {
        // One that was deleted in this moment is gone.
        let Some(row) = row else { continue };
        if !rest.is_empty() {
            rest.push((seq, entry));
            continue;
        }
        let Ok(row) = minicbor::decode::<MessageRow>(&row) else {
            problem = problem.or(Some("A stored message is unreadable"));
            rest.push((seq, entry));
            continue;
        };
        let origin = row.dead_letter_source.as_deref();
        let origin = origin.and_then(|arn| arn.rsplit(':').next());
        let Some(name) = task.destination.as_deref().or(origin) else {
            problem = problem.or(Some("CouldNotDetermineMessageSource"));
            rest.push((seq, entry));
            continue;
        };
        if leads.is_none() {
            leads = core.named(name).map(|target| (name.to_owned(), target));
            if leads.is_none() {
                problem = problem.or(Some("AWS.SimpleQueueService.NonExistentQueue"));
            }
        }
        if leads.as_ref().is_some_and(|(known, _)| known == name) {
            messages.push((seq, entry, row));
        } else {
            rest.push((seq, entry));
        }
    }
    match (leads, problem) {
        // What follows them has its turn next.
        (Some((_, target)), _) => Ok(Read::Together {
            messages,
            rest,
            target,
        }),
        (None, Some(reason)) => Ok(Read::Nowhere(rest, reason)),
        (None, None) => Ok(Read::Gone),
    }
}

/// Writes the messages into their queue and counts them, in one commit. There they are new messages.
async fn commit(
    core: &Core,
    queue: &Queue,
    target: &Queue,
    messages: Vec<(u64, Entry, MessageRow)>,
    counted: &MoveRow,
) -> Result<(), StoreError> {
    let _order = match target.current().1.fifo {
        true => Some(target.sending.lock().await),
        false => None,
    };
    let now = core.now();
    let mut batch = Batch {
        put: vec![counted.put()],
        ..Batch::default()
    };
    let mut placed = Vec::with_capacity(messages.len());
    for (seq, before, mut row) in messages {
        let new = Entry {
            sent_at: now,
            visible_at: now,
            received: 0,
            first_received_at: 0,
            receipt: 0,
            group: before.group.clone(),
        };
        row.id = uuid::Uuid::new_v4().to_string();
        row.dead_letter_source = None;
        let index = rows::index_key(queue.number, seq);
        let held = Expectation::Holds(rows::encode_entry(&before));
        batch.expect.push((index.clone(), held));
        let message = rows::message_key(queue.number, seq);
        batch.delete.extend([index, message]);
        let number = core.next_seq();
        let index = rows::index_key(target.number, number);
        batch.put.push((index, rows::encode_entry(&new)));
        let message = rows::message_key(target.number, number);
        batch.put.push((message, rows::encode(&row)));
        placed.push((number, new));
    }
    core.store.commit(batch).await?;
    place(target, placed, now);
    Ok(())
}
