//! The shell around the engine: what owns executions, and everything that happens later.
//!
//! ```text
//! callers ──► partition: load → step → commit ──► store
//!                 ▲                                  │ rows
//!                 ├── dispatcher ◄── outbox ─────────┤
//!                 └── timers     ◄── timers ─────────┘
//! ```
//! Deliberately absent: a task or a thread for a waiting execution. It is rows, nothing else.

mod begin;
mod dispatcher;
mod express;
mod forget;
mod group;
mod hot;
mod jobs;
mod load;
mod log_delivery;
mod map_runs;
mod mocked;
mod partition;
mod requests;
mod span_export;
mod status_export;
mod timers;

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use engine_core::{Command, Limits, Rejection, TaskCall, TaskId};
use parking_lot::Mutex;
use service::{Clock, Failure, Gate, Site, SpanSink, StatusSink};
use store::{Batch, Key, Range, Space, Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use vocab::Timestamp;

use crate::activities::{Activities, Polls};
use crate::changes::Changes;
use crate::definitions::{Definitions, unreadable};
use crate::integrations::http;
use crate::metrics::Metrics;
use crate::open_tasks;
use crate::rows::{self, Chunk, ExecutionRecord, ExecutionRef, MapRunRecord, MapRunRef};
use crate::token::TokenSealer;

pub use self::begin::Start;
pub(crate) use self::begin::drawn_name;
use self::dispatcher::{Call, Dispatcher};
pub use self::express::SyncEnd;
use self::express::{Finished, Recorder, SyncSeats};
use self::jobs::{JobNote, Jobs};
use self::log_delivery::LogDelivery;
use self::map_runs::MapRuns;
pub use self::map_runs::SettingsChange;
use self::partition::Partition;
use self::requests::Request;
use self::span_export::SpanExport;
use self::status_export::StatusExport;
use self::timers::{Due, Timers};

/// How many partitions a new store has. Fixed for its life: an execution's key depends on it.
const PARTITIONS: u16 = 16;

/// How many commands may wait for a partition before callers do.
const INBOX_COMMANDS_MAX: usize = 1_024;

/// How the shell is set up.
pub struct ShellOptions {
    /// Where the server is.
    pub site: Site,
    /// Limits that the operator may raise.
    pub limits: Limits,
    /// Seals task tokens.
    pub sealer: TokenSealer,
    /// Who is told of executions that ended.
    pub spans: Option<Arc<dyn SpanSink>>,
    /// Who hears of executions that begin and end.
    pub statuses: Option<Arc<dyn StatusSink>>,
}

/// An execution that runs now, or ran before under the same name.
#[derive(Clone, Debug)]
pub struct Started {
    /// Its ARN.
    pub execution_arn: String,
    /// When it began.
    pub started_at: Timestamp,
}

impl Started {
    fn of(record: &ExecutionRecord) -> Self {
        Self {
            execution_arn: record.execution_arn.clone(),
            started_at: record.started_at,
        }
    }
}

/// Why a command did not take effect.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The engine said no; the execution is as it was.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// There is no such execution.
    #[error("there is no such execution")]
    NotFound,
    /// Another execution of the machine has the name.
    #[error("an execution with this name exists")]
    NameTaken {
        /// The one that has it.
        execution_arn: String,
    },
    /// A fault of ours; nothing is known to have changed, and the caller may try again.
    #[error("the command could not be carried out")]
    Unavailable,
}

/// Owns all executions. Cheap to clone.
#[derive(Clone)]
pub struct Shell {
    shared: Arc<Shared>,
}

