//! Events that nobody waits for (`InvocationType: Event`): rows until they are done.
//!
//! A call is answered once its row is there. A function that fails is tried twice more, after one
//! minute and after two; one that is too busy is tried for six hours; its `EventInvokeConfig` may say
//! otherwise. Whoever is to be told how it ended is told from the same row. A server that starts takes
//! up what the last one left, so an event may be delivered more than once, as on AWS.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Clock, Gate, Site};
use store::{Batch, Key, Range, Space, Store, StoreError};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use vocab::Timestamp;

use crate::aliases::version_text;
use crate::catalog::Catalog;
use crate::destinations::{DeadLetter, Told, shown_payload, tell};
use crate::function::Function;
use crate::instance::{Event, Outcome};
use crate::invoke_configs::InvokeConfig;
use crate::invoker::Invoker;
use crate::keys;
use crate::name::{FunctionName, LATEST, function_arn};

const PREFIX: &[u8] = b"event/";
/// Events that are under way at once.
const UNDER_WAY_MAX: usize = 256;
/// How long an event that finds no free instance is tried.
const AGE_SECONDS_MAX: u64 = 6 * 3600;
/// Longest error message of a dead letter (Lambda guide, "Dead-letter queues": the first kilobyte).
const ERROR_CHARS_MAX: usize = 1024;
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
    /// The version or alias that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    qualifier: Option<String>,
    /// How it ended, as long as somebody has not been told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
}

/// How an event ended, and who is to be told.
#[derive(Serialize, Deserialize)]
struct Ended {
    role: String,
    succeeded: bool,
    record: Value,
    destination: Option<String>,
    dead_letter: Option<String>,
    /// How often nobody could be told.
    refusals: u32,
}

/// What it takes to say how events ended.
pub struct Ends {
    /// The functions, and what they say of their events.
    pub catalog: Arc<Catalog>,
    /// The way to whoever is told.
    pub gate: Option<Arc<dyn Gate>>,
    /// Where the functions are.
    pub site: Site,
}

/// The events that wait, and those under way.
pub struct EventQueue {
    store: Arc<dyn Store>,
    invoker: Arc<Invoker>,
    clock: Arc<dyn Clock>,
    ends: Ends,
    /// Before the second try, the third, ….
    retry_delays: Vec<Duration>,
    /// Due time and key; the row itself stays in the store.
    waiting: Mutex<BinaryHeap<Reverse<(Timestamp, Bytes)>>>,
    changed: Notify,
    under_way: Arc<Semaphore>,
    dispatcher: Mutex<Option<JoinHandle<()>>>,
}

impl Ended {
    /// An end that nobody is told.
    fn quietly() -> Self {
        Self {
            role: String::new(),
            succeeded: false,
            record: Value::Null,
            destination: None,
            dead_letter: None,
            refusals: 0,
        }
    }
}

