//! What tasks call: how parameters become calls, and what comes back of replies and refusals.

mod common;

use common::{ROLE, World, machine_arn};
use serde_json::{Value, json};
use service::Failure;

/// A case: what a task calls with what, what the service answers, and what the task and the service see.
struct Case {
    resource: &'static str,
    parameters: Value,
    called: &'static str,
    answer: Result<Value, Failure>,
    asked: Value,
    /// The result without what the SDK knows of the exchange, or error and the beginning of the cause.
    seen: Result<Value, (&'static str, &'static str)>,
}

async fn check(case: Case) {
    let world = World::new().await;
    let Case {
        resource,
        parameters,
        called,
        answer,
        asked,
        seen,
    } = case;
    world
        .functions
        .answers
        .lock()
        .insert(called.to_owned(), answer);
    let machine = json!({"StartAt": "T", "States": {"T": {
        "Type": "Task", "Resource": format!("arn:aws:states:::{resource}"),
        "Parameters": parameters, "End": true,
    }}});
    world.create("M", &machine).await;
    let arn = world.start("M", "e", "{}").await;
    let end = world.until_closed(&arn).await;
    assert_eq!(*world.functions.asked.lock(), [asked], "{resource}");
    match seen {
        Ok(expected) => {
            let output = end["output"]
                .as_str()
                .unwrap_or_else(|| panic!("{resource}: {end}"));
            let mut output: Value = serde_json::from_str(output).expect("JSON");
            let members = output.as_object_mut().expect("an object");
            let sdk = ["SdkHttpMetadata", "SdkResponseMetadata"];
            let shown = sdk.map(|name| members.shift_remove(name));
            let is_first_sdk =
                !resource.starts_with("aws-sdk:") && !resource.starts_with("events:");
            assert_eq!(
                shown.iter().all(Option::is_some),
                is_first_sdk,
                "{resource}: {shown:?}"
            );
            assert_eq!(output, expected, "{resource}");
        }
        Err((error, cause)) => {
            assert_eq!(end["error"], error, "{resource}: {end}");
            let told = end["cause"].as_str().expect("a cause");
            assert!(told.starts_with(cause), "{resource}: {told}");
        }
    }
}

