//! Redrives of Distributed Maps: the children that had not succeeded begin again, and nothing else does.

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{World, execution_arn};
use serde_json::{Value, json};

/// A machine of one Distributed Map with more fields, whose children ask for an answer about their item.
fn asks(fields: Value) -> Value {
    let mut map = json!({"Type": "Map", "Label": "L", "End": true, "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Note", "States": {
            "Note": {"Type": "Pass", "Assign": {"item.$": "$"}, "Next": "Ask"},
            "Ask": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token", "item.$": "$item"}},
                "End": true}}}});
    for (name, value) in fields.as_object().into_iter().flatten() {
        map[name] = value.clone();
    }
    json!({"StartAt": "Map", "States": {"Map": map}})
}

/// Answers the last question about `item`; fails the child where there is no answer. Questions of a
/// time before a redrive cannot be answered any more.
async fn answer(world: &World, item: u64, output: Option<&str>) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        assert!(Instant::now() < deadline, "nobody asks about item {item}");
        tokio::task::yield_now().await;
        let asked = {
            let mut payloads = world.functions.payloads.lock();
            let at = payloads.iter().rposition(|payload| payload["item"] == item);
            at.map(|at| payloads.remove(at)["token"].clone())
        };
        let Some(token) = asked else { continue };
        let (operation, input) = match output {
            Some(output) => (
                "SendTaskSuccess",
                json!({"taskToken": token, "output": output}),
            ),
            None => (
                "SendTaskFailure",
                json!({"taskToken": token, "error": "E", "cause": "no"}),
            ),
        };
        match world.call(operation, input).await {
            Ok(_) => return,
            Err(failure) => assert!(failure.to_string().starts_with("TaskTimedOut"), "{failure}"),
        }
    }
}

async fn run_of(world: &World, execution: &str) -> String {
    let input = json!({"executionArn": execution});
    let listed = world.until("ListMapRuns", input, |answer| {
        let shown = answer.as_ref();
        shown.is_ok_and(|shown| shown["mapRuns"][0].is_object())
    });
    let listed = listed.await.expect("was just listed");
    listed["mapRuns"][0]["mapRunArn"]
        .as_str()
        .expect("an ARN")
        .to_owned()
}

/// Waits until the run counts `counts`, among others; returns its description.
async fn until_counts(world: &World, run: &str, counts: &[(&str, u64)]) -> Value {
    let counted = |answer: &Result<Value, service::Failure>| {
        let shown = answer.as_ref().expect("a run is described");
        let is = |(what, number): &(&str, u64)| shown["executionCounts"][*what] == *number;
        counts.iter().all(is)
    };
    let input = json!({"mapRunArn": run});
    let shown = world.until("DescribeMapRun", input, counted).await;
    shown.expect("was just described")
}

async fn until_status(world: &World, run: &str, status: &str) -> Value {
    let input = json!({"mapRunArn": run});
    let reached = |answer: &Result<Value, service::Failure>| {
        answer.as_ref().is_ok_and(|shown| shown["status"] == status)
    };
    let shown = world.until("DescribeMapRun", input, reached).await;
    shown.expect("was just described")
}

async fn listed(world: &World, run: &str, more: Value) -> Vec<Value> {
    let mut input = json!({"mapRunArn": run, "maxResults": 1000});
    for (name, value) in more.as_object().into_iter().flatten() {
        input[name] = value.clone();
    }
    let listed = world.ok("ListExecutions", input).await;
    listed["executions"].as_array().expect("a list").clone()
}

async fn history(world: &World, arn: &str) -> Vec<Value> {
    let input = json!({"executionArn": arn, "maxResults": 1000});
    let history = world.ok("GetExecutionHistory", input).await;
    history["events"].as_array().expect("events").clone()
}

async fn redrive(world: &World, arn: &str) {
    let input = json!({"executionArn": arn});
    world.ok("RedriveExecution", input).await;
}

