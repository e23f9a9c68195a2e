//! Bad input through the AWS command line: a row a case, and the server none the worse for it.

use anyhow::{Context, ensure};
use serde_json::json;
use testkit::{Aws, Server};

use crate::command_line::{ROLE, closed, create, passing, start};

const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:there";
const NO_MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:nowhere";
const NO_EXECUTION: &str = "arn:aws:states:us-east-1:000000000000:execution:there:nowhere";

/// The most that an input, an output or a definition's text may hold, in bytes.
const INPUT_BYTES_MAX: usize = 262_144;

/// The arguments behind `aws stepfunctions`, the error's code, and what its message says.
type Row<'a> = (&'a [&'a str], &'a str, &'a str);

fn check(aws: &Aws, (arguments, code, message): Row<'_>) -> anyhow::Result<()> {
    let refusal = aws.refused(&[&["stepfunctions"], arguments].concat())?;
    let shown: String = arguments.join(" ").chars().take(200).collect();
    ensure!(
        refusal.code == code,
        "{shown}\n  was refused with {refusal:?}\n  and not {code}"
    );
    ensure!(
        refusal.message.contains(message),
        "{shown}\n  was refused with {refusal:?}\n  and not: {message}"
    );
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused_in_the_service_s_words() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    ensure!(
        create(&aws, "there", &passing(json!(1)))? == MACHINE,
        "the machine's ARN"
    );
    closed(&aws, &start(&aws, MACHINE, "taken", "{}")?)?;
    let good = passing(json!(1)).to_string();
    let other = passing(json!(2)).to_string();
    let long_name = "n".repeat(81);
    let no_start = r#"{"States":{"A":{"Type":"Pass","End":true}}}"#;
    let no_target = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"}}}"#;
    let bad_type = r#"{"StartAt":"A","States":{"A":{"Type":"Pas","End":true}}}"#;
    let token = "A".repeat(64);
    let rows: &[Row<'_>] = &[
        (
            &[
                "create-state-machine",
                "--name",
                "x",
                "--role-arn",
                ROLE,
                "--definition",
                "{",
            ],
            "InvalidDefinition",
            "Invalid State Machine Definition: '",
        ),
        (
            &[
                "create-state-machine",
                "--name",
                "x",
                "--role-arn",
                ROLE,
                "--definition",
                "[]",
            ],
            "InvalidDefinition",
            "Invalid State Machine Definition: '",
        ),
        (
            &[
                "create-state-machine",
                "--name",
                "x",
                "--role-arn",
                ROLE,
                "--definition",
                no_start,
            ],
            "InvalidDefinition",
            "[StartAt]",
        ),
        (
            &[
                "create-state-machine",
                "--name",
                "x",
                "--role-arn",
                ROLE,
                "--definition",
                no_target,
            ],
            "InvalidDefinition",
            "/States/A/Next",
        ),
        (
            &[
                "create-state-machine",
                "--name",
                "x",
                "--role-arn",
                ROLE,
                "--definition",
                bad_type,
            ],
            "InvalidDefinition",
            "at /States/A/Type",
        ),
        (
            &[
                "create-state-machine",
                "--name",
                "a b",
                "--role-arn",
                ROLE,
                "--definition",
                &good,
            ],
            "InvalidName",
            "Invalid Name: 'a b'",
        ),
        (
            &[
                "create-state-machine",
                "--name",
                &long_name,
                "--role-arn",
                ROLE,
                "--definition",
                &good,
            ],
            "ValidationException",
            "Member must have length less than or equal to 80",
        ),
        (
            &[
                "create-state-machine",
                "--name",
                "x",
                "--role-arn",
                "nonsense",
                "--definition",
                &good,
            ],
            "InvalidArn",
            "Invalid Arn: 'Invalid ARN prefix: nonsense'",
        ),
        (
            &[
                "create-state-machine",
                "--name",
                "there",
                "--role-arn",
                ROLE,
                "--definition",
                &other,
            ],
            "StateMachineAlreadyExists",
            "State Machine Already Exists: 'arn:aws:states:us-east-1:000000000000:stateMachine:there'",
        ),
        (
            &["update-state-machine", "--state-machine-arn", MACHINE],
            "MissingRequiredParameter",
            "Either the definition, the role ARN",
        ),
        (
            &[
                "update-state-machine",
                "--state-machine-arn",
                NO_MACHINE,
                "--definition",
                &good,
            ],
            "StateMachineDoesNotExist",
            "State Machine Does Not Exist: 'arn:aws:states:us-east-1:000000000000:stateMachine:nowhere'",
        ),
        (
            &["describe-state-machine", "--state-machine-arn", NO_MACHINE],
            "StateMachineDoesNotExist",
            "State Machine Does Not Exist: '",
        ),
        (
            &["describe-state-machine", "--state-machine-arn", "nonsense"],
            "InvalidArn",
            "Invalid Arn: 'Invalid ARN prefix: nonsense'",
        ),
        (
            &["start-execution", "--state-machine-arn", NO_MACHINE],
            "StateMachineDoesNotExist",
            "State Machine Does Not Exist: '",
        ),
        (
            &[
                "start-execution",
                "--state-machine-arn",
                MACHINE,
                "--input",
                "not json",
            ],
            "InvalidExecutionInput",
            "Invalid State Machine Execution Input: '",
        ),
        (
            &[
                "start-execution",
                "--state-machine-arn",
                MACHINE,
                "--name",
                "a/b",
            ],
            "InvalidName",
            "Invalid Name: 'a/b'",
        ),
        (
            &[
                "start-execution",
                "--state-machine-arn",
                MACHINE,
                "--name",
                &long_name,
            ],
            "ValidationException",
            "Member must have length less than or equal to 80",
        ),
        (
            &[
                "start-execution",
                "--state-machine-arn",
                MACHINE,
                "--name",
                "taken",
            ],
            "ExecutionAlreadyExists",
            "Execution Already Exists: 'arn:aws:states:us-east-1:000000000000:execution:there:taken'",
        ),
        (
            &["describe-execution", "--execution-arn", NO_EXECUTION],
            "ExecutionDoesNotExist",
            "Execution Does Not Exist: '",
        ),
        (
            &["describe-execution", "--execution-arn", MACHINE],
            "InvalidArn",
            "Resource type not valid in this context: stateMachine",
        ),
        (
            &["get-execution-history", "--execution-arn", NO_EXECUTION],
            "ExecutionDoesNotExist",
            "Execution Does Not Exist: '",
        ),
        (
            &["stop-execution", "--execution-arn", NO_EXECUTION],
            "ExecutionDoesNotExist",
            "Execution Does Not Exist: '",
        ),
        (
            &["list-executions", "--state-machine-arn", NO_MACHINE],
            "StateMachineDoesNotExist",
            "State Machine Does Not Exist: '",
        ),
        (
            &[
                "list-executions",
                "--state-machine-arn",
                MACHINE,
                "--page-size",
                "1001",
            ],
            "ValidationException",
            "Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
        ),
        (
            &[
                "list-executions",
                "--state-machine-arn",
                MACHINE,
                "--status-filter",
                "succeeded",
            ],
            "ValidationException",
            "Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [",
        ),
        (
            &[
                "list-executions",
                "--state-machine-arn",
                MACHINE,
                "--next-token",
                "nonsense",
            ],
            "InvalidToken",
            "Invalid Token: 'Invalid token'",
        ),
        (
            &[
                "send-task-success",
                "--task-token",
                &token,
                "--task-output",
                "{}",
            ],
            "InvalidToken",
            "Invalid Token: 'Invalid token'",
        ),
        (
            &["send-task-failure", "--task-token", "nonsense"],
            "InvalidToken",
            "Invalid Token: 'Invalid token'",
        ),
        (
            &["send-task-heartbeat", "--task-token", "nonsense"],
            "InvalidToken",
            "Invalid Token: 'Invalid token'",
        ),
    ];
    let failures: Vec<String> = rows
        .iter()
        .filter_map(|row| check(&aws, *row).err())
        .map(|e| e.to_string())
        .collect();
    ensure!(
        failures.is_empty(),
        "{} rows of {}\n{}",
        failures.len(),
        rows.len(),
        failures.join("\n")
    );
    Ok(())
}

#[test]
fn an_input_may_be_as_long_as_the_limit() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    create(
        &aws,
        "there",
        &json!({ "StartAt": "A", "States": { "A": { "Type": "Succeed" } } }),
    )?;
    let file = |name: &str, bytes: usize| -> anyhow::Result<String> {
        let path = server.folder().join(name);
        let text = format!("\"{}\"", "x".repeat(bytes - 2));
        std::fs::write(&path, text).context("could not write the input")?;
        Ok(format!("file://{}", path.display()))
    };
    let fits = file("fits.json", INPUT_BYTES_MAX)?;
    let execution = start(&aws, MACHINE, "fits", &fits)?;
    let execution = closed(&aws, &execution)?;
    ensure!(
        execution["status"] == "SUCCEEDED",
        "{}",
        execution["status"]
    );
    ensure!(
        execution["output"].as_str().map(str::len) == Some(INPUT_BYTES_MAX),
        "the output is whole"
    );
    let over = file("over.json", INPUT_BYTES_MAX + 1)?;
    let arguments = [
        "start-execution",
        "--state-machine-arn",
        MACHINE,
        "--input",
        &over,
    ];
    check(
        &aws,
        (
            &arguments,
            "ValidationException",
            "Member must have length less than or equal to 262144",
        ),
    )
}

#[test]
fn strangers_are_turned_away() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let list = ["stepfunctions", "list-state-machines"];
    let wrong_secret = aws
        .clone()
        .with("AWS_SECRET_ACCESS_KEY", "a-guess")
        .refused(&list)?;
    ensure!(
        wrong_secret.code == "InvalidSignatureException",
        "{wrong_secret:?}"
    );
    let unknown_key = aws
        .clone()
        .with("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .refused(&list)?;
    ensure!(
        unknown_key.code == "UnrecognizedClientException",
        "{unknown_key:?}"
    );
    let unsigned = aws.refused(&[list.as_slice(), &["--no-sign-request"]].concat())?;
    ensure!(
        unsigned.code == "MissingAuthenticationTokenException",
        "{unsigned:?}"
    );
    // A service that is not there says so, and the one that is goes on.
    let elsewhere = aws.refused(&["polly", "list-lexicons"])?;
    ensure!(
        elsewhere.message.to_lowercase().contains("polly"),
        "{elsewhere:?}"
    );
    ensure!(
        aws.call(&list)?["stateMachines"] == json!([]),
        "the server goes on"
    );
    Ok(())
}
