//! FIFO queues: order within groups, and what is sent twice.

use serde_json::{Value, json};

use crate::world::World;

async fn send(world: &World, group: &str, body: &str, id: &str) -> Value {
    let input = json!({"QueueUrl": "q.fifo", "MessageGroupId": group, "MessageBody": body, "MessageDeduplicationId": id});
    world.ok("SendMessage", input).await
}

#[tokio::test]
async fn a_group_waits_for_its_first() {
    let world = World::new().await;
    world.create("q.fifo", json!({"FifoQueue": "true"})).await;
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3")] {
        send(&world, group, body, body).await;
    }
    let first = world.receive("q.fifo", 1).await;
    assert_eq!(first[0].0, "a1");
    assert_eq!(world.bodies("q.fifo").await, ["b1"]);
    let delete = json!({"QueueUrl": "q.fifo", "ReceiptHandle": first[0].1});
    world.ok("DeleteMessage", delete).await;
    assert_eq!(world.bodies("q.fifo").await, ["a2", "a3"]);
    world.pass(31);
    let delete = json!({"QueueUrl": "q.fifo", "ReceiptHandle": first[0].1});
    world.ok("DeleteMessage", delete).await;
    let again = world.receive("q.fifo", 10).await;
    let bodies: Vec<&str> = again.iter().map(|(body, _)| body.as_str()).collect();
    assert_eq!(bodies, ["a2", "a3", "b1"]);
    world.pass(31);
    let delete = json!({"QueueUrl": "q.fifo", "ReceiptHandle": again[0].1});
    let refused = world.refused("DeleteMessage", delete).await;
    assert!(
        refused.ends_with("Reason: The receipt handle has expired."),
        "{refused}"
    );
}

#[tokio::test]
async fn what_is_sent_twice_comes_once() {
    let world = World::new().await;
    let attributes = json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"});
    world.create("q.fifo", attributes).await;
    let first = send(&world, "a", "x", "1").await;
    let second = send(&world, "b", "y", "1").await;
    assert_eq!(first["MessageId"], second["MessageId"]);
    assert_eq!(first["SequenceNumber"], second["SequenceNumber"]);
    let input = json!({"QueueUrl": "q.fifo", "MessageGroupId": "a", "MessageBody": "z"});
    let by_content = world.ok("SendMessage", input.clone()).await;
    assert!(by_content["SequenceNumber"].as_str() > first["SequenceNumber"].as_str());
    assert_eq!(
        by_content["SequenceNumber"].as_str().map(str::len),
        Some(20)
    );
    // Another process remembers as well.
    let world = world.again().await;
    assert_eq!(
        world.ok("SendMessage", input.clone()).await["MessageId"],
        by_content["MessageId"]
    );
    world.pass(301);
    world.sqs.sweep().await.expect("the store is there");
    assert_ne!(
        world.ok("SendMessage", input).await["MessageId"],
        by_content["MessageId"]
    );
    assert_eq!(world.bodies("q.fifo").await, ["x", "z", "z"]);
}

#[tokio::test]
async fn what_fifo_queues_refuse() {
    let world = World::new().await;
    world.create("q.fifo", json!({"FifoQueue": "true"})).await;
    world.create("q", json!({})).await;
    for (input, told) in [
        (
            json!({"QueueUrl": "q.fifo"}),
            "MissingParameter: The request must contain the parameter MessageGroupId.",
        ),
        (
            json!({"QueueUrl": "q.fifo", "MessageGroupId": "g"}),
            "InvalidParameterValue: The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
        (
            json!({"QueueUrl": "q.fifo", "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 1}),
            "InvalidParameterValue: Value 1 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type",
        ),
        (
            json!({"MessageDeduplicationId": "d"}),
            "InvalidParameterValue: Value d for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that is not valid for this queue type",
        ),
    ] {
        let mut input = input;
        input["MessageBody"] = "x".into();
        assert_eq!(world.refused("SendMessage", input).await, told);
    }
}