#[tokio::test]
async fn children_that_had_not_succeeded_go_on_where_they_ended() {
    let mut world = World::new().await;
    world.create("M", &asks(json!({}))).await;
    let arn = world.start("M", "e", "[0,1,2,3]").await;
    let run = run_of(&world, &arn).await;
    until_counts(&world, &run, &[("running", 4)]).await;
    answer(&world, 0, Some("\"zero\"")).await;
    until_counts(&world, &run, &[("succeeded", 1)]).await;
    answer(&world, 1, None).await;
    let failed = world.until_closed(&arn).await;
    assert_eq!(failed["status"], "FAILED", "{failed}");
    until_counts(&world, &run, &[("failed", 1), ("aborted", 2)]).await;
    let failed = listed(&world, &run, json!({"statusFilter": "FAILED"})).await;
    let child = failed[0]["executionArn"].as_str().expect("an ARN");
    let described = world
        .ok("DescribeExecution", json!({"executionArn": child}))
        .await;
    assert_eq!(described["redriveStatus"], "REDRIVABLE_BY_MAP_RUN");
    let refused = world
        .err("RedriveExecution", json!({"executionArn": child}))
        .await;
    assert_eq!(
        refused,
        format!(
            "ExecutionNotRedrivable: Execution is a child of the Map Run '{run}' and is redriven with it"
        )
    );

    world.clock.advance_millis(5_000);
    redrive(&world, &arn).await;
    let running = until_counts(&world, &run, &[("running", 3), ("succeeded", 1)]).await;
    assert_eq!(
        (
            &running["status"],
            &running["redriveCount"],
            &running["redriveDate"],
            &running["stopDate"]
        ),
        (
            &json!("RUNNING"),
            &json!(1),
            &json!(1_700_000_005.0),
            &Value::Null
        )
    );
    world.restart().await;
    for item in [3, 2, 1] {
        answer(&world, item, Some(&format!("\"again {item}\""))).await;
    }
    let closed = world.until_closed(&arn).await;
    assert_eq!(
        closed["output"], r#"["zero","again 1","again 2","again 3"]"#,
        "{closed}"
    );
    let ended = until_status(&world, &run, "SUCCEEDED").await;
    let counts = &ended["executionCounts"];
    let of = |name: &str| counts[name].as_u64().expect(name);
    assert_eq!(
        (of("succeeded"), of("total"), of("resultsWritten")),
        (4, 4, 4),
        "{counts}"
    );
    assert_eq!(
        listed(&world, &run, json!({"redriveFilter": "REDRIVEN"}))
            .await
            .len(),
        3
    );

    let events = history(&world, &arn).await;
    let at = events
        .iter()
        .position(|event| event["type"] == "ExecutionRedriven");
    let redriven = &events[at.expect("is there")..];
    let types: Vec<_> = redriven
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(
        types.join(" "),
        "ExecutionRedriven MapRunRedriven MapRunSucceeded MapStateSucceeded MapStateExited ExecutionSucceeded"
    );
    assert_eq!(
        redriven[1]["mapRunRedrivenEventDetails"],
        json!({"mapRunArn": run, "redriveCount": 1})
    );
    let of_child = history(&world, child).await;
    let types = of_child.iter().filter_map(|event| event["type"].as_str());
    let types: Vec<_> = types.filter(|kind| *kind != "TaskSubmitted").collect();
    assert_eq!(
        types.join(" "),
        "ExecutionStarted PassStateEntered PassStateExited TaskStateEntered TaskScheduled TaskStarted \
         TaskFailed ExecutionFailed ExecutionRedriven TaskScheduled TaskStarted TaskSucceeded \
         TaskStateExited ExecutionSucceeded"
    );
}

