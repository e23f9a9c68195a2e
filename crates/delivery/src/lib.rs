//! Calls that are made later and for sure.
//!
//! A topic, a rule or a schedule answers before those it tells have heard of it. What is to be told is a
//! row of the commit that decides it; a row is made a call until the call is answered, or given up after
//! as many tries and as long as its owner says, with a word to a queue where one is named. A server that
//! starts takes up what the last one left, so a call may be made twice, as on AWS.

#![forbid(unsafe_code)]

mod lines;
mod target;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::{Call, Clock, Failure, Gate, Principal, RequestId};
use store::{Batch, Documents, Space, Store, StoreError};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use vocab::Timestamp;

use crate::lines::Lines;

pub use target::{Refused, Settings, of_target};

/// Calls that are under way at once.
const UNDER_WAY_MAX: usize = 64;
/// Longest pause between two tries.
const PAUSE_SECONDS_MAX: u64 = 300;
/// How long somebody on the web may take to answer.
const POST_SECONDS_MAX: u64 = 15;
/// How long a clock that is moved by hand is not looked at.
const PAUSE_MILLIS_MAX: i64 = 1_000;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// A call of a service, through the gate.
    Call {
        /// The endpoint prefix.
        service: String,
        /// The operation.
        operation: String,
        /// Its input.
        input: Value,
        /// The member that is the body.
        payload: String,
    },
    /// A request to somebody on the web.
    Post {
        /// Where.
        url: String,
        /// Beside those that every request has.
        headers: Vec<(String, String)>,
        /// What.
        body: String,
    },
}

/// Who makes a call. What it may is decided like that of any other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Caller {
    /// A session of the role with this ARN.
    Role(String),
    /// A service in the name of what somebody configured: the policy of who is called must let it.
    Service {
        /// `sns.amazonaws.com`.
        name: String,
        /// The ARN of the topic or the rule.
        source_arn: String,
    },
}

impl Caller {
    /// Returns a session of `role` where there is one, else the service in the name of `source_arn`.
    pub fn new(role: Option<&str>, name: &str, source_arn: &str) -> Self {
        match role {
            Some(role) => Self::Role(role.to_owned()),
            None => Self::Service {
                name: name.to_owned(),
                source_arn: source_arn.to_owned(),
            },
        }
    }

    fn principal(&self) -> Principal {
        match self {
            Self::Role(role) => Principal::Role {
                role_arn: role.as_str().into(),
                session_name: RequestId::random().to_string().into(),
            },
            Self::Service { name, source_arn } => Principal::Service {
                name: name.as_str().into(),
                source_arn: Some(source_arn.as_str().into()),
            },
        }
    }
}

/// What is to be done, for whom, and how often it is tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// What.
    pub action: Action,
    /// Who makes the call.
    pub caller: Caller,
    /// Tries after the first.
    pub retries_max: u32,
    /// How long it is tried.
    pub seconds_max: u64,
    /// The queue that is told when it is given up, by its ARN, and who tells it.
    pub dead_letter: Option<(String, Caller)>,
    /// What the queue is told: the event itself.
    pub dead_body: String,
    /// What the queue is told beside it, as attributes of the message.
    pub dead_attributes: Vec<(String, String)>,
    /// The line that it stands in: it is made when those before it are made or given up. Those of a line must be
    /// added and begun in their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Row {
    delivery: Delivery,
    accepted_at: Timestamp,
    due_at: Timestamp,
    tries: u32,
}

/// A delivery whose row is in a batch that is not yet stored.
#[must_use = "a delivery begins when `begin` is told of it"]
pub struct Ticket {
    due_at: Timestamp,
    name: String,
    line: Option<String>,
}

/// A delivery that waits for its moment: when, and under which name its row is.
type Waiting = (Timestamp, String);

/// The deliveries.
pub struct Deliveries {
    documents: Documents,
    gate: Arc<dyn Gate>,
    clock: Arc<dyn Clock>,
    seq: AtomicU64,
    waiting: Mutex<BinaryHeap<Reverse<Waiting>>>,
    /// The names of those in each line; only the first one waits for its moment.
    lines: Mutex<Lines>,
    changed: Notify,
    under_way: Arc<Semaphore>,
    dispatcher: Mutex<Option<JoinHandle<()>>>,
    agent: ureq::Agent,
}

