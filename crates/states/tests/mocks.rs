//! Executions with made-up answers: test cases of a mock file, as Step Functions Local has them, which
//! outlive the server that started them.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::{World, activity_arn, execution_arn, machine_arn};
use serde_json::{Map, Value, json};

/// Returns a mock file with one case, `C` of `M`: each state gets the answers beside it.
fn file(answers: &[(&str, Value)]) -> Value {
    let mut responses = Map::new();
    let mut case = Map::new();
    for (state, answers) in answers {
        responses.insert(format!("of-{state}"), answers.clone());
        case.insert((*state).to_owned(), format!("of-{state}").into());
    }
    json!({"StateMachines": {"M": {"TestCases": {"C": case}}}, "MockedResponses": responses})
}

async fn start(world: &World, case: &str, input: &Value) -> String {
    let request = json!({
        "stateMachineArn": format!("{}#{case}", machine_arn("M")),
        "name": "E",
        "input": input.to_string(),
    });
    let output = world.ok("StartExecution", request).await;
    output["executionArn"].as_str().expect("an ARN").to_owned()
}

/// Runs the case to its end; returns the execution's description and the types of its events.
async fn ended(
    definition: &Value,
    answers: &[(&str, Value)],
    input: &Value,
) -> (Value, Vec<String>) {
    let mut world = World::new().await;
    world.create("M", definition).await;
    world.mock(&file(answers)).await;
    let arn = start(&world, "C", input).await;
    assert_eq!(arn, execution_arn("M", "E"));
    let shown = world.until_closed(&arn).await;
    let types = history(&world, &arn).await;
    let types = types
        .iter()
        .map(|event| event["type"].as_str().unwrap_or_default().to_owned());
    assert!(
        world.functions.payloads.lock().is_empty(),
        "nobody is called"
    );
    (shown, types.collect())
}

async fn history(world: &World, arn: &str) -> Vec<Value> {
    let input = json!({"executionArn": arn, "maxResults": 1000});
    let shown = world.ok("GetExecutionHistory", input).await;
    shown["events"].as_array().cloned().unwrap_or_default()
}

fn task(resource: &str, fields: Value) -> Value {
    let mut task = json!({"Type": "Task", "Resource": resource, "End": true});
    for (name, value) in fields.as_object().into_iter().flatten() {
        task[name] = value.clone();
    }
    let catches = task.get("Catch").is_some();
    let mut machine = json!({"StartAt": "T", "States": {"T": task}});
    if catches {
        machine["States"]["H"] = json!({"Type": "Pass", "End": true});
    }
    machine
}

const INVOKE: &str = "arn:aws:states:::lambda:invoke";

