//! The rows of the open tasks, and how they follow the events of an execution.

use std::collections::BTreeMap;

use bytes::Bytes;
use engine_core::{
    Completion, Event, EventId, Execution, FrameId, Recorded, TaskId, Text, Waiting,
};
use minicbor::{Decode, Encode};
use store::{Batch, Key, Range, Space, Store, StoreError};
use vocab::Timestamp;

use crate::rows::{self, Chunk, ExecutionRecord, ExecutionRef, StatusCode};

/// The rows, among those of the activities.
const OPEN: &[u8] = b"t/";
/// Says that the rows are there for every execution: older stores have none.
const BUILT: &str = "open-tasks";
/// How many rows are read, or executions written, at once.
const ROWS_AT_ONCE: usize = 512;

/// Where an open task stands among all of them. Ordered by the moment since when it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Waits {
    pub since: Timestamp,
    pub execution: ExecutionRef,
    pub task: TaskId,
}

impl Waits {
    pub(super) fn key(self) -> Key {
        let mut bytes = OPEN.to_vec();
        bytes.extend_from_slice(&(self.since.as_millis().max(0) as u64).to_be_bytes());
        bytes.extend_from_slice(&self.execution.bytes());
        bytes.extend_from_slice(&self.task.0.0.to_be_bytes());
        Key::new(Space::Activities, bytes)
    }

    pub(super) fn from_key(bytes: &[u8]) -> Option<Self> {
        let (since, rest) = bytes.strip_prefix(OPEN)?.split_first_chunk()?;
        let execution = ExecutionRef::from_bytes(rest)?;
        let task = rest.get(10..)?.first_chunk()?;
        Some(Self {
            since: Timestamp::from_millis(u64::from_be_bytes(*since) as i64),
            execution,
            task: TaskId(EventId(u64::from_be_bytes(*task))),
        })
    }
}

/// Returns the range of all rows.
pub(super) fn all() -> Range {
    Range::prefix(Space::Activities, OPEN)
}

/// What a row says beside its key.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(super) struct Row {
    /// The chunk of the journal in which the task begins.
    #[n(0)]
    pub chunk: u64,
    /// The state's name.
    #[n(1)]
    pub state_name: Text,
    /// The execution's ARN.
    #[n(2)]
    pub execution_arn: String,
    /// The machine's ARN, without version or alias.
    #[n(3)]
    pub state_machine_arn: String,
}

/// The open tasks of one execution, as its rows have them.
#[derive(Debug, Default)]
pub(crate) struct OpenTasks(BTreeMap<FrameId, (TaskId, Timestamp)>);

impl OpenTasks {
    /// Returns the open tasks of an execution whose last events are stored.
    pub(crate) fn of(execution: &Execution) -> Self {
        let waiting = execution
            .frames()
            .iter()
            .filter_map(|(id, frame)| match &frame.waiting {
                Waiting::Task {
                    task,
                    completion: Completion::OnToken,
                    scheduled_at,
                    ..
                } => Some((*id, (*task, *scheduled_at))),
                _ => None,
            });
        Self(waiting.collect())
    }

    /// Follows the events of the chunk number `first`, after which the execution is `now`; calls `write`
    /// for each row that comes or goes.
    pub(crate) fn follow(
        &mut self,
        execution: ExecutionRef,
        record: &ExecutionRecord,
        (first, chunk): (u64, &Chunk),
        now: &Execution,
        mut write: impl FnMut(Key, Option<Bytes>),
    ) {
        let waits = |(task, since)| Waits {
            since,
            execution,
            task,
        };
        for (id, recorded) in chunk.numbered() {
            match change(recorded) {
                Change::None => {}
                Change::Opens(frame) => {
                    // One that ends in the same chunk never gets a row.
                    if let Some(state) = now.frames().get(&frame) {
                        let row = Row {
                            chunk: first,
                            state_name: state.name.clone(),
                            execution_arn: record.execution_arn.clone(),
                            state_machine_arn: record.state_machine_arn.clone(),
                        };
                        let open = (TaskId(id), recorded.at);
                        self.0.insert(frame, open);
                        write(waits(open).key(), Some(rows::encode(&row).into()));
                    }
                }
                Change::Ends(frame) => {
                    if let Some(ended) = self.0.remove(&frame) {
                        write(waits(ended).key(), None);
                    }
                }
                Change::Closes => {
                    for ended in std::mem::take(&mut self.0).into_values() {
                        write(waits(ended).key(), None);
                    }
                }
            }
        }
    }
}

