//! Executions that start executions, and wait for them.

mod common;

use common::{World, callback, execution_arn, fail, machine_arn, pass};
use serde_json::{Value, json};
use service::Failure;

/// A machine that starts another one.
fn starting(pattern: &str, parameters: Value, fields: Value) -> Value {
    let mut state = json!({
        "Type": "Task", "Resource": format!("arn:aws:states:::states:startExecution{pattern}"),
        "Parameters": parameters, "End": true,
    });
    for (field, value) in fields.as_object().into_iter().flatten() {
        state[field] = value.clone();
    }
    json!({"StartAt": "S", "States": {"S": state}})
}

fn child(input: Value) -> Value {
    json!({"StateMachineArn": machine_arn("C"), "Name": "c", "Input": input})
}

async fn types(world: &World, arn: &str) -> Vec<String> {
    let history = world
        .ok("GetExecutionHistory", json!({"executionArn": arn}))
        .await;
    let events = history["events"].as_array().expect("events").clone();
    events
        .iter()
        .map(|event| event["type"].as_str().expect("a type").to_owned())
        .collect()
}

fn parsed(text: &Value) -> Value {
    serde_json::from_str(text.as_str().unwrap_or_else(|| panic!("a text: {text}"))).expect("JSON")
}

const WAITED: [&str; 8] = [
    "ExecutionStarted",
    "TaskStateEntered",
    "TaskScheduled",
    "TaskStarted",
    "TaskSubmitted",
    "TaskSucceeded",
    "TaskStateExited",
    "ExecutionSucceeded",
];

