//! Redrives: an execution that ended without success goes on where it ended.

mod common;

use common::{World, execution_arn, fail, machine_arn, pass};
use serde_json::{Value, json};

/// One step that succeeds, then one that waits for an answer, tries once more and tells its variables.
fn steps() -> Value {
    let ask = json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "f", "Payload": {
            "token.$": "$$.Task.Token", "v.$": "$v", "redrives.$": "$$.Execution.RedriveCount"}},
        "Next": "Told",
    });
    json!({"StartAt": "First", "TimeoutSeconds": 100, "States": {
        "First": {"Type": "Pass", "Assign": {"v": 7}, "Next": "Ask"},
        "Ask": ask,
        "Told": {"Type": "Pass", "Parameters": {
            "count.$": "$$.Execution.RedriveCount", "v.$": "$v", "answer.$": "$"}, "End": true}
    }})
}

/// Returns the types of the events, and those from the redrive on. That a call returned is left out: the
/// answer to its token may come first.
async fn events(world: &World, arn: &str) -> (String, Vec<Value>) {
    let history = world
        .ok("GetExecutionHistory", json!({"executionArn": arn}))
        .await;
    let events = history["events"].as_array().expect("events");
    let types = events.iter().filter_map(|event| event["type"].as_str());
    let types: Vec<_> = types.filter(|kind| *kind != "TaskSubmitted").collect();
    let mut from = events.iter();
    from.by_ref()
        .take_while(|event| event["type"] != "ExecutionFailed")
        .for_each(drop);
    (types.join(" "), from.cloned().collect())
}

async fn described(world: &World, arn: &str) -> Value {
    world
        .ok("DescribeExecution", json!({"executionArn": arn}))
        .await
}

async fn redrive(world: &World, arn: &str) -> Value {
    world
        .ok("RedriveExecution", json!({"executionArn": arn}))
        .await
}

async fn fail_task(world: &World) {
    let token = world.token().await;
    let failure = json!({"taskToken": token, "error": "E", "cause": "broken"});
    world.ok("SendTaskFailure", failure).await;
}

