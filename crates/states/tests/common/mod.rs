//! The service over a store in memory, as a caller sees it.

// Each test file uses its own part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use engine_core::Limits;
use logs::Logs;
use parking_lot::Mutex;
use serde_json::{Value, json};
use service::{Call, Clock, Failure, Gate, Principal, Reply, RequestId, Service, Site, StatusSink};
use states::mocks::MockFile;
use states::{States, StatesOptions};
use store::{Batch, Key, MemoryStore, Range, Store, StoreError};
use vocab::Timestamp;

pub const ROLE: &str = "arn:aws:iam::000000000000:role/R";

/// The ARN of the machine called `name`.
pub fn machine_arn(name: &str) -> String {
    format!("arn:aws:states:us-east-1:000000000000:stateMachine:{name}")
}

/// The ARN of the execution called `name` of `machine`.
pub fn execution_arn(machine: &str, name: &str) -> String {
    format!("arn:aws:states:us-east-1:000000000000:execution:{machine}:{name}")
}

/// A clock that stands still until it is moved.
pub struct MovedClock(AtomicI64);

impl MovedClock {
    pub fn advance_millis(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Functions that take every payload and all give one answer: `null` unless told otherwise. Calls to
/// the service itself reach it.
#[derive(Default)]
pub struct Functions {
    /// What other services answer, by `service:Operation`; others are not served.
    pub answers: Mutex<BTreeMap<String, Result<Value, Failure>>>,
    /// What they were asked.
    pub asked: Mutex<Vec<Value>>,
    /// The service, once it is open.
    pub states: tokio::sync::watch::Sender<Weak<States>>,
    pub payloads: Mutex<Vec<Value>>,
    pub answer: Mutex<Option<Bytes>>,
    /// Where executions log.
    pub logs: Option<Arc<Logs>>,
    /// The log group that takes nothing, and how often it was asked.
    pub failing_group: Mutex<Option<&'static str>>,
    pub failed_puts: AtomicUsize,
}

#[async_trait]
impl Gate for Functions {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let name = format!("{}:{}", call.service, call.operation);
        let is_told = self.answers.lock().contains_key(&name);
        if let ("logs", Some(logs), false) = (call.service, &self.logs, is_told) {
            let fails = self.failing_group.lock().is_some_and(|group| {
                let input: Value = serde_json::from_slice(&call.input).unwrap_or_default();
                call.operation == "PutLogEvents" && input["logGroupName"] == group
            });
            if fails {
                self.failed_puts.fetch_add(1, Ordering::SeqCst);
                return Err(Failure::internal("the group takes nothing"));
            }
            return logs.call(call).await;
        }
        if call.service == "states" && !is_told {
            let mut open = self.states.subscribe();
            let states = open.wait_for(|states| states.strong_count() > 0).await;
            let states = states.expect("the sender is here").upgrade();
            return match states {
                Some(states) => states.call(call).await,
                None => Err(Failure::internal("closed")),
            };
        }
        if is_told || !["lambda", "s3", "logs"].contains(&call.service) {
            let input = serde_json::from_slice(&call.input).expect("an input is JSON");
            self.asked.lock().push(input);
            let answer = self.answers.lock().get(&name).cloned();
            return match answer {
                Some(Ok(output)) => Ok(Reply {
                    output: output.to_string().into(),
                    ..Reply::default()
                }),
                Some(Err(failure)) => Err(failure),
                None => {
                    let message = format!("{name} is not served here yet");
                    Err(Failure::client("NotImplemented", message).with_status(501))
                }
            };
        }
        self.payloads
            .lock()
            .push(serde_json::from_slice(&call.payload).unwrap_or(Value::Null));
        let output = json!({ "StatusCode": 200, "ExecutedVersion": "$LATEST" });
        Ok(Reply {
            output: output.to_string().into(),
            payload: self
                .answer
                .lock()
                .clone()
                .unwrap_or(Bytes::from_static(b"null")),
        })
    }
}

/// A store that counts the rows that scans give.
#[derive(Default)]
pub struct CountingStore {
    inner: MemoryStore,
    pub scanned: AtomicUsize,
}

#[async_trait]
impl Store for CountingStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(key).await
    }

    async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let rows = self.inner.scan(range, limit).await?;
        self.scanned.fetch_add(rows.len(), Ordering::SeqCst);
        Ok(rows)
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.inner.commit(batch).await
    }
}