#[tokio::test]
async fn what_finds_no_room_is_pending_and_stays_as_it_was_when_the_run_fails_again() {
    let world = World::new().await;
    world.create("M", &asks(json!({}))).await;
    let arn = world.start("M", "e", "[0,1,2,3,4]").await;
    let run = run_of(&world, &arn).await;
    until_counts(&world, &run, &[("running", 5)]).await;
    let settings = json!({"mapRunArn": run, "maxConcurrency": 2});
    world.ok("UpdateMapRun", settings).await;
    answer(&world, 4, None).await;
    world.until_closed(&arn).await;
    until_counts(&world, &run, &[("failed", 1), ("aborted", 4)]).await;

    redrive(&world, &arn).await;
    until_counts(
        &world,
        &run,
        &[("running", 2), ("pendingRedrive", 3), ("total", 5)],
    )
    .await;
    let pending = listed(&world, &run, json!({"statusFilter": "PENDING_REDRIVE"})).await;
    assert_eq!(pending.len(), 3, "{pending:?}");
    assert!(
        pending
            .iter()
            .all(|child| child["status"] == "PENDING_REDRIVE")
    );
    for other in ["FAILED", "ABORTED"] {
        let found = listed(&world, &run, json!({"statusFilter": other})).await;
        assert_eq!(found.len(), 0, "{found:?}");
    }
    let child = json!({"executionArn": pending[0]["executionArn"]});
    let described = world.ok("DescribeExecution", child).await;
    assert_eq!(
        (&described["status"], &described["redriveStatus"]),
        (&json!("PENDING_REDRIVE"), &json!("NOT_REDRIVABLE"))
    );

    answer(&world, 0, None).await;
    world.until_closed(&arn).await;
    let failed = until_status(&world, &run, "FAILED").await;
    let counts = &failed["executionCounts"];
    let of = |name: &str| counts[name].as_u64().expect(name);
    assert_eq!(
        (
            of("failed"),
            of("aborted"),
            of("pendingRedrive"),
            of("total")
        ),
        (2, 3, 0, 5),
        "{counts}"
    );
    assert_eq!(failed["itemCounts"], *counts);

    redrive(&world, &arn).await;
    until_counts(&world, &run, &[("running", 2), ("pendingRedrive", 3)]).await;
    for item in 0..5 {
        answer(&world, item, Some("1")).await;
    }
    assert_eq!(world.until_closed(&arn).await["output"], "[1,1,1,1,1]");
    let ended = until_status(&world, &run, "SUCCEEDED").await;
    assert_eq!(ended["redriveCount"], 2);
}

#[tokio::test]
async fn items_that_were_never_begun_are_begun_after_those_that_were() {
    let world = World::new().await;
    world.create("M", &asks(json!({"MaxConcurrency": 1}))).await;
    let arn = world.start("M", "e", "[0,1,2]").await;
    answer(&world, 0, None).await;
    world.until_closed(&arn).await;
    redrive(&world, &arn).await;
    for item in 0..3 {
        answer(&world, item, Some(&item.to_string())).await;
    }
    assert_eq!(world.until_closed(&arn).await["output"], "[0,1,2]");
}

