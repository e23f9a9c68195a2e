//! Distributed Maps: runs, their children, and what callers see of them.

mod common;

use std::collections::BTreeSet;

use common::{World, execution_arn};
use serde_json::{Value, json};

/// A machine of one Distributed Map with the label `L` over `inner`, with more fields.
fn machine(fields: Value, inner: Value) -> Value {
    let mut processor =
        json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}});
    extend(&mut processor, inner);
    let mut map = json!({"Type": "Map", "Label": "L", "ItemProcessor": processor, "End": true});
    extend(&mut map, fields);
    json!({"StartAt": "Map", "States": {"Map": map}})
}

fn extend(value: &mut Value, members: Value) {
    let Value::Object(members) = members else {
        panic!("members are an object");
    };
    value.as_object_mut().expect("an object").extend(members);
}

fn pass() -> Value {
    json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})
}

/// Fails for items that are true.
fn fails_for_true() -> Value {
    json!({"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Default": "Good", "Choices": [
            {"Variable": "$", "BooleanEquals": true, "Next": "Bad"}]},
        "Bad": {"Type": "Fail", "Error": "E", "Cause": "bad"},
        "Good": {"Type": "Pass", "Result": "good", "End": true}
    }})
}

fn waits() -> Value {
    json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": true}}})
}

async fn run_of(world: &World, execution: &str) -> String {
    let listed = world
        .until(
            "ListMapRuns",
            json!({"executionArn": execution}),
            |answer| {
                answer
                    .as_ref()
                    .is_ok_and(|shown| shown["mapRuns"][0].is_object())
            },
        )
        .await
        .expect("was just listed");
    listed["mapRuns"][0]["mapRunArn"]
        .as_str()
        .expect("an ARN")
        .to_owned()
}

async fn described(world: &World, run: &str) -> Value {
    world.ok("DescribeMapRun", json!({"mapRunArn": run})).await
}

/// Waits until the run counts `number` children as `what`.
async fn until_counted(world: &World, run: &str, what: &str, number: u64) -> Value {
    let counted = |answer: &Result<Value, service::Failure>| {
        answer
            .as_ref()
            .is_ok_and(|shown| shown["executionCounts"][what] == number)
    };
    world
        .until("DescribeMapRun", json!({"mapRunArn": run}), counted)
        .await
        .expect("was just described")
}

async fn until_ended(world: &World, run: &str) -> Value {
    world
        .until("DescribeMapRun", json!({"mapRunArn": run}), |answer| {
            answer
                .as_ref()
                .is_ok_and(|shown| shown["status"] != "RUNNING")
        })
        .await
        .expect("was just described")
}

async fn children(world: &World, run: &str) -> Vec<Value> {
    let input = json!({"mapRunArn": run, "maxResults": 1000});
    let listed = world.ok("ListExecutions", input).await;
    listed["executions"].as_array().expect("a list").clone()
}

fn events(history: &Value) -> Vec<(u64, String)> {
    let events = history["events"].as_array().expect("events");
    events
        .iter()
        .map(|event| {
            (
                event["previousEventId"].as_u64().expect("a number"),
                event["type"].as_str().expect("a type").to_owned(),
            )
        })
        .collect()
}

