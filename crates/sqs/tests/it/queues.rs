//! Standard queues.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_message_is_out_of_sight_until_its_time_is_over() {
    let world = World::new().await;
    world.create("q", json!({})).await;
    world.ok("SendMessage", json!({"MessageBody": "a"})).await;
    world
        .ok(
            "SendMessage",
            json!({"MessageBody": "late", "DelaySeconds": 60}),
        )
        .await;
    assert_eq!(world.counts().await, [1, 0, 1]);
    let received = world.receive("q", 10).await;
    assert_eq!(received.len(), 1);
    let (_, handle) = &received[0];
    assert_eq!(world.counts().await, [0, 1, 1]);
    assert!(world.bodies("q").await.is_empty());
    let change = json!({"ReceiptHandle": handle, "VisibilityTimeout": 45});
    world.ok("ChangeMessageVisibility", change).await;
    world.pass(40);
    assert!(world.bodies("q").await.is_empty());
    world.pass(5);
    assert_eq!(world.bodies("q").await, ["a"]);
    // The first receive's handle is of no use for that any more, but it deletes.
    let change = json!({"ReceiptHandle": handle, "VisibilityTimeout": 45});
    let refused = world.refused("ChangeMessageVisibility", change).await;
    assert!(
        refused.ends_with("is not available for visibility timeout change."),
        "{refused}"
    );
    world
        .ok("DeleteMessage", json!({"ReceiptHandle": handle}))
        .await;
    world
        .ok("DeleteMessage", json!({"ReceiptHandle": handle}))
        .await;
    world.pass(100);
    assert_eq!(world.bodies("q").await, ["late"]);
    world.ok("PurgeQueue", json!({})).await;
    world.pass(100);
    assert!(world.bodies("q").await.is_empty());
}

#[tokio::test]
async fn who_waits_is_woken_at_once() {
    let world = Arc::new(World::new().await);
    world.create("q", json!({})).await;
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let input = json!({"WaitTimeSeconds": 20});
                world.ok("ReceiveMessage", input).await["Messages"][0]["Body"].clone()
            })
        })
        .collect();
    tokio::task::yield_now().await;
    for number in 0..20 {
        let input = json!({"MessageBody": number.to_string()});
        world.ok("SendMessage", input).await;
    }
    let received =
        tokio::time::timeout(Duration::from_secs(10), futures::future::join_all(waiting));
    let received = received.await.expect("nobody waits for twenty seconds");
    let mut bodies: Vec<String> = received
        .into_iter()
        .map(|body| body.expect("no panic").to_string())
        .collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 20, "each has got one of its own");
}

#[tokio::test]
async fn who_waits_hears_that_a_message_comes_back() {
    let world = Arc::new(World::new().await);
    world.create("q", json!({})).await;
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                // Who gets it leaves it where it is.
                let input = json!({"WaitTimeSeconds": 20, "VisibilityTimeout": 0});
                world.ok("ReceiveMessage", input).await["Messages"][0]["Body"].clone()
            })
        })
        .collect();
    tokio::task::yield_now().await;
    world.ok("SendMessage", json!({"MessageBody": "a"})).await;
    let received =
        tokio::time::timeout(Duration::from_secs(10), futures::future::join_all(waiting));
    for body in received.await.expect("nobody waits for twenty seconds") {
        assert_eq!(body.expect("no panic"), "a");
    }
}

