//! `aws-sdk:SERVICE:action`: any operation of any service that is served here, as the second SDK for Java
//! would call it.
//!
//! Parameters are the operation's members with a capital first letter, and so is the result; moments are
//! text, members that are text take JSON, which is written as text. What a service is called, and what
//! its members are, `aws_model::sdk` knows. Deliberately absent: services one by one.

use std::borrow::Cow;

use aws_model::sdk::{self, SdkEntry};
use bytes::Bytes;
use engine_core::{Payload, TaskDescription};
use serde_json::{Map, Value};
use service::{Call, Failure, Gate, Principal, Reply, RequestId};
use vocab::Timestamp;

use super::Answer;
use super::exchange::{exception, not_served};

/// Calls `action` of the service that ARNs call `name`.
pub(super) async fn call(
    gate: &dyn Gate,
    name: &str,
    action: &str,
    task: &TaskDescription,
    principal: Principal,
) -> Answer {
    let Some((sdk, operation)) = sdk::find(name, action) else {
        return super::not_built(&format!("the AWS SDK integration '{name}:{action}'"));
    };
    let Value::Object(parameters) = task.parameters.value() else {
        let cause = format!("The parameters of aws-sdk:{name}:{action} must be an object.");
        return Answer::failed("States.Runtime", cause);
    };
    let (body_in, body_out) = sdk.payloads_of(operation);
    let mut parameters = parameters.clone();
    let payload = match parameters.shift_remove(body_in) {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) => text.into(),
        Some(other) => other.to_string().into(),
    };
    let request_id = RequestId::random();
    let call = Call {
        service: sdk.service,
        operation: operation.into(),
        input: Value::Object(sent(sdk, parameters)).to_string().into(),
        payload,
        principal,
        request_id,
    };
    match gate.call(call).await {
        Ok(reply) => {
            let shown = shown_reply(sdk, &reply, body_out);
            Answer::returned(Payload::from_value(shown), task.completion)
        }
        Err(failure) => refused(sdk, &failure, request_id),
    }
}

/// Returns the members of a structure as the wire calls them.
fn sent(sdk: &SdkEntry, members: Map<String, Value>) -> Map<String, Value> {
    let name_of = |name: String| {
        let small = changed_first(&name, |first| first.to_ascii_lowercase());
        match sdk.is_small(&small) {
            true => small.into_owned(),
            false => name,
        }
    };
    let members = members.into_iter();
    // The SDK does not send what is null.
    let members = members.filter(|(_, value)| !value.is_null());
    members
        .map(|(name, value)| {
            let name = name_of(name);
            let value = sent_value(sdk, &name, value);
            (name, value)
        })
        .collect()
}

fn sent_value(sdk: &SdkEntry, name: &str, value: Value) -> Value {
    let (is_map, is_list) = (sdk.is_map(name), sdk.is_list(name));
    match value {
        Value::Object(entries) if is_map => {
            let entries = entries.into_iter();
            let inner = entries.map(|(key, value)| (key, inner_value(sdk, value)));
            Value::Object(inner.collect())
        }
        value @ (Value::Object(_) | Value::Array(_)) if is_map || is_list => {
            inner_value(sdk, value)
        }
        // A member that is text takes JSON (recorded).
        value @ (Value::Object(_) | Value::Array(_)) => Value::String(value.to_string()),
        Value::String(text) if sdk.is_timestamp(name) => match Timestamp::parse_rfc3339(&text) {
            Some(moment) => Value::from(moment.as_millis() as f64 / 1000.0),
            None => Value::String(text),
        },
        other => other,
    }
}

fn inner_value(sdk: &SdkEntry, value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(sent(sdk, members)),
        Value::Array(items) => {
            let items = items.into_iter().map(|item| inner_value(sdk, item));
            Value::Array(items.collect())
        }
        other => other,
    }
}

/// Returns a reply as the SDK shows it: the members in the order of the alphabet.
fn shown_reply(sdk: &SdkEntry, reply: &Reply, body: &str) -> Value {
    let output: Map<String, Value> = serde_json::from_slice(&reply.output).unwrap_or_default();
    let mut shown = shown(sdk, output);
    if !body.is_empty() && !reply.payload.is_empty() {
        let text = String::from_utf8_lossy(&reply.payload).into_owned();
        shown.insert(body.to_owned(), text.into());
    }
    shown.sort_keys();
    Value::Object(shown)
}

fn shown(sdk: &SdkEntry, members: Map<String, Value>) -> Map<String, Value> {
    let members = members.into_iter();
    members
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            let value = shown_value(sdk, &name, value);
            let name = match sdk.is_small(&name) {
                true => changed_first(&name, |first| first.to_ascii_uppercase()).into_owned(),
                false => name,
            };
            (name, value)
        })
        .collect()
}

fn shown_value(sdk: &SdkEntry, name: &str, value: Value) -> Value {
    match value {
        Value::Object(entries) if sdk.is_map(name) => {
            let entries = entries.into_iter();
            let inner = entries.map(|(key, value)| (key, shown_inner(sdk, value)));
            Value::Object(inner.collect())
        }
        Value::Number(seconds) if sdk.is_timestamp(name) => {
            let millis = seconds.as_f64().unwrap_or_default() * 1000.0;
            Value::String(Timestamp::from_millis(millis.round() as i64).to_string())
        }
        other => shown_inner(sdk, other),
    }
}

fn shown_inner(sdk: &SdkEntry, value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(shown(sdk, members)),
        Value::Array(items) => {
            let items = items.into_iter().map(|item| shown_inner(sdk, item));
            Value::Array(items.collect())
        }
        other => other,
    }
}

