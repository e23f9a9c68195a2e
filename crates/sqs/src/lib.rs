//! The SQS API: queues and their messages, kept in the store.
//!
//! A message that was accepted is two rows, and a small place in memory by which it is found; a receive
//! changes its place, on disk before it is answered, so handles outlive the process. Somebody who waits for
//! messages is a future that the next one wakes. Deliberately absent: the minute that AWS makes callers
//! wait after a deletion or a purge (docs/adr/0060), and encryption by a key of the customer's.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod attributes;
mod batch;
mod book;
mod change;
mod failure;
mod handle;
mod mover;
mod moves;
mod permissions;
mod queue;
mod queues;
mod receive;
mod rows;
mod send;
mod sweep;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use service::{Call, Clock, Failure, Members, Reply, Service, Site};
use store::{Range, Space, Store, StoreError};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::book::Book;
use crate::moves::MoveRow;
use crate::queue::{Allowed, QueueRow, Settings, arn};
use crate::rows::Remembered;

/// Rows that are read at once.
const PAGE: usize = 1000;

/// The service `sqs`.
pub struct Sqs {
    core: Arc<Core>,
    sweeper: Mutex<Option<JoinHandle<()>>>,
}

/// What the operations share.
pub(crate) struct Core {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub site: Site,
    /// Where the queues are, as their URLs say: `http://127.0.0.1:4500`.
    endpoint: String,
    /// The last number that was given to a queue or a message.
    seq: AtomicU64,
    queues: RwLock<BTreeMap<String, Arc<Queue>>>,
    /// Held by who makes, changes or deletes a queue.
    pub changing: tokio::sync::Mutex<()>,
    /// The last tasks that move a queue's messages, by its number, the newest first.
    pub moves: tokio::sync::Mutex<BTreeMap<u64, Vec<MoveRow>>>,
    movers: Mutex<JoinSet<()>>,
    stopping: watch::Sender<bool>,
}

/// A queue at work.
pub(crate) struct Queue {
    pub number: u64,
    pub name: String,
    pub row: RwLock<Arc<(QueueRow, Settings)>>,
    pub book: Mutex<Book>,
    /// Told of every message that may be received.
    pub arrived: Notify,
    /// Held by who sends to a FIFO queue, so that messages are numbered as they are stored.
    pub sending: tokio::sync::Mutex<()>,
    /// What a FIFO queue remembers, by scope and id.
    pub remembered: Mutex<HashMap<(String, String), Remembered>>,
}

impl Queue {
    fn new(row: QueueRow) -> Self {
        let settings = row.settings();
        Self {
            number: row.number,
            name: row.name.clone(),
            book: Mutex::new(Book::new(settings.fifo)),
            row: RwLock::new(Arc::new((row, settings))),
            arrived: Notify::new(),
            sending: tokio::sync::Mutex::default(),
            remembered: Mutex::default(),
        }
    }

    pub(crate) fn current(&self) -> Arc<(QueueRow, Settings)> {
        Arc::clone(&self.row.read())
    }
}

impl Sqs {
    /// Opens the queues in `store`. `endpoint` begins their URLs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        site: Site,
        endpoint: String,
    ) -> Result<Arc<Self>, StoreError> {
        let core = Arc::new(Core {
            store,
            clock,
            site,
            endpoint,
            seq: AtomicU64::new(0),
            queues: RwLock::default(),
            changing: tokio::sync::Mutex::default(),
            moves: tokio::sync::Mutex::default(),
            movers: Mutex::default(),
            stopping: watch::Sender::new(false),
        });
        for (source, id) in core.load().await? {
            mover::begin(&core, source, id);
        }
        let sweeper = tokio::spawn(sweep::run(Arc::clone(&core)));
        Ok(Arc::new(Self {
            core,
            sweeper: Mutex::new(Some(sweeper)),
        }))
    }

    /// Lets those who wait for messages go, with none, and moves no more.
    pub fn stop_polls(&self) {
        self.core.stopping.send_replace(true);
    }

    /// Removes messages that are too old and ids that are to be forgotten.
    ///
    /// The service does so by itself now and then; tests need not wait for it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        sweep::once(&self.core).await
    }
}

impl Drop for Sqs {
    fn drop(&mut self) {
        if let Some(sweeper) = self.sweeper.lock().take() {
            sweeper.abort();
        }
        // They hold the core, which holds them.
        self.core.movers.lock().abort_all();
    }
}

