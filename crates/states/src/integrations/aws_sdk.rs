//! `aws-sdk:SERVICE:action`: any operation of any service that is served here, as the second SDK for Java
//! would call it.
//!
//! Parameters are the operation's members with a capital first letter, and so is the result; moments are
//! text, members that are text take JSON, which is written as text. What a service is called, and what
//! its members are, `aws_model::sdk` knows. Deliberately absent: services one by one.

use aws_model::sdk::{self, SdkEntry};
use engine_core::{Payload, TaskDescription};
use serde_json::{Map, Value};
use service::{Call, Failure, Gate, Principal, Reply, RequestId};

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
    let (_, body_out) = sdk.payloads_of(operation);
    let (input, payload) = sdk.sent(operation, parameters.clone());
    let request_id = RequestId::random();
    let call = Call {
        service: sdk.service,
        operation: operation.into(),
        input: Value::Object(input).to_string().into(),
        payload: payload.into(),
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

/// Returns a reply as the SDK shows it: the members in the order of the alphabet.
fn shown_reply(sdk: &SdkEntry, reply: &Reply, body: &str) -> Value {
    let output: Map<String, Value> = serde_json::from_slice(&reply.output).unwrap_or_default();
    let mut shown = sdk.shown(output);
    if !body.is_empty() && !reply.payload.is_empty() {
        let text = String::from_utf8_lossy(&reply.payload).into_owned();
        shown.insert(body.to_owned(), text.into());
    }
    shown.sort_keys();
    Value::Object(shown)
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
