//! A service whose clock tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use service::{Call, Clock, Failure, Principal, RequestId, Service as _, Site};
use sqs::Sqs;
use store::{MemoryStore, Store};
use vocab::Timestamp;

/// A clock that stands still until it is moved.
pub struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

pub struct World {
    pub sqs: Arc<Sqs>,
    pub clock: Arc<HandClock>,
    pub store: Arc<dyn Store>,
}

impl World {
    pub async fn new() -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(1_790_000_000_000)));
        Self::over(Arc::new(MemoryStore::default()), clock).await
    }

    pub async fn over(store: Arc<dyn Store>, clock: Arc<HandClock>) -> Self {
        let site = Site {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        };
        let endpoint = "http://localhost:1".to_owned();
        let sqs = Sqs::open(store.clone(), clock.clone(), site, endpoint).await;
        Self {
            sqs: sqs.expect("the store is there"),
            clock,
            store,
        }
    }

    /// A world whose store stands still when it is told to.
    pub async fn gated(store: Arc<crate::gated::Gated>) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(1_790_000_000_000)));
        Self::over(store, clock).await
    }

    /// The same store under another process.
    pub async fn again(self) -> Self {
        drop(self.sqs);
        Self::over(self.store, self.clock).await
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, Failure> {
        let call = Call {
            service: "sqs",
            operation: operation.to_owned().into(),
            input: input.to_string().into(),
            payload: Default::default(),
            principal: Principal::Root {
                account: "000000000000".into(),
            },
            request_id: RequestId::random(),
        };
        let reply = self.sqs.call(call).await?;
        if reply.output.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&reply.output).expect("outputs are JSON"))
    }

    /// Calls with the queue `q` where the input names none.
    pub async fn try_with(&self, operation: &str, mut input: Value) -> Result<Value, Failure> {
        let members = input.as_object_mut().expect("an object");
        let url = members
            .get("QueueUrl")
            .and_then(Value::as_str)
            .unwrap_or("q");
        let url = format!("http://elsewhere/000000000000/{url}");
        if operation != "CreateQueue" {
            members.insert("QueueUrl".to_owned(), url.into());
        }
        self.call(operation, input).await
    }

    pub async fn ok(&self, operation: &str, input: Value) -> Value {
        match self.try_with(operation, input.clone()).await {
            Ok(output) => output,
            Err(failure) => panic!("{operation} {input}: {failure}"),
        }
    }

    /// Calls what must be refused; returns `CODE: MESSAGE`.
    pub async fn refused(&self, operation: &str, input: Value) -> String {
        match self.try_with(operation, input.clone()).await {
            Ok(output) => panic!("{operation} {input}: was not refused: {output}"),
            Err(failure) => failure.to_string(),
        }
    }

    pub async fn create(&self, name: &str, attributes: Value) {
        let input = json!({"QueueName": name, "Attributes": attributes});
        self.ok("CreateQueue", input).await;
    }

    /// Receives from `queue`; returns the bodies and the handles.
    pub async fn receive(&self, queue: &str, most: u32) -> Vec<(String, String)> {
        let input = json!({"QueueUrl": queue, "MaxNumberOfMessages": most});
        let output = self.ok("ReceiveMessage", input).await;
        let messages = output["Messages"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        messages
            .iter()
            .map(|message| (text(&message["Body"]), text(&message["ReceiptHandle"])))
            .collect()
    }

    pub async fn bodies(&self, queue: &str) -> Vec<String> {
        let received = self.receive(queue, 10).await;
        received.into_iter().map(|(body, _)| body).collect()
    }

    /// Returns how many messages are to be seen, out, and delayed.
    pub async fn counts(&self) -> [u32; 3] {
        let output = self
            .ok("GetQueueAttributes", json!({"AttributeNames": ["All"]}))
            .await;
        ["", "NotVisible", "Delayed"].map(|end| {
            let name = format!("ApproximateNumberOfMessages{end}");
            let text = output["Attributes"][name].as_str().expect("a count");
            text.parse().expect("a number")
        })
    }
}
