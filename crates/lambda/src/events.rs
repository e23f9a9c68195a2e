//! Events that nobody waits for (`InvocationType: Event`): rows until they are done.
//!
//! A call is answered once its row is there. A function that fails is tried twice more, after one
//! minute and after two; one that is too busy is tried for six hours. A server that starts takes up
//! what the last one left, so an event may be delivered more than once, as on AWS.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use service::Clock;
use store::{Batch, Key, Range, Space, Store, StoreError};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use vocab::Timestamp;

use crate::instance::Event;
use crate::invoker::Invoker;

const PREFIX: &[u8] = b"event/";
/// Events that are under way at once.
const UNDER_WAY_MAX: usize = 256;
/// How long an event that finds no free instance is tried.
const AGE_SECONDS_MAX: u64 = 6 * 3600;
/// Rows that are read at once when the server starts.
const SCAN_MAX: usize = 500;

#[derive(Serialize, Deserialize)]
struct Row {
    function: String,
    request_id: String,
    function_arn: String,
    payload: String,
    client_context: Option<String>,
    accepted_at: Timestamp,
    due_at: Timestamp,
    /// How often the function has failed on it.
    failures: usize,
    /// How often there was no room for it.
    refusals: u32,
}

/// The events that wait, and those under way.
pub struct EventQueue {
    store: Arc<dyn Store>,
    invoker: Arc<Invoker>,
    clock: Arc<dyn Clock>,
    /// Before the second try, the third, ….
    retry_delays: Vec<Duration>,
    /// Due time and key; the row itself stays in the store.
    waiting: Mutex<BinaryHeap<Reverse<(Timestamp, Bytes)>>>,
    changed: Notify,
    under_way: Arc<Semaphore>,
    dispatcher: Mutex<Option<JoinHandle<()>>>,
}

impl EventQueue {
    /// Takes up the events in `store` and begins to deliver.
    pub async fn open(
        store: Arc<dyn Store>,
        invoker: Arc<Invoker>,
        clock: Arc<dyn Clock>,
        retry_delays: Vec<Duration>,
    ) -> Result<Arc<Self>, StoreError> {
        let queue = Arc::new(Self {
            store,
            invoker,
            clock,
            retry_delays,
            waiting: Mutex::default(),
            changed: Notify::new(),
            under_way: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
            dispatcher: Mutex::new(None),
        });
        queue.load().await?;
        let dispatcher = tokio::spawn(Arc::clone(&queue).dispatch());
        *queue.dispatcher.lock() = Some(dispatcher);
        Ok(queue)
    }

    /// Accepts `event` for `function`. Once this returns, it will be delivered.
    pub async fn accept(&self, function: &str, event: Event) -> Result<(), StoreError> {
        let now = self.clock.now();
        let key: Bytes = [PREFIX, format!("{:016x}/{}", now.as_millis(), event.request_id).as_bytes()].concat().into();
        let row = Row {
            function: function.to_owned(),
            request_id: event.request_id,
            function_arn: event.function_arn.to_string(),
            payload: String::from_utf8_lossy(&event.payload).into_owned(),
            client_context: event.client_context,
            accepted_at: now,
            due_at: now,
            failures: 0,
            refusals: 0,
        };
        self.write(&key, &row).await?;
        self.wait(now, key);
        Ok(())
    }

    /// Begins nothing new. What is under way has its row still and is delivered again.
    pub fn stop(&self) {
        if let Some(dispatcher) = self.dispatcher.lock().take() {
            dispatcher.abort();
        }
    }

    async fn load(&self) -> Result<(), StoreError> {
        let mut range = Range::prefix(Space::Functions, PREFIX);
        loop {
            let rows = self.store.scan(&range, SCAN_MAX).await?;
            let complete = rows.len() < SCAN_MAX;
            if let Some((last, _)) = rows.last() {
                range.start = [last, &b"\0"[..]].concat().into();
            }
            for (key, row) in rows {
                match serde_json::from_slice::<Row>(&row) {
                    Ok(row) => self.waiting.lock().push(Reverse((row.due_at, key))),
                    Err(error) => tracing::error!(%error, "the row of an event is damaged; it stays where it is"),
                }
            }
            if complete {
                return Ok(());
            }
        }
    }

