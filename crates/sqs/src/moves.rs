//! Moves of dead letters: `StartMessageMoveTask`, `ListMessageMoveTasks`, `CancelMessageMoveTask`.
//!
//! A task is a row. Every commit that moves messages counts them in the same row, so a task that was cut off
//! goes on with the next start, and nothing is moved twice or counted twice (docs/adr/0071).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::{Failure, Members};
use store::{Batch, Expectation, Key, Space, StoreError};

use crate::book::Entry;
use crate::queue::{arn, is_fifo};
use crate::rows::{self, MessageRow};
use crate::send::place;
use crate::{Core, Queue, failure, sweep};

/// Most messages of one commit: they may be a mebibyte each.
const MOVED_AT_ONCE_MAX: usize = 10;
/// Tasks that are remembered for a queue, as on AWS.
const KEPT_MAX: usize = 10;
/// How long a store that failed is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// How a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Running,
    Completed,
    Cancelled,
    Failed,
}

impl Status {
    fn shown(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
        }
    }
}

/// The row of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MoveRow {
    pub seq: u64,
    pub id: String,
    pub status: Status,
    /// The number and the name of the queue whose messages are moved.
    pub source: (u64, String),
    /// Where to; each to where it came from when absent.
    pub destination: Option<String>,
    /// Most messages a second.
    pub rate: Option<u32>,
    /// Milliseconds since the epoch.
    pub started_at: i64,
    pub moved: u64,
    pub to_move: u64,
    pub failure: Option<String>,
}

impl MoveRow {
    fn key(&self) -> Key {
        let key = [
            &rows::moves_prefix(self.source.0)[..],
            &self.seq.to_be_bytes(),
        ];
        Key::new(Space::Queues, key.concat())
    }

    fn put(&self) -> (Key, bytes::Bytes) {
        let row = serde_json::to_vec(self).expect("its members are plain values");
        (self.key(), row.into())
    }

    fn handle(&self, core: &Core) -> String {
        let source = arn(&core.site, &self.source.1);
        STANDARD.encode(json!({"taskId": self.id, "sourceArn": source}).to_string())
    }
}

