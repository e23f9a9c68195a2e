//! Moves of dead letters.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::gated::Gated;
use crate::world::World;

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

fn policy(target: &str) -> String {
    json!({"deadLetterTargetArn": arn(target), "maxReceiveCount": 1}).to_string()
}

/// Makes a queue `name` that gives up to `dead`, and has it give up these messages.
async fn give_up(world: &World, name: &str, dead: &str, bodies: &[String]) {
    let attributes = json!({"VisibilityTimeout": "0", "RedrivePolicy": policy(dead)});
    world.create(name, attributes).await;
    for body in bodies {
        let input = json!({"QueueUrl": name, "MessageBody": body});
        world.ok("SendMessage", input).await;
    }
    for _ in bodies {
        world.receive(name, 10).await;
    }
    assert!(world.bodies(name).await.is_empty(), "all are given up");
}

fn some(count: usize, of: &str) -> Vec<String> {
    (0..count).map(|number| format!("{of}{number}")).collect()
}

/// Waits until the last task of `dead` is as it should be; returns it.
async fn ended(world: &World, dead: &str, status: &str) -> Value {
    for _ in 0..10_000 {
        let listed = world
            .ok("ListMessageMoveTasks", json!({"SourceArn": arn(dead)}))
            .await;
        let task = listed["Results"][0].clone();
        if task["Status"] == status {
            return task;
        }
        assert_eq!(task["Status"], "RUNNING", "{task}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the task does not end");
}

async fn all_of(world: &World, queue: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let received = world.receive(queue, 10).await;
        if received.is_empty() {
            bodies.sort();
            return bodies;
        }
        for (body, handle) in received {
            let input = json!({"QueueUrl": queue, "ReceiptHandle": handle});
            world.ok("DeleteMessage", input).await;
            bodies.push(body);
        }
    }
}

#[tokio::test]
async fn dead_letters_go_back_to_where_they_came_from() {
    let world = World::new().await;
    world.create("dead", json!({})).await;
    give_up(&world, "a", "dead", &some(23, "a")).await;
    give_up(&world, "b", "dead", &some(2, "b")).await;
    let started = world
        .ok("StartMessageMoveTask", json!({"SourceArn": arn("dead")}))
        .await;
    assert!(started["TaskHandle"].is_string(), "{started}");
    let task = ended(&world, "dead", "COMPLETED").await;
    assert_eq!(task["ApproximateNumberOfMessagesMoved"], 25);
    assert_eq!(task["ApproximateNumberOfMessagesToMove"], 25);
    assert_eq!(task["TaskHandle"], Value::Null, "only one that runs has it");
    assert_eq!(all_of(&world, "a").await, {
        let mut bodies = some(23, "a");
        bodies.sort();
        bodies
    });
    assert_eq!(all_of(&world, "b").await, some(2, "b"));
    assert!(all_of(&world, "dead").await.is_empty());
}

#[tokio::test]
async fn they_go_elsewhere_as_new_messages() {
    let world = World::new().await;
    for name in ["dead", "other"] {
        world.create(name, json!({})).await;
    }
    give_up(&world, "a", "dead", &some(1, "a")).await;
    let input = json!({"SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 500});
    world.ok("StartMessageMoveTask", input).await;
    let task = ended(&world, "dead", "COMPLETED").await;
    assert_eq!(task["DestinationArn"], arn("other"));
    let input = json!({"QueueUrl": "other", "AttributeNames": ["All"]});
    let received = world.ok("ReceiveMessage", input).await;
    let attributes = &received["Messages"][0]["Attributes"];
    assert_eq!(attributes["ApproximateReceiveCount"], "1");
    assert_eq!(attributes["DeadLetterQueueSourceArn"], Value::Null);
}

#[tokio::test]
async fn a_task_goes_on_in_the_next_process_and_counts_nothing_twice() {
    let world = World::new().await;
    world.create("dead", json!({})).await;
    give_up(&world, "a", "dead", &some(30, "a")).await;
    // Slow enough that the first process does not come to the end of it.
    let input = json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 10});
    world.ok("StartMessageMoveTask", input).await;
    let world = world.again().await;
    let task = ended(&world, "dead", "COMPLETED").await;
    assert_eq!(task["ApproximateNumberOfMessagesMoved"], 30);
    assert_eq!(all_of(&world, "a").await.len(), 30);
    let world = world.again().await;
    let task = ended(&world, "dead", "COMPLETED").await;
    assert_eq!(task["ApproximateNumberOfMessagesMoved"], 30);
}

