//! What executions log: to which group, at which level, with or without data, and after a crash.

mod common;

use std::sync::atomic::Ordering;

use common::{ROLE, World, fail, machine_arn, pass};
use serde_json::{Value, json};
use store::{Range, Space, Store as _};

const GROUP: &str = "/aws/vendedlogs/states/M";

fn logging(level: &str, data: bool) -> Value {
    let arn = format!("arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}:*");
    json!({ "level": level, "includeExecutionData": data,
            "destinations": [{ "cloudWatchLogsLogGroup": { "logGroupArn": arn } }] })
}

async fn create(world: &World, definition: &Value, logging: Value) {
    world
        .logs("CreateLogGroup", json!({ "logGroupName": GROUP }))
        .await;
    let input = json!({ "name": "M", "definition": definition.to_string(), "roleArn": ROLE,
                        "loggingConfiguration": logging });
    world.ok("CreateStateMachine", input).await;
}

/// Waits until `count` lines are in the group; returns them with their stream.
async fn lines(world: &World, count: usize) -> Vec<(String, Value)> {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let input = json!({ "logGroupName": GROUP, "logStreamNamePrefix": "states/" });
        let page = world.logs("FilterLogEvents", input).await;
        let events = page["events"].as_array().expect("events");
        if events.len() >= count {
            let line = |event: &Value| {
                let text = event["message"].as_str().expect("a message");
                let stream = event["logStreamName"].as_str().expect("a stream");
                (
                    stream.to_owned(),
                    serde_json::from_str(text).expect("a line is JSON"),
                )
            };
            return events.iter().map(line).collect();
        }
        assert!(std::time::Instant::now() < deadline, "still {page}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn lines_are_as_aws_writes_them() {
    for data in [true, false] {
        let world = World::new().await;
        create(&world, &pass(), logging("ALL", data)).await;
        let arn = world.start("M", "E", r#"{"a":1}"#).await;
        world.until_closed(&arn).await;
        let lines = lines(&world, 4).await;
        let (stream, first) = &lines[0];
        assert_eq!(stream, "states/M/2023-11-14-22/00000000");
        let details = if data {
            json!({ "input": "{\"a\":1}", "inputDetails": { "truncated": false }, "roleArn": ROLE })
        } else {
            json!({ "roleArn": ROLE })
        };
        let expected = json!({
            "details": details, "redrive_count": "0", "id": "1", "type": "ExecutionStarted",
            "previous_event_id": "0", "event_timestamp": "1700000000000", "execution_arn": arn,
        });
        // The order of the members is part of it.
        assert_eq!(first.to_string(), expected.to_string());
        let types: Vec<_> = lines.iter().map(|(_, line)| &line["type"]).collect();
        assert_eq!(
            types,
            [
                "ExecutionStarted",
                "PassStateEntered",
                "PassStateExited",
                "ExecutionSucceeded"
            ]
        );
        let has_output = lines[3].1["details"].get("output").is_some();
        assert_eq!(has_output, data);
    }
}

#[tokio::test]
async fn a_level_says_which_events_are_logged() {
    let cases = [
        ("ERROR", &["FailStateEntered", "ExecutionFailed"][..]),
        ("FATAL", &["ExecutionFailed"]),
    ];
    for (level, expected) in cases {
        let world = World::new().await;
        create(&world, &fail(), logging(level, true)).await;
        let arn = world.start("M", "E", "{}").await;
        world.until_closed(&arn).await;
        let lines = lines(&world, expected.len()).await;
        let types: Vec<_> = lines.iter().map(|(_, line)| &line["type"]).collect();
        assert_eq!(types, expected, "{level}");
        assert_eq!(
            lines[0].1["details"].get("error").is_some(),
            level == "FATAL"
        );
    }
}

#[tokio::test]
async fn what_was_not_logged_before_the_end_is_logged_after_the_next_start() {
    let mut world = World::new().await;
    create(&world, &pass(), logging("ALL", true)).await;
    // A start and an end within one commit, and the service is gone before anything was delivered.
    for number in 0..20 {
        world.start("M", &format!("E{number}"), "{}").await;
    }
    world.restart().await;
    let lines = lines(&world, 80).await;
    let mut once: Vec<_> = lines
        .iter()
        .map(|(_, line)| format!("{} {}", line["execution_arn"], line["id"]))
        .collect();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), 80);
}

