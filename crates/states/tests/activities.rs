//! Activities and their workers, as callers see them.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{ROLE, World, activity_arn, execution_arn, work};
use serde_json::{Value, json};

async fn activity(world: &World, name: &str) -> Value {
    let arn = world.ok("CreateActivity", json!({"name": name})).await["activityArn"].clone();
    assert_eq!(arn, activity_arn(name));
    json!({"activityArn": arn})
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// The types of an execution's events after its first two.
async fn events(world: &World, execution: &str) -> Vec<Value> {
    let input = json!({"executionArn": execution});
    let history = world.ok("GetExecutionHistory", input).await;
    history["events"].as_array().expect("events")[2..].to_vec()
}

/// Gives polls that were just made time to stand in line.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_worker_takes_a_task_and_answers_it() {
    let world = World::new().await;
    let poll = activity(&world, "A").await;
    world
        .create(
            "M",
            &work("A", json!({"TimeoutSeconds": 60, "HeartbeatSeconds": 20})),
        )
        .await;
    let execution = world.start("M", "E", r#"{"n": 1}"#).await;
    // Nobody takes it for a year less a day: its own clock does not run yet.
    world.clock.advance_millis(364 * 86_400_000);
    let mut by_name = poll.clone();
    by_name["workerName"] = "w-1".into();
    let task = world.ok("GetActivityTask", by_name).await;
    assert_eq!(task["input"], r#"{"n": 1}"#);
    let token = text(&task["taskToken"]);
    world
        .ok("SendTaskHeartbeat", json!({"taskToken": token}))
        .await;
    world
        .ok(
            "SendTaskSuccess",
            json!({"taskToken": token, "output": "[2]"}),
        )
        .await;
    let closed = world.until_closed(&execution).await;
    assert_eq!(
        (&closed["status"], &closed["output"]),
        (&json!("SUCCEEDED"), &json!("[2]"))
    );
    let events = events(&world, &execution).await;
    let scheduled = json!({"resource": activity_arn("A"), "input": r#"{"n": 1}"#,
        "inputDetails": {"truncated": false}, "timeoutInSeconds": 60, "heartbeatInSeconds": 20});
    assert_eq!(events[0]["type"], "ActivityScheduled");
    assert_eq!(events[0]["activityScheduledEventDetails"], scheduled);
    assert_eq!(events[1]["type"], "ActivityStarted");
    assert_eq!(
        events[1]["activityStartedEventDetails"],
        json!({"workerName": "w-1"})
    );
    assert_eq!(events[2]["type"], "ActivitySucceeded");
    let again = world
        .err(
            "SendTaskSuccess",
            json!({"taskToken": token, "output": "1"}),
        )
        .await;
    assert_eq!(
        again,
        "TaskTimedOut: Task Timed Out: 'Provided task does not exist anymore'"
    );
}

#[tokio::test]
async fn the_clocks_of_a_task_run_from_the_moment_it_is_taken() {
    for (fields, wait_millis, ends) in [
        (json!({"TimeoutSeconds": 5}), 4_999, false),
        (json!({"TimeoutSeconds": 5}), 5_001, true),
        (
            json!({"HeartbeatSeconds": 3, "TimeoutSeconds": 9}),
            2_999,
            false,
        ),
        (
            json!({"HeartbeatSeconds": 3, "TimeoutSeconds": 9}),
            3_001,
            true,
        ),
    ] {
        let mut world = World::new().await;
        let poll = activity(&world, "A").await;
        world.create("M", &work("A", fields.clone())).await;
        let execution = world.start("M", "E", "{}").await;
        world.clock.advance_millis(3_600_000);
        let token = text(&world.ok("GetActivityTask", poll).await["taskToken"]);
        // The clocks are on disk.
        world.restart().await;
        world.clock.advance_millis(wait_millis);
        if ends {
            let closed = world.until_closed(&execution).await;
            assert_eq!(closed["error"], "States.Timeout", "{fields}");
            assert_eq!(closed.get("cause"), None, "{fields}");
            let events = events(&world, &execution).await;
            assert_eq!(events[2]["type"], "ActivityTimedOut", "{fields}");
            let late = world
                .err("SendTaskHeartbeat", json!({"taskToken": token}))
                .await;
            assert!(late.starts_with("TaskTimedOut"), "{late}");
        } else {
            world
                .ok(
                    "SendTaskFailure",
                    json!({"taskToken": token, "error": "E", "cause": "C"}),
                )
                .await;
            let closed = world.until_closed(&execution).await;
            assert_eq!(
                (&closed["error"], &closed["cause"]),
                (&json!("E"), &json!("C"))
            );
        }
    }
}

#[tokio::test]
async fn a_poll_wakes_at_once_and_who_went_away_takes_nothing() {
    let world = World::new().await;
    let poll = activity(&world, "A").await;
    world.create("M", &work("A", json!({}))).await;
    let gone: Vec<_> = (0..5)
        .map(|_| world.later("GetActivityTask", poll.clone()))
        .collect();
    settle().await;
    let waits = world.later("GetActivityTask", poll.clone());
    settle().await;
    gone.iter().for_each(tokio::task::JoinHandle::abort);
    world.start("M", "E", r#"{"for":"who waits"}"#).await;
    let task = tokio::time::timeout(Duration::from_secs(10), waits).await;
    let task = task.expect("is woken").expect("ends").expect("gets a task");
    assert_eq!(task["input"], r#"{"for":"who waits"}"#);
}

#[tokio::test(start_paused = true)]
async fn a_poll_without_a_task_ends_after_a_minute() {
    let world = World::new().await;
    let poll = activity(&world, "A").await;
    let begun = tokio::time::Instant::now();
    let answer = world.ok("GetActivityTask", poll.clone()).await;
    assert_eq!(answer, json!({"taskToken": null}));
    assert_eq!(begun.elapsed().as_secs(), 60);
    // A server that stops does not wait for its pollers.
    let open = world.later("GetActivityTask", poll.clone());
    settle().await;
    world.states.stop_polls();
    assert_eq!(open.await.expect("ends"), Ok(json!({"taskToken": null})));
    assert_eq!(
        world.ok("GetActivityTask", poll).await,
        json!({"taskToken": null})
    );
    assert_eq!(begun.elapsed().as_secs(), 60);
}

#[tokio::test]
async fn tasks_are_taken_once_and_the_oldest_first() {
    let mut world = World::new().await;
    let poll = activity(&world, "A").await;
    activity(&world, "B").await;
    world.create("M", &work("A", json!({}))).await;
    world.create("Other", &work("B", json!({}))).await;
    world.start("Other", "E", "{}").await;
    // More than are read at once, in all partitions.
    for number in 0..200 {
        world.clock.advance_millis(1);
        world
            .start("M", &format!("E{number}"), &number.to_string())
            .await;
    }
    for number in 0..70 {
        let task = world.ok("GetActivityTask", poll.clone()).await;
        assert_eq!(task["input"], number.to_string());
    }
    world.restart().await;
    for number in 70..80 {
        let task = world.ok("GetActivityTask", poll.clone()).await;
        assert_eq!(task["input"], number.to_string());
    }
    // All at once, with tasks that come meanwhile: each to one.
    let polls: Vec<_> = (0..300)
        .map(|_| world.later("GetActivityTask", poll.clone()))
        .collect();
    for number in 200..380 {
        world
            .start("M", &format!("E{number}"), &number.to_string())
            .await;
    }
    let mut taken = BTreeSet::new();
    for poll in polls {
        let task = poll.await.expect("ends").expect("gets a task");
        let number: u32 = text(&task["input"]).parse().expect("a number");
        assert!(taken.insert(number), "{number} was taken twice");
    }
    assert_eq!(
        taken.into_iter().collect::<Vec<_>>(),
        (80..380).collect::<Vec<_>>()
    );
    world.states.stop_polls();
    assert_eq!(
        world.ok("GetActivityTask", poll).await["taskToken"],
        Value::Null
    );
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_handed_out() {
    let world = World::new().await;
    let poll = activity(&world, "A").await;
    world.create("M", &work("A", json!({}))).await;
    for name in ["E1", "E2", "E3"] {
        world.clock.advance_millis(1);
        world.start("M", name, &format!("\"{name}\"")).await;
    }
    // One is read ahead into memory, and withdrawn there.
    assert_eq!(
        world.ok("GetActivityTask", poll.clone()).await["input"],
        "\"E1\""
    );
    let open = world.later("GetActivityTask", poll.clone());
    assert_eq!(
        open.await.expect("ends").expect("a task")["input"],
        "\"E2\""
    );
    world
        .ok(
            "StopExecution",
            json!({"executionArn": execution_arn("M", "E3")}),
        )
        .await;
    let open = world.later("GetActivityTask", poll.clone());
    settle().await;
    world.start("M", "E4", "4").await;
    assert_eq!(open.await.expect("ends").expect("a task")["input"], "4");
    let queue = store::Range::prefix(store::Space::Activities, b"q/");
    let rows = store::Store::scan(&*world.store, &queue, 10)
        .await
        .expect("is read");
    assert_eq!(
        rows.len(),
        0,
        "nothing is left of tasks that were taken or withdrawn"
    );
}

#[tokio::test]
async fn a_thousand_may_poll_one_activity() {
    let world = World::new().await;
    let poll = activity(&world, "A").await;
    let other = activity(&world, "B").await;
    let polls: Vec<_> = (0..1_000)
        .map(|_| world.later("GetActivityTask", poll.clone()))
        .collect();
    settle().await;
    let one_too_many = world.err("GetActivityTask", poll.clone()).await;
    assert!(
        one_too_many.starts_with("ActivityWorkerLimitExceeded: "),
        "{one_too_many}"
    );
    let elsewhere = world.later("GetActivityTask", other);
    settle().await;
    polls[7].abort();
    settle().await;
    let again = world.later("GetActivityTask", poll);
    settle().await;
    assert!(!again.is_finished() && !elsewhere.is_finished());
    world.states.stop_polls();
    for (number, poll) in polls.into_iter().enumerate() {
        if number != 7 {
            assert_eq!(poll.await.expect("ends"), Ok(json!({"taskToken": null})));
        }
    }
    again.await.expect("ends").expect("is answered");
}

#[tokio::test]
async fn a_deleted_activity_is_gone_for_everybody() {
    let mut world = World::new().await;
    let poll = activity(&world, "A").await;
    world.create("M", &work("A", json!({}))).await;
    let open = world.later("GetActivityTask", poll.clone());
    settle().await;
    world.ok("DeleteActivity", poll.clone()).await;
    let missing = format!(
        "ActivityDoesNotExist: Activity Does Not Exist: '{}'",
        activity_arn("A")
    );
    assert_eq!(
        open.await
            .expect("ends")
            .expect_err("is sent away")
            .to_string(),
        missing
    );
    world.ok("DeleteActivity", poll.clone()).await;
    world.restart().await;
    for operation in ["GetActivityTask", "DescribeActivity"] {
        assert_eq!(world.err(operation, poll.clone()).await, missing);
    }
    let execution = world.start("M", "E", "{}").await;
    let closed = world.until_closed(&execution).await;
    let cause = format!(
        "An error occurred while executing the state 'W' (entered at the event id #2). The activity {} does not exist.",
        activity_arn("A")
    );
    assert_eq!(
        (&closed["error"], &closed["cause"]),
        (&json!("States.Runtime"), &json!(cause))
    );
    assert_eq!(
        events(&world, &execution).await[0]["type"],
        "ExecutionFailed"
    );
    // Another one of the name takes the queue over.
    activity(&world, "A").await;
    world.start("M", "F", "{}").await;
    world.ok("DeleteActivity", poll.clone()).await;
    activity(&world, "A").await;
    world.ok("GetActivityTask", poll).await["taskToken"]
        .as_str()
        .expect("the task of before");
}

#[tokio::test]
async fn activities_are_listed_described_and_tagged() {
    let world = World::new().await;
    let pair = |key: &str| json!({"key": key, "value": "v"});
    let input = json!({"name": "b.x", "tags": [pair("k")]});
    let first = world.ok("CreateActivity", input).await;
    world.clock.advance_millis(5_000);
    // Idempotent by the name alone.
    let input = json!({"name": "b.x", "tags": [pair("other")], "encryptionConfiguration": {"type": "AWS_OWNED_KEY"}});
    assert_eq!(world.ok("CreateActivity", input).await, first);
    for name in ["c", "a", "B"] {
        activity(&world, name).await;
    }
    let described = world
        .ok(
            "DescribeActivity",
            json!({"activityArn": activity_arn("b.x")}),
        )
        .await;
    let expected = json!({"activityArn": activity_arn("b.x"), "name": "b.x",
        "creationDate": first["creationDate"], "encryptionConfiguration": {"type": "AWS_OWNED_KEY"}});
    assert_eq!(described, expected);
    let (mut names, mut input) = (Vec::new(), json!({"maxResults": 3}));
    loop {
        let page = world.ok("ListActivities", input.clone()).await;
        names.extend(
            page["activities"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|one| text(&one["name"])),
        );
        match page.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(names, ["B", "a", "b.x", "c"]);
    let resource = activity_arn("b.x");
    world
        .ok(
            "TagResource",
            json!({"resourceArn": resource, "tags": [pair("l")]}),
        )
        .await;
    world
        .ok(
            "UntagResource",
            json!({"resourceArn": resource, "tagKeys": ["k", "none"]}),
        )
        .await;
    let tags = world
        .ok("ListTagsForResource", json!({"resourceArn": resource}))
        .await;
    assert_eq!(tags, json!({"tags": [pair("l")]}));
    world
        .ok("DeleteActivity", json!({"activityArn": resource}))
        .await;
    activity(&world, "b.x").await;
    let tags = world
        .ok("ListTagsForResource", json!({"resourceArn": resource}))
        .await;
    assert_eq!(
        tags,
        json!({"tags": []}),
        "they went with the one that had them"
    );
}

#[tokio::test]
async fn refuses_in_the_words_of_aws() {
    let world = World::new().await;
    activity(&world, "A").await;
    let none = activity_arn("none");
    let elsewhere = "arn:aws:states:eu-west-1:000000000000:activity:A";
    let tags: Vec<_> = (0..51)
        .map(|n| json!({"key": n.to_string(), "value": ""}))
        .collect();
    let does_not_exist =
        |arn: &str| format!("ActivityDoesNotExist: Activity Does Not Exist: '{arn}'");
    let cases = [
        (
            "CreateActivity",
            json!({"name": "a b"}),
            "InvalidName: Invalid Name: 'a b'".to_owned(),
        ),
        (
            "CreateActivity",
            json!({"name": "x", "tags": tags}),
            format!("TooManyTags: Too many tags: '{}'", activity_arn("x")),
        ),
        (
            "DescribeActivity",
            json!({"activityArn": none}),
            does_not_exist(&none),
        ),
        (
            "GetActivityTask",
            json!({"activityArn": none}),
            does_not_exist(&none),
        ),
        (
            "GetActivityTask",
            json!({"activityArn": elsewhere}),
            does_not_exist(elsewhere),
        ),
        (
            "GetActivityTask",
            json!({"activityArn": "x"}),
            "InvalidArn: Invalid Arn: 'Invalid ARN prefix: x'".to_owned(),
        ),
        (
            "DeleteActivity",
            json!({"activityArn": common::machine_arn("M")}),
            "InvalidArn: Invalid Arn: 'Resource type not valid in this context: stateMachine'"
                .to_owned(),
        ),
        (
            "ListActivities",
            json!({"nextToken": "x"}),
            "InvalidToken: Invalid Token: 'Invalid token'".to_owned(),
        ),
        (
            "TagResource",
            json!({"resourceArn": none, "tags": []}),
            format!("ResourceNotFound: Resource not found: '{none}'"),
        ),
    ];
    for (operation, input, expected) in cases {
        assert_eq!(
            world.err(operation, input.clone()).await,
            expected,
            "{operation} {input}"
        );
    }
    let input = json!({"name": "X", "type": "EXPRESS", "roleArn": ROLE, "definition": work("A", json!({})).to_string()});
    let refused = world.err("CreateStateMachine", input).await;
    let expected = "Express state machine does not support Activity ARN at /States/W/Resource";
    assert!(refused.contains(expected), "{refused}");
}
