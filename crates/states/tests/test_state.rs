//! `TestState`: every state that AWS was recorded to test, and what no recording shows. The recorded cases
//! are not part of the project (`STEPD_CORPUS`).

mod common;

use std::path::{Path, PathBuf};

use common::{ROLE, World};
use serde_json::{Value, json};

/// How many recorded cases agree; fewer means that something that worked is lost.
const AGREE_MIN: usize = 110;

/// Members of the exchange with a service that the recordings blank, and that no two exchanges share.
const BLANKED: [&str; 2] = ["Date", "X-Amzn-Trace-Id"];

fn cases() -> Option<Vec<(String, Value)>> {
    let root = std::env::var_os("STEPD_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    let folder = root.join("test_state/state");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!(
            "SKIPPED: no recorded cases at {} (set STEPD_CORPUS)",
            folder.display()
        );
        return None;
    };
    let mut cases: Vec<(String, Value)> = entries
        .map(|entry| {
            let path = entry.expect("an entry of a folder can be read").path();
            let text = std::fs::read_to_string(&path).expect("a case can be read");
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, serde_json::from_str(&text).expect("a case is JSON"))
        })
        .collect();
    cases.sort_by(|left, right| left.0.cmp(&right.0));
    Some(cases)
}

/// Parses texts that hold objects, as the recordings were reshaped.
fn reshaped(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str(text).map_or_else(|_| value.clone(), |value| reshaped(&value))
        }
        Value::Array(elements) => elements.iter().map(reshaped).collect(),
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| !BLANKED.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), reshaped(value)))
            .collect(),
        other => other.clone(),
    }
}