/// What an event does to the open tasks.
pub(super) enum Change {
    None,
    /// The frame waits for an answer from outside.
    Opens(FrameId),
    /// The frame waits for no task any more, if it did.
    Ends(FrameId),
    /// No frame waits any more.
    Closes,
}

pub(super) fn change(recorded: &Recorded) -> Change {
    match &recorded.event {
        Event::TaskScheduled { frame, task, .. } if task.completion == Completion::OnToken => {
            Change::Opens(*frame)
        }
        Event::TaskSucceeded { frame, .. }
        | Event::TaskFailed { frame, .. }
        | Event::TaskTimedOut { frame, .. }
        | Event::StateExited { frame, .. }
        | Event::StateAborted { frame, .. }
        | Event::StateFailed { frame } => Change::Ends(*frame),
        event if event.closes() => Change::Closes,
        // What is left concerns other states, or tasks that go on.
        _ => Change::None,
    }
}

/// Writes the rows of a store that an older release wrote. Before this returns, nobody writes executions.
pub(crate) async fn build(store: &dyn Store) -> Result<(), StoreError> {
    let built = Key::new(Space::Meta, BUILT);
    if store.get(&built).await?.is_some() {
        return Ok(());
    }
    let mut range = Range::prefix(Space::Executions, &[]);
    loop {
        let found = store.scan(&range, ROWS_AT_ONCE).await?;
        let mut put = Vec::new();
        for (key, row) in &found {
            let record: ExecutionRecord = read(row)?;
            if let Some(execution) = rows::execution_of_key(key)
                && record.status == StatusCode::Running
            {
                add(store, execution, &record, &mut put).await?;
            }
        }
        let last = found.last().map(|(key, _)| key.clone());
        let more = found.len() == ROWS_AT_ONCE;
        if !more {
            put.push((built.clone(), Bytes::from_static(&[1])));
        }
        store
            .commit(Batch {
                put,
                ..Batch::default()
            })
            .await?;
        match last {
            Some(last) if more => range.start = [&last, &[0][..]].concat().into(),
            Some(_) | None => return Ok(()),
        }
    }
}

/// Adds the rows of one execution.
async fn add(
    store: &dyn Store,
    execution: ExecutionRef,
    record: &ExecutionRecord,
    put: &mut Vec<(Key, Bytes)>,
) -> Result<(), StoreError> {
    let mut range = rows::journal_of(execution);
    let (mut folded, mut open, mut first) = (Execution::new(), OpenTasks::default(), 0);
    let mut rows = BTreeMap::new();
    loop {
        let found = store.scan(&range, ROWS_AT_ONCE).await?;
        for (_, row) in &found {
            let chunk: Chunk = read(row)?;
            chunk.events.iter().for_each(|event| folded.apply(event));
            open.follow(execution, record, (first, &chunk), &folded, |key, row| {
                rows.insert(key, row);
            });
            first += chunk.events.len() as u64;
        }
        if found.len() < ROWS_AT_ONCE {
            let open = rows.into_iter().filter_map(|(key, row)| Some((key, row?)));
            put.extend(open);
            return Ok(());
        }
        range.start = rows::chunk_key(execution, first).bytes;
    }
}

fn read<'b, T: Decode<'b, ()>>(row: &'b [u8]) -> Result<T, StoreError> {
    minicbor::decode(row).map_err(|error| StoreError::Corrupted {
        detail: format!("an execution is unreadable: {error}"),
    })
}
