//! EXPRESS machines: executions that begin and are not seen again, and those that a caller waits for.

mod common;

use common::{ROLE, World, machine_arn, pass};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

async fn express(world: &World, name: &str, definition: &Value) {
    let input = json!({
        "name": name, "definition": definition.to_string(), "roleArn": ROLE, "type": "EXPRESS",
    });
    world.ok("CreateStateMachine", input).await;
}

async fn sync(world: &World, name: &str, input: &str) -> Value {
    let input = json!({"stateMachineArn": machine_arn(name), "name": "n", "input": input});
    world.ok("StartSyncExecution", input).await
}

fn calls() -> Value {
    json!({"StartAt": "C", "States": {"C": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "f", "Payload.$": "$"},
        "ResultSelector": {"got.$": "$.Payload"}, "End": true
    }}})
}

fn waits(seconds: u64) -> Value {
    json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": seconds, "End": true}}})
}

#[tokio::test]
async fn a_caller_gets_the_end() {
    let world = World::new().await;
    express(&world, "P", &pass()).await;
    let end = sync(&world, "P", r#"{"a": 1}"#).await;
    let arn = end["executionArn"].as_str().expect("an ARN").to_owned();
    let head = "arn:aws:states:us-east-1:000000000000:express:P:n:";
    assert!(arn.starts_with(head), "{arn}");
    assert_eq!(arn.len(), head.len() + 36, "{arn}");
    let expected = json!({
        "executionArn": arn, "stateMachineArn": machine_arn("P"), "name": "n",
        "startDate": 1_700_000_000.0, "stopDate": 1_700_000_000.0, "status": "SUCCEEDED",
        "input": r#"{"a": 1}"#, "inputDetails": {"included": true},
        "output": r#"{"a": 1}"#, "outputDetails": {"included": true},
        "billingDetails": {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": 100},
    });
    assert_eq!(end, expected);
    // Names repeat: each start is an execution of its own.
    let again = sync(&world, "P", "{}").await;
    assert_ne!(again["executionArn"], expected["executionArn"]);
}

#[tokio::test]
async fn an_execution_that_fails_is_an_answer() {
    let world = World::new().await;
    express(&world, "F", &common::fail()).await;
    let end = sync(&world, "F", "{}").await;
    let told = (&end["status"], &end["error"], &end["cause"]);
    assert_eq!(told, (&"FAILED".into(), &"E".into(), &"C".into()));
    assert_eq!((end.get("output"), end.get("outputDetails")), (None, None));
}

#[tokio::test]
async fn calls_are_made_and_data_is_left_out_where_it_is_not_wanted() {
    let world = World::new().await;
    *world.functions.answer.lock() = Some(r#"{"b": 2}"#.into());
    express(&world, "C", &calls()).await;
    let input = json!({
        "stateMachineArn": machine_arn("C"), "input": r#"{"a": 1}"#,
        "includedData": "METADATA_ONLY", "traceHeader": "Root=1-2-3",
    });
    let end = world.ok("StartSyncExecution", input).await;
    assert_eq!(end["status"], "SUCCEEDED");
    assert_eq!((end.get("input"), end.get("output")), (None, None));
    assert_eq!(end["outputDetails"], json!({"included": false}));
    assert_eq!(end["traceHeader"], "Root=1-2-3");
    assert_eq!(*world.functions.payloads.lock(), [json!({"a": 1})]);
    let end = sync(&world, "C", "{}").await;
    assert_eq!(end["output"], r#"{"got":{"b":2}}"#);
}

#[tokio::test]
async fn time_is_over_after_five_minutes() {
    for (definition, millis) in [
        (waits(600), 300_000),
        (
            json!({"TimeoutSeconds": 2, "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": true}}}),
            2_000,
        ),
    ] {
        let world = World::new().await;
        express(&world, "W", &definition).await;
        let input = json!({"stateMachineArn": machine_arn("W")});
        let waiting = world.later("StartSyncExecution", input);
        let before = json!({"stateMachineArn": machine_arn("W"), "name": "n"});
        // Another one of the same machine has begun after it: the first waits for its timer.
        let other = world.later("StartSyncExecution", before);
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        world.clock.advance_millis(millis - 1);
        assert!(!waiting.is_finished() && !other.is_finished());
        world.clock.advance_millis(1);
        let end = waiting.await.expect("a task").expect("an answer");
        assert_eq!(end["status"], "TIMED_OUT", "{end}");
        assert_eq!(end["error"], "States.Timeout");
        assert_eq!(
            end["billingDetails"]["billedDurationInMilliseconds"],
            millis
        );
    }
}

#[tokio::test]
async fn a_long_turn_goes_on() {
    let world = World::new().await;
    let items: Vec<u32> = (0..6_000).collect();
    let map = json!({"StartAt": "M", "States": {"M": {
        "Type": "Map", "End": true, "ItemProcessor": {
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}
        }
    }}});
    express(&world, "M", &map).await;
    let text = serde_json::to_string(&items).expect("JSON");
    let end = sync(&world, "M", &text).await;
    // More events than a STANDARD execution may have.
    assert_eq!(end["output"], text.as_str(), "{}", end["cause"]);
}

#[tokio::test]
async fn what_ran_can_be_looked_at_in_the_server_and_nowhere_else() {
    let mut world = World::new().await;
    express(&world, "P", &pass()).await;
    let arn = sync(&world, "P", "{}").await["executionArn"].clone();
    let refused = "InvalidArn: Invalid Arn: 'Resource type not valid in this context: express'";
    for operation in [
        "DescribeExecution",
        "GetExecutionHistory",
        "StopExecution",
        "RedriveExecution",
        "DescribeStateMachineForExecution",
        "ListMapRuns",
    ] {
        let answer = world.err(operation, json!({"executionArn": arn})).await;
        assert_eq!(answer, refused, "{operation}");
    }
    let listed = json!({"stateMachineArn": machine_arn("P")});
    let answer = world.err("ListExecutions", listed.clone()).await;
    assert_eq!(
        answer,
        "StateMachineTypeNotSupported: This operation is not supported by this type of state machine"
    );
    let started = json!({"stateMachineArn": machine_arn("P"), "name": "n"});
    let other = world.ok("StartExecution", started).await["executionArn"].clone();
    for (arn, ways) in [(&arn, "sync"), (&other, "async")] {
        let shown = world
            .seen("DescribeExecution", json!({"executionArn": arn}))
            .await;
        assert_eq!(
            (&shown["status"], &shown["name"]),
            (&"SUCCEEDED".into(), &"n".into()),
            "{ways}"
        );
        let history = world
            .seen("GetExecutionHistory", json!({"executionArn": arn}))
            .await;
        let types: Vec<&str> = history["events"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|event| event["type"].as_str())
            .collect();
        let expected = [
            "ExecutionStarted",
            "PassStateEntered",
            "PassStateExited",
            "ExecutionSucceeded",
        ];
        assert_eq!(types, expected, "{ways}");
    }
    // Both are counted.
    let mut registry = Registry::default();
    world.states.register_metrics(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("a text");
    let counted = format!(
        "executions_succeeded_total{{state_machine_arn=\"{}\"}} 2",
        machine_arn("P")
    );
    assert!(text.contains(&counted), "{text}");
    world.restart().await;
    let shown = world.seen("ListExecutions", listed).await;
    let listed = shown["executions"].as_array().expect("a list");
    assert_eq!(listed.len(), 2, "{shown}");
    let again = sync(&world, "P", "{}").await;
    assert_eq!(again["status"], "SUCCEEDED");
}

#[tokio::test]
async fn refusals() {
    let world = World::new().await;
    world.create("S", &pass()).await;
    express(&world, "E", &pass()).await;
    let cases = [
        (
            json!({"stateMachineArn": machine_arn("S")}),
            "StateMachineTypeNotSupported: This operation is not supported by this type of state machine".to_owned(),
        ),
        (
            json!({"stateMachineArn": machine_arn("X")}),
            format!("StateMachineDoesNotExist: State Machine Does Not Exist: '{}'", machine_arn("X")),
        ),
        (
            json!({"stateMachineArn": machine_arn("E"), "name": "a b"}),
            "InvalidName: Invalid Name: 'a b'".to_owned(),
        ),
        (
            json!({"stateMachineArn": machine_arn("E"), "input": " "}),
            "InvalidExecutionInput: Invalid State Machine Execution Input: 'Invalid execution input.'".to_owned(),
        ),
        (
            json!({"stateMachineArn": "x"}),
            "InvalidArn: Invalid Arn: 'Invalid ARN prefix: x'".to_owned(),
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(world.err("StartSyncExecution", input).await, expected);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_end_the_execution() {
    let world = World::new().await;
    let states = json!({"StartAt": "W", "States": {
        "W": {"Type": "Wait", "Seconds": 5, "Next": "C"},
        "C": calls()["States"]["C"],
    }});
    express(&world, "W", &states).await;
    let input = json!({"stateMachineArn": machine_arn("W"), "input": r#"{"a": 1}"#});
    let waiting = world.later("StartSyncExecution", input);
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.is_err());
    world.clock.advance_millis(5_000);
    let called = || world.functions.payloads.lock().contains(&json!({"a": 1}));
    while !called() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_version_and_an_alias_are_run() {
    let world = World::new().await;
    express(&world, "V", &pass()).await;
    let published = world
        .ok(
            "PublishStateMachineVersion",
            json!({"stateMachineArn": machine_arn("V")}),
        )
        .await;
    let version = published["stateMachineVersionArn"].clone();
    let fails =
        json!({"stateMachineArn": machine_arn("V"), "definition": common::fail().to_string()});
    world.ok("UpdateStateMachine", fails).await;
    for (arn, status) in [(version, "SUCCEEDED"), (machine_arn("V").into(), "FAILED")] {
        let end = world
            .ok("StartSyncExecution", json!({"stateMachineArn": arn}))
            .await;
        assert_eq!(end["status"], status, "{arn}");
        assert_eq!(end["stateMachineArn"], machine_arn("V"));
        let shown = world
            .seen(
                "DescribeExecution",
                json!({"executionArn": end["executionArn"]}),
            )
            .await;
        assert_eq!(
            shown.get("stateMachineVersionArn").is_some(),
            status == "SUCCEEDED"
        );
    }
}

#[tokio::test]
async fn a_deleted_machine_takes_its_executions_along() {
    let world = World::new().await;
    express(&world, "W", &waits(200)).await;
    let started = world
        .ok(
            "StartExecution",
            json!({"stateMachineArn": machine_arn("W")}),
        )
        .await;
    world
        .ok(
            "DeleteStateMachine",
            json!({"stateMachineArn": machine_arn("W")}),
        )
        .await;
    let input = json!({"executionArn": started["executionArn"]});
    while world.seen("DescribeExecution", input.clone()).await["status"] != "ABORTED" {
        tokio::task::yield_now().await;
    }
}

/// Takes away what the SDK of Step Functions says of its own exchange with a service.
fn without_exchange(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|name, _| !name.starts_with("Sdk"));
        members.values_mut().for_each(without_exchange);
    }
}

#[tokio::test]
async fn answers_as_aws_was_recorded_to_answer() {
    let root = std::env::var_os("STEPD_CORPUS").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        std::path::PathBuf::from,
    );
    let mut folders = vec![root.join("sync_express")];
    if !root.is_dir() {
        println!("SKIPPED: no recorded cases (set STEPD_CORPUS)");
        return;
    }
    let mut played = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of cases can be read") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a case can be read");
            recorded(&serde_json::from_str(&text).expect("a case is JSON")).await;
            played += 1;
        }
    }
    println!("{played} recorded answers agree");
    assert!(played > 0, "there is a case");
}

async fn recorded(case: &Value) {
    let world = World::new().await;
    let response = &case["expected"]["response"];
    let payload = response["output"]["Payload"].to_string();
    *world.functions.answer.lock() = Some(payload.into());
    express(&world, "R", &case["definition"]).await;
    let input = case["input"].as_str().expect("a text");
    let ours = sync(&world, "R", input).await;
    for (name, theirs) in response.as_object().expect("an object") {
        if name == "ResponseMetadata" {
            continue;
        }
        let ours = ours
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not there: {ours}"));
        let parsed = |value: &Value| {
            let text = value
                .as_str()
                .and_then(|text| serde_json::from_str(text).ok());
            let mut parsed: Value = text.unwrap_or_else(|| value.clone());
            without_exchange(&mut parsed);
            parsed
        };
        match name.as_str() {
            "executionArn" | "stateMachineArn" | "name" | "startDate" | "stopDate" => {}
            "billingDetails" => {
                assert_eq!(ours["billedMemoryUsedInMB"], theirs["billedMemoryUsedInMB"]);
                assert!(ours["billedDurationInMilliseconds"].is_number(), "{ours}");
            }
            _ => assert_eq!(parsed(ours), parsed(theirs), "{name}"),
        }
    }
}