/// Says whether `text` is what `pattern` shows with names and dates taken out.
fn agrees_text(name: &str, pattern: &str, text: &str) -> bool {
    if pattern == name || ["date", "start-date"].contains(&pattern) || name == "RequestId" {
        return true;
    }
    let mut rest = text;
    let mut pieces = pattern.split('<');
    let first = pieces
        .next()
        .unwrap_or_default()
        .replace("111111111111", "000000000000");
    match rest.strip_prefix(first.as_str()) {
        Some(behind) => rest = behind,
        None => return false,
    }
    for piece in pieces {
        let literal = piece.split_once('>').map_or(piece, |(_, literal)| literal);
        let literal = literal.replace("111111111111", "000000000000");
        if literal.is_empty() {
            rest = "";
            continue;
        }
        match rest.find(&literal) {
            Some(at) => rest = &rest[at + literal.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

fn agrees(name: &str, expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::String(pattern), Value::Array(_)) => pattern == name,
        (Value::String(pattern), Value::String(text)) => agrees_text(name, pattern, text),
        (Value::Number(expected), Value::Number(found)) => expected.as_f64() == found.as_f64(),
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len()
                && expected
                    .iter()
                    .zip(found)
                    .all(|(left, right)| agrees("", left, right))
        }
        (Value::Object(expected), Value::Object(found)) => {
            expected.len() == found.len()
                && expected.iter().all(|(name, left)| {
                    found
                        .get(name)
                        .is_some_and(|right| agrees(name, left, right))
                })
        }
        (expected, found) => expected == found,
    }
}

/// Lets functions answer what the recorded one did.
fn answer_as(world: &World, expected: &Value) {
    let result = expected["inspectionData"]
        .get("result")
        .or_else(|| expected.get("output"));
    let payload = match result {
        Some(Value::Object(result)) => result
            .get("Payload")
            .cloned()
            .unwrap_or(json!({}))
            .to_string(),
        Some(Value::String(text)) => text.clone(),
        _ => return,
    };
    *world.functions.answer.lock() = Some(payload.into());
}

#[tokio::test]
async fn states_are_tested_as_recorded() {
    let Some(cases) = cases() else { return };
    let (mut agree, mut differ) = (0, Vec::new());
    let count = cases.len();
    for (name, case) in cases {
        let world = World::new().await;
        let mut expected = case["expected"]["response"].clone();
        if let Some(members) = expected.as_object_mut() {
            members.remove("ResponseMetadata");
        }
        let mut request = case["request"].clone();
        if request.get("mock").is_none() {
            request["roleArn"] = ROLE.into();
        }
        answer_as(&world, &expected);
        match world.call("TestState", request).await {
            Ok(found) if agrees("", &reshaped(&expected), &reshaped(&found)) => agree += 1,
            found => {
                let found =
                    found.map_or_else(|failure| failure.to_string(), |found| found.to_string());
                differ.push(format!(
                    "{name}\n    expected {expected}\n    found    {found}"
                ));
            }
        }
    }
    println!("{agree} of {count} recorded tests of states agree");
    for line in &differ {
        println!("  {line}");
    }
    assert!(agree >= AGREE_MIN, "{agree} agree, {} differ", differ.len());
}

/// Tests a state; `request` is what goes with its definition.
async fn tested(state: Value, request: Value) -> Value {
    let world = World::new().await;
    tested_in(&world, state, request).await
}

async fn tested_in(world: &World, state: Value, mut request: Value) -> Value {
    request["definition"] = state.to_string().into();
    match world.call("TestState", request).await {
        Ok(answer) => answer,
        Err(failure) => failure.to_string().into(),
    }
}

#[tokio::test]
async fn what_cannot_be_tested_is_refused() {
    let task = |resource: &str| json!({"Type": "Task", "Resource": resource, "End": true});
    let map = json!({"Type": "Map", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}, "End": true});
    let pass = json!({"Type": "Pass", "End": true});
    let start = "arn:aws:states:::states:startExecution";
    let cases = [
        (
            task("arn:aws:states:::lambda:invoke"),
            json!({}),
            "ValidationException: RoleArn must be specified when testing a Task state",
        ),
        (
            map.clone(),
            json!({}),
            "InvalidDefinition: TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]",
        ),
        (
            task(&format!("{start}.sync:2")),
            json!({"roleArn": ROLE}),
            "InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Express state machine does not support '.sync' service integration at /States/StateName/Resource'",
        ),
        (
            task(&common::activity_arn("A")),
            json!({"roleArn": ROLE}),
            "InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Express state machine does not support Activity ARN at /States/StateName/Resource'",
        ),
        (
            pass.clone(),
            json!({"context": "{}"}),
            "ValidationException: TestState does not support Context when a mock is not specified.",
        ),
        (
            pass.clone(),
            json!({"roleArn": "role"}),
            "InvalidArn: Invalid Role Arn: 'role'",
        ),
        (
            task(start),
            json!({"mock": {"result": "{}"}, "revealSecrets": true}),
            "ValidationException: TestState does not support RevealSecrets when a mock is specified.",
        ),
        (
            task(start),
            json!({"mock": {"result": "{"}}),
            "ValidationException: Mocked result must be valid JSON",
        ),
        (
            task(start),
            json!({"mock": {"result": "[]"}}),
            "ValidationException: Mocked result must be a JSON object.",
        ),
        (
            map.clone(),
            json!({"mock": {"result": "{}"}}),
            "ValidationException: Mocked result must be an array.",
        ),
        (
            map.clone(),
            json!({"input": "[1]", "mock": {"result": "[1]"}, "stateConfiguration": {"mapIterationFailureCount": 2}}),
            "ValidationException: Map iteration failure count must be less than or equal to the number of Map iterations",
        ),
        (
            map,
            json!({"input": "[1]", "mock": {"errorOutput": {"error": "E"}}, "stateConfiguration": {"errorCausedByState": "Q"}}),
            "ValidationException: State not found in definition",
        ),
        (
            task(start),
            json!({"mock": {"result": "{}", "fieldValidationMode": "NONE"}, "context": r#"{"Task": {"Token": "t"}}"#}),
            "ValidationException: Invalid Context object provided: Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern",
        ),
        (
            pass.clone(),
            json!({"input": "{"}),
            "InvalidExecutionInput: Invalid State Machine Execution Input: 'Unexpected end-of-input",
        ),
        (
            pass,
            json!({"variables": "[]"}),
            "ValidationException: Variables must be a JSON object",
        ),
    ];
    for (state, request, expected) in cases {
        let found = tested(state.clone(), request.clone()).await;
        let text = found.as_str().unwrap_or_default();
        let begins =
            expected.starts_with("InvalidExecutionInput") && text.starts_with(&expected[..70]);
        assert!(
            text == expected || begins,
            "{state} {request}\n{found}\nnot {expected}"
        );
    }
}

#[tokio::test]
async fn a_state_sees_what_it_is_given() {
    let pass = json!({"Type": "Pass", "QueryLanguage": "JSONata", "Assign": {"b": "{% $a + 1 %}"}, "Output": "{% $a %}", "Next": "Anything"});
    let request = json!({"variables": r#"{"a": 1}"#, "inspectionLevel": "DEBUG"});
    let answer = tested(pass, request).await;
    let expected = json!({
        "output": "1",
        "nextState": "Anything",
        "status": "SUCCEEDED",
        "inspectionData": {"input": "{}", "variables": r#"{"a":1,"b":2}"#},
    });
    assert_eq!(answer, expected);

    // A token of a test, and a context of the caller's.
    let ask = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token", "name.$": "$$.Execution.Name", "machine.$": "$$.StateMachine.Name"}},
        "End": true,
    });
    let request = json!({
        "mock": {"result": "7"},
        "inspectionLevel": "TRACE",
        "context": r#"{"Task": {"Token": "T"}, "Execution": {"Name": "N"}}"#,
    });
    let answer = tested(ask, request).await;
    assert_eq!(answer["output"], "7", "{answer}");
    let parameters: Value = serde_json::from_str(
        answer["inspectionData"]["afterParameters"]
            .as_str()
            .expect("parameters"),
    )
    .expect("JSON");
    assert_eq!(parameters["Payload"]["token"], "T");
    assert_eq!(parameters["Payload"]["name"], "N");
    assert_ne!(
        parameters["Payload"]["machine"],
        Value::Null,
        "what is not given is there too"
    );

    // Inside a Map state there is an item.
    let machine = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "Parameters": {"at.$": "$$.Map.Item.Index", "value.$": "$$.Map.Item.Value"}, "End": true}}}, "End": true}}});
    let answer = tested(machine, json!({"stateName": "I", "input": "5"})).await;
    assert_eq!(answer["output"], r#"{"at":0,"value":5}"#, "{answer}");
}