#[tokio::test]
async fn children_of_type_express_begin_with_their_first_state_under_the_same_name() {
    let world = World::new().await;
    let mut definition = json!({"StartAt": "Map", "States": {"Map": {"Type": "Map", "Label": "L", "End": true,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Ask", "States": {
                "Ask": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                    "Parameters": {"FunctionName": "f", "Payload": {"n.$": "$$.Execution.RedriveCount"}},
                    "OutputPath": "$.Payload", "Next": "Which"},
                "Which": {"Type": "Choice", "Default": "Bad", "Choices": [
                    {"Variable": "$", "StringEquals": "good", "Next": "Good"}]},
                "Bad": {"Type": "Fail", "Error": "E"},
                "Good": {"Type": "Pass", "End": true}}}}}});
    definition["States"]["Map"]["ToleratedFailureCount"] = 1.into();
    world.create("M", &definition).await;
    let arn = world.start("M", "e", "[1,2,3]").await;
    world.until_closed(&arn).await;
    let run = run_of(&world, &arn).await;
    until_status(&world, &run, "FAILED").await;
    let name = |child: &Value| child["executionArn"].as_str().map(str::to_owned);
    let before: BTreeSet<_> = listed(&world, &run, json!({}))
        .await
        .iter()
        .map(name)
        .collect();
    *world.functions.answer.lock() = Some(Bytes::from_static(b"\"good\""));
    world.functions.payloads.lock().clear();
    world.clock.advance_millis(400_000);
    redrive(&world, &arn).await;
    let closed = world.until_closed(&arn).await;
    assert_eq!(closed["output"], r#"["good","good","good"]"#, "{closed}");
    let after = listed(&world, &run, json!({})).await;
    assert_eq!(after.iter().map(name).collect::<BTreeSet<_>>(), before);
    for child in &after {
        assert_eq!(
            (&child["redriveCount"], &child["status"]),
            (&json!(0), &json!("SUCCEEDED"))
        );
        assert_eq!(child["startDate"], 1_700_000_400.0);
    }
    let payloads = world.functions.payloads.lock();
    assert_eq!(
        *payloads,
        [json!({"n": 0}), json!({"n": 0}), json!({"n": 0})]
    );
}

#[tokio::test]
async fn a_child_that_cannot_be_redriven_stays_failed_and_is_counted() {
    let world = World::new().await;
    world
        .create("M", &asks(json!({"ToleratedFailureCount": 1})))
        .await;
    let arn = world.start("M", "e", "[0,1]").await;
    let run = run_of(&world, &arn).await;
    answer(&world, 0, None).await;
    until_counts(&world, &run, &[("failed", 1)]).await;
    world.clock.advance_millis(15 * 86_400_000);
    answer(&world, 1, None).await;
    world.until_closed(&arn).await;
    redrive(&world, &arn).await;
    answer(&world, 1, Some("1")).await;
    let closed = world.until_closed(&arn).await;
    assert_eq!(closed["status"], "SUCCEEDED", "{closed}");
    let ended = until_status(&world, &run, "SUCCEEDED").await;
    let counts = &ended["executionCounts"];
    let of = |name: &str| counts[name].as_u64().expect(name);
    assert_eq!(
        (of("failed"), of("succeeded"), of("failuresNotRedrivable")),
        (1, 1, 1),
        "{counts}"
    );
    let failed = listed(&world, &run, json!({"statusFilter": "FAILED"})).await;
    let child = json!({"executionArn": failed[0]["executionArn"]});
    let described = world.ok("DescribeExecution", child).await;
    assert_eq!(
        (
            &described["redriveStatus"],
            &described["redriveStatusReason"],
            &described["redriveCount"]
        ),
        (
            &json!("NOT_REDRIVABLE"),
            &json!("Execution redrivable period exceeded"),
            &json!(0)
        )
    );
}

#[tokio::test]
async fn a_run_that_is_still_being_stopped_is_redriven_once_it_is() {
    let mut world = World::new().await;
    world.create("M", &asks(json!({}))).await;
    let items: Vec<u64> = (0..50).collect();
    let arn = world.start("M", "e", &json!(items).to_string()).await;
    let run = run_of(&world, &arn).await;
    until_counts(&world, &run, &[("running", 50)]).await;
    for count in 1..=5 {
        world
            .ok("StopExecution", json!({"executionArn": arn}))
            .await;
        redrive(&world, &arn).await;
        if count % 2 == 0 {
            world.restart().await;
        }
        if count == 5 {
            let input = json!({"mapRunArn": run});
            let redriven = |answer: &Result<Value, service::Failure>| {
                let shown = answer.as_ref().expect("a run is described");
                shown["redriveCount"] == 5 && shown["executionCounts"]["running"] == 50
            };
            world
                .until("DescribeMapRun", input, redriven)
                .await
                .expect("was just described");
        }
    }
    for item in &items {
        answer(&world, *item, Some(&item.to_string())).await;
    }
    let closed = world.until_closed(&arn).await;
    assert_eq!(closed["output"], json!(items).to_string());
    let ended = until_status(&world, &run, "SUCCEEDED").await;
    assert_eq!(ended["executionCounts"]["succeeded"], 50);
}