/// Returns the queue that the ARN in `member` names.
fn queue_of(core: &Core, input: &Members, member: &str) -> Result<Arc<Queue>, Failure> {
    let given = input.text(member);
    let given = given.ok_or_else(|| failure::missing(member))?;
    let parsed = vocab::Arn::parse(given).filter(|arn| arn.service == "sqs");
    let parsed = parsed.ok_or_else(|| {
        failure::invalid(format!(
            "You must use this format to specify the {member}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        ))
    })?;
    let found = core.named(parsed.resource);
    found
        .filter(|queue| arn(&core.site, &queue.name) == given)
        .ok_or_else(|| {
            not_found(&format!(
                "The resource that you specified for the {member} parameter doesn't exist."
            ))
        })
}

fn not_found(message: &str) -> Failure {
    Failure::client("ResourceNotFoundException", message)
}

pub(crate) async fn start(core: &Arc<Core>, input: &Members) -> Result<Value, Failure> {
    let source = queue_of(core, input, "SourceArn")?;
    let leads_here = |queue: &Arc<Queue>| {
        let current = queue.current();
        let redrive = current.1.redrive.as_ref();
        redrive.is_some_and(|redrive| redrive.queue == source.name)
    };
    if !core.queues().iter().any(leads_here) {
        let message = "Source queue must be configured as a Dead Letter Queue.";
        return Err(failure::invalid(message));
    }
    let destination = match input.text("DestinationArn") {
        Some(_) => Some(queue_of(core, input, "DestinationArn")?.name.clone()),
        None => None,
    };
    if let Some(destination) = &destination {
        let reason = if *destination == source.name {
            "Source queue arn and destination queue arn cannot be the same."
        } else if is_fifo(destination) != is_fifo(&source.name) {
            "The source queue and destination queue must be of the same queue type."
        } else {
            ""
        };
        if !reason.is_empty() {
            return Err(failure::invalid(reason));
        }
    }
    let rate = input.integer("MaxNumberOfMessagesPerSecond")?;
    if rate.is_some_and(|rate| !(1..=500).contains(&rate)) {
        return Err(failure::invalid(
            "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter a number that's between 1 and 500.",
        ));
    }
    let mut moves = core.moves.lock().await;
    let known = moves.entry(source.number).or_default();
    if known.iter().any(|row| row.status == Status::Running) {
        return Err(Failure::client(
            "UnsupportedOperation",
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        ));
    }
    let row = MoveRow {
        seq: core.next_seq(),
        id: uuid::Uuid::new_v4().to_string(),
        status: Status::Running,
        source: (source.number, source.name.clone()),
        destination,
        rate: rate.and_then(|rate| u32::try_from(rate).ok()),
        started_at: core.now(),
        moved: 0,
        to_move: source.book.lock().len() as u64,
        failure: None,
    };
    let forgotten = known.iter().skip(KEPT_MAX - 1).map(MoveRow::key);
    let batch = Batch {
        put: vec![row.put()],
        delete: forgotten.collect(),
        ..Batch::default()
    };
    let committed = core.store.commit(batch).await;
    committed.map_err(|error| failure::store(&error))?;
    known.truncate(KEPT_MAX - 1);
    let handle = row.handle(core);
    let (number, id) = (source.number, row.id.clone());
    known.insert(0, row);
    drop(moves);
    begin(core, number, id);
    Ok(json!({ "TaskHandle": handle }))
}

pub(crate) async fn list(core: &Core, input: &Members) -> Result<Value, Failure> {
    let source = queue_of(core, input, "SourceArn")?;
    let most = input.integer("MaxResults")?.unwrap_or(1);
    if !(1..=10).contains(&most) {
        let reason = "MaxResults must be an integer between 1 and 10.";
        return Err(failure::invalid_value(most, "MaxResults", reason));
    }
    let moves = core.moves.lock().await;
    let known = moves.get(&source.number).into_iter().flatten();
    let shown = known
        .take(usize::try_from(most).unwrap_or(1))
        .map(|row| shown(core, row));
    Ok(json!({ "Results": shown.collect::<Vec<_>>() }))
}

fn shown(core: &Core, row: &MoveRow) -> Value {
    let running = row.status == Status::Running;
    let destination = row.destination.as_ref();
    let members = json!({
        "TaskHandle": running.then(|| row.handle(core)),
        "Status": row.status.shown(),
        "SourceArn": arn(&core.site, &row.source.1),
        "DestinationArn": destination.map(|name| arn(&core.site, name)),
        "MaxNumberOfMessagesPerSecond": row.rate,
        "ApproximateNumberOfMessagesMoved": row.moved,
        "ApproximateNumberOfMessagesToMove": row.to_move,
        "FailureReason": row.failure,
        "StartedTimestamp": row.started_at,
    });
    let members = members.as_object().into_iter().flatten();
    let members = members.filter(|(_, value)| !value.is_null());
    let members: Map<String, Value> = members
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    members.into()
}

pub(crate) async fn cancel(core: &Core, input: &Members) -> Result<Value, Failure> {
    let handle = input.text("TaskHandle");
    let handle = handle.ok_or_else(|| failure::missing("TaskHandle"))?;
    let said = STANDARD.decode(handle).ok();
    let said = said.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let id = said.as_ref().and_then(|said| said["taskId"].as_str());
    let id = id.ok_or_else(|| failure::invalid("The value for TaskHandle is invalid."))?;
    let mut moves = core.moves.lock().await;
    let row = moves.values_mut().flatten().find(|row| row.id == id);
    let row = row.ok_or_else(|| not_found("Task does not exist."))?;
    if row.status != Status::Running {
        let message = "Only a task that is running can be cancelled.";
        return Err(Failure::client("UnsupportedOperation", message));
    }
    let ended = finish(core, row, Status::Cancelled, None).await;
    ended.map_err(|error| failure::store(&error))?;
    Ok(json!({ "ApproximateNumberOfMessagesMoved": row.moved }))
}

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

/// Ends a task.
async fn finish(
    core: &Core,
    row: &mut MoveRow,
    status: Status,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let ended = MoveRow {
        status,
        failure: reason.map(str::to_owned),
        ..row.clone()
    };
    let batch = Batch {
        put: vec![ended.put()],
        ..Batch::default()
    };
    core.store.commit(batch).await?;
    *row = ended;
    Ok(())
}