#[tokio::test]
async fn answers_come_in_their_order() {
    let retry = json!({"Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 2}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "H"}]});
    let busy = json!({"Throw": {"Error": "Busy", "Cause": "try again"}});
    let machine = task(INVOKE, retry);
    let mut world = World::new().await;
    world.create("M", &machine).await;
    world
        .mock(&file(&[(
            "T",
            json!({"0-1": busy, "2": {"Return": {"done": true}}}),
        )]))
        .await;
    let arn = start(&world, "C", &json!({})).await;
    let shown = world.until("DescribeExecution", json!({"executionArn": arn}), |shown| {
        // A retry waits for its moment.
        world.clock.advance_millis(1_000);
        shown
            .as_ref()
            .is_ok_and(|shown| shown["status"] != "RUNNING")
    });
    let shown = shown.await.expect("was started");
    assert_eq!(shown["output"], r#"{"done":true}"#, "{shown}");
    let failed = history(&world, &arn).await;
    let failed = failed
        .iter()
        .filter(|event| event["type"] == "TaskFailed")
        .count();
    assert_eq!(failed, 2);

    // A call that has no answer any more fails, and says why.
    let twice = json!({"StartAt": "P", "States": {"P": {"Type": "Map", "MaxConcurrency": 1, "End": true, "ItemProcessor": {
        "StartAt": "T", "States": {"T": {"Type": "Task", "Resource": INVOKE, "End": true}}}}}});
    let (shown, _) = ended(
        &twice,
        &[("T", json!({"0": {"Return": 1}}))],
        &json!([1, 2]),
    )
    .await;
    let cause = "The test case has 1 answers for the state 'T', and this is call 2.";
    assert_eq!(
        (&shown["error"], &shown["cause"]),
        (&json!("States.Runtime"), &json!(cause))
    );
    let (shown, _) = ended(
        &task(INVOKE, json!({})),
        &[("T", json!({"0": busy}))],
        &json!({}),
    )
    .await;
    assert_eq!(
        (&shown["error"], &shown["cause"]),
        (&json!("Busy"), &json!("try again"))
    );
}

#[tokio::test]
async fn callbacks_jobs_and_activities_are_answered_too() {
    let answer = [("T", json!({"0": {"Return": {"ok": 1}}}))];
    let called = [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
    ];
    let worked = ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"];
    let cases: [(String, &[&str]); 3] = [
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken".to_owned(),
            &called,
        ),
        (
            "arn:aws:states:::states:startExecution.sync:2".to_owned(),
            &called,
        ),
        (activity_arn("A"), &worked),
    ];
    for (resource, between) in cases {
        let mut world = World::new().await;
        if resource.contains(":activity:") {
            world.ok("CreateActivity", json!({"name": "A"})).await;
        }
        let mut machine = task(&resource, json!({}));
        if !resource.contains(":activity:") {
            machine["States"]["T"]["Parameters"] = json!({});
        }
        world.create("M", &machine).await;
        world.mock(&file(&answer)).await;
        let arn = start(&world, "C", &json!({})).await;
        let shown = world.until_closed(&arn).await;
        assert_eq!(shown["output"], r#"{"ok":1}"#, "{resource} {shown}");
        let events = history(&world, &arn).await;
        let types: Vec<_> = events
            .iter()
            .map(|event| event["type"].as_str().unwrap_or_default())
            .collect();
        assert_eq!(types[2..types.len() - 2], *between, "{resource}");
    }
}

#[tokio::test]
async fn an_execution_keeps_its_answers_when_the_file_is_gone() {
    let machine = json!({"StartAt": "T", "States": {
        "T": {"Type": "Task", "Resource": INVOKE, "Next": "W"},
        "W": {"Type": "Wait", "Seconds": 3600, "Next": "M"},
        "M": {"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": INVOKE, "End": true}}}, "MaxConcurrency": 1, "Next": "A"},
        "A": {"Type": "Task", "Resource": activity_arn("A"), "End": true},
    }});
    let mut world = World::new().await;
    world.ok("CreateActivity", json!({"name": "A"})).await;
    world.create("M", &machine).await;
    let answers = [
        ("T", json!({"0": {"Return": [1, 2]}})),
        (
            "I",
            json!({"0": {"Return": "first"}, "1": {"Return": "second"}}),
        ),
        ("A", json!({"0": {"Return": "end"}})),
    ];
    world.mock(&file(&answers)).await;
    let arn = start(&world, "C", &json!({})).await;
    let input = json!({"executionArn": arn});
    let waits = |shown: &Result<Value, service::Failure>| {
        shown
            .as_ref()
            .is_ok_and(|shown| shown.to_string().contains("WaitStateEntered"))
    };
    world
        .until("GetExecutionHistory", input, waits)
        .await
        .expect("waits");
    let empty = json!({"StateMachines": {}, "MockedResponses": {}});
    world.mock(&empty).await;
    world.clock.advance_millis(3_600_000);
    let shown = world.until_closed(&arn).await;
    assert_eq!(shown["output"], r#""end""#, "{shown}");
    let text = Value::from(history(&world, &arn).await).to_string();
    assert!(
        text.contains("first") && text.contains("second"),
        "each iteration has its answer"
    );
    let request = json!({"stateMachineArn": format!("{}#C", machine_arn("M"))});
    let refused = world.err("StartExecution", request).await;
    assert_eq!(
        refused,
        "ValidationException: The mock file has no test case 'C' of the state machine 'M'"
    );
}

#[tokio::test]
async fn a_caller_that_waits_gets_made_up_answers_too() {
    let mut world = World::new().await;
    let mut definition = task(INVOKE, json!({}));
    definition["States"]["T"]["Catch"] = json!([{"ErrorEquals": ["E"], "Next": "T"}]);
    let machine = json!({
        "name": "M", "definition": definition.to_string(), "roleArn": common::ROLE,
        "type": "EXPRESS",
    });
    world.ok("CreateStateMachine", machine).await;
    let answers = json!({"0": {"Throw": {"Error": "E", "Cause": "c"}}, "1": {"Return": {"a": 1}}});
    world.mock(&file(&[("T", answers)])).await;
    let request = json!({"stateMachineArn": format!("{}#C", machine_arn("M"))});
    let end = world.ok("StartSyncExecution", request).await;
    assert_eq!(
        (&end["status"], &end["output"]),
        (&"SUCCEEDED".into(), &json!({"a": 1}).to_string().into())
    );
    let called = world.functions.payloads.lock().len();
    assert_eq!(called, 0, "nobody is called");
}

fn recorded() -> Option<Vec<(String, Value)>> {
    let root = std::env::var_os("STEPD_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    let folder = root.join("history/local_mocking");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!(
            "SKIPPED: no recorded cases at {} (set STEPD_CORPUS)",
            folder.display()
        );
        return None;
    };
    let cases = entries.map(|entry| {
        let path = entry.expect("an entry of a folder can be read").path();
        let text = std::fs::read_to_string(&path).expect("a case can be read");
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        (name, serde_json::from_str(&text).expect("a case is JSON"))
    });
    Some(cases.collect())
}