    fn wait(&self, due_at: Timestamp, key: Bytes) {
        self.waiting.lock().push(Reverse((due_at, key)));
        self.changed.notify_one();
    }

    async fn dispatch(self: Arc<Self>) {
        loop {
            let Ok(permit) = Arc::clone(&self.under_way).acquire_owned().await else { return };
            let key = self.next_due().await;
            let queue = Arc::clone(&self);
            tokio::spawn(async move {
                queue.deliver(key).await;
                drop(permit);
            });
        }
    }

    /// Waits until an event is due and takes it off the heap.
    async fn next_due(&self) -> Bytes {
        loop {
            let changed = self.changed.notified();
            let pause = {
                let mut waiting = self.waiting.lock();
                let now = self.clock.now();
                match waiting.peek() {
                    Some(Reverse((due_at, _))) if *due_at <= now => {
                        let Reverse((_, key)) = waiting.pop().expect("it was just seen");
                        return key;
                    }
                    // A clock that is moved by hand is looked at again before long.
                    Some(Reverse((due_at, _))) => {
                        let millis = due_at.as_millis() - now.as_millis();
                        Some(Duration::from_millis(millis.clamp(1, 1_000).unsigned_abs()))
                    }
                    None => None,
                }
            };
            match pause {
                Some(pause) => {
                    let _ = tokio::time::timeout(pause, changed).await;
                }
                None => changed.await,
            }
        }
    }

    async fn deliver(&self, key: Bytes) {
        if let Err(error) = self.try_deliver(&key).await {
            tracing::error!(%error, "the store failed while an event was delivered; it is delivered again");
            self.wait(self.clock.now().plus_seconds(5), key);
        }
    }

    async fn try_deliver(&self, key: &Bytes) -> Result<(), StoreError> {
        let store_key = Key::new(Space::Functions, key.clone());
        let Some(bytes) = self.store.get(&store_key).await? else { return Ok(()) };
        let Ok(mut row) = serde_json::from_slice::<Row>(&bytes) else { return Ok(()) };
        let event = Event {
            request_id: row.request_id.clone(),
            function_arn: row.function_arn.as_str().into(),
            payload: row.payload.clone().into(),
            client_context: row.client_context.clone(),
            keep_tail: false,
        };
        let delay = match self.invoker.run(&row.function, event).await {
            // Done, or there is no function any more that it could be for.
            Ok(None) => None,
            Ok(Some(outcome)) if !outcome.failed => None,
            Ok(Some(_)) => {
                row.failures += 1;
                let delay = self.retry_delays.get(row.failures - 1).copied();
                if delay.is_none() {
                    tracing::warn!(function = %row.function, request_id = %row.request_id, "an event was given up: the function kept failing");
                }
                delay
            }
            Err(failure) => {
                row.refusals += 1;
                let until = row.accepted_at.plus_seconds(AGE_SECONDS_MAX);
                let delay = Duration::from_secs((1 << row.refusals.min(9)).min(300));
                if self.clock.now() >= until {
                    tracing::warn!(function = %row.function, request_id = %row.request_id, %failure, "an event was given up: it could not be run for six hours");
                }
                (self.clock.now() < until).then_some(delay)
            }
        };
        let Some(delay) = delay else {
            let batch = Batch { delete: vec![store_key], ..Batch::default() };
            return self.store.commit(batch).await;
        };
        let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        row.due_at = self.clock.now().plus_millis(millis);
        self.write(key, &row).await?;
        self.wait(row.due_at, key.clone());
        Ok(())
    }

    async fn write(&self, key: &Bytes, row: &Row) -> Result<(), StoreError> {
        let value: Bytes = serde_json::to_vec(row).expect("its members are plain values").into();
        let batch = Batch { put: vec![(Key::new(Space::Functions, key.clone()), value)], ..Batch::default() };
        self.store.commit(batch).await
    }
}