#[tokio::test]
async fn a_task_waits_for_its_child() {
    for (pattern, input, output) in [
        (".sync", json!(r#"{"k":1}"#), json!(r#"{"k":1}"#)),
        (".sync:2", json!({"k": 1}), json!({"k": 1})),
    ] {
        let world = World::new().await;
        world.create("C", &pass()).await;
        world
            .create("P", &starting(pattern, child(json!({"k": 1})), json!({})))
            .await;
        let arn = world.start("P", "p", "{}").await;
        let end = world.until_closed(&arn).await;
        assert_eq!(end["status"], "SUCCEEDED", "{end}");
        let expected = json!({
            "ExecutionArn": execution_arn("C", "c"), "Input": input,
            "InputDetails": {"Included": true}, "Name": "c", "Output": output,
            "OutputDetails": {"Included": true}, "RedriveCount": 0,
            "RedriveStatus": "NOT_REDRIVABLE",
            "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
            "StartDate": 1_700_000_000_000_u64, "StateMachineArn": machine_arn("C"),
            "Status": "SUCCEEDED", "StopDate": 1_700_000_000_000_u64,
        });
        assert_eq!(
            end["output"],
            expected.to_string(),
            "{pattern}: in this order"
        );
        assert_eq!(types(&world, &arn).await, WAITED, "{pattern}");
        let history = world
            .ok("GetExecutionHistory", json!({"executionArn": arn}))
            .await;
        let submitted = &history["events"][4]["taskSubmittedEventDetails"];
        assert_eq!(submitted["resource"], format!("startExecution{pattern}"));
        let shown = parsed(&submitted["output"]);
        let names: Vec<&String> = shown.as_object().expect("an object").keys().collect();
        assert_eq!(
            names,
            [
                "ExecutionArn",
                "SdkHttpMetadata",
                "SdkResponseMetadata",
                "StartDate"
            ]
        );
        assert_eq!(shown["StartDate"], 1_700_000_000_000_u64);
    }
}

#[tokio::test]
async fn a_child_that_fails_fails_its_task() {
    for pattern in [".sync", ".sync:2"] {
        let world = World::new().await;
        world.create("C", &fail()).await;
        let catch = json!({"Catch": [
            {"ErrorEquals": ["E"], "Next": "Wrong"},
            {"ErrorEquals": ["States.TaskFailed"], "Next": "Right"},
        ]});
        let mut parent = starting(pattern, child(json!({"k": 1})), catch);
        for name in ["Wrong", "Right"] {
            parent["States"][name] = json!({"Type": "Pass", "End": true});
        }
        world.create("P", &parent).await;
        let arn = world.start("P", "p", "{}").await;
        let output = parsed(&world.until_closed(&arn).await["output"]);
        assert!(types(&world, &arn).await.contains(&"TaskFailed".to_owned()));
        assert_eq!(output["Error"], "States.TaskFailed");
        let cause = format!(
            r#"{{"Cause":"C","Error":"E","ExecutionArn":"{}","Input":"{{\"k\":1}}","InputDetails":{{"Included":true}},"Name":"c","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":1700000000000,"StateMachineArn":"{}","Status":"FAILED","StopDate":1700000000000}}"#,
            execution_arn("C", "c"),
            machine_arn("C")
        );
        assert_eq!(output["Cause"], cause, "{pattern}");
    }
}

#[tokio::test]
async fn a_task_that_does_not_wait_goes_on_at_once() {
    let world = World::new().await;
    world.create("C", &callback()).await;
    let parameters = json!({"StateMachineArn": machine_arn("C"), "Input": null});
    world
        .create("P", &starting("", parameters, json!({})))
        .await;
    let arn = world.start("P", "p", "{}").await;
    let output = parsed(&world.until_closed(&arn).await["output"]);
    let child = world
        .ok(
            "DescribeExecution",
            json!({"executionArn": output["ExecutionArn"]}),
        )
        .await;
    assert_eq!(
        (&child["status"], &child["input"]),
        (&"RUNNING".into(), &"{}".into())
    );
}

#[tokio::test]
async fn the_child_answers_its_parents_token() {
    let world = World::new().await;
    world.create("C", &pass()).await;
    let parameters = child(json!({"token.$": "$$.Task.Token"}));
    world
        .create("P", &starting(".waitForTaskToken", parameters, json!({})))
        .await;
    let arn = world.start("P", "p", "{}").await;
    let ended = world.until_closed(&execution_arn("C", "c")).await;
    // The child's end is not its parent's answer.
    let token = parsed(&ended["input"])["token"].clone();
    let shown = world
        .ok("DescribeExecution", json!({"executionArn": arn}))
        .await;
    assert_eq!(shown["status"], "RUNNING");
    world
        .ok(
            "SendTaskSuccess",
            json!({"taskToken": token, "output": "7"}),
        )
        .await;
    assert_eq!(world.until_closed(&arn).await["output"], "7");
}

#[tokio::test]
async fn a_child_whose_task_is_over_is_stopped() {
    // How the parent's task ends, and how many milliseconds later.
    for (case, fields) in [
        ("stopped", json!({})),
        ("out of time", json!({"TimeoutSeconds": 5})),
    ] {
        let world = World::new().await;
        world.create("C", &callback()).await;
        world
            .create("P", &starting(".sync", child(json!({})), fields))
            .await;
        let arn = world.start("P", "p", "{}").await;
        let running = json!({"executionArn": execution_arn("C", "c")});
        world
            .until("DescribeExecution", running, |answer| answer.is_ok())
            .await
            .expect("runs");
        if case == "stopped" {
            world
                .ok("StopExecution", json!({"executionArn": arn}))
                .await;
        } else {
            world.clock.advance_millis(5_000);
        }
        world.until_closed(&arn).await;
        let end = world.until_closed(&execution_arn("C", "c")).await;
        assert_eq!(end["status"], "ABORTED", "{case}");
    }
}

#[tokio::test]
async fn a_token_ends_the_waiting_and_leaves_the_child_alone() {
    let world = World::new().await;
    world.create("C", &callback()).await;
    let parameters = child(json!({"token.$": "$$.Task.Token"}));
    world
        .create("P", &starting(".sync:2", parameters, json!({})))
        .await;
    let arn = world.start("P", "p", "{}").await;
    let running = json!({"executionArn": execution_arn("C", "c")});
    let shown = world
        .until("DescribeExecution", running.clone(), |answer| {
            answer.is_ok()
        })
        .await;
    let token = parsed(&shown.expect("runs")["input"])["token"].clone();
    world
        .ok(
            "SendTaskSuccess",
            json!({"taskToken": token, "output": "7"}),
        )
        .await;
    assert_eq!(world.until_closed(&arn).await["output"], "7");
    assert_eq!(
        world.ok("DescribeExecution", running).await["status"],
        "RUNNING"
    );
}

#[tokio::test]
async fn a_name_that_is_taken_fails_the_task() {
    for (resource, error, cause) in [(
        "arn:aws:states:::states:startExecution.sync",
        "StepFunctions.ExecutionAlreadyExistsException",
        "(Service: AWSStepFunctions; Status Code: 400; Error Code: ExecutionAlreadyExists; Request ID: ",
    )] {
        let world = World::new().await;
        world.create("C", &pass()).await;
        world.start("C", "c", "{}").await;
        world.until_closed(&execution_arn("C", "c")).await;
        let mut parent = starting("", child(json!({"k": 1})), json!({}));
        parent["States"]["S"]["Resource"] = resource.into();
        world.create("P", &parent).await;
        let arn = world.start("P", "p", "{}").await;
        let end = world.until_closed(&arn).await;
        assert_eq!(end["error"], error);
        let told = end["cause"].as_str().expect("a cause");
        let head = format!("Execution Already Exists: '{}' ", execution_arn("C", "c"));
        assert!(told.starts_with(&(head + cause)), "{told}");
    }
}

#[tokio::test]
async fn a_task_waits_for_no_child_that_another_one_began() {
    for pattern in [".sync", ".sync:2"] {
        let world = World::new().await;
        world.create("C", &callback()).await;
        world
            .create("P", &starting(pattern, child(json!({})), json!({})))
            .await;
        let first = world.start("P", "first", "{}").await;
        let token = world.token().await;
        let second = world.start("P", "second", "{}").await;
        let end = world.until_closed(&second).await;
        assert_eq!(
            end["error"], "StepFunctions.ExecutionAlreadyExistsException",
            "{pattern}"
        );
        world
            .ok(
                "SendTaskSuccess",
                json!({"taskToken": token, "output": "7"}),
            )
            .await;
        assert_eq!(world.until_closed(&first).await["status"], "SUCCEEDED");
    }
}

/// Sets what the shell is answered that asks how a child is; the service itself answers when there is none.
fn described(world: &World, answer: Option<Result<Value, Failure>>) {
    let mut answers = world.functions.answers.lock();
    answers.remove("states:DescribeExecution");
    answers.extend(answer.map(|answer| ("states:DescribeExecution".to_owned(), answer)));
}

#[tokio::test]
async fn a_child_that_goes_on_before_its_end_was_told_is_waited_for_again() {
    for stopped in [false, true] {
        let world = World::new().await;
        world.create("C", &callback()).await;
        world
            .create("P", &starting(".sync:2", child(json!({})), json!({})))
            .await;
        let arn = world.start("P", "p", "{}").await;
        let token = world.token().await;
        described(&world, Some(Err(Failure::internal("not now"))));
        world
            .ok("SendTaskFailure", json!({"taskToken": token}))
            .await;
        let of_child = json!({"executionArn": execution_arn("C", "c")});
        world.until_closed(&execution_arn("C", "c")).await;
        world.ok("RedriveExecution", of_child.clone()).await;
        let token = world.token().await;
        let asked = || world.functions.asked.lock().len();
        let before = asked();
        described(&world, Some(Ok(json!({"status": "RUNNING"}))));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while asked() == before {
            assert!(std::time::Instant::now() < deadline, "nobody asks");
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        described(&world, None);
        if stopped {
            world
                .ok("StopExecution", json!({"executionArn": arn}))
                .await;
            let end = world.until_closed(&execution_arn("C", "c")).await;
            assert_eq!(end["status"], "ABORTED");
        } else {
            let answer = json!({"taskToken": token, "output": "7"});
            world.ok("SendTaskSuccess", answer).await;
            assert_eq!(
                parsed(&world.until_closed(&arn).await["output"])["Output"],
                7
            );
        }
    }
}

#[tokio::test]
async fn a_restart_in_the_middle_loses_nothing() {
    let mut world = World::new().await;
    world.create("C", &callback()).await;
    world
        .create("P", &starting(".sync:2", child(json!({})), json!({})))
        .await;
    let arn = world.start("P", "p", "{}").await;
    let token = world.token().await;
    world.restart().await;
    world
        .ok(
            "SendTaskSuccess",
            json!({"taskToken": token, "output": "7"}),
        )
        .await;
    let end = world.until_closed(&arn).await;
    assert_eq!(parsed(&end["output"])["Output"], 7);
    assert_eq!(types(&world, &arn).await, WAITED);
}

#[tokio::test]
async fn a_start_that_is_made_twice_is_made_once() {
    let world = World::new().await;
    world.create("C", &pass()).await;
    world.create("P", &callback()).await;
    world.start("P", "p", "{}").await;
    let token = world.token().await;
    // As the shell makes it: with the token of the task that asks, in front of the input.
    let input = |name: &str| {
        format!(
            r#"{{"stepd:task":"{token}","stepd:waits":0{name},"stateMachineArn":"{}"}}"#,
            machine_arn("C")
        )
    };
    for name in ["", r#","name":"n""#] {
        let first = world
            .raw("StartExecution", &input(name))
            .await
            .expect("starts");
        let arn = first["executionArn"].as_str().expect("an ARN");
        world.until_closed(arn).await;
        let again = world
            .raw("StartExecution", &input(name))
            .await
            .expect("is known");
        assert_eq!(first, again, "although it has ended");
    }
    // One that waits hears the same while what it started runs.
    world.create("W", &callback()).await;
    let waits = input(r#","name":"w""#).replace(r#""stepd:waits":0"#, r#""stepd:waits":1"#);
    let waits = waits.replace(&machine_arn("C"), &machine_arn("W"));
    let first = world.raw("StartExecution", &waits).await.expect("starts");
    let again = world.raw("StartExecution", &waits).await.expect("is known");
    assert_eq!(first, again, "it runs");
    // Somebody who makes a token up is a caller like others.
    let forged = input(r#","name":"n""#).replace(&token[..8], "AAAAAAAA");
    let refused = world
        .raw("StartExecution", &forged)
        .await
        .expect_err("the name is taken");
    assert_eq!(refused.code, "ExecutionAlreadyExists");
}