impl Deliveries {
    /// Takes up the deliveries in `store` and begins to make them, through `gate`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        store: Arc<dyn Store>,
        gate: Arc<dyn Gate>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StoreError> {
        let documents = Documents::new(store, Space::Deliveries);
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(POST_SECONDS_MAX)))
            .build();
        let deliveries = Arc::new(Self {
            documents,
            gate,
            clock,
            seq: AtomicU64::new(0),
            waiting: Mutex::default(),
            lines: Mutex::default(),
            changed: Notify::new(),
            under_way: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
            dispatcher: Mutex::default(),
            agent: config.into(),
        });
        // By name, which is the order of each line.
        for (name, row) in deliveries.documents.all::<Row>("").await? {
            deliveries.join(row.due_at, name, row.delivery.line);
        }
        let dispatcher = tokio::spawn(Arc::clone(&deliveries).dispatch());
        *deliveries.dispatcher.lock() = Some(dispatcher);
        Ok(deliveries)
    }

    /// Adds the row of a delivery to `batch`. When the batch is stored, tell [`Self::begin`].
    pub fn add(&self, batch: &mut Batch, delivery: Delivery) -> Ticket {
        let now = self.clock.now();
        let number = self.seq.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "{:016x}/{number:016x}/{}",
            now.as_millis(),
            RequestId::random()
        );
        let line = delivery.line.clone();
        let row = Row {
            delivery,
            accepted_at: now,
            due_at: now,
            tries: 0,
        };
        self.documents.put(batch, &name, &row);
        Ticket {
            due_at: now,
            name,
            line,
        }
    }

    /// Makes deliveries whose rows are stored.
    pub fn begin(&self, tickets: Vec<Ticket>) {
        for Ticket { due_at, name, line } in tickets {
            self.join(due_at, name, line);
        }
    }

    /// Begins nothing new. What is under way has its row still.
    pub fn stop(&self) {
        if let Some(dispatcher) = self.dispatcher.lock().take() {
            dispatcher.abort();
        }
    }

    fn join(&self, due_at: Timestamp, name: String, line: Option<String>) {
        let is_first = line.is_none_or(|line| self.lines.lock().join(line, &name));
        if is_first {
            self.wait(due_at, name);
        }
    }

    /// Removes the row of a delivery that is over, and lets the next one of its line go.
    async fn end(&self, name: &str) -> Result<(), StoreError> {
        self.documents.remove(name).await?;
        self.ended(name);
        Ok(())
    }

    fn ended(&self, name: &str) {
        let next = self.lines.lock().leave(name);
        if let Some(next) = next {
            self.wait(self.clock.now(), next);
        }
    }

    fn wait(&self, due_at: Timestamp, name: String) {
        self.waiting.lock().push(Reverse((due_at, name)));
        self.changed.notify_one();
    }

    async fn dispatch(self: Arc<Self>) {
        loop {
            let Ok(permit) = Arc::clone(&self.under_way).acquire_owned().await else {
                return;
            };
            let name = self.next_due().await;
            let deliveries = Arc::clone(&self);
            tokio::spawn(async move {
                if let Err(error) = deliveries.deliver(&name).await {
                    tracing::error!(%error, "the store failed while a delivery was made; it is made again");
                    deliveries.wait(deliveries.clock.now().plus_seconds(5), name);
                }
                drop(permit);
            });
        }
    }

    async fn next_due(&self) -> String {
        loop {
            let changed = self.changed.notified();
            let pause = {
                let mut waiting = self.waiting.lock();
                let now = self.clock.now();
                match waiting.peek() {
                    Some(Reverse((due_at, _))) if *due_at <= now => {
                        let Reverse((_, name)) = waiting.pop().expect("it was just seen");
                        return name;
                    }
                    Some(Reverse((due_at, _))) => {
                        let millis = due_at.as_millis() - now.as_millis();
                        let millis = millis.clamp(1, PAUSE_MILLIS_MAX);
                        Some(Duration::from_millis(millis.unsigned_abs()))
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

    async fn deliver(&self, name: &str) -> Result<(), StoreError> {
        let Some(mut row) = self.documents.get::<Row>(name).await? else {
            self.ended(name);
            return Ok(());
        };
        row.tries += 1;
        let Err(failure) = self.make(&row.delivery).await else {
            return self.end(name).await;
        };
        let now = self.clock.now();
        let delivery = &row.delivery;
        let over = now >= row.accepted_at.plus_seconds(delivery.seconds_max);
        let condition = match (is_passing(&failure), over) {
            (false, _) => Some("NonRetriable"),
            (true, true) => Some("MaximumEventAgeInSeconds"),
            (true, false) if row.tries > delivery.retries_max => Some("MaximumRetryAttempts"),
            (true, false) => None,
        };
        match condition {
            Some(condition) => {
                tracing::warn!(%failure, tries = row.tries, condition, "a delivery was given up");
                if let Err(failure) = self.tell_of(&row, &failure, condition).await {
                    tracing::error!(%failure, "and the queue for it could not be told");
                }
                self.end(name).await
            }
            None => {
                let pause = (1_u64 << row.tries.min(10)).min(PAUSE_SECONDS_MAX);
                row.due_at = now.plus_seconds(pause);
                self.documents.write(name, &row).await?;
                self.wait(row.due_at, name.to_owned());
                Ok(())
            }
        }
    }

    async fn make(&self, delivery: &Delivery) -> Result<(), Failure> {
        match &delivery.action {
            Action::Call {
                service,
                operation,
                input,
                payload,
            } => {
                let Some(service) = target::known(service) else {
                    let message = format!("{service}:{operation} is not served here yet");
                    return Err(Failure::client("NotImplemented", message).with_status(501));
                };
                let call = Call {
                    service,
                    operation: operation.clone().into(),
                    input: input.to_string().into(),
                    payload: payload.clone().into(),
                    principal: delivery.caller.principal(),
                    request_id: RequestId::random(),
                };
                let reply = match self.gate.call(call.clone()).await {
                    // A log stream is made by who writes to it first.
                    Err(failure)
                        if service == "logs" && failure.code == "ResourceNotFoundException" =>
                    {
                        let stream = Call {
                            operation: "CreateLogStream".into(),
                            input: json!({
                                "logGroupName": input["logGroupName"],
                                "logStreamName": input["logStreamName"],
                            })
                            .to_string()
                            .into(),
                            ..call.clone()
                        };
                        self.gate.call(stream).await?;
                        self.gate.call(call).await?
                    }
                    // It was started before, and the answer was lost.
                    Err(failure) if is_done(service, operation, input, &failure) => return Ok(()),
                    answered => answered?,
                };
                // A bus says in its answer what it did not take.
                let output: Value = serde_json::from_slice(&reply.output).unwrap_or_default();
                if output["FailedEntryCount"].as_u64().unwrap_or(0) > 0 {
                    return Err(Failure::client("FailedEntry", output.to_string()));
                }
                Ok(())
            }
            Action::Post { url, headers, body } => self.post(url, headers, body).await,
        }
    }

    async fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: &str,
    ) -> Result<(), Failure> {
        let mut request = self.agent.post(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let body = body.to_owned();
        let sent = tokio::task::spawn_blocking(move || request.send(body)).await;
        let unreachable = |text: String| Failure::client("SDK_CLIENT_ERROR", text).with_status(503);
        match sent {
            Ok(Ok(response)) if response.status().is_success() => Ok(()),
            Ok(Ok(response)) => {
                let status = response.status().as_u16();
                let message = format!("The endpoint answered {status}.");
                // Somebody on the web who refuses may take it later.
                Err(Failure::client("HTTP_ERROR", message).with_status(status.max(500)))
            }
            Ok(Err(error)) => Err(unreachable(error.to_string())),
            Err(error) => Err(unreachable(error.to_string())),
        }
    }

    /// Tells the queue for what was given up, if there is one.
    async fn tell_of(&self, row: &Row, failure: &Failure, condition: &str) -> Result<(), Failure> {
        let delivery = &row.delivery;
        let Some((queue, caller)) = &delivery.dead_letter else {
            return Ok(());
        };
        let retries = (row.tries - 1).to_string();
        let said = [
            ("ERROR_CODE", &*failure.code),
            ("ERROR_MESSAGE", failure.message.as_str()),
            ("EXHAUSTED_RETRY_CONDITION", condition),
            ("RETRY_ATTEMPTS", retries.as_str()),
        ];
        let own = delivery.dead_attributes.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        let attributes: Map<String, Value> = own
            .clone()
            .chain(said.into_iter().filter(|_| own.len() > 0))
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| {
                (
                    name.to_owned(),
                    json!({"DataType": "String", "StringValue": value}),
                )
            })
            .collect();
        let mut input = json!({
            "QueueUrl": queue.rsplit(':').next(),
            "MessageBody": delivery.dead_body,
            "MessageAttributes": attributes,
        });
        // What was in order is so in a FIFO queue of dead letters.
        if let Action::Call { input: given, .. } = &delivery.action
            && queue.ends_with(".fifo")
        {
            for member in ["MessageGroupId", "MessageDeduplicationId"] {
                input[member] = given[member].clone();
            }
        }
        let call = Call {
            service: "sqs",
            operation: "SendMessage".into(),
            input: input.to_string().into(),
            payload: bytes::Bytes::new(),
            principal: caller.principal(),
            request_id: RequestId::random(),
        };
        self.gate.call(call).await.map(drop)
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Says whether a failure may be gone at the next try.
fn is_passing(failure: &Failure) -> bool {
    failure.status >= 500 && failure.status != 501
        || failure.status == 429
        || failure.code.contains("Throttl")
        || failure.code == "TooManyRequestsException"
}

/// Says whether a call failed because it was made before. An execution whose name was drawn for this delivery
/// alone can only be the one that an earlier try started.
fn is_done(service: &str, operation: &str, input: &Value, failure: &Failure) -> bool {
    let is_drawn = |name: &str| {
        let is_letter = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        name.len() == 36 && name.bytes().all(is_letter)
    };
    (service, operation) == ("states", "StartExecution")
        && failure.code == "ExecutionAlreadyExists"
        && input["name"].as_str().is_some_and(is_drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_that_an_earlier_try_started_is_done() {
        let drawn = "0190a3c4-7f1e-4d5b-9c1a-2b3c4d5e6f70";
        for (operation, name, code, expected) in [
            ("StartExecution", drawn, "ExecutionAlreadyExists", true),
            ("StartExecution", "nightly", "ExecutionAlreadyExists", false),
            ("StartExecution", drawn, "StateMachineDoesNotExist", false),
            ("StopExecution", drawn, "ExecutionAlreadyExists", false),
        ] {
            let failure = Failure::client(code, "");
            let done = is_done("states", operation, &json!({ "name": name }), &failure);
            assert_eq!(done, expected, "{operation} {name} {code}");
        }
    }
}