#[tokio::test]
async fn children_are_executions_of_their_own_and_their_results_are_in_the_order_of_the_items() {
    let world = World::new().await;
    world.create("M", &machine(json!({}), pass())).await;
    let arn = world.start("M", "e", r#"[3,1,2,"x",{"a":1.50}]"#).await;
    let closed = world.until_closed(&arn).await;
    assert_eq!(closed["output"], r#"[3,1,2,"x",{"a":1.5}]"#, "{closed}");

    let history = world
        .ok("GetExecutionHistory", json!({"executionArn": arn}))
        .await;
    let shape = [
        (0, "ExecutionStarted"),
        (0, "MapStateEntered"),
        (2, "MapStateStarted"),
        (3, "MapRunStarted"),
        (4, "MapRunSucceeded"),
        (5, "MapStateSucceeded"),
        (4, "MapStateExited"),
        (7, "ExecutionSucceeded"),
    ];
    let shape = shape.map(|(previous, name)| (previous, name.to_owned()));
    assert_eq!(events(&history), shape);
    assert_eq!(
        history["events"][2]["mapStateStartedEventDetails"],
        json!({"length": 5})
    );

    let run = run_of(&world, &arn).await;
    let head = "arn:aws:states:us-east-1:000000000000";
    assert!(run.starts_with(&format!("{head}:mapRun:M/L:")), "{run}");
    assert_eq!(
        history["events"][3]["mapRunStartedEventDetails"],
        json!({ "mapRunArn": run })
    );
    let now = 1_700_000_000.0;
    let listed = world.ok("ListMapRuns", json!({"executionArn": arn})).await;
    let labelled = format!("{head}:stateMachine:M/L");
    assert_eq!(
        listed,
        json!({"mapRuns": [{"executionArn": arn, "mapRunArn": run, "stateMachineArn": labelled,
            "startDate": now, "stopDate": now}]})
    );
    let counts = json!({"pending": 0, "running": 0, "succeeded": 5, "failed": 0, "timedOut": 0,
        "aborted": 0, "total": 5, "resultsWritten": 5, "failuresNotRedrivable": 0, "pendingRedrive": 0});
    assert_eq!(
        described(&world, &run).await,
        json!({"mapRunArn": run, "executionArn": arn, "status": "SUCCEEDED", "startDate": now,
            "stopDate": now, "maxConcurrency": 0, "toleratedFailureCount": 0,
            "toleratedFailurePercentage": 0.0, "itemCounts": counts, "executionCounts": counts,
            "redriveCount": 0})
    );

    let children = children(&world, &run).await;
    assert_eq!(children.len(), 5);
    let child = children[0]["executionArn"].as_str().expect("an ARN");
    assert!(
        child.starts_with(&format!("{head}:execution:M/L:")),
        "{child}"
    );
    assert_eq!(children[0]["stateMachineArn"], labelled);
    assert_eq!(
        (&children[0]["mapRunArn"], &children[0]["itemCount"]),
        (&json!(run), &json!(1))
    );
    let shown = world
        .ok("DescribeExecution", json!({"executionArn": child}))
        .await;
    assert_eq!(
        (&shown["mapRunArn"], &shown["status"]),
        (&json!(run), &json!("SUCCEEDED"))
    );
    let pinned = world
        .ok(
            "DescribeStateMachineForExecution",
            json!({"executionArn": child}),
        )
        .await;
    assert_eq!(
        (
            &pinned["label"],
            &pinned["mapRunArn"],
            &pinned["definition"]
        ),
        (&json!("L"), &json!(run), &json!(pass().to_string()))
    );
    let machine = json!({"stateMachineArn": common::machine_arn("M")});
    let of_machine = world.ok("ListExecutions", machine).await;
    assert_eq!(
        of_machine["executions"].as_array().map(Vec::len),
        Some(1),
        "children are not listed"
    );
}

#[tokio::test]
async fn more_failures_than_are_tolerated_fail_the_run() {
    let threshold = Some("States.ExceedToleratedFailureThreshold");
    let cases = [
        (json!({}), "[false]", None),
        (json!({}), "[false,true,false]", threshold),
        (
            json!({"ToleratedFailureCount": 1}),
            "[false,true,false]",
            None,
        ),
        (
            json!({"ToleratedFailureCount": 1}),
            "[true,true,false]",
            threshold,
        ),
        (
            json!({"ToleratedFailurePercentage": 34}),
            "[false,true,false]",
            None,
        ),
        (
            json!({"ToleratedFailurePercentage": 33}),
            "[false,true,false]",
            threshold,
        ),
        (
            json!({"ToleratedFailurePercentage": 100}),
            "[true,true]",
            None,
        ),
        (
            json!({"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 10}),
            "[true,false]",
            threshold,
        ),
        (
            json!({"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 90}),
            "[true,true,false]",
            threshold,
        ),
    ];
    let world = World::new().await;
    for (number, (fields, input, error)) in cases.into_iter().enumerate() {
        let name = format!("M{number}");
        world
            .create(&name, &machine(fields.clone(), fails_for_true()))
            .await;
        let arn = world.start(&name, "e", input).await;
        let closed = world.until_closed(&arn).await;
        assert_eq!(closed["error"].as_str(), error, "{fields} {input} {closed}");
        let run = described(&world, &run_of(&world, &arn).await).await;
        if error.is_none() {
            assert_eq!(run["status"], "SUCCEEDED");
            continue;
        }
        assert_eq!(
            closed["cause"],
            "The specified tolerated failure threshold was exceeded"
        );
        assert_eq!(run["status"], "FAILED");
        let history = world
            .ok("GetExecutionHistory", json!({"executionArn": arn}))
            .await;
        let shape = [
            (4, "MapRunFailed"),
            (5, "MapStateFailed"),
            (6, "ExecutionFailed"),
        ];
        let shape = shape.map(|(previous, name)| (previous, name.to_owned()));
        assert_eq!(events(&history)[4..], shape);
    }
}

#[tokio::test]
async fn a_run_goes_on_after_a_restart_and_loses_and_doubles_nothing() {
    let mut world = World::new().await;
    let fields = json!({"MaxConcurrency": 7});
    world.create("M", &machine(fields, waits())).await;
    let items: Vec<u32> = (0..40).collect();
    let arn = world.start("M", "e", &json!(items).to_string()).await;
    let run = run_of(&world, &arn).await;
    let counts = until_counted(&world, &run, "running", 7).await;
    assert_eq!(
        (
            &counts["itemCounts"]["pending"],
            &counts["itemCounts"]["total"]
        ),
        (&json!(33), &json!(40))
    );
    for _ in 0..5 {
        world.restart().await;
        world.clock.advance_millis(60_000);
        let before = described(&world, &run).await["executionCounts"]["succeeded"].as_u64();
        until_counted(&world, &run, "succeeded", before.expect("a number") + 7).await;
        world.restart().await;
    }
    world.clock.advance_millis(60_000);
    let closed = world.until_closed(&arn).await;
    assert_eq!(closed["output"], json!(items).to_string());
    let children = children(&world, &run).await;
    let names: BTreeSet<_> = children
        .iter()
        .map(|child| child["name"].to_string())
        .collect();
    assert_eq!((children.len(), names.len()), (40, 40));
    let run = described(&world, &run).await;
    assert_eq!(
        (&run["itemCounts"]["succeeded"], &run["itemCounts"]["total"]),
        (&json!(40), &json!(40))
    );
}

#[tokio::test]
async fn a_stopped_parent_ends_its_run_and_the_children_that_run() {
    let world = World::new().await;
    world
        .create("M", &machine(json!({"MaxConcurrency": 2}), waits()))
        .await;
    let arn = world.start("M", "e", "[1,2,3,4,5]").await;
    let run = run_of(&world, &arn).await;
    until_counted(&world, &run, "running", 2).await;
    world
        .ok("StopExecution", json!({"executionArn": arn}))
        .await;
    let ended = until_ended(&world, &run).await;
    assert_eq!(ended["status"], "ABORTED");
    let counts = &ended["itemCounts"];
    let of = |name: &str| counts[name].as_u64();
    assert_eq!(
        (of("aborted"), of("pending"), of("running"), of("total")),
        (Some(2), Some(3), Some(0), Some(5))
    );
    assert!(
        children(&world, &run)
            .await
            .iter()
            .all(|child| child["status"] == "ABORTED")
    );
    let history = world
        .ok("GetExecutionHistory", json!({"executionArn": arn}))
        .await;
    assert_eq!(events(&history)[4..], [(0, "ExecutionAborted".to_owned())]);
}

#[tokio::test]
async fn a_branch_that_fails_aborts_the_run_beside_it() {
    let world = World::new().await;
    let map = machine(json!({}), waits());
    let fails = json!({"StartAt": "Soon", "States": {
        "Soon": {"Type": "Wait", "Seconds": 1, "Next": "F"}, "F": {"Type": "Fail", "Error": "E"}}});
    let definition = json!({"StartAt": "Both", "States": {
        "Both": {"Type": "Parallel", "Branches": [map, fails], "End": true}}});
    world.create("M", &definition).await;
    let arn = world.start("M", "e", "[1,2]").await;
    let run = run_of(&world, &arn).await;
    until_counted(&world, &run, "running", 2).await;
    world.clock.advance_millis(1_000);
    let closed = world.until_closed(&arn).await;
    assert_eq!(closed["error"], "E");
    let history = world
        .ok("GetExecutionHistory", json!({"executionArn": arn}))
        .await;
    let types: Vec<String> = events(&history).into_iter().map(|(_, name)| name).collect();
    let at = types
        .iter()
        .position(|name| name == "MapRunAborted")
        .expect("is there");
    assert_eq!(types[at + 1], "MapStateAborted", "{types:?}");
    assert_eq!(until_ended(&world, &run).await["status"], "ABORTED");
}

#[tokio::test]
async fn items_come_in_batches_through_a_selector_and_as_pairs() {
    let selector = json!({"ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index",
        "from.$": "$$.Map.Item.Source", "id.$": "$$.Execution.Name", "all.$": "$.n"}, "ItemsPath": "$.items"});
    let keyed = json!({"ItemsPath": "$.o", "ItemSelector": {"k.$": "$$.Map.Item.Key", "v.$": "$$.Map.Item.Value"}});
    let batches = json!({"ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"day": 1}}});
    let bytes = json!({"ItemBatcher": {"MaxInputBytesPerBatch": 15}});
    let cases = [
        (
            batches,
            "[1,2,3]",
            r#"[{"BatchInput":{"day":1},"Items":[1,2]},{"BatchInput":{"day":1},"Items":[3]}]"#,
        ),
        (bytes, "[1,2,3]", r#"[{"Items":[1,2]},{"Items":[3]}]"#),
        (
            json!({"ItemBatcher": {"MaxItemsPerBatchPath": "$.n"}, "ItemsPath": "$.a"}),
            r#"{"n":9,"a":[1]}"#,
            r#"[{"Items":[1]}]"#,
        ),
        (
            selector,
            r#"{"items":["a"],"n":7}"#,
            r#"[{"v":"a","i":0,"from":"STATE_DATA","id":"e","all":7}]"#,
        ),
        (
            json!({"ItemsPath": "$.o"}),
            r#"{"o":{"b":1,"a":[]}}"#,
            r#"[{"Key":"b","Value":1},{"Key":"a","Value":[]}]"#,
        ),
        (keyed, r#"{"o":{"b":1}}"#, r#"[{"k":"b","v":1}]"#),
        (json!({}), "[]", "[]"),
        (
            json!({"ResultSelector": {"n.$": "States.ArrayLength($)"}}),
            "[1,2]",
            r#"{"n":2}"#,
        ),
    ];
    let world = World::new().await;
    for (number, (fields, input, output)) in cases.into_iter().enumerate() {
        let name = format!("M{number}");
        world.create(&name, &machine(fields.clone(), pass())).await;
        let closed = world
            .until_closed(&world.start(&name, "e", input).await)
            .await;
        assert_eq!(closed["output"], output, "{fields} {closed}");
    }
    let run = run_of(&world, &execution_arn("M0", "e")).await;
    let run = described(&world, &run).await;
    let of = |counts: &str, name: &str| run[counts][name].as_u64();
    assert_eq!(
        (of("itemCounts", "total"), of("executionCounts", "total")),
        (Some(3), Some(2))
    );
    let pinned = children(&world, run["mapRunArn"].as_str().expect("an ARN")).await;
    let items: u64 = pinned
        .iter()
        .filter_map(|child| child["itemCount"].as_u64())
        .sum();
    assert_eq!(items, 3);
}

#[tokio::test]
async fn a_running_run_takes_other_settings_and_an_ended_one_does_not() {
    let world = World::new().await;
    world
        .create("M", &machine(json!({"MaxConcurrency": 1}), waits()))
        .await;
    let arn = world.start("M", "e", "[1,2,3]").await;
    let run = run_of(&world, &arn).await;
    until_counted(&world, &run, "running", 1).await;
    let change = json!({"mapRunArn": run, "maxConcurrency": 2, "toleratedFailurePercentage": 50.5});
    assert_eq!(world.ok("UpdateMapRun", change).await, json!({}));
    let shown = until_counted(&world, &run, "running", 2).await;
    assert_eq!(
        (
            &shown["maxConcurrency"],
            &shown["toleratedFailurePercentage"]
        ),
        (&json!(2), &json!(50.5))
    );
    world
        .ok("StopExecution", json!({"executionArn": arn}))
        .await;
    until_ended(&world, &run).await;
    let refused = world
        .err(
            "UpdateMapRun",
            json!({"mapRunArn": run, "maxConcurrency": 3}),
        )
        .await;
    assert!(refused.starts_with("ValidationException"), "{refused}");
    let unknown = "arn:aws:states:us-east-1:000000000000:mapRun:M/L:x";
    for operation in ["UpdateMapRun", "DescribeMapRun", "ListExecutions"] {
        let refused = world.err(operation, json!({"mapRunArn": unknown})).await;
        assert_eq!(
            refused,
            format!("ResourceNotFound: Resource not found: '{unknown}'"),
            "{operation}"
        );
    }
}

#[tokio::test]
async fn express_children_have_five_minutes_and_no_history() {
    let mut definition = machine(
        json!({}),
        json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": true}}}),
    );
    definition["States"]["Map"]["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] =
        "EXPRESS".into();
    let world = World::new().await;
    world.create("M", &definition).await;
    let arn = world.start("M", "e", "[1]").await;
    let run = run_of(&world, &arn).await;
    until_counted(&world, &run, "running", 1).await;
    let child = children(&world, &run).await[0]["executionArn"]
        .as_str()
        .expect("an ARN")
        .to_owned();
    assert!(child.contains(":express:M/L:"), "{child}");
    for operation in ["DescribeExecution", "GetExecutionHistory", "StopExecution"] {
        let refused = world.err(operation, json!({"executionArn": child})).await;
        assert_eq!(
            refused,
            "InvalidArn: Invalid Arn: 'Resource type not valid in this context: express'"
        );
    }
    world.clock.advance_millis(300_000);
    let closed = world.until_closed(&arn).await;
    assert_eq!(closed["error"], "States.ExceedToleratedFailureThreshold");
    let counts = &described(&world, &run).await["executionCounts"];
    assert_eq!(
        (&counts["timedOut"], &counts["failed"]),
        (&json!(1), &json!(0))
    );
}

#[tokio::test]
async fn results_longer_than_a_payload_fail_the_state() {
    let world = World::new().await;
    let long = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": "x".repeat(100_000), "End": true}}});
    world.create("M", &machine(json!({}), long)).await;
    let closed = world
        .until_closed(&world.start("M", "e", "[1,2,3]").await)
        .await;
    assert_eq!(closed["error"], "States.DataLimitExceeded");
    assert_eq!(
        closed["cause"],
        "The state/task 'Map' returned a result with a size exceeding the maximum number of bytes service limit."
    );
}

#[tokio::test]
async fn maps_nest_and_their_runs_do_too() {
    let inner = machine(json!({"Label": "Inner"}), pass());
    let mut inner = inner;
    let map = inner["States"]["Map"].take();
    let inner = json!({"StartAt": "InnerMap", "States": {"InnerMap": map}});
    let world = World::new().await;
    world.create("M", &machine(json!({}), inner)).await;
    let arn = world.start("M", "e", "[[1,2],[3]]").await;
    assert_eq!(world.until_closed(&arn).await["output"], "[[1,2],[3]]");
    let outer = run_of(&world, &arn).await;
    let child = children(&world, &outer).await[0]["executionArn"]
        .as_str()
        .expect("an ARN")
        .to_owned();
    let run = run_of(&world, &child).await;
    assert!(run.contains(":mapRun:M/Inner:"), "{run}");
}