/// What partitions, dispatcher and timers share.
struct Shared {
    options: ShellOptions,
    store: Arc<dyn Store>,
    definitions: Arc<Definitions>,
    activities: Arc<Activities>,
    polls: Arc<Polls>,
    changes: Changes,
    gate: Arc<dyn Gate>,
    clock: Arc<dyn Clock>,
    inboxes: Vec<mpsc::Sender<Request>>,
    calls: mpsc::UnboundedSender<Call>,
    timers: mpsc::UnboundedSender<Due>,
    map_runs: mpsc::UnboundedSender<map_runs::Message>,
    jobs: mpsc::UnboundedSender<JobNote>,
    /// Executions that ran in memory, to be written down.
    finished: mpsc::Sender<Box<Finished>>,
    sync_seats: SyncSeats,
    /// The key, by partition, before which no execution of an EXPRESS machine is left to be forgotten.
    express_swept: Mutex<BTreeMap<u16, Bytes>>,
    /// What holds for executions of EXPRESS machines.
    express_limits: Limits,
    metrics: Metrics,
    /// The way of HTTP tasks.
    http: Arc<http::Client>,
    /// An execution ended of which a collector of traces is to be told.
    closed: tokio::sync::Notify,
    /// Told when an execution began or ended of which somebody is to hear.
    status_changed: tokio::sync::Notify,
    /// There are events to be logged.
    backlog: tokio::sync::Notify,
    stopping: AtomicBool,
    stop: tokio::sync::Notify,
    work: Mutex<Vec<JoinHandle<()>>>,
}

impl Shell {
    /// Opens the executions in `store` and goes on with what was open: calls that have no answer yet
    /// are made again, timers fire when they are due.
    pub async fn open(
        options: ShellOptions,
        store: Arc<dyn Store>,
        definitions: Arc<Definitions>,
        gate: Arc<dyn Gate>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        open_tasks::build(&*store).await?;
        let activities = Arc::new(Activities::open(store.clone()).await?);
        let polls = Polls::new(store.clone());
        let partitions = partition_count(&*store).await?;
        let (inboxes, receivers): (Vec<_>, Vec<_>) = (0..partitions)
            .map(|_| mpsc::channel(INBOX_COMMANDS_MAX))
            .unzip();
        let (calls, calls_received) = mpsc::unbounded_channel();
        let (timers, timers_received) = mpsc::unbounded_channel();
        let (map_runs, map_runs_received) = mpsc::unbounded_channel();
        let (jobs, jobs_received) = mpsc::unbounded_channel();
        let (finished, finished_received) = mpsc::channel(express::FINISHED_MAX);
        let shared = Arc::new(Shared {
            express_limits: express::limits(&options.limits),
            options,
            store,
            definitions,
            activities,
            polls,
            changes: Changes::default(),
            gate,
            clock,
            inboxes,
            calls,
            timers,
            map_runs,
            jobs,
            finished,
            sync_seats: SyncSeats::default(),
            express_swept: Mutex::default(),
            metrics: Metrics::default(),
            http: Arc::new(http::Client::new()),
            closed: tokio::sync::Notify::new(),
            status_changed: tokio::sync::Notify::new(),
            backlog: tokio::sync::Notify::new(),
            stopping: AtomicBool::new(false),
            stop: tokio::sync::Notify::new(),
            work: Mutex::default(),
        });
        let shell = Self { shared };
        for (number, inbox) in (0u16..).zip(receivers) {
            let partition = Partition::open(number, shell.shared.clone(), inbox).await?;
            shell.keep(tokio::spawn(partition.run()));
        }
        shell.keep(tokio::spawn(
            Dispatcher::new(shell.clone(), calls_received).run(),
        ));
        shell.keep(tokio::spawn(
            Timers::new(shell.clone(), timers_received).run(),
        ));
        shell.keep(tokio::spawn(
            MapRuns::new(shell.clone(), map_runs_received).run(),
        ));
        shell.keep(tokio::spawn(Jobs::new(shell.clone(), jobs_received).run()));
        let recorder = Recorder::open(shell.shared.clone(), finished_received).await?;
        shell.keep(tokio::spawn(recorder.run()));
        shell.keep(tokio::spawn(LogDelivery::new(shell.shared.clone()).run()));
        shell.keep(tokio::spawn(forget::run(shell.clone())));
        if let Some(sink) = shell.shared.options.spans.clone() {
            let export = SpanExport::new(shell.shared.clone(), sink);
            shell.keep(tokio::spawn(export.run()));
        }
        if let Some(sink) = shell.shared.options.statuses.clone() {
            let export = StatusExport::new(shell.shared.clone(), sink);
            shell.keep(tokio::spawn(export.run()));
        }
        Ok(shell)
    }

    fn keep(&self, work: JoinHandle<()>) {
        self.shared.work.lock().push(work);
    }