#[tokio::test]
async fn the_inputs_of_a_map_state_are_shown() {
    let map = json!({
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {"n.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"},
        "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"of": 1}},
        "ToleratedFailurePercentage": 40,
        "MaxConcurrency": 3,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}},
        "End": true,
    });
    let request = |failed: u64| {
        json!({
            "input": r#"{"items": ["a", "b", "c"]}"#,
            "mock": {"result": "[1]"},
            "inspectionLevel": "DEBUG",
            "stateConfiguration": {"mapIterationFailureCount": failed},
        })
    };
    let shown = tested(map.clone(), request(0)).await;
    let data = &shown["inspectionData"];
    assert_eq!(data["afterItemsPath"], r#"["a", "b", "c"]"#);
    assert_eq!(
        data["afterItemSelector"],
        r#"[{"n": 0, "v": "a"}, {"n": 1, "v": "b"}, {"n": 2, "v": "c"}]"#
    );
    let batches: Value =
        serde_json::from_str(data["afterItemBatcher"].as_str().expect("batches")).expect("JSON");
    assert_eq!(batches.as_array().map(Vec::len), Some(2), "{batches}");
    assert_eq!(
        batches[1],
        json!({"BatchInput": {"of": 1}, "Items": [{"n": 2, "v": "c"}]})
    );
    assert_eq!(data["maxConcurrency"], 3);
    assert_eq!(data["toleratedFailurePercentage"].as_f64(), Some(40.0));
    // One of two batches is half of them.
    let shown = tested(map, request(1)).await;
    assert_eq!(shown["error"], "States.ExceedToleratedFailureThreshold");
    assert_eq!(shown["status"], "FAILED");
}

#[tokio::test]
async fn what_is_shown_of_all_items_is_bounded() {
    let long = "x".repeat(200_000);
    let items = vec![0; 100];
    for (field, value) in [
        ("ItemSelector", json!({"b.$": "$.long"})),
        (
            "ItemBatcher",
            json!({"MaxItemsPerBatch": 1, "BatchInput": {"b.$": "$.long"}}),
        ),
    ] {
        let mut map = json!({
            "Type": "Map", "ItemsPath": "$.items", "End": true,
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}},
        });
        map[field] = value;
        let input = json!({"long": long, "items": items}).to_string();
        let request =
            json!({"input": input, "mock": {"result": "[1]"}, "inspectionLevel": "DEBUG"});
        let shown = tested(map, request).await;
        assert_eq!(shown["error"], "States.DataLimitExceeded", "{field}");
    }
}