/// Returns the failure of a call that the service refused: errors that the model names have an exception
/// of their own (recorded: `DynamoDb.ResourceNotFoundException`, and `DynamoDb.DynamoDbException` for the
/// `ValidationException` that it does not name).
fn refused(sdk: &SdkEntry, failure: &Failure, request_id: RequestId) -> Answer {
    if let Some(answer) = not_served(failure) {
        return answer;
    }
    let client = sdk.client;
    let name = match &*failure.code {
        code if sdk.names_error(code) => exception(code),
        _ => format!("{client}Exception"),
    };
    let Failure {
        message, status, ..
    } = failure;
    let cause = format!(
        "{message} (Service: {client}, Status Code: {status}, Request ID: {request_id}) (SDK Attempt Count: 1)"
    );
    Answer::failed(format!("{client}.{name}"), cause)
}

/// Returns `name` with another first letter.
fn changed_first(name: &str, change: impl Fn(&char) -> char) -> Cow<'_, str> {
    match name.chars().next() {
        Some(first) if change(&first) != first => {
            let rest = &name[first.len_utf8()..];
            format!("{}{rest}", change(&first)).into()
        }
        _ => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn members(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(members) => members,
            other => panic!("an object, not {other}"),
        }
    }

    #[test]
    fn parameters_become_members() {
        for (name, parameters, expected) in [
            (
                "sfn",
                json!({"StateMachineArn": "a", "Input": {"K": {"Key": 1}}, "Name": null}),
                json!({"stateMachineArn": "a", "input": r#"{"K":{"Key":1}}"#}),
            ),
            (
                "sfn",
                json!({"Tags": [{"Key": "k", "Value": "v"}], "LoggingConfiguration": {"Level": "ALL"}}),
                json!({"tags": [{"key": "k", "value": "v"}], "loggingConfiguration": {"level": "ALL"}}),
            ),
            (
                "cloudwatchlogs",
                json!({"LogGroupName": "g", "Tags": {"Team": "T"}}),
                json!({"logGroupName": "g", "tags": {"Team": "T"}}),
            ),
            (
                "dynamodb",
                json!({"Item": {"id": {"S": "1"}, "M": {"M": {"l": {"L": [{"N": "1"}]}}}}}),
                json!({"Item": {"id": {"S": "1"}, "M": {"M": {"l": {"L": [{"N": "1"}]}}}}}),
            ),
            (
                "sqs",
                json!({"MessageBody": {"a": [1]}, "MessageAttributes": {"n": {"DataType": "String"}}}),
                json!({"MessageBody": r#"{"a":[1]}"#, "MessageAttributes": {"n": {"DataType": "String"}}}),
            ),
        ] {
            let sdk = sdk::service(name).expect("is known");
            assert_eq!(
                Value::Object(sent(sdk, members(parameters))),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn replies_become_results() {
        for (name, body, output, payload, expected) in [
            (
                "sfn",
                "",
                json!({"startDate": 1_700_000_000.5, "executionArn": "a"}),
                "",
                json!({"ExecutionArn": "a", "StartDate": "2023-11-14T22:13:20.500Z"}),
            ),
            (
                "dynamodb",
                "",
                json!({"Items": [{"z": {"S": "1"}, "a": {"N": "2"}}], "Count": 1}),
                "",
                json!({"Count": 1, "Items": [{"z": {"S": "1"}, "a": {"N": "2"}}]}),
            ),
            (
                "lambda",
                "Payload",
                json!({"StatusCode": 200}),
                r#"{"a":1}"#,
                json!({"Payload": r#"{"a":1}"#, "StatusCode": 200}),
            ),
        ] {
            let sdk = sdk::service(name).expect("is known");
            let reply = Reply {
                output: output.to_string().into(),
                payload: payload.into(),
            };
            let shown = shown_reply(sdk, &reply, body);
            assert_eq!(
                shown.to_string(),
                expected.to_string(),
                "{name}: in this order"
            );
        }
    }

    #[test]
    fn actions_are_operations() {
        for (name, action, operation) in [
            ("sfn", "startExecution", Some("StartExecution")),
            ("s3", "listObjectsV2", Some("ListObjectsV2")),
            ("dynamodb", "StartExecution", None),
            ("glue", "startJobRun", None),
        ] {
            assert_eq!(
                sdk::find(name, action).map(|(_, found)| found),
                operation,
                "{name}:{action}"
            );
        }
        assert!(sdk::is_unknown_action("dynamodb", "startExecution"));
        assert!(!sdk::is_unknown_action("glue", "any"));
    }

    #[test]
    fn errors_that_the_model_names_have_exceptions() {
        for (name, code, expected) in [
            (
                "dynamodb",
                "ResourceNotFoundException",
                "DynamoDb.ResourceNotFoundException",
            ),
            (
                "dynamodb",
                "ValidationException",
                "DynamoDb.DynamoDbException",
            ),
            (
                "sfn",
                "ExecutionAlreadyExists",
                "Sfn.ExecutionAlreadyExistsException",
            ),
            ("s3", "NoSuchKey", "S3.NoSuchKeyException"),
            (
                "secretsmanager",
                "Odd",
                "SecretsManager.SecretsManagerException",
            ),
        ] {
            let sdk = sdk::service(name).expect("is known");
            let answer = refused(sdk, &Failure::client(code, "m"), RequestId::random());
            let Answer::Failed { error, cause } = answer else {
                panic!("{answer:?}");
            };
            assert_eq!(error, expected);
            let head = format!("m (Service: {}, Status Code: 400, Request ID: ", sdk.client);
            assert!(cause.starts_with(&head), "{cause}");
        }
    }
}