impl Core {
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_millis()
    }

    /// Returns a number that is greater than every one before, in this run and in all that were.
    pub(crate) fn next_seq(&self) -> u64 {
        let by_time = (self.now().max(0) as u64) << 20;
        let next = |last: u64| Some((last + 1).max(by_time));
        let last = self
            .seq
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        (last.unwrap_or_default() + 1).max(by_time)
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.endpoint, self.site.account_id)
    }

    pub(crate) fn named(&self, name: &str) -> Option<Arc<Queue>> {
        self.queues.read().get(name).cloned()
    }

    /// Returns the queue that `QueueUrl` names. Only its last part counts: the server may have listened
    /// elsewhere when the URL was learnt.
    pub(crate) fn find(&self, input: &Members) -> Result<Arc<Queue>, Failure> {
        let url = input.text("QueueUrl").unwrap_or_default();
        if url.is_empty() {
            return Err(failure::missing("QueueUrl"));
        }
        let mut parts = url.rsplit('/');
        let name = parts.next().unwrap_or_default();
        let account = parts.next().unwrap_or(&self.site.account_id);
        if account != &*self.site.account_id {
            return Err(failure::no_queue());
        }
        self.named(name).ok_or_else(failure::no_queue)
    }

    pub(crate) fn queues(&self) -> Vec<Arc<Queue>> {
        self.queues.read().values().cloned().collect()
    }

    /// Returns the queue of this number.
    pub(crate) fn numbered(&self, number: u64) -> Option<Arc<Queue>> {
        let queues = self.queues.read();
        queues
            .values()
            .find(|queue| queue.number == number)
            .cloned()
    }

    /// Says whether the queue `target` lets the queue `source` give up its messages to it.
    pub(crate) fn lets_use(&self, target: &str, source: &str) -> bool {
        self.named(target).is_some_and(|target| {
            let current = target.current();
            match &current.1.redrive_allowed {
                Allowed::All => true,
                Allowed::Nobody => false,
                Allowed::Only(sources) => sources.contains(&arn(&self.site, source)),
            }
        })
    }

    /// Reads everything; returns the moves that go on, by their source and their id.
    async fn load(&self) -> Result<Vec<(u64, String)>, StoreError> {
        let damaged = |what: &str| StoreError::Corrupted {
            detail: format!("the row of {what} in a queue"),
        };
        let mut last = 0;
        let mut running = Vec::new();
        for (key, row) in self.rows(Space::Queues, b"q").await? {
            let row: QueueRow =
                serde_json::from_slice(&row).map_err(|_| damaged(&format!("{key:?}")))?;
            let (number, queue) = (row.number, Queue::new(row));
            last = last.max(number);
            for (key, row) in self.rows(Space::QueueIndex, &number.to_be_bytes()).await? {
                let entry = rows::decode_entry(&row).map_err(|_| damaged("a message"))?;
                let seq = rows::seq_of(&key).ok_or_else(|| damaged("a message"))?;
                last = last.max(seq);
                queue.book.lock().put(seq, entry);
            }
            for (_, row) in self
                .rows(Space::Queues, &rows::remembered_prefix(number))
                .await?
            {
                let row: Remembered = minicbor::decode(&row).map_err(|_| damaged("an id"))?;
                let name = (row.scope.clone(), row.id.clone());
                last = last.max(row.seq);
                queue.remembered.lock().insert(name, row);
            }
            for (_, row) in self
                .rows(Space::Queues, &rows::moves_prefix(number))
                .await?
            {
                let row: MoveRow = serde_json::from_slice(&row).map_err(|_| damaged("a move"))?;
                last = last.max(row.seq);
                if row.status == moves::Status::Running {
                    running.push((number, row.id.clone()));
                }
                self.moves
                    .lock()
                    .await
                    .entry(number)
                    .or_default()
                    .insert(0, row);
            }
            let name = queue.name.clone();
            self.queues.write().insert(name, Arc::new(queue));
        }
        self.seq.store(last, Ordering::Release);
        sweep::orphans(self).await?;
        Ok(running)
    }

    /// Returns all rows of `space` whose keys begin with `prefix`.
    pub(crate) async fn rows(
        &self,
        space: Space,
        prefix: &[u8],
    ) -> Result<Vec<(bytes::Bytes, bytes::Bytes)>, StoreError> {
        let mut range = Range::prefix(space, prefix);
        let mut rows = Vec::new();
        loop {
            let page = self.store.scan(&range, PAGE).await?;
            let complete = page.len() < PAGE;
            if let Some((last, _)) = page.last() {
                range.start = [last.as_ref(), b"\0"].concat().into();
            }
            rows.extend(page);
            if complete {
                return Ok(rows);
            }
        }
    }
}

#[async_trait]
impl Service for Sqs {
    fn name(&self) -> &'static str {
        "sqs"
    }

    fn waits(&self, operation: &str) -> bool {
        operation == "ReceiveMessage"
    }

    async fn resource_policy(&self, resource: &str) -> Option<String> {
        let queue = self.core.named(resource.rsplit(':').next()?)?;
        let policy = queue.current().0.attributes.get("Policy").cloned();
        policy.filter(|text| !text.is_empty())
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let core = &self.core;
        let input = Members::read(&call.input)?;
        let output = match &*call.operation {
            "CreateQueue" => queues::create(core, &input).await,
            "DeleteQueue" => queues::delete(core, &input).await,
            "GetQueueUrl" => queues::url(core, &input),
            "ListQueues" => queues::list(core, &input),
            "GetQueueAttributes" => queues::attributes(core, &input),
            "SetQueueAttributes" => queues::set_attributes(core, &input).await,
            "PurgeQueue" => queues::purge(core, &input).await,
            "ListDeadLetterSourceQueues" => queues::sources(core, &input),
            "ListQueueTags" => queues::tags(core, &input),
            "TagQueue" => queues::tag(core, &input).await,
            "UntagQueue" => queues::untag(core, &input).await,
            "AddPermission" => permissions::add(core, &input).await,
            "RemovePermission" => permissions::remove(core, &input).await,
            "SendMessage" => send::one(core, &input, &call.principal).await,
            "SendMessageBatch" => send::batch(core, &input, &call.principal).await,
            "ReceiveMessage" => receive::call(core, &input).await,
            "DeleteMessage" => change::delete(core, &input).await,
            "DeleteMessageBatch" => change::delete_batch(core, &input).await,
            "ChangeMessageVisibility" => change::visibility(core, &input).await,
            "ChangeMessageVisibilityBatch" => change::visibility_batch(core, &input).await,
            "StartMessageMoveTask" => moves::start(core, &input).await,
            "ListMessageMoveTasks" => moves::list(core, &input).await,
            "CancelMessageMoveTask" => moves::cancel(core, &input).await,
            other => Err(failure::not_built(&format!("sqs:{other}"))),
        }?;
        Ok(Reply {
            output: match output {
                Value::Null => bytes::Bytes::new(),
                output => output.to_string().into(),
            },
            ..Reply::default()
        })
    }
}