#[tokio::test]
async fn what_a_reader_read_is_pointed_into() {
    let map = json!({
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON", "ItemsPointer": "/a/b"},
            "Parameters": {"Bucket": "b", "Key": "k"},
        },
        "ItemSelector": {"v.$": "$$.Map.Item.Value"},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}},
        "End": true,
    });
    let request = |data: &str| json!({"mock": {"result": "[1]"}, "inspectionLevel": "DEBUG", "stateConfiguration": {"mapItemReaderData": data}});
    let shown = tested(map.clone(), request(r#"{"a": {"b": [7]}}"#)).await;
    assert_eq!(
        shown["inspectionData"]["afterItemsPointer"], "[7]",
        "{shown}"
    );
    assert_eq!(
        shown["inspectionData"]["afterItemSelector"],
        r#"[{"v": 7}]"#
    );
    let shown = tested(map, request("{}")).await;
    assert_eq!(shown["error"], "States.ItemReaderFailed", "{shown}");
}

#[tokio::test]
async fn what_a_reader_read_is_as_in_its_source() {
    for (config, data, expected) in [
        (
            json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}),
            "id,name\n1,\"a, b\"\n2,c\n",
            r#"[{"v": {"name": "a, b", "id": "1"}}, {"v": {"name": "c", "id": "2"}}]"#,
        ),
        (
            json!({"InputType": "CSV", "CSVDelimiter": "PIPE", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x"]}),
            "7|8",
            r#"[{"v": {"x": "7"}}]"#,
        ),
        (
            json!({"InputType": "JSONL"}),
            "{\"a\":1}\n2\n",
            r#"[{"v": {"a": 1}}, {"v": 2}]"#,
        ),
        (
            json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}),
            "a,a\n1,2",
            "CSV",
        ),
        (json!({"InputType": "JSONL"}), "{", "JSONL"),
    ] {
        let map = json!({
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": config,
                "Parameters": {"Bucket": "b", "Key": "k"},
            },
            "ItemSelector": {"v.$": "$$.Map.Item.Value"},
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}},
            "End": true,
        });
        let mut request = json!({"mock": {"result": "[1]"}, "inspectionLevel": "DEBUG", "stateConfiguration": {"mapItemReaderData": data}});
        if !expected.starts_with('[') {
            request["definition"] = map.to_string().into();
            let refused = World::new().await.err("TestState", request).await;
            let message =
                format!("ValidationException: Map item reader data must be valid {expected}");
            assert_eq!(refused, message);
            continue;
        }
        let shown = tested(map, request).await;
        assert_eq!(
            shown["inspectionData"]["afterItemSelector"], expected,
            "{shown}"
        );
    }
}

#[tokio::test]
async fn calls_are_made_and_their_failures_handled() {
    let world = World::new().await;
    let task = json!({
        "Type": "Task",
        "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "ResultPath": "$.r",
        "End": true,
    });
    *world.functions.answer.lock() = Some("5".into());
    let answer = tested_in(
        &world,
        task,
        json!({"roleArn": ROLE, "input": r#"{"a": 1}"#}),
    )
    .await;
    assert_eq!(
        answer,
        json!({"output": r#"{"a":1,"r":5}"#, "status": "SUCCEEDED"})
    );
    assert_eq!(
        *world.functions.payloads.lock(),
        [json!({"a": 1})],
        "the function was called once"
    );

    let unbuilt = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:ec2:describeInstances",
        "Parameters": {},
        "End": true,
    });
    let answer = tested_in(&world, unbuilt, json!({"roleArn": ROLE})).await;
    assert_eq!(answer["status"], "FAILED", "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_waited_for_and_five_minutes_are_enough() {
    let wait = |seconds: u64| json!({"Type": "Wait", "Seconds": seconds, "End": true});
    let answer = tested(wait(2), json!({"input": "1"})).await;
    assert_eq!(answer, json!({"output": "1", "status": "SUCCEEDED"}));
    let answer = tested(wait(301), json!({})).await;
    assert_eq!(
        answer,
        json!({"error": "States.Timeout", "status": "FAILED"})
    );
}