impl EventQueue {
    /// Takes up the events in `store` and begins to deliver.
    pub async fn open(
        store: Arc<dyn Store>,
        invoker: Arc<Invoker>,
        clock: Arc<dyn Clock>,
        ends: Ends,
        retry_delays: Vec<Duration>,
    ) -> Result<Arc<Self>, StoreError> {
        let queue = Arc::new(Self {
            store,
            invoker,
            clock,
            ends,
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
    pub async fn accept(&self, name: &FunctionName, event: Event) -> Result<(), StoreError> {
        let now = self.clock.now();
        let key: Bytes = [
            PREFIX,
            format!("{:016x}/{}", now.as_millis(), event.request_id).as_bytes(),
        ]
        .concat()
        .into();
        let row = Row {
            function: name.name.clone(),
            qualifier: name.qualifier.clone(),
            ended: None,
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
                    Err(error) => {
                        tracing::error!(%error, "the row of an event is damaged; it stays where it is")
                    }
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
            let Ok(permit) = Arc::clone(&self.under_way).acquire_owned().await else {
                return;
            };
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
        let Some(bytes) = self.store.get(&store_key).await? else {
            return Ok(());
        };
        let Ok(mut row) = serde_json::from_slice::<Row>(&bytes) else {
            return Ok(());
        };
        if row.ended.is_none() {
            self.run(&mut row).await?;
            if row.ended.is_some() {
                // Written before anybody is told: what the function did is not done again.
                self.write(key, &row).await?;
            }
        }
        let delay = match &mut row.ended {
            None => Some(row.due_at),
            Some(_) => self.tell(&mut row).await,
        };
        let Some(delay) = delay else {
            let batch = Batch {
                delete: vec![store_key],
                ..Batch::default()
            };
            return self.store.commit(batch).await;
        };
        row.due_at = delay;
        self.write(key, &row).await?;
        self.wait(row.due_at, key.clone());
        Ok(())
    }

    /// Runs the function once. The row says afterwards how the event ended, or when it is tried again.
    async fn run(&self, row: &mut Row) -> Result<(), StoreError> {
        let name = FunctionName {
            name: row.function.clone(),
            qualifier: row.qualifier.clone(),
        };
        let qualifier = name.qualifier.as_deref().unwrap_or(LATEST);
        let config_key = keys::invoke_config(&name.name, qualifier);
        let config = self.ends.catalog.read::<InvokeConfig>(&config_key).await?;
        let config = config.map(|config| config.value).unwrap_or_default();
        let age_max = config.age_seconds_max.unwrap_or(AGE_SECONDS_MAX);
        let until = row.accepted_at.plus_seconds(age_max);
        let event = Event {
            request_id: row.request_id.clone(),
            function_arn: row.function_arn.as_str().into(),
            payload: row.payload.clone().into(),
            client_context: row.client_context.clone(),
            keep_tail: false,
        };
        let version = self.ends.catalog.resolve(&name).await?;
        let outcome = match version {
            Some(version) => self.invoker.run(&name.name, version, event).await,
            None => Ok(None),
        };
        let now = self.clock.now();
        let due =
            |delay: Duration| now.plus_millis(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX));
        let (condition, outcome) = match outcome {
            // There is no function any more that it could be for.
            Ok(None) => {
                row.ended = Some(Ended::quietly());
                return Ok(());
            }
            Ok(Some(outcome)) if !outcome.failed => ("Success", Some(outcome)),
            Ok(Some(outcome)) => {
                row.failures += 1;
                let retries = config
                    .retries_max
                    .map_or(self.retry_delays.len(), |n| n as usize);
                let delay = self.retry_delays.get(row.failures - 1).copied();
                let delay = delay.unwrap_or_default();
                if row.failures > retries {
                    ("RetriesExhausted", Some(outcome))
                } else if due(delay) > until {
                    ("EventAgeExceeded", Some(outcome))
                } else {
                    row.due_at = due(delay);
                    return Ok(());
                }
            }
            Err(_) if now < until => {
                row.refusals += 1;
                row.due_at = due(Duration::from_secs((1 << row.refusals.min(9)).min(300)));
                return Ok(());
            }
            Err(failure) => {
                tracing::warn!(function = %row.function, request_id = %row.request_id, %failure, "an event was given up: it could not be run in time");
                ("EventAgeExceeded", None)
            }
        };
        let succeeded = condition == "Success";
        if !succeeded {
            tracing::warn!(function = %row.function, request_id = %row.request_id, condition, "an event was given up");
        }
        let destination = if succeeded {
            config.on_success
        } else {
            config.on_failure
        };
        let function = self.ends.catalog.get(&name.name, version.flatten()).await?;
        let function = function.map(|stored| stored.function);
        let dead_letter = function.as_ref().and_then(Function::dead_letter_target);
        let dead_letter = dead_letter.filter(|_| !succeeded).map(str::to_owned);
        let executed = version_text(version.flatten());
        row.ended = Some(Ended {
            role: function.map(|function| function.role).unwrap_or_default(),
            succeeded,
            record: self.record(row, qualifier, condition, &executed, outcome.as_ref()),
            destination,
            dead_letter,
            refusals: 0,
        });
        Ok(())
    }

    /// Returns what whoever is told gets (Lambda guide, "Destinations").
    fn record(
        &self,
        row: &Row,
        qualifier: &str,
        condition: &str,
        executed: &str,
        outcome: Option<&Outcome>,
    ) -> Value {
        let arn = function_arn(&row.function, &self.ends.site);
        let count = row.failures + usize::from(condition == "Success");
        let mut record = json!({
            "version": "1.0",
            "timestamp": self.clock.now().to_string(),
            "requestContext": {
                "requestId": row.request_id,
                "functionArn": format!("{arn}:{qualifier}"),
                "condition": condition,
                "approximateInvokeCount": count,
            },
            "requestPayload": shown_payload(row.payload.as_bytes()),
        });
        if let Some(outcome) = outcome {
            record["responseContext"] = json!({"statusCode": 200, "executedVersion": executed});
            if outcome.failed {
                record["responseContext"]["functionError"] = "Unhandled".into();
            }
            record["responsePayload"] = shown_payload(&outcome.payload);
        }
        record
    }

    /// Tells who is to be told, and returns when it is tried again if somebody could not be.
    async fn tell(&self, row: &mut Row) -> Option<Timestamp> {
        let (Some(ended), Some(gate)) = (&mut row.ended, &self.ends.gate) else {
            return None;
        };
        let message = ended.record.pointer("/responsePayload/errorMessage");
        let message = message.and_then(Value::as_str).unwrap_or_default();
        let message: String = message.chars().take(ERROR_CHARS_MAX).collect();
        for of_dead in [false, true] {
            let to = if of_dead {
                &ended.dead_letter
            } else {
                &ended.destination
            };
            let Some(to) = to.clone() else {
                continue;
            };
            let told = Told {
                to: &to,
                role: &ended.role,
                function: &row.function,
                record: &ended.record,
                succeeded: ended.succeeded,
                dead_letter: of_dead.then_some(DeadLetter {
                    payload: &row.payload,
                    request_id: &row.request_id,
                    message: &message,
                }),
            };
            match tell(gate, &self.ends.site, self.clock.now(), &told).await {
                Ok(()) if of_dead => ended.dead_letter = None,
                Ok(()) => ended.destination = None,
                Err(failure) => {
                    tracing::warn!(function = %row.function, request_id = %row.request_id, to, %failure, "nobody could be told how an event ended");
                }
            }
        }
        if ended.destination.is_none() && ended.dead_letter.is_none() {
            return None;
        }
        ended.refusals += 1;
        let delay = *self.retry_delays.get(ended.refusals as usize - 1)?;
        let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        Some(self.clock.now().plus_millis(millis))
    }

    async fn write(&self, key: &Bytes, row: &Row) -> Result<(), StoreError> {
        let value: Bytes = serde_json::to_vec(row)
            .expect("its members are plain values")
            .into();
        let batch = Batch {
            put: vec![(Key::new(Space::Functions, key.clone()), value)],
            ..Batch::default()
        };
        self.store.commit(batch).await
    }
}