    /// Begins an execution. Once this returns, it is durable. A running execution of the same name and
    /// input is returned instead of beginning another one.
    pub async fn start(&self, start: Start) -> Result<Started, CommandError> {
        let partition = self.partition_of(&start.state_machine_arn, &start.name);
        let (reply, answer) = oneshot::channel();
        self.send(
            partition,
            Request::Start {
                start: Box::new(start),
                reply,
            },
        )
        .await?;
        answer.await.unwrap_or(Err(CommandError::Unavailable))
    }

    /// Carries out a command. Once this returns, its events are durable; returns the moment of the decision.
    pub async fn submit(
        &self,
        execution: ExecutionRef,
        command: Command,
    ) -> Result<Timestamp, CommandError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Command {
            number: execution.number,
            command,
            reply,
        };
        self.send(execution.partition, request).await?;
        answer.await.unwrap_or(Err(CommandError::Unavailable))
    }

    /// Returns what executions do, counted.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    pub(crate) fn http(&self) -> &Arc<http::Client> {
        &self.shared.http
    }

    /// Carries out commands in one commit; the answer is that of the last one. Once it is a moment, the
    /// events of all are durable. The same commands may be sent again: one that took effect before is
    /// refused, and keeps those behind it from nothing.
    pub async fn submit_all(
        &self,
        execution: ExecutionRef,
        commands: Vec<Command>,
    ) -> Result<Timestamp, CommandError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Commands {
            number: execution.number,
            commands,
            reply,
        };
        self.send(execution.partition, request).await?;
        answer.await.unwrap_or(Err(CommandError::Unavailable))
    }

    /// Returns how the shell is set up.
    pub(crate) fn options(&self) -> &ShellOptions {
        &self.shared.options
    }

    /// Returns the activities whose tasks executions offer.
    pub(crate) fn activities(&self) -> &Arc<Activities> {
        &self.shared.activities
    }

    /// Returns where changes of executions are heard.
    pub(crate) fn changes(&self) -> &Changes {
        &self.shared.changes
    }

    /// Returns those who poll for tasks.
    pub(crate) fn polls(&self) -> &Arc<Polls> {
        &self.shared.polls
    }

    /// Returns what the worker is given that takes `task`; `None` when the task is not offered any more.
    pub(crate) async fn offered(
        &self,
        execution: ExecutionRef,
        task: TaskId,
    ) -> Result<Option<TaskCall>, Failure> {
        let key = rows::outbox_key(execution, task);
        let row = self.shared.store.get(&key).await.map_err(unreadable)?;
        row.map(|row| decode(&row)).transpose()
    }

    /// Returns the execution that has this name, or had it.
    pub async fn find(
        &self,
        state_machine_arn: &str,
        name: &str,
    ) -> Result<Option<ExecutionRef>, Failure> {
        let row = self
            .shared
            .store
            .get(&rows::name_key(state_machine_arn, name))
            .await
            .map_err(unreadable)?;
        Ok(row.and_then(|row| rows::execution_of_name(&row)))
    }

    /// Returns an execution's record.
    pub async fn record(
        &self,
        execution: ExecutionRef,
    ) -> Result<Option<ExecutionRecord>, Failure> {
        let row = self
            .shared
            .store
            .get(&rows::execution_key(execution))
            .await
            .map_err(unreadable)?;
        row.map(|row| decode(&row)).transpose()
    }

    /// Returns up to `limit` chunks of a journal, from the first or (`reverse`) from the last; `from` is
    /// the number of a chunk as in its key, `None` for the end of the journal at which to begin.
    pub async fn chunks(
        &self,
        execution: ExecutionRef,
        from: Option<u64>,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<(u64, Chunk)>, Failure> {
        let mut range = Range {
            reverse,
            ..rows::journal_of(execution)
        };
        match from {
            Some(first) if reverse => {
                range.end = store::prefix_end(&rows::chunk_key(execution, first).bytes)
            }
            Some(first) => range.start = rows::chunk_key(execution, first).bytes,
            None => {}
        }
        let found = self
            .shared
            .store
            .scan(&range, limit)
            .await
            .map_err(unreadable)?;
        found
            .into_iter()
            .map(|(key, value)| Ok((chunk_number(&key)?, decode(&value)?)))
            .collect()
    }

    /// Returns the map run with this ARN.
    pub async fn find_map_run(
        &self,
        map_run_arn: &str,
    ) -> Result<Option<(MapRunRef, MapRunRecord)>, Failure> {
        let store = &self.shared.store;
        let row = store.get(&rows::map_runs::arn_key(map_run_arn)).await;
        let found = row.map_err(unreadable)?;
        let Some(run) = found.and_then(|row| MapRunRef::from_bytes(&row)) else {
            return Ok(None);
        };
        let row = store.get(&rows::map_runs::record_key(run)).await;
        let record = row.map_err(unreadable)?.map(|row| decode(&row));
        Ok(record.transpose()?.map(|record| (run, record)))
    }

    /// Changes what callers may set of a map run that goes on. Once this returns, it is durable.
    pub async fn update_map_run(
        &self,
        run: MapRunRef,
        change: SettingsChange,
    ) -> Result<(), CommandError> {
        let (reply, answer) = oneshot::channel();
        let message = map_runs::Message::Update { run, change, reply };
        self.shared
            .map_runs
            .send(message)
            .map_err(|_| CommandError::Unavailable)?;
        answer.await.unwrap_or(Err(CommandError::Unavailable))
    }

    /// Ends the work of the shell: commands that were taken finish, calls in flight are given up and
    /// begin again at the next start.
    pub async fn shut_down(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.stop.notify_waiters();
        self.shared.polls.shut_down().await;
        self.shared.sync_seats.wait_until_empty().await;
        let work: Vec<_> = std::mem::take(&mut *self.shared.work.lock());
        for task in work {
            // A task that panicked has said so; there is nothing left of it to end.
            let _ = task.await;
        }
    }

    async fn send(&self, partition: u16, request: Request) -> Result<(), CommandError> {
        let inbox = self
            .shared
            .inboxes
            .get(usize::from(partition))
            .ok_or(CommandError::NotFound)?;
        inbox
            .send(request)
            .await
            .map_err(|_| CommandError::Unavailable)
    }

    fn partition_of(&self, state_machine_arn: &str, name: &str) -> u16 {
        let mut hasher = Fnv::default();
        hasher.write(state_machine_arn.as_bytes());
        hasher.write(&[0]);
        hasher.write(name.as_bytes());
        (hasher.finish() % self.shared.inboxes.len() as u64) as u16
    }
}