#[tokio::test]
async fn optimized_integrations() {
    let item = json!({"id": {"S": "1"}});
    let none = || Failure::client("ResourceNotFoundException", "Requested resource not found");
    let invalid = || Failure::client("ValidationException", "1 validation error detected");
    for case in [
        Case {
            resource: "dynamodb:getItem",
            parameters: json!({"TableName": "t", "Key": item}),
            called: "dynamodb:GetItem",
            answer: Ok(json!({"Item": item})),
            asked: json!({"TableName": "t", "Key": item}),
            seen: Ok(json!({"Item": item})),
        },
        Case {
            resource: "dynamodb:putItem",
            parameters: json!({"TableName": "t", "Item": item}),
            called: "dynamodb:PutItem",
            answer: Err(none()),
            asked: json!({"TableName": "t", "Item": item}),
            seen: Err((
                "DynamoDB.ResourceNotFoundException",
                "Requested resource not found (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ResourceNotFoundException; Request ID: ",
            )),
        },
        Case {
            resource: "dynamodb:updateItem",
            parameters: json!({"TableName": "t", "Key": null}),
            called: "dynamodb:UpdateItem",
            answer: Err(invalid()),
            asked: json!({"TableName": "t"}),
            seen: Err((
                "DynamoDB.AmazonDynamoDBException",
                "1 validation error detected (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ValidationException; Request ID: ",
            )),
        },
        Case {
            resource: "sqs:sendMessage",
            parameters: json!({"QueueUrl": "q", "MessageBody": {"a": 1}}),
            called: "sqs:SendMessage",
            answer: Ok(json!({"MessageId": "m", "MD5OfMessageBody": "5"})),
            asked: json!({"QueueUrl": "q", "MessageBody": r#"{"a":1}"#}),
            seen: Ok(json!({"MD5OfMessageBody": "5", "MessageId": "m"})),
        },
        Case {
            resource: "sqs:sendMessage",
            parameters: json!({"QueueUrl": "q", "MessageBody": null}),
            called: "sqs:SendMessage",
            answer: Err(Failure::client(
                "MissingParameter",
                "The request must contain the parameter MessageBody.",
            )),
            asked: json!({"QueueUrl": "q"}),
            seen: Err((
                "SQS.AmazonSQSException",
                "The request must contain the parameter MessageBody. (Service: AmazonSQS; Status Code: 400; Error Code: MissingParameter; Request ID: ",
            )),
        },
        Case {
            resource: "sns:publish",
            parameters: json!({"TopicArn": "t", "Message": true}),
            called: "sns:Publish",
            answer: Ok(json!({"MessageId": "m"})),
            asked: json!({"TopicArn": "t", "Message": "true"}),
            seen: Ok(json!({"MessageId": "m"})),
        },
        Case {
            resource: "events:putEvents",
            parameters: json!({"Entries": [{"Detail": {"a": 1}}, {"Detail": "{}"}]}),
            called: "events:PutEvents",
            answer: Ok(json!({"FailedEntryCount": 0, "Entries": []})),
            asked: json!({"Entries": [{"Detail": r#"{"a":1}"#}, {"Detail": "{}"}]}),
            seen: Ok(json!({"Entries": [], "FailedEntryCount": 0})),
        },
        Case {
            resource: "events:putEvents",
            parameters: json!({"Entries": [{"Detail": "1"}]}),
            called: "events:PutEvents",
            answer: Ok(
                json!({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "MalformedDetail"}]}),
            ),
            asked: json!({"Entries": [{"Detail": "1"}]}),
            seen: Err((
                "EventBridge.FailedEntry",
                r#"{"Entries":[{"ErrorCode":"MalformedDetail"}],"FailedEntryCount":1}"#,
            )),
        },
    ] {
        check(case).await;
    }
}

#[tokio::test]
async fn calls_as_the_sdk_makes_them() {
    for case in [
        Case {
            resource: "aws-sdk:cloudwatchlogs:putLogEvents",
            parameters: json!({"LogGroupName": "g", "LogEvents": [{"Message": "m", "Timestamp": 1}]}),
            called: "logs:PutLogEvents",
            answer: Ok(json!({"nextSequenceToken": "t"})),
            asked: json!({"logGroupName": "g", "logEvents": [{"message": "m", "timestamp": 1}]}),
            seen: Ok(json!({"NextSequenceToken": "t"})),
        },
        Case {
            resource: "aws-sdk:dynamodb:query",
            parameters: json!({"TableName": "t", "Limit": 1}),
            called: "dynamodb:Query",
            answer: Ok(json!({"Items": [], "Count": 0})),
            asked: json!({"TableName": "t", "Limit": 1}),
            seen: Ok(json!({"Count": 0, "Items": []})),
        },
        Case {
            resource: "aws-sdk:secretsmanager:createSecret",
            parameters: json!({"Name": "Invalid Name"}),
            called: "secretsmanager:CreateSecret",
            answer: Err(Failure::client("ValidationException", "Invalid name.")),
            asked: json!({"Name": "Invalid Name"}),
            seen: Err((
                "SecretsManager.SecretsManagerException",
                "Invalid name. (Service: SecretsManager, Status Code: 400, Request ID: ",
            )),
        },
        Case {
            resource: "aws-sdk:ssm:getParameter",
            parameters: json!({"Name": "n"}),
            called: "",
            answer: Ok(json!({})),
            asked: json!({"Name": "n"}),
            seen: Err((
                "States.Runtime",
                "stepd does not serve this call: ssm:GetParameter is not served here yet.",
            )),
        },
    ] {
        check(case).await;
    }
}

#[tokio::test]
async fn every_action_of_step_functions_can_be_called() {
    let world = World::new().await;
    world.create("C", &common::pass()).await;
    let machine = |action: &str, parameters: Value| {
        json!({"StartAt": "T", "States": {"T": {
            "Type": "Task", "Resource": format!("arn:aws:states:::aws-sdk:sfn:{action}"),
            "Parameters": parameters, "End": true,
        }}})
    };
    for (action, parameters, member) in [
        (
            "startExecution",
            json!({"StateMachineArn": machine_arn("C"), "Name": "c"}),
            "StartDate",
        ),
        (
            "describeStateMachine",
            json!({"StateMachineArn": machine_arn("C")}),
            "Definition",
        ),
        ("listStateMachines", json!({}), "StateMachines"),
        (
            "tagResource",
            json!({"ResourceArn": machine_arn("C"), "Tags": [{"Key": "k", "Value": "v"}]}),
            "",
        ),
        ("createActivity", json!({"Name": "a"}), "ActivityArn"),
    ] {
        world.create(action, &machine(action, parameters)).await;
        let arn = world.start(action, "e", "{}").await;
        let end = world.until_closed(&arn).await;
        assert_eq!(end["status"], "SUCCEEDED", "{action}: {end}");
        let output: Value =
            serde_json::from_str(end["output"].as_str().expect("text")).expect("JSON");
        assert!(
            member.is_empty() || !output[member].is_null(),
            "{action}: {output}"
        );
    }
    let tags = world
        .ok(
            "ListTagsForResource",
            json!({"resourceArn": machine_arn("C")}),
        )
        .await;
    assert_eq!(tags["tags"], json!([{"key": "k", "value": "v"}]));
    for operation in aws_model::states::Operation::ALL {
        let (first, rest) = operation.name().split_at(1);
        let action = first.to_ascii_lowercase() + rest;
        let input = json!({
            "name": format!("all-{action}"), "roleArn": ROLE,
            "definition": machine(&action, json!({})).to_string(),
        });
        world.ok("CreateStateMachine", input).await;
    }
    let input = json!({
        "name": "none", "roleArn": ROLE, "definition": machine("startNothing", json!({})).to_string(),
    });
    let refused = world.err("CreateStateMachine", input).await;
    assert!(
        refused.contains(
            "The resource provided arn:aws:states:::aws-sdk:sfn:startNothing is not recognized."
        ),
        "{refused}"
    );
}

/// Returns the recorded histories of `services`, where there are recordings.
fn histories(services: &[&str]) -> Option<Vec<Value>> {
    let root = std::env::var_os("STEPD_CORPUS").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        std::path::PathBuf::from,
    );
    if !root.is_dir() {
        println!("SKIPPED: no recorded cases (set STEPD_CORPUS)");
        return None;
    }
    let (mut folders, mut found) = (vec![root.join("history")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of cases can be read") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a case can be read");
            let case: Value = serde_json::from_str(&text).expect("a case is JSON");
            let needs = case["needs"].as_array().into_iter().flatten();
            if needs
                .filter_map(Value::as_str)
                .any(|need| services.contains(&need))
            {
                found.push(case);
            }
        }
    }
    Some(found)
}

/// What a service must have answered for a task to have ended as it did.
fn answer_behind(ended: &Value) -> Option<Result<Value, Failure>> {
    if let Some(details) = ended.get("taskSucceededEventDetails") {
        let mut output = details["output"].as_object()?.clone();
        output.shift_remove("SdkHttpMetadata");
        output.shift_remove("SdkResponseMetadata");
        return Some(Ok(Value::Object(output)));
    }
    let details = ended.get("taskFailedEventDetails")?;
    let Some(cause) = details["cause"].as_str() else {
        // Of events that were not taken, the cause is the answer.
        return Some(Ok(details["cause"].clone()));
    };
    let (message, rest) = cause.split_once(" (Service: ")?;
    let code = match rest.split_once("Error Code: ") {
        Some((_, code)) => code.split(';').next()?,
        None => match details["error"].as_str()?.split_once('.')?.1 {
            "DynamoDbException" | "SecretsManagerException" => "ValidationException",
            code => code,
        },
    };
    Some(Err(Failure::client(code.to_owned(), message)))
}

/// Plays each recorded call of a service against an answer like the recorded one.
#[tokio::test]
async fn recorded_calls() {
    let services = ["dynamodb", "sqs", "sns", "events", "secretsmanager"];
    let Some(cases) = histories(&services) else {
        return;
    };
    let mut played = 0;
    for case in &cases {
        let events = case["expected"]["history"].as_array().into_iter().flatten();
        let events: Vec<&Value> = events.collect();
        for (at, event) in events.iter().enumerate() {
            let Some(scheduled) = event.get("taskScheduledEventDetails") else {
                continue;
            };
            let (kind, action) = (&scheduled["resourceType"], &scheduled["resource"]);
            let (kind, action) = (kind.as_str().expect("text"), action.as_str().expect("text"));
            let service = kind.rsplit(':').next().expect("a last part");
            let ended = events.get(at + 2);
            let ended = ended.filter(|_| services.contains(&service) && !action.contains('.'));
            let Some((ended, answer)) =
                ended.and_then(|ended| Some((*ended, answer_behind(ended)?)))
            else {
                continue;
            };
            let resource = format!("arn:aws:states:::{kind}:{action}");
            compare(&resource, scheduled, answer, ended, &case["witness"]).await;
            played += 1;
        }
    }
    println!("{played} recorded calls agree");
    assert!(played >= 28, "only {played} recorded calls were played");
}

async fn compare(
    resource: &str,
    scheduled: &Value,
    answer: Result<Value, Failure>,
    ended: &Value,
    witness: &Value,
) {
    let world = World::new().await;
    let action = scheduled["resource"].as_str().expect("text");
    let service = scheduled["resourceType"].as_str().expect("text");
    let service = service.rsplit(':').next().expect("a last part");
    let (first, rest) = action.split_at(1);
    let called = format!("{service}:{}{rest}", first.to_ascii_uppercase());
    world.functions.answers.lock().insert(called, answer);
    let machine = json!({"StartAt": "T", "States": {"T": {
        "Type": "Task", "Resource": resource, "Parameters": scheduled["parameters"], "End": true,
    }}});
    world.create("M", &machine).await;
    let arn = world.start("M", "e", "{}").await;
    let end = world.until_closed(&arn).await;
    if let Some(details) = ended.get("taskSucceededEventDetails") {
        let output = end["output"]
            .as_str()
            .unwrap_or_else(|| panic!("{witness}: {end}"));
        let mut ours: Value = serde_json::from_str(output).expect("JSON");
        let mut recorded = details["output"].clone();
        for name in ["SdkHttpMetadata", "SdkResponseMetadata"] {
            let theirs = recorded
                .as_object_mut()
                .expect("an object")
                .shift_remove(name);
            let shown = ours.as_object_mut().expect("an object").shift_remove(name);
            assert_eq!(shown.is_some(), theirs.is_some(), "{witness}: {name}");
        }
        assert_eq!(ours.to_string(), recorded.to_string(), "{witness}");
        return;
    }
    let details = &ended["taskFailedEventDetails"];
    assert_eq!(end["error"], details["error"], "{witness}: {end}");
    let ours = end["cause"].as_str().expect("a cause");
    match details["cause"].as_str() {
        Some(recorded) => {
            let head = |cause: &str| cause.split("Request ID: ").next().map(str::to_owned);
            assert_eq!(head(ours), head(recorded), "{witness}");
        }
        None => {
            let ours: Value = serde_json::from_str(ours).expect("JSON");
            assert_eq!(ours, details["cause"], "{witness}");
        }
    }
}