#[tokio::test]
async fn one_that_is_cancelled_moves_no_more() {
    let world = World::new().await;
    world.create("dead", json!({})).await;
    give_up(&world, "a", "dead", &some(30, "a")).await;
    let input = json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 1});
    let started = world.ok("StartMessageMoveTask", input.clone()).await;
    let again = world.refused("StartMessageMoveTask", input).await;
    assert!(again.starts_with("UnsupportedOperation: There is already a task running."));
    let handle = json!({"TaskHandle": started["TaskHandle"]});
    let cancelled = world.ok("CancelMessageMoveTask", handle.clone()).await;
    let task = ended(&world, "dead", "CANCELLED").await;
    assert_eq!(
        cancelled["ApproximateNumberOfMessagesMoved"],
        task["ApproximateNumberOfMessagesMoved"]
    );
    let moved = task["ApproximateNumberOfMessagesMoved"].as_u64();
    let left = all_of(&world, "dead").await.len() as u64;
    assert_eq!(moved, Some(30 - left));
    let refused = world.refused("CancelMessageMoveTask", handle).await;
    assert!(refused.starts_with("UnsupportedOperation"), "{refused}");
}

#[tokio::test]
async fn what_goes_nowhere_stays() {
    let world = World::new().await;
    world.create("dead", json!({})).await;
    give_up(&world, "a", "dead", &[]).await;
    let input = json!({"QueueUrl": "dead", "MessageBody": "sent here"});
    world.ok("SendMessage", input).await;
    let input = json!({"SourceArn": arn("dead")});
    world.ok("StartMessageMoveTask", input.clone()).await;
    let task = ended(&world, "dead", "FAILED").await;
    assert_eq!(task["FailureReason"], "CouldNotDetermineMessageSource");
    give_up(&world, "b", "dead", &some(1, "b")).await;
    assert_eq!(all_of(&world, "dead").await.len(), 2);

    give_up(&world, "c", "dead", &some(1, "c")).await;
    world.ok("DeleteQueue", json!({"QueueUrl": "c"})).await;
    world.ok("StartMessageMoveTask", input).await;
    let task = ended(&world, "dead", "FAILED").await;
    assert_eq!(
        task["FailureReason"],
        "AWS.SimpleQueueService.NonExistentQueue"
    );
    assert_eq!(all_of(&world, "dead").await, ["c0"]);
}

