//! A service whose clock tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use logs::Logs;
use serde_json::{Value, json};
use service::{Call, Clock, Failure, Principal, RequestId, Service as _, Site};
use store::{MemoryStore, Store};
use vocab::Timestamp;

/// The moment at which tests begin.
pub const NOW: i64 = 1_790_000_000_000;
/// A day, in milliseconds.
pub const DAY: i64 = 86_400_000;

/// A clock that stands still until it is moved.
pub struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A service, its clock and its store.
pub struct World {
    pub logs: Arc<Logs>,
    pub clock: Arc<HandClock>,
    pub store: Arc<dyn Store>,
}

impl World {
    pub fn new() -> Self {
        Self::over(Arc::new(MemoryStore::default()))
    }

    pub fn over(store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(NOW)));
        let site = Site {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        };
        Self {
            logs: Logs::open(store.clone(), clock.clone(), site),
            clock,
            store,
        }
    }

    pub fn pass(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }

    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, Failure> {
        let call = Call {
            service: "logs",
            operation: operation.to_owned().into(),
            input: input.to_string().into(),
            payload: Default::default(),
            principal: Principal::Root {
                account: "000000000000".into(),
            },
            request_id: RequestId::random(),
        };
        let reply = self.logs.call(call).await?;
        if reply.output.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&reply.output).expect("outputs are JSON"))
    }

    pub async fn ok(&self, operation: &str, input: Value) -> Value {
        match self.call(operation, input.clone()).await {
            Ok(output) => output,
            Err(failure) => panic!("{operation} {input}: {failure}"),
        }
    }

    /// Calls what must be refused; returns `CODE: MESSAGE`.
    pub async fn refused(&self, operation: &str, input: Value) -> String {
        match self.call(operation, input.clone()).await {
            Ok(output) => panic!("{operation} {input}: was not refused: {output}"),
            Err(failure) => failure.to_string(),
        }
    }

    /// Makes the group `g` with a stream `s`.
    pub async fn with_stream(self) -> Self {
        self.ok("CreateLogGroup", json!({ "logGroupName": "g" }))
            .await;
        self.stream("s").await;
        self
    }

    pub async fn stream(&self, name: &str) {
        let input = json!({ "logGroupName": "g", "logStreamName": name });
        self.ok("CreateLogStream", input).await;
    }

    /// Puts messages into a stream of `g`, each with its time.
    pub async fn put(&self, stream: &str, events: &[(i64, &str)]) -> Value {
        let events: Vec<_> = events
            .iter()
            .map(|(at, message)| json!({ "timestamp": at, "message": message }))
            .collect();
        let input = json!({ "logGroupName": "g", "logStreamName": stream, "logEvents": events });
        self.ok("PutLogEvents", input).await
    }
}

/// Returns the messages of a page.
pub fn messages(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().expect("a page has events");
    events
        .iter()
        .map(|event| event["message"].as_str().expect("an event has a message"))
        .collect()
}
