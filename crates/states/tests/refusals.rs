//! What is refused, and in which words.

mod common;

use common::{ROLE, World, callback, execution_arn, machine_arn, pass};
use serde_json::json;

/// A call and the failure that it gets: its code, and its text or how the text begins (`…`).
struct Case {
    operation: &'static str,
    input: String,
    code: &'static str,
    message: String,
}

fn case(
    operation: &'static str,
    input: impl ToString,
    code: &'static str,
    message: impl Into<String>,
) -> Case {
    Case {
        operation,
        input: input.to_string(),
        code,
        message: message.into(),
    }
}

async fn check(world: &World, case: &Case) {
    let Case {
        operation,
        input,
        code,
        message,
    } = case;
    let shown: String = input.chars().take(200).collect();
    let failure = match world.raw(operation, input).await {
        Ok(output) => panic!("{operation} {shown} answered {output}"),
        Err(failure) => failure,
    };
    assert_eq!(
        &failure.code, code,
        "{operation} {shown}: {}",
        failure.message
    );
    assert_eq!(failure.status, 400, "{operation} {shown}");
    match message.strip_suffix('…') {
        Some(start) => assert!(
            failure.message.starts_with(start),
            "{operation} {shown}: {}",
            failure.message
        ),
        None => assert_eq!(&failure.message, message, "{operation} {shown}"),
    }
}