/// A service with everything around it.
pub struct World {
    pub store: Arc<CountingStore>,
    pub functions: Arc<Functions>,
    pub clock: Arc<MovedClock>,
    pub states: Arc<States>,
    limits: Limits,
    mocks: Option<MockFile>,
    statuses: Option<Arc<dyn StatusSink>>,
}

impl World {
    pub async fn new() -> Self {
        Self::within(Limits::default()).await
    }

    /// Returns a world whose operator has raised limits.
    pub async fn within(limits: Limits) -> Self {
        Self::with(limits, None).await
    }

    /// Returns a world in which somebody hears of executions that begin and end.
    pub async fn heard_by(statuses: Arc<dyn StatusSink>) -> Self {
        Self::with(Limits::default(), Some(statuses)).await
    }

    async fn with(limits: Limits, statuses: Option<Arc<dyn StatusSink>>) -> Self {
        let store = Arc::new(CountingStore::default());
        let clock = Arc::new(MovedClock(AtomicI64::new(1_700_000_000_000)));
        let logs = Logs::open(Arc::new(MemoryStore::default()), clock.clone(), site());
        let functions = Arc::new(Functions {
            logs: Some(logs),
            ..Functions::default()
        });
        let heard = statuses.clone();
        let states = open(&store, &functions, &clock, &limits, None, heard).await;
        Self {
            store,
            functions,
            clock,
            states,
            limits,
            mocks: None,
            statuses,
        }
    }

    /// Starts the service again with a mock file.
    pub async fn mock(&mut self, file: &Value) {
        self.mocks = Some(MockFile::parse(&file.to_string()).expect("a good mock file"));
        self.restart().await;
    }

    /// Forgets everything but the store.
    pub async fn restart(&mut self) {
        self.states.shut_down().await;
        self.functions.states.send_replace(Weak::new());
        let (limits, mocks, statuses) = (&self.limits, self.mocks.clone(), self.statuses.clone());
        let (store, functions, clock) = (&self.store, &self.functions, &self.clock);
        self.states = open(store, functions, clock, limits, mocks, statuses).await;
    }

    /// Makes a call whose input is the text `input`.
    pub async fn raw(&self, operation: &str, input: &str) -> Result<Value, Failure> {
        answer(&self.states, operation, input).await
    }

    /// Makes a call in the background.
    pub fn later(
        &self,
        operation: &'static str,
        input: Value,
    ) -> tokio::task::JoinHandle<Result<Value, Failure>> {
        let states = self.states.clone();
        tokio::spawn(async move { answer(&states, operation, &input.to_string()).await })
    }

    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, Failure> {
        self.raw(operation, &input.to_string()).await
    }

    /// Makes a call that works.
    pub async fn ok(&self, operation: &str, input: Value) -> Value {
        let shown = input.to_string();
        self.call(operation, input).await.unwrap_or_else(|failure| {
            panic!("{operation} {shown} answered {failure}");
        })
    }