#[tokio::test]
async fn a_redriven_run_goes_on_after_restarts_and_loses_and_doubles_nothing() {
    let mut world = World::new().await;
    world.create("M", &asks(json!({}))).await;
    let items: Vec<u64> = (0..40).collect();
    let arn = world.start("M", "e", &json!(items).to_string()).await;
    let run = run_of(&world, &arn).await;
    until_counts(&world, &run, &[("running", 40)]).await;
    let settings = json!({"mapRunArn": run, "maxConcurrency": 7});
    world.ok("UpdateMapRun", settings).await;
    answer(&world, 0, None).await;
    world.until_closed(&arn).await;
    until_counts(&world, &run, &[("failed", 1), ("aborted", 39)]).await;
    world.functions.payloads.lock().clear();
    redrive(&world, &arn).await;
    for item in &items {
        if item % 3 == 0 {
            world.restart().await;
        }
        answer(&world, *item, Some(&item.to_string())).await;
    }
    let closed = world.until_closed(&arn).await;
    assert_eq!(closed["output"], json!(items).to_string());
    let ended = until_status(&world, &run, "SUCCEEDED").await;
    assert_eq!(ended["executionCounts"]["succeeded"], 40, "{ended}");
    let children = listed(&world, &run, json!({})).await;
    assert!(children.iter().all(|child| child["redriveCount"] == 1));
    assert_eq!(children.len(), 40);
}

#[tokio::test]
async fn a_branch_with_a_run_goes_on_beside_the_branch_that_failed() {
    let world = World::new().await;
    let ask = json!({"StartAt": "Beside", "States": {"Beside": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token", "item": 99}},
        "End": true}}});
    let definition = json!({"StartAt": "Both", "States": {"Both": {
        "Type": "Parallel", "Branches": [asks(json!({})), ask], "End": true}}});
    world.create("M", &definition).await;
    let arn = world.start("M", "e", "[0,1]").await;
    let run = run_of(&world, &arn).await;
    until_counts(&world, &run, &[("running", 2)]).await;
    answer(&world, 0, Some("0")).await;
    until_counts(&world, &run, &[("succeeded", 1)]).await;
    answer(&world, 99, None).await;
    assert_eq!(world.until_closed(&arn).await["status"], "FAILED");
    redrive(&world, &arn).await;
    until_counts(&world, &run, &[("running", 1), ("succeeded", 1)]).await;
    answer(&world, 99, Some("99")).await;
    answer(&world, 1, Some("1")).await;
    assert_eq!(world.until_closed(&arn).await["output"], "[[0,1],99]");
    assert_eq!(arn, execution_arn("M", "e"));
}

#[tokio::test]
async fn a_run_that_was_ended_as_it_began_is_listed_and_redriven() {
    let world = World::new().await;
    let fails = json!({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}});
    let definition = json!({"StartAt": "Both", "States": {"Both": {
        "Type": "Parallel", "Branches": [asks(json!({})), fails], "End": true}}});
    world.create("M", &definition).await;
    let arn = world.start("M", "e", "[0,1]").await;
    assert_eq!(world.until_closed(&arn).await["error"], "E");
    let run = run_of(&world, &arn).await;
    until_status(&world, &run, "ABORTED").await;
    redrive(&world, &arn).await;
    assert_eq!(world.until_closed(&arn).await["error"], "E");
    let input = json!({"mapRunArn": run});
    let redriven = |answer: &Result<Value, service::Failure>| {
        let shown = answer.as_ref().expect("a run is described");
        shown["redriveCount"] == 1 && shown["status"] == "ABORTED"
    };
    let shown = world.until("DescribeMapRun", input, redriven).await;
    assert_eq!(shown.expect("was just described")["itemCounts"]["total"], 2);
}
