//! Moves of dead letters: `StartMessageMoveTask`, `ListMessageMoveTasks`, `CancelMessageMoveTask`.
//!
//! A task is a row. Every commit that moves messages counts them in the same row, so a task that was cut off
//! goes on with the next start, and nothing is moved twice or counted twice (docs/adr/0071).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::{Failure, Members};
use store::{Batch, Key, Space, StoreError};

use crate::mover::begin;
use crate::queue::{arn, is_fifo};
use crate::{Core, Queue, failure, rows};

/// Tasks that are remembered for a queue, as on AWS.
const KEPT_MAX: usize = 10;

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

    pub(crate) fn put(&self) -> (Key, bytes::Bytes) {
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

/// Ends a task.
pub(crate) async fn finish(
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