    /// Makes a call of the server's own, which sees executions of EXPRESS machines.
    pub async fn seen(&self, operation: &str, input: Value) -> Value {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let text = input.to_string();
            match self.states.look(operation, text.as_bytes()).await {
                Ok(reply) => {
                    return serde_json::from_slice(&reply.output).expect("an output is JSON");
                }
                // What ran in memory is written down behind its answer.
                Err(failure) => assert!(Instant::now() < deadline, "{operation}: {failure}"),
            }
            tokio::task::yield_now().await;
        }
    }

    /// Makes a call that fails; returns `Code: message`.
    pub async fn err(&self, operation: &str, input: Value) -> String {
        let shown = input.to_string();
        match self.call(operation, input).await {
            Ok(output) => panic!("{operation} {shown} answered {output}"),
            Err(failure) => failure.to_string(),
        }
    }

    /// Calls CloudWatch Logs.
    pub async fn logs(&self, operation: &'static str, input: Value) -> Value {
        let call = Call {
            service: "logs",
            operation: operation.into(),
            input: input.to_string().into(),
            payload: Bytes::new(),
            principal: Principal::Root {
                account: "000000000000".into(),
            },
            request_id: RequestId::random(),
        };
        let reply = self.functions.call(call).await;
        let reply = reply.unwrap_or_else(|failure| panic!("{operation} answered {failure}"));
        serde_json::from_slice(&reply.output).unwrap_or_default()
    }

    /// Creates a machine.
    pub async fn create(&self, name: &str, definition: &Value) -> String {
        let input = json!({ "name": name, "definition": definition.to_string(), "roleArn": ROLE });
        let output = self.ok("CreateStateMachine", input).await;
        output["stateMachineArn"]
            .as_str()
            .expect("an ARN")
            .to_owned()
    }

    /// Starts an execution.
    pub async fn start(&self, machine: &str, name: &str, input: &str) -> String {
        let input =
            json!({ "stateMachineArn": machine_arn(machine), "name": name, "input": input });
        let output = self.ok("StartExecution", input).await;
        output["executionArn"].as_str().expect("an ARN").to_owned()
    }

    /// Makes a call again and again until `done` holds of its answer.
    pub async fn until(
        &self,
        operation: &str,
        input: Value,
        done: impl Fn(&Result<Value, Failure>) -> bool,
    ) -> Result<Value, Failure> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.call(operation, input.clone()).await;
            if done(&answer) {
                return answer;
            }
            assert!(
                Instant::now() < deadline,
                "{operation} still answers {answer:?}"
            );
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the execution has ended; returns its description.
    pub async fn until_closed(&self, arn: &str) -> Value {
        let input = json!({ "executionArn": arn });
        let closed = |answer: &Result<Value, Failure>| {
            answer
                .as_ref()
                .is_ok_and(|shown| shown["status"] != "RUNNING")
        };
        self.until("DescribeExecution", input, closed)
            .await
            .expect("was just described")
    }

    /// Waits until the function was called with a token; returns the last one.
    pub async fn token(&self) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let payload = self.functions.payloads.lock().pop();
            if let Some(token) = payload
                .as_ref()
                .and_then(|payload| payload["token"].as_str())
            {
                return token.to_owned();
            }
            assert!(
                Instant::now() < deadline,
                "the function was not called with a token"
            );
            tokio::task::yield_now().await;
        }
    }
}

async fn answer(states: &States, operation: &str, input: &str) -> Result<Value, Failure> {
    let call = Call {
        service: "states",
        operation: operation.to_owned().into(),
        input: Bytes::copy_from_slice(input.as_bytes()),
        payload: Bytes::new(),
        principal: Principal::Root {
            account: "000000000000".into(),
        },
        request_id: RequestId::random(),
    };
    let reply = states.call(call).await?;
    Ok(serde_json::from_slice(&reply.output).expect("an output is JSON"))
}

async fn open(
    store: &Arc<CountingStore>,
    functions: &Arc<Functions>,
    clock: &Arc<MovedClock>,
    limits: &Limits,
    mocks: Option<MockFile>,
    statuses: Option<Arc<dyn StatusSink>>,
) -> Arc<States> {
    let options = StatesOptions {
        spans: None,
        statuses,
        newer_jsonata: false,
        site: site(),
        limits: limits.clone(),
        token_key: [1; 32],
        mocks,
    };
    let states = States::open(options, store.clone(), functions.clone(), clock.clone())
        .await
        .expect("opens");
    functions.states.send_replace(Arc::downgrade(&states));
    states
}

fn site() -> Site {
    Site {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
    }
}

/// The ARN of the activity called `name`.
pub fn activity_arn(name: &str) -> String {
    format!("arn:aws:states:us-east-1:000000000000:activity:{name}")
}

/// Waits for a worker of the activity `name`, with more fields of the state.
pub fn work(name: &str, fields: Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": activity_arn(name), "End": true});
    for (field, value) in fields.as_object().into_iter().flatten() {
        state[field] = value.clone();
    }
    json!({"StartAt": "W", "States": {"W": state}})
}

/// Ends at once, with its input.
pub fn pass() -> Value {
    json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})
}

/// Ends at once, with an error.
pub fn fail() -> Value {
    json!({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "C"}}})
}

/// Waits for somebody's answer.
pub fn callback() -> Value {
    json!({"StartAt": "Ask", "States": {"Ask": {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}},
        "HeartbeatSeconds": 3600,
        "End": true
    }}})
}