impl Shared {
    /// Returns the limits that hold for an execution.
    fn limits_of(&self, record: &ExecutionRecord) -> &Limits {
        if record.is_express() {
            &self.express_limits
        } else {
            &self.options.limits
        }
    }

    /// Waits until the shell shuts down.
    async fn stopped(&self) {
        let stop = self.stop.notified();
        tokio::pin!(stop);
        stop.as_mut().enable();
        if !self.stopping.load(Ordering::SeqCst) {
            stop.await;
        }
    }
}

/// FNV-1a: the hash that spreads executions over partitions is part of the format on disk, so it is
/// spelled out here.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        // The low bits of FNV are weak; fold the high ones in.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Returns how many partitions the store has; writes the number into a new store.
async fn partition_count(store: &dyn Store) -> Result<u16, StoreError> {
    let key = Key::new(Space::Meta, "partitions");
    if let Some(row) = store.get(&key).await? {
        let count = row
            .as_ref()
            .try_into()
            .map(u16::from_be_bytes)
            .ok()
            .filter(|count| *count > 0);
        return count.ok_or_else(|| StoreError::Corrupted {
            detail: "the number of partitions is unreadable".into(),
        });
    }
    let put = vec![(key, Bytes::copy_from_slice(&PARTITIONS.to_be_bytes()))];
    store
        .commit(Batch {
            put,
            ..Batch::default()
        })
        .await?;
    Ok(PARTITIONS)
}

fn decode<'b, T: minicbor::Decode<'b, ()>>(row: &'b [u8]) -> Result<T, Failure> {
    minicbor::decode(row).map_err(|error| {
        tracing::error!(%error, "a stored record is unreadable");
        Failure::internal("A stored record is unreadable.")
    })
}

fn chunk_number(key: &[u8]) -> Result<u64, Failure> {
    let number = key
        .last_chunk()
        .ok_or_else(|| Failure::internal("A stored key is unreadable."))?;
    Ok(u64::from_be_bytes(*number))
}