#[tokio::test]
async fn what_cannot_be_moved_is_refused() {
    let world = World::new().await;
    for (name, attributes) in [
        ("dead", json!({})),
        ("plain", json!({})),
        ("f.fifo", json!({"FifoQueue": "true"})),
    ] {
        world.create(name, attributes).await;
    }
    give_up(&world, "a", "dead", &[]).await;
    let task = |more: Value| {
        let mut input = json!({"SourceArn": arn("dead")});
        for (name, value) in more.as_object().expect("an object") {
            input[name] = value.clone();
        }
        input
    };
    for (operation, input, told) in [
        (
            "StartMessageMoveTask",
            json!({}),
            "MissingParameter: The request must contain the parameter SourceArn.",
        ),
        (
            "StartMessageMoveTask",
            task(json!({"SourceArn": "dead"})),
            "InvalidParameterValue: You must use this format to specify the SourceArn: arn:<partition>:<service>:<region>:<account-id>:<resource-id>",
        ),
        (
            "StartMessageMoveTask",
            task(json!({"SourceArn": arn("none")})),
            "ResourceNotFoundException: The resource that you specified for the SourceArn parameter doesn't exist.",
        ),
        (
            "StartMessageMoveTask",
            task(json!({"SourceArn": arn("plain")})),
            "InvalidParameterValue: Source queue must be configured as a Dead Letter Queue.",
        ),
        (
            "StartMessageMoveTask",
            task(json!({"DestinationArn": arn("none")})),
            "ResourceNotFoundException: The resource that you specified for the DestinationArn parameter doesn't exist.",
        ),
        (
            "StartMessageMoveTask",
            task(json!({"DestinationArn": arn("dead")})),
            "InvalidParameterValue: Source queue arn and destination queue arn cannot be the same.",
        ),
        (
            "StartMessageMoveTask",
            task(json!({"DestinationArn": arn("f.fifo")})),
            "InvalidParameterValue: The source queue and destination queue must be of the same queue type.",
        ),
        (
            "StartMessageMoveTask",
            task(json!({"MaxNumberOfMessagesPerSecond": 501})),
            "InvalidParameterValue: Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter a number that's between 1 and 500.",
        ),
        (
            "CancelMessageMoveTask",
            json!({"TaskHandle": "eyJ0YXNrSWQiOiJ4In0="}),
            "ResourceNotFoundException: Task does not exist.",
        ),
        (
            "CancelMessageMoveTask",
            json!({"TaskHandle": "x"}),
            "InvalidParameterValue: The value for TaskHandle is invalid.",
        ),
    ] {
        assert_eq!(world.refused(operation, input).await, told);
    }
}

#[tokio::test]
async fn a_dead_letter_queue_says_whose_it_is() {
    let world = World::new().await;
    let allowed = json!({"redrivePermission": "byQueue", "sourceQueueArns": [arn("a")]});
    let attributes = json!({"RedriveAllowPolicy": allowed.to_string()});
    world.create("dead", attributes).await;
    give_up(&world, "a", "dead", &some(1, "a")).await;
    let attributes = json!({"RedrivePolicy": policy("dead")});
    let input = json!({"QueueName": "b", "Attributes": attributes});
    let refused = world.refused("CreateQueue", input).await;
    assert!(
        refused.ends_with("does not let this queue use it."),
        "{refused}"
    );
    // What was let in before is let in no more.
    let attributes = json!({"RedriveAllowPolicy": "{\"redrivePermission\":\"denyAll\"}"});
    let input = json!({"QueueUrl": "dead", "Attributes": attributes});
    world.ok("SetQueueAttributes", input).await;
    let input = json!({"QueueUrl": "a", "MessageBody": "kept"});
    world.ok("SendMessage", input).await;
    for _ in 0..3 {
        assert_eq!(world.bodies("a").await, ["kept"]);
    }
}

#[tokio::test]
async fn a_caller_who_goes_away_takes_nothing_along() {
    let store = Gated::new();
    let world = Arc::new(World::gated(store.clone()).await);
    world.create("dead", json!({})).await;
    let attributes = json!({"VisibilityTimeout": "10", "RedrivePolicy": policy("dead")});
    world.create("q", attributes).await;
    world.ok("SendMessage", json!({"MessageBody": "a"})).await;
    // Once while it is received, once while it is given up.
    for _ in 0..2 {
        store.close();
        let passed = store.passed();
        let caller = Arc::clone(&world);
        let caller = tokio::spawn(async move { caller.bodies("q").await });
        store.waiting.notified().await;
        caller.abort();
        assert!(caller.await.expect_err("it is gone").is_cancelled());
        store.open();
        // A read and a commit: the rest of what was begun.
        let rest = async {
            while store.passed() < passed + 2 {
                tokio::task::yield_now().await;
            }
        };
        let rest = tokio::time::timeout(Duration::from_secs(10), rest).await;
        rest.expect("what was begun is carried out");
        world.pass(10);
    }
    let given_up = async {
        loop {
            let bodies = world.bodies("dead").await;
            if !bodies.is_empty() {
                return bodies;
            }
            tokio::task::yield_now().await;
        }
    };
    let given_up = tokio::time::timeout(Duration::from_secs(10), given_up).await;
    assert_eq!(given_up.expect("it is there"), ["a"]);
}
