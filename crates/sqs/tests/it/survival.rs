//! What another process finds.

use serde_json::{Value, json};
use store::{Batch, Key, Space};

use crate::world::World;

#[tokio::test]
async fn messages_and_handles_outlive_the_process() {
    let world = World::new().await;
    world.create("q", json!({"DelaySeconds": "0"})).await;
    world.ok("TagQueue", json!({"Tags": {"team": "a"}})).await;
    for body in ["a", "b", "c"] {
        world.ok("SendMessage", json!({"MessageBody": body})).await;
    }
    let received = world.receive("q", 2).await;
    let world = world.again().await;
    assert_eq!(world.counts().await, [1, 2, 0]);
    assert_eq!(
        world.ok("ListQueueTags", json!({})).await["Tags"],
        json!({"team": "a"})
    );
    world
        .ok("DeleteMessage", json!({"ReceiptHandle": received[0].1}))
        .await;
    let change = json!({"ReceiptHandle": received[1].1, "VisibilityTimeout": 0});
    world.ok("ChangeMessageVisibility", change).await;
    let mut bodies = world.bodies("q").await;
    bodies.sort();
    assert_eq!(bodies, ["b", "c"]);
    let world = world.again().await;
    assert_eq!(world.counts().await, [0, 2, 0]);
    // A queue of the same name is another queue.
    world
        .call(
            "DeleteQueue",
            json!({"QueueUrl": "http://x/000000000000/q"}),
        )
        .await
        .expect("a queue");
    let world = world.again().await;
    world.create("q", json!({})).await;
    assert_eq!(world.counts().await, [0, 0, 0]);
}

#[tokio::test]
async fn a_queue_keeps_what_it_would_give_up_to_itself() {
    let world = World::new().await;
    world.create("q", json!({"VisibilityTimeout": "0"})).await;
    world.ok("SendMessage", json!({"MessageBody": "a"})).await;
    // No call makes such a row any more.
    let key = Key::new(Space::Queues, &b"qq"[..]);
    let row = world.store.get(&key).await.expect("the store is there");
    let mut row: Value = serde_json::from_slice(&row.expect("a row")).expect("a queue");
    let policy = json!({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:q", "maxReceiveCount": 1});
    row["attributes"]["RedrivePolicy"] = policy.to_string().into();
    let batch = Batch {
        put: vec![(key, row.to_string().into())],
        ..Batch::default()
    };
    world.store.commit(batch).await.expect("the store is there");
    let world = world.again().await;
    for _ in 0..3 {
        assert_eq!(world.bodies("q").await, ["a"]);
    }
}