#[tokio::test]
async fn bad_input_is_refused_in_the_words_of_aws() {
    let world = World::new().await;
    world.create("M", &pass()).await;
    world.create("C", &callback()).await;
    let arn = machine_arn("M");
    let start = |input: &str| json!({"stateMachineArn": arn, "input": input});
    let json_values = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
    let create =
        |name: &str| json!({"name": name, "definition": pass().to_string(), "roleArn": ROLE});
    let deep = "[".repeat(100_000);
    let cases = [
        case("StartExecution", "{", "SerializationException", ""),
        case("StartExecution", "not json", "SerializationException", ""),
        case(
            "StartExecution",
            r#"{"stateMachineArn": 1}"#,
            "SerializationException",
            "NUMBER_VALUE can not be converted to a String",
        ),
        case(
            "StartExecution",
            json!({"stateMachineArn": [arn]}),
            "SerializationException",
            "…",
        ),
        case(
            "StartExecution",
            "{}",
            "ValidationException",
            "1 validation error detected: Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null",
        ),
        case(
            "StartExecution",
            json!({"stateMachineArn": arn, "name": "x".repeat(81)}),
            "ValidationException",
            format!(
                "1 validation error detected: Value '{}' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80",
                "x".repeat(81)
            ),
        ),
        case(
            "StartExecution",
            start(&"1".repeat(262_145)),
            "ValidationException",
            "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144",
        ),
        // Not more characters than allowed, but more bytes.
        case(
            "StartExecution",
            start(&format!("\"{}\"", "ä".repeat(200_000))),
            "InvalidExecutionInput",
            "Invalid State Machine Execution Input: 'The input is longer than 262144 bytes.'",
        ),
        case(
            "StartExecution",
            start(""),
            "InvalidExecutionInput",
            "Invalid State Machine Execution Input: 'Invalid execution input.'",
        ),
        case(
            "StartExecution",
            start("not some json"),
            "InvalidExecutionInput",
            format!(
                "Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting {json_values}'"
            ),
        ),
        case(
            "StartExecution",
            start("{'not': 'json'"),
            "InvalidExecutionInput",
            "Invalid State Machine Execution Input: 'Unexpected character (''' (code 39)): was expecting double-quote to start field name'",
        ),
        case(
            "StartExecution",
            start(&deep),
            "InvalidExecutionInput",
            "Invalid State Machine Execution Input: '…",
        ),
        case(
            "StartExecution",
            json!({"stateMachineArn": "x"}),
            "InvalidArn",
            "Invalid Arn: 'Invalid ARN prefix: x'",
        ),
        case(
            "StartExecution",
            json!({"stateMachineArn": execution_arn("M", "e")}),
            "InvalidArn",
            "Invalid Arn: 'Resource type not valid in this context: execution'",
        ),
        case(
            "StartExecution",
            json!({"stateMachineArn": arn, "name": "a b"}),
            "InvalidName",
            "Invalid Name: 'a b'",
        ),
        case(
            "StartExecution",
            json!({"stateMachineArn": machine_arn("none")}),
            "StateMachineDoesNotExist",
            format!("State Machine Does Not Exist: '{}'", machine_arn("none")),
        ),
        case(
            "StartExecution",
            json!({"stateMachineArn": format!("{arn}:1")}),
            "StateMachineDoesNotExist",
            format!("State Machine Does Not Exist: '{arn}:1'"),
        ),
        case(
            "StartExecution",
            json!({"stateMachineArn": arn.replace("us-east-1", "eu-west-1")}),
            "StateMachineDoesNotExist",
            "…",
        ),
        case(
            "DescribeStateMachine",
            json!({"stateMachineArn": format!("{arn}/map")}),
            "ValidationException",
            "…",
        ),
        case(
            "DescribeStateMachine",
            json!({"stateMachineArn": machine_arn("")}),
            "StateMachineDoesNotExist",
            "…",
        ),
        case(
            "CreateStateMachine",
            create("a/b"),
            "InvalidName",
            "Invalid Name: 'a/b'",
        ),
        case(
            "CreateStateMachine",
            create(""),
            "ValidationException",
            "1 validation error detected: Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        case(
            "CreateStateMachine",
            json!({"name": "N", "definition": "{", "roleArn": ROLE}),
            "InvalidDefinition",
            "Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: …",
        ),
        case(
            "CreateStateMachine",
            json!({"name": "N", "definition": pass().to_string(), "roleArn": "R"}),
            "InvalidArn",
            "Invalid Role Arn: 'R'",
        ),
        case(
            "CreateStateMachine",
            json!({"name": "N", "definition": pass().to_string(), "roleArn": ROLE, "versionDescription": "v"}),
            "ValidationException",
            "Version description can only be set when publish is true",
        ),
        case(
            "CreateStateMachine",
            json!({"name": "N", "definition": pass().to_string(), "roleArn": ROLE, "encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k"}}),
            "UnsupportedOperation",
            "stepd does not support encryption with CUSTOMER_MANAGED_KMS_KEY yet.",
        ),
        case(
            "CreateStateMachine",
            json!({"name": "N", "definition": pass().to_string(), "roleArn": ROLE, "loggingConfiguration": {"level": "ALL"}}),
            "InvalidLoggingConfiguration",
            "Invalid Logging Configuration: Must specify exactly one Log Destination.",
        ),
        case(
            "CreateStateMachine",
            json!({"name": "N", "definition": pass().to_string(), "roleArn": ROLE, "type": "FAST"}),
            "ValidationException",
            "1 validation error detected: Value 'FAST' at 'type' failed to satisfy constraint: Member must satisfy enum value set: …",
        ),
        case(
            "UpdateStateMachine",
            json!({"stateMachineArn": arn}),
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
        ),
        case(
            "UpdateStateMachine",
            json!({"stateMachineArn": machine_arn("none"), "roleArn": ROLE}),
            "StateMachineDoesNotExist",
            "…",
        ),
        case(
            "UpdateStateMachine",
            json!({"stateMachineArn": format!("{arn}:1"), "roleArn": ROLE}),
            "ValidationException",
            "…",
        ),
        case(
            "DeleteStateMachine",
            json!({"stateMachineArn": "x"}),
            "InvalidArn",
            "Invalid Arn: 'Invalid ARN prefix: x'",
        ),
        case(
            "DescribeExecution",
            json!({"executionArn": arn}),
            "InvalidArn",
            "Invalid Arn: 'Resource type not valid in this context: stateMachine'",
        ),
        case(
            "DescribeExecution",
            json!({"executionArn": execution_arn("M", "none")}),
            "ExecutionDoesNotExist",
            format!("Execution Does Not Exist: '{}'", execution_arn("M", "none")),
        ),
        case(
            "DescribeExecution",
            json!({"executionArn": execution_arn("M", "")}),
            "ExecutionDoesNotExist",
            "…",
        ),
        case(
            "StopExecution",
            json!({"executionArn": execution_arn("M", "none").replace(":execution:", ":express:")}),
            "InvalidArn",
            "Invalid Arn: 'Resource type not valid in this context: express'",
        ),
        case(
            "StopExecution",
            json!({"executionArn": execution_arn("M", "none"), "cause": "x".repeat(32_769)}),
            "ValidationException",
            "…",
        ),
        case(
            "GetExecutionHistory",
            json!({"executionArn": execution_arn("M", "none")}),
            "ExecutionDoesNotExist",
            "…",
        ),
        case(
            "GetExecutionHistory",
            json!({"executionArn": execution_arn("M", "none"), "maxResults": 1001}),
            "ValidationException",
            "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
        ),
        case("ListExecutions", json!({}), "ValidationException", "…"),
        case(
            "ListExecutions",
            json!({"stateMachineArn": arn, "statusFilter": "succeeded"}),
            "ValidationException",
            "1 validation error detected: Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
        ),
        case(
            "ListStateMachines",
            json!({"nextToken": "no token"}),
            "InvalidToken",
            "Invalid Token: 'Invalid token'",
        ),
        case(
            "SendTaskSuccess",
            json!({"taskToken": "no token", "output": "1"}),
            "InvalidToken",
            "Invalid Token: 'Invalid token'",
        ),
        case(
            "SendTaskFailure",
            json!({"taskToken": "no token"}),
            "InvalidToken",
            "Invalid Token: 'Invalid token'",
        ),
        case(
            "SendTaskHeartbeat",
            json!({"taskToken": "no token"}),
            "InvalidToken",
            "Invalid Token: 'Invalid token'",
        ),
        case(
            "TagResource",
            json!({"resourceArn": machine_arn("none"), "tags": []}),
            "ResourceNotFound",
            format!("Resource not found: '{}'", machine_arn("none")),
        ),
        case(
            "TagResource",
            json!({"resourceArn": "x", "tags": []}),
            "InvalidArn",
            "Invalid Arn: 'Invalid ARN prefix: x'",
        ),
        case(
            "ValidateStateMachineDefinition",
            json!({"definition": ""}),
            "ValidationException",
            "…",
        ),
        case(
            "Nothing",
            "{}",
            "UnknownOperationException",
            "There is no operation 'Nothing'.",
        ),
    ];
    for case in &cases {
        check(&world, case).await;
    }
}