#[tokio::test]
async fn executions_do_not_mind_that_their_group_is_gone() {
    let world = World::new().await;
    create(&world, &pass(), logging("ALL", true)).await;
    world
        .logs("DeleteLogGroup", json!({ "logGroupName": GROUP }))
        .await;
    let arn = world.start("M", "E", "{}").await;
    assert_eq!(world.until_closed(&arn).await["status"], "SUCCEEDED");
    world
        .logs("CreateLogGroup", json!({ "logGroupName": GROUP }))
        .await;
    let arn = world.start("M", "F", "{}").await;
    let lines = lines(&world, 4).await;
    assert!(lines.iter().any(|(_, line)| line["execution_arn"] == arn));
}

/// Returns how many rows wait to be logged.
async fn backlog(world: &World) -> usize {
    let all = Range::prefix(Space::LogBacklog, b"");
    let rows = world.store.scan(&all, usize::MAX).await;
    rows.expect("reads").len()
}

#[tokio::test]
async fn what_is_not_logged_leaves_nothing_to_be_logged() {
    for level in ["ERROR", "FATAL"] {
        let world = World::new().await;
        create(&world, &pass(), logging(level, true)).await;
        *world.functions.failing_group.lock() = Some(GROUP);
        let arn = world.start("M", "E", "{}").await;
        world.until_closed(&arn).await;
        assert_eq!(backlog(&world).await, 0, "{level}");
        let update =
            json!({ "stateMachineArn": machine_arn("M"), "definition": fail().to_string() });
        world.ok("UpdateStateMachine", update).await;
        let arn = world.start("M", "F", "{}").await;
        world.until_closed(&arn).await;
        assert_eq!(backlog(&world).await, 1, "{level}");
    }
}

#[tokio::test]
async fn a_group_that_takes_nothing_holds_up_no_other() {
    let world = World::new().await;
    create(&world, &pass(), logging("ALL", true)).await;
    let others = ["/aws/a", "/aws/z"];
    let level = logging("ALL", true).to_string();
    for (name, group) in ["A", "Z"].into_iter().zip(others) {
        world
            .logs("CreateLogGroup", json!({ "logGroupName": group }))
            .await;
        let logging: Value = serde_json::from_str(&level.replace(GROUP, group)).expect("JSON");
        let input = json!({ "name": name, "definition": pass().to_string(), "roleArn": ROLE,
                            "loggingConfiguration": logging });
        world.ok("CreateStateMachine", input).await;
    }
    *world.functions.failing_group.lock() = Some(GROUP);
    // More of the failing ones than are taken at once.
    for number in 0..300 {
        world.start("M", &format!("E{number}"), "{}").await;
    }
    for name in ["A", "Z"] {
        world.start(name, "E", "{}").await;
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let failed = || world.functions.failed_puts.load(Ordering::SeqCst);
    while failed() < 4 || backlog(&world).await > 300 {
        assert!(std::time::Instant::now() < deadline, "others are held up");
        tokio::task::yield_now().await;
    }
    for group in others {
        let input = json!({ "logGroupName": group, "logStreamNamePrefix": "states/" });
        let page = world.logs("FilterLogEvents", input).await;
        let count = page["events"].as_array().map(Vec::len);
        assert_eq!(count, Some(4), "each line once: {page}");
    }
    *world.functions.failing_group.lock() = None;
    lines(&world, 1_200).await;
}

#[tokio::test]
async fn a_destination_must_be_there() {
    let world = World::new().await;
    let refused =
        "InvalidLoggingConfiguration: Invalid Logging Configuration: Log Destination not found.";
    let mut input = json!({ "name": "N", "definition": pass().to_string(), "roleArn": ROLE,
                            "loggingConfiguration": logging("ALL", true) });
    assert_eq!(
        world.err("CreateStateMachine", input.clone()).await,
        refused
    );
    // A longer name that begins like it is another group.
    let longer = json!({ "logGroupName": format!("{GROUP}2") });
    world.logs("CreateLogGroup", longer).await;
    assert_eq!(
        world.err("CreateStateMachine", input.clone()).await,
        refused
    );
    input["loggingConfiguration"] = Value::Null;
    world.ok("CreateStateMachine", input).await;
    let update = json!({ "stateMachineArn": machine_arn("N"),
                         "loggingConfiguration": logging("FATAL", false) });
    assert_eq!(
        world.err("UpdateStateMachine", update.clone()).await,
        refused
    );
    world
        .logs("CreateLogGroup", json!({ "logGroupName": GROUP }))
        .await;
    world.ok("UpdateStateMachine", update).await;
    let input = json!({ "logGroupName": GROUP });
    let page = world.logs("FilterLogEvents", input).await;
    assert_eq!(
        page["events"][0]["logStreamName"],
        "log_stream_created_by_aws_to_validate_log_delivery_subscriptions"
    );
}
