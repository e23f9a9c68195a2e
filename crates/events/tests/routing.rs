//! From a bus to the targets of its rules, and to other buses.

use std::sync::Arc;

use async_trait::async_trait;
use delivery::Deliveries;
use events::{Events, Occurrence};
use serde_json::{Value, json};
use service::{
    Call, Clock as _, Failure, Gate, Principal, Reply, RequestId, Service as _, Site, SystemClock,
};
use store::{Documents, MemoryStore, Space, Store};

/// Nobody answers, so what is to be told stays where it is.
struct Nobody;

#[async_trait]
impl Gate for Nobody {
    async fn call(&self, _: Call) -> Result<Reply, Failure> {
        std::future::pending().await
    }
}

struct World {
    events: Arc<Events>,
    store: Arc<dyn Store>,
}

impl World {
    async fn new() -> Self {
        let site = Site {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        };
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let clock = Arc::new(SystemClock);
        let deliveries = Deliveries::open(store.clone(), Arc::new(Nobody), clock.clone());
        let deliveries = deliveries.await.expect("the deliveries open");
        let events = Events::open(store.clone(), deliveries, clock, site);
        let events = events.await.expect("the buses open");
        Self { events, store }
    }

    async fn ok(&self, operation: &'static str, input: Value) {
        let call = Call {
            service: "events",
            operation: operation.into(),
            input: input.to_string().into(),
            payload: Default::default(),
            principal: Principal::Root {
                account: "000000000000".into(),
            },
            request_id: RequestId::random(),
        };
        let answer = self.events.call(call).await;
        let reply = answer.unwrap_or_else(|failure| panic!("{operation} answered {failure}"));
        let output: Value = serde_json::from_slice(&reply.output).unwrap_or_default();
        assert!(
            output["FailedEntryCount"].as_u64().unwrap_or(0) == 0,
            "{output}"
        );
    }

    /// Makes a rule on `bus` that wants every event of `aws.test`.
    async fn rule(&self, bus: &str, targets: &[&str]) {
        let pattern = json!({"source": ["aws.test"]}).to_string();
        let rule = json!({"Name": "r", "EventBusName": bus, "EventPattern": pattern});
        self.ok("PutRule", rule).await;
        let targets: Value = targets
            .iter()
            .map(|arn| json!({"Id": arn, "Arn": arn}))
            .collect();
        let input = json!({"Rule": "r", "EventBusName": bus, "Targets": targets});
        self.ok("PutTargets", input).await;
    }

    /// Returns the queues that are to be told, and of what.
    async fn told(&self) -> Vec<(String, Value)> {
        let rows = Documents::new(self.store.clone(), Space::Deliveries);
        let rows = rows.all::<Value>("").await.expect("the store is there");
        let told = rows.iter().map(|(_, row)| {
            let input = &row["delivery"]["action"]["Call"]["input"];
            let text = |name: &str| input[name].as_str().expect("text").to_owned();
            let event = serde_json::from_str(&text("MessageBody")).expect("an event");
            (text("QueueUrl"), event)
        });
        told.collect()
    }
}

#[tokio::test]
async fn an_event_goes_on_to_another_bus_as_it_is_and_no_further() {
    let world = World::new().await;
    let (one, two) = (
        "arn:aws:events:us-east-1:000000000000:event-bus/one",
        "arn:aws:events:us-east-1:000000000000:event-bus/two",
    );
    for name in ["one", "two"] {
        world.ok("CreateEventBus", json!({ "Name": name })).await;
    }
    world.rule("default", &[one]).await;
    // The two lead to each other.
    world
        .rule("one", &[two, "arn:aws:sqs:us-east-1:000000000000:q"])
        .await;
    world
        .rule("two", &[one, "arn:aws:sqs:us-east-1:000000000000:far"])
        .await;
    let occurrence = Occurrence {
        source: "aws.test".to_owned(),
        detail_type: "Test".to_owned(),
        resources: vec!["arn:a".to_owned()],
        time: SystemClock.now(),
        detail: json!({"a": 1}),
    };
    let published = world.events.publish(occurrence).await;
    published.expect("the store is there");
    let told = world.told().await;
    let [(queue, event)] = &told[..] else {
        panic!("one queue is to be told: {told:?}");
    };
    assert_eq!(queue, "q");
    assert_eq!(event["source"], "aws.test");
    assert_eq!(event["resources"], json!(["arn:a"]));
    assert_eq!(event["detail"], json!({"a": 1}));
}