#[tokio::test]
async fn a_redriven_execution_runs_the_failed_step_again_and_keeps_what_came_before() {
    let mut world = World::new().await;
    world.create("M", &steps()).await;
    let arn = world.start("M", "e", r#"{"in":1}"#).await;
    fail_task(&world).await;
    let failed = world.until_closed(&arn).await;
    assert_eq!(failed["status"], "FAILED");

    world.clock.advance_millis(99_000);
    redrive(&world, &arn).await;
    let running = described(&world, &arn).await;
    assert_eq!(
        (&running["status"], &running["redriveCount"]),
        (&json!("RUNNING"), &json!(1))
    );
    assert_eq!(running["error"], Value::Null, "it has not failed yet");
    assert!(running["redriveDate"].is_number() && running["stopDate"].is_null());
    let listed =
        |status: &str| json!({"stateMachineArn": machine_arn("M"), "statusFilter": status});
    let open = world.ok("ListExecutions", listed("RUNNING")).await;
    assert_eq!(open["executions"][0]["redriveCount"], 1);
    let closed = world.ok("ListExecutions", listed("FAILED")).await;
    assert_eq!(closed["executions"], json!([]));

    // The execution's time counts anew, and the redrive is on disk.
    world.clock.advance_millis(99_000);
    world.restart().await;
    let token = world.token().await;
    let answer = json!({"taskToken": token, "output": "\"yes\""});
    world.ok("SendTaskSuccess", answer).await;
    let succeeded = world.until_closed(&arn).await;
    assert_eq!(
        (&succeeded["status"], &succeeded["output"]),
        (
            &json!("SUCCEEDED"),
            &json!(r#"{"count":1,"v":7,"answer":"yes"}"#)
        )
    );
    let (types, redriven) = events(&world, &arn).await;
    assert_eq!(
        types,
        "ExecutionStarted PassStateEntered PassStateExited TaskStateEntered TaskScheduled TaskStarted \
         TaskFailed ExecutionFailed ExecutionRedriven TaskScheduled TaskStarted TaskSucceeded \
         TaskStateExited PassStateEntered PassStateExited ExecutionSucceeded"
    );
    let (id, before) = (
        redriven[0]["id"].as_u64(),
        redriven[0]["previousEventId"].as_u64(),
    );
    assert_eq!(before.map(|before| before + 1), id, "follows the failure");
    assert_eq!(
        redriven[0]["executionRedrivenEventDetails"],
        json!({"redriveCount": 1})
    );
    assert_eq!(
        redriven[1]["previousEventId"].as_u64(),
        id,
        "the task follows it"
    );
}

#[tokio::test]
async fn a_fail_state_fails_again_and_each_redrive_is_counted() {
    let world = World::new().await;
    world.create("F", &fail()).await;
    let arn = world.start("F", "e", "{}").await;
    world.until_closed(&arn).await;
    for count in 1..=12 {
        redrive(&world, &arn).await;
        let again = world.until_closed(&arn).await;
        assert_eq!(
            (&again["status"], &again["redriveCount"]),
            (&json!("FAILED"), &json!(count))
        );
    }
    for (filter, number) in [("REDRIVEN", 1), ("NOT_REDRIVEN", 0)] {
        let listed = json!({"stateMachineArn": machine_arn("F"), "redriveFilter": filter});
        let listed = world.ok("ListExecutions", listed).await;
        let executions = listed["executions"].as_array().map(Vec::len);
        assert_eq!(executions, Some(number), "{filter}");
    }
}

#[tokio::test]
async fn stopped_and_timed_out_executions_are_redriven() {
    let world = World::new().await;
    world.create("M", &steps()).await;
    let stopped = world.start("M", "stopped", "{}").await;
    world.token().await;
    world
        .ok("StopExecution", json!({"executionArn": stopped}))
        .await;
    redrive(&world, &stopped).await;
    world.clock.advance_millis(100_000);
    let late = world.until_closed(&stopped).await;
    assert_eq!(late["status"], "TIMED_OUT");
    redrive(&world, &stopped).await;
    let running = described(&world, &stopped).await;
    assert_eq!(
        (&running["status"], &running["redriveCount"]),
        (&json!("RUNNING"), &json!(2))
    );
}

#[tokio::test]
async fn one_token_redrives_once() {
    let world = World::new().await;
    world.create("F", &fail()).await;
    let arn = world.start("F", "e", "{}").await;
    world.until_closed(&arn).await;
    let call = json!({"executionArn": arn, "clientToken": "t"});
    let first = world.ok("RedriveExecution", call.clone()).await;
    world.clock.advance_millis(1_000);
    assert_eq!(world.ok("RedriveExecution", call.clone()).await, first);
    assert_eq!(described(&world, &arn).await["redriveCount"], 1);
    world.clock.advance_millis(15 * 60 * 1_000);
    world.ok("RedriveExecution", call).await;
    assert_eq!(described(&world, &arn).await["redriveCount"], 2);
}

#[tokio::test]
async fn what_cannot_be_redriven_says_why() {
    let world = World::new().await;
    let definitions = [("S", pass()), ("R", steps()), ("F", fail())];
    for (name, definition) in &definitions {
        world.create(name, definition).await;
        world.start(name, "e", "{}").await;
    }
    for name in ["S", "F"] {
        world.until_closed(&execution_arn(name, "e")).await;
    }
    let refusal = async |name: &str| {
        let call = json!({"executionArn": execution_arn(name, "e")});
        world.err("RedriveExecution", call).await
    };
    let not = |why: &str| format!("ExecutionNotRedrivable: {why}");
    assert_eq!(
        refusal("S").await,
        not("Execution is SUCCEEDED and cannot be redriven")
    );
    assert_eq!(
        refusal("R").await,
        not("Execution is RUNNING and cannot be redriven")
    );
    assert!(refusal("none").await.starts_with("ExecutionDoesNotExist: "));
    world.clock.advance_millis(14 * 24 * 60 * 60 * 1_000 + 1);
    assert_eq!(
        refusal("F").await,
        not("Execution redrivable period exceeded")
    );
    let shown = described(&world, &execution_arn("F", "e")).await;
    assert_eq!(
        (&shown["redriveStatus"], &shown["redriveStatusReason"]),
        (
            &json!("NOT_REDRIVABLE"),
            &json!("Execution redrivable period exceeded")
        )
    );
}

#[tokio::test]
async fn a_full_history_cannot_be_redriven_and_says_so() {
    let limits = engine_core::Limits {
        history_events_max: 8,
        ..engine_core::Limits::default()
    };
    let world = World::within(limits).await;
    world.create("M", &steps()).await;
    let arn = world.start("M", "e", "{}").await;
    fail_task(&world).await;
    let failed = world.until_closed(&arn).await;
    let reason = "Execution history event limit exceeded";
    assert_eq!(
        (&failed["redriveStatus"], &failed["redriveStatusReason"]),
        (&json!("NOT_REDRIVABLE"), &json!(reason))
    );
    let call = json!({"executionArn": arn});
    assert_eq!(
        world.err("RedriveExecution", call).await,
        format!("ExecutionNotRedrivable: {reason}")
    );
}

#[tokio::test]
async fn a_deep_failure_is_redriven_where_it_happened() {
    let mut world = World::new().await;
    let inner = steps();
    let each = json!({"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemsPath": "$.items",
        "ItemProcessor": {"StartAt": "First", "States": inner["States"]}, "End": true}}});
    let beside = json!({"StartAt": "Good", "States": {"Good": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "once", "Payload": {"once": true}}, "OutputPath": "$.StatusCode", "End": true}}});
    let definition = json!({"StartAt": "Both", "States": {"Both": {
        "Type": "Parallel", "Branches": [each, beside], "End": true}}});
    world.create("N", &definition).await;
    let arn = world.start("N", "e", r#"{"items":[1]}"#).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let calls = |world: &World| world.functions.payloads.lock().len();
    while calls(&world) < 2 {
        assert!(std::time::Instant::now() < deadline, "both are called");
        tokio::task::yield_now().await;
    }
    let history = json!({"executionArn": arn});
    let exited = |answer: &Result<Value, service::Failure>| {
        let history = answer.as_ref().expect("a history").to_string();
        history.contains("StatusCode") && history.contains("\"name\":\"Good\",\"output\"")
    };
    world
        .until("GetExecutionHistory", history, exited)
        .await
        .expect("was just told");
    fail_task(&world).await;
    assert_eq!(world.until_closed(&arn).await["status"], "FAILED");
    world.functions.payloads.lock().clear();
    redrive(&world, &arn).await;
    world.restart().await;
    let token = world.token().await;
    let answer = json!({"taskToken": token, "output": "\"yes\""});
    world.ok("SendTaskSuccess", answer).await;
    let closed = world.until_closed(&arn).await;
    assert_eq!(
        closed["output"], r#"[[{"count":1,"v":7,"answer":"yes"}],200]"#,
        "{closed}"
    );
}