#[tokio::test]
async fn what_is_received_too_often_is_given_up() {
    let world = World::new().await;
    world.create("dead", json!({})).await;
    let policy = json!({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": "2"});
    let attributes = json!({"RedrivePolicy": policy.to_string(), "VisibilityTimeout": "0"});
    world.create("q", attributes).await;
    world.ok("SendMessage", json!({"MessageBody": "bad"})).await;
    assert_eq!(world.bodies("q").await, ["bad"]);
    assert_eq!(world.bodies("q").await, ["bad"]);
    assert!(world.bodies("q").await.is_empty());
    let input = json!({"QueueUrl": "dead", "AttributeNames": ["All"]});
    let dead = world.ok("ReceiveMessage", input).await;
    let attributes = &dead["Messages"][0]["Attributes"];
    assert_eq!(attributes["ApproximateReceiveCount"], "3");
    assert_eq!(
        attributes["DeadLetterQueueSourceArn"],
        "arn:aws:sqs:us-east-1:000000000000:q"
    );
    let sources = world
        .ok("ListDeadLetterSourceQueues", json!({"QueueUrl": "dead"}))
        .await;
    assert_eq!(
        sources["queueUrls"],
        json!(["http://localhost:1/000000000000/q"])
    );
}

#[tokio::test]
async fn messages_are_kept_for_a_while() {
    let world = World::new().await;
    world
        .create("q", json!({"MessageRetentionPeriod": "60"}))
        .await;
    world.ok("SendMessage", json!({"MessageBody": "old"})).await;
    world.pass(61);
    world.ok("SendMessage", json!({"MessageBody": "new"})).await;
    assert_eq!(world.bodies("q").await, ["new"]);
    world.pass(61);
    world.sqs.sweep().await.expect("the store is there");
    assert_eq!(world.counts().await, [0, 0, 0]);
}

#[tokio::test]
async fn attributes_travel_with_messages() {
    let world = World::new().await;
    world.create("q", json!({})).await;
    let attributes = json!({
        "colour.a": {"DataType": "String", "StringValue": "red"},
        "size": {"DataType": "Number", "StringValue": "3"},
    });
    let trace = json!({"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}});
    let input = json!({"MessageBody": "b", "MessageAttributes": attributes, "MessageSystemAttributes": trace});
    let sent = world.ok("SendMessage", input).await;
    let input = json!({"MessageAttributeNames": ["All"], "AttributeNames": ["AWSTraceHeader"], "VisibilityTimeout": 0});
    let received = world.ok("ReceiveMessage", input).await;
    let message = &received["Messages"][0];
    assert_eq!(message["MessageAttributes"], attributes);
    assert_eq!(
        message["MD5OfMessageAttributes"],
        sent["MD5OfMessageAttributes"]
    );
    assert_eq!(message["MD5OfBody"], sent["MD5OfMessageBody"]);
    assert_eq!(message["Attributes"], json!({"AWSTraceHeader": "Root=1"}));
    let received = world
        .ok(
            "ReceiveMessage",
            json!({"MessageAttributeNames": ["colour.*"]}),
        )
        .await;
    let shown = &received["Messages"][0]["MessageAttributes"];
    assert_eq!(*shown, json!({"colour.a": attributes["colour.a"]}));
}

#[tokio::test]
async fn batches_fail_in_part() {
    let world = World::new().await;
    world.create("q", json!({})).await;
    let entries = json!([{"Id": "1", "MessageBody": "a"}, {"Id": "2", "MessageBody": "b", "DelaySeconds": 1800}]);
    let answer = world
        .ok("SendMessageBatch", json!({"Entries": entries}))
        .await;
    assert_eq!(answer["Successful"][0]["Id"], "1");
    assert_eq!(
        answer["Failed"],
        json!([{"Id": "2", "SenderFault": true, "Code": "InvalidParameterValue",
            "Message": "Value 1800 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."}])
    );
    let handle = world.receive("q", 10).await[0].1.clone();
    let entries = json!([{"Id": "a", "ReceiptHandle": handle}, {"Id": "b", "ReceiptHandle": "x"}]);
    let answer = world
        .ok("DeleteMessageBatch", json!({"Entries": entries}))
        .await;
    assert_eq!(answer["Successful"], json!([{"Id": "a"}]));
    assert_eq!(answer["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
    for (entries, code) in [
        (json!([]), "EmptyBatchRequest"),
        (
            json!([{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "x"}]),
            "BatchEntryIdsNotDistinct: Id a repeated.",
        ),
        (
            json!([{"Id": "a b", "MessageBody": "x"}]),
            "InvalidBatchEntryId",
        ),
        (
            (0..11)
                .map(|id| json!({"Id": id.to_string(), "MessageBody": "x"}))
                .collect(),
            "TooManyEntriesInBatchRequest: Maximum number of entries per request are 10. You have sent 11.",
        ),
    ] {
        let refused = world
            .refused("SendMessageBatch", json!({"Entries": entries}))
            .await;
        assert!(refused.starts_with(code), "{refused}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_in_awss_words() {
    let world = World::new().await;
    world.create("q", json!({})).await;
    world.create("q", json!({"VisibilityTimeout": "30"})).await;
    world.create("d.fifo", json!({"FifoQueue": "true"})).await;
    let long = "x".repeat(1_048_577);
    for (operation, input, told) in [
        (
            "CreateQueue",
            json!({"QueueName": "q", "Attributes": {"VisibilityTimeout": "31"}}),
            "QueueNameExists: A queue already exists with the same name and a different value for attribute VisibilityTimeout",
        ),
        (
            "CreateQueue",
            json!({"QueueName": "a b"}),
            "InvalidParameterValue: Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ),
        (
            "SendMessage",
            json!({"QueueUrl": "none", "MessageBody": "x"}),
            "QueueDoesNotExist: The specified queue does not exist.",
        ),
        (
            "SendMessage",
            json!({}),
            "MissingParameter: The request must contain the parameter MessageBody.",
        ),
        (
            "SendMessage",
            json!({"MessageBody": long}),
            "InvalidParameterValue: One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
        ),
        (
            "ReceiveMessage",
            json!({"MaxNumberOfMessages": 11}),
            "InvalidParameterValue: Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
        ),
        (
            "DeleteMessage",
            json!({"ReceiptHandle": "x"}),
            "ReceiptHandleIsInvalid: The input receipt handle \"x\" is not a valid receipt handle.",
        ),
        (
            "GetQueueAttributes",
            json!({"AttributeNames": ["Nope"]}),
            "InvalidAttributeName: Unknown Attribute Nope.",
        ),
        (
            "SetQueueAttributes",
            json!({"Attributes": {"RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:none\",\"maxReceiveCount\":1}"}}),
            "InvalidParameterValue: Value {\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:none\",\"maxReceiveCount\":1} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
        ),
        (
            "SetQueueAttributes",
            json!({"Attributes": {"RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:q\",\"maxReceiveCount\":1}"}}),
            "InvalidParameterValue: Value {\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:q\",\"maxReceiveCount\":1} for parameter RedrivePolicy is invalid. Reason: A queue cannot be its own dead-letter queue.",
        ),
        (
            "CreateQueue",
            json!({"QueueName": "s", "Attributes": {"RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:d.fifo\",\"maxReceiveCount\":1}"}}),
            "InvalidParameterValue: Value {\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:d.fifo\",\"maxReceiveCount\":1} for parameter RedrivePolicy is invalid. Reason: Dead-letter queue must be same type of queue as the source.",
        ),
    ] {
        assert_eq!(world.refused(operation, input).await, told);
    }
}