fn details(event: &Value) -> Option<&Value> {
    let members = event.as_object()?;
    members
        .iter()
        .find(|(name, _)| name.ends_with("EventDetails"))
        .map(|(_, details)| details)
}

/// Returns what the recorded calls answered, by the states that made them, in their order; of the calls of
/// children, which have histories of their own, what the children put out.
fn answers_of(case: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut answers: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut states: Vec<String> = Vec::new();
    let mut ended = 0;
    for event in case["expected"]["history"].as_array().into_iter().flatten() {
        match event["type"].as_str().unwrap_or_default() {
            "TaskStateEntered" => states.push(
                details(event)
                    .map_or("", |it| it["name"].as_str().unwrap_or_default())
                    .to_owned(),
            ),
            "TaskSucceeded" | "LambdaFunctionSucceeded" => {
                let output = details(event).map_or(&Value::Null, |it| &it["output"]);
                let output = match output.as_str().map(serde_json::from_str) {
                    Some(Ok(parsed)) => parsed,
                    _ => output.clone(),
                };
                answers
                    .entry(states[ended].clone())
                    .or_default()
                    .push(output);
                ended += 1;
            }
            _ => {}
        }
    }
    if answers.is_empty() {
        answers.insert(
            "ProcessValue".to_owned(),
            vec![json!({"body": "string body"})],
        );
    }
    answers
}

#[tokio::test]
async fn histories_are_as_recorded() {
    let Some(cases) = recorded() else { return };
    for (name, case) in &cases {
        let answers = answers_of(case);
        let answers: Vec<(&str, Value)> = answers
            .iter()
            .map(|(state, answers)| {
                let answers = answers.iter().enumerate();
                let answers =
                    answers.map(|(call, answer)| (call.to_string(), json!({"Return": answer})));
                (state.as_str(), Value::Object(answers.collect()))
            })
            .collect();
        let mut world = World::new().await;
        world.create("M", &case["definition"]).await;
        world.mock(&file(&answers)).await;
        let input: Value =
            serde_json::from_str(case["input"].as_str().expect("an input")).expect("JSON");
        let arn = start(&world, "C", &input).await;
        world.until_closed(&arn).await;
        let found = history(&world, &arn).await;
        let expected = case["expected"]["history"].as_array().expect("a history");
        let line = |event: &Value| {
            format!(
                "{} {} {}",
                event["id"],
                event["previousEventId"],
                event["type"].as_str().unwrap_or_default()
            )
        };
        let (mut expected, mut found): (Vec<_>, Vec<_>) = (
            expected.iter().map(line).collect(),
            found.iter().map(line).collect(),
        );
        if name.contains("parallel") {
            // Which branch is first is not said.
            let kind = |line: &String| line.rsplit(' ').next().unwrap_or_default().to_owned();
            expected = expected.iter().map(kind).collect();
            found = found.iter().map(kind).collect();
            // `ParallelStateSucceeded` was not kept in the recording.
            found.retain(|kind| kind != "ParallelStateSucceeded" || expected.contains(kind));
            expected.sort();
            found.sort();
        }
        assert_eq!(found, expected, "{name}");
    }
    println!(
        "{} recorded histories of mocked executions agree",
        cases.len()
    );
}