#[tokio::test]
async fn express_machines_list_nothing() {
    let world = World::new().await;
    let input =
        json!({"name": "X", "definition": pass().to_string(), "roleArn": ROLE, "type": "EXPRESS"});
    world.ok("CreateStateMachine", input).await;
    let arn = json!({"stateMachineArn": machine_arn("X")});
    assert_eq!(
        world.ok("DescribeStateMachine", arn.clone()).await["type"],
        "EXPRESS"
    );
    let cases = [case(
        "ListExecutions",
        &arn,
        "StateMachineTypeNotSupported",
        "This operation is not supported by this type of state machine",
    )];
    for case in &cases {
        check(&world, case).await;
    }
    world.ok("DeleteStateMachine", arn).await;
}

#[tokio::test]
async fn what_is_not_built_yet_says_so() {
    let world = World::new().await;
    let mut not_built = Vec::new();
    for operation in aws_model::states::Operation::ALL {
        let answer = world.raw(operation.name(), "{}").await;
        let unsupported = answer
            .err()
            .filter(|failure| failure.code == "UnsupportedOperation");
        if let Some(failure) = unsupported {
            let expected = format!("stepd does not support {} yet.", operation.name());
            assert_eq!(failure.message, expected);
            not_built.push(operation.name());
        }
    }
    assert!(not_built.is_empty(), "{not_built:?}");
}