#[tokio::test]
async fn an_execution_of_an_alias_stays_one_of_the_version_that_it_began_with() {
    let world = World::new().await;
    let machine = world.create("M", &steps()).await;
    let publish = json!({"stateMachineArn": machine});
    let version = world.ok("PublishStateMachineVersion", publish).await;
    let version = version["stateMachineVersionArn"].clone();
    let routes = |version: &Value| json!([{"stateMachineVersionArn": version, "weight": 100}]);
    let alias = json!({"name": "live", "routingConfiguration": routes(&version)});
    let alias = world.ok("CreateStateMachineAlias", alias).await;
    let alias = alias["stateMachineAliasArn"].clone();
    let start = json!({"stateMachineArn": alias, "name": "e", "input": "{}"});
    world.ok("StartExecution", start).await;
    let arn = execution_arn("M", "e");
    fail_task(&world).await;
    world.until_closed(&arn).await;
    // The alias leads elsewhere now.
    let update =
        json!({"stateMachineArn": machine, "definition": pass().to_string(), "publish": true});
    let second = world.ok("UpdateStateMachine", update).await;
    let update = json!({"stateMachineAliasArn": alias,
        "routingConfiguration": routes(&second["stateMachineVersionArn"])});
    world.ok("UpdateStateMachineAlias", update).await;
    redrive(&world, &arn).await;
    let running = described(&world, &arn).await;
    assert_eq!(
        (
            &running["stateMachineVersionArn"],
            &running["stateMachineAliasArn"]
        ),
        (&version, &alias)
    );
    for list in [&version, &alias] {
        for (status, number) in [("RUNNING", 1), ("FAILED", 0)] {
            let input = json!({"stateMachineArn": list, "statusFilter": status});
            let listed = world.ok("ListExecutions", input).await;
            let executions = listed["executions"].as_array().map(Vec::len);
            assert_eq!(executions, Some(number), "{list} {status}");
        }
    }
    let token = world.token().await;
    let answer = json!({"taskToken": token, "output": "1"});
    world.ok("SendTaskSuccess", answer).await;
    assert_eq!(world.until_closed(&arn).await["status"], "SUCCEEDED");
}
