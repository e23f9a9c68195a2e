//! Task tokens through the AWS command line: success, failure, heartbeat, and what comes too late.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Aws, Server, until};

use crate::command_line::{ROLE, closed, create, start};

const GONE: &str = "Task Timed Out: 'Provided task does not exist anymore'";

/// Creates a function that answers `null`, and a machine that then waits for a token.
fn waiting_for_a_token(aws: &Aws, more: &Value) -> anyhow::Result<String> {
    aws.create_function("nothing", ROLE, "exports.handler = async () => null;\n")?;
    let mut state = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": { "FunctionName": "nothing", "Payload": { "token.$": "$$.Task.Token" } },
        "End": true,
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        state[field] = value.clone();
    }
    create(
        aws,
        "asking",
        &json!({ "StartAt": "Ask", "States": { "Ask": state } }),
    )
}

/// Starts an execution; returns its ARN and its token once it waits.
fn ask(aws: &Aws, machine: &str, name: &str) -> anyhow::Result<(String, String)> {
    let execution = start(aws, machine, name, "{}")?;
    let token = until("the task is submitted", || {
        let history = aws.call(&[
            "stepfunctions",
            "get-execution-history",
            "--execution-arn",
            &execution,
        ])?;
        let events = history["events"]
            .as_array()
            .context("a history has events")?;
        if !events.iter().any(|event| event["type"] == "TaskSubmitted") {
            return Ok(None);
        }
        let scheduled = events
            .iter()
            .find(|event| event["type"] == "TaskScheduled")
            .context("it was scheduled")?;
        let parameters = scheduled["taskScheduledEventDetails"]["parameters"]
            .as_str()
            .unwrap_or_default();
        let parameters: Value = serde_json::from_str(parameters).context("parameters are JSON")?;
        Ok(parameters["Payload"]["token"].as_str().map(str::to_owned))
    })?;
    Ok((execution, token))
}

#[test]
fn a_token_takes_one_answer() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let machine = waiting_for_a_token(&aws, &json!({}))?;
    // name, the answer, and what becomes of the execution
    let cases: &[(&str, &[&str], Value)] = &[
        (
            "object",
            &["send-task-success", "--task-output", r#"{"ok":true}"#],
            json!({ "status": "SUCCEEDED", "output": r#"{"ok":true}"# }),
        ),
        (
            "text",
            &["send-task-success", "--task-output", "\"yes\""],
            json!({ "status": "SUCCEEDED", "output": "\"yes\"" }),
        ),
        (
            "failure",
            &["send-task-failure", "--error", "No", "--cause", "because"],
            json!({ "status": "FAILED", "error": "No", "cause": "because" }),
        ),
    ];
    for (name, answer, expected) in cases {
        let (execution, token) = ask(&aws, &machine, name)?;
        let beat = [
            "stepfunctions",
            "send-task-heartbeat",
            "--task-token",
            &token,
        ];
        aws.call(&beat)?;
        // What is no JSON is refused, and the task goes on waiting.
        let refusal = aws.refused(&[
            "stepfunctions",
            "send-task-success",
            "--task-token",
            &token,
            "--task-output",
            "not json",
        ])?;
        ensure!(refusal.code == "InvalidOutput", "{refusal:?}");
        let send = [
            ["stepfunctions", answer[0], "--task-token", &token].as_slice(),
            &answer[1..],
        ]
        .concat();
        aws.call(&send)?;
        let execution = closed(&aws, &execution)?;
        for (member, value) in expected.as_object().into_iter().flatten() {
            ensure!(execution[member] == *value, "{name}: {member}: {execution}");
        }
        for late in [send.as_slice(), &beat] {
            let refusal = aws.refused(late)?;
            ensure!(
                refusal.code == "TaskTimedOut" && refusal.message == GONE,
                "{name}: {refusal:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_stop_takes_the_token_along() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let aws = server.aws()?;
    let machine = waiting_for_a_token(&aws, &json!({}))?;
    let (execution, token) = ask(&aws, &machine, "stopped")?;
    aws.call(&[
        "stepfunctions",
        "stop-execution",
        "--execution-arn",
        &execution,
    ])?;
    server.kill9()?;
    server.restart()?;
    let aws = server.aws()?;
    let refusal = aws.refused(&["stepfunctions", "send-task-failure", "--task-token", &token])?;
    ensure!(
        refusal.code == "TaskTimedOut" && refusal.message == GONE,
        "{refusal:?}"
    );
    // A token with one letter changed is no token of ours.
    let forged = match token.strip_prefix('A') {
        Some(rest) => format!("B{rest}"),
        None => format!("A{}", &token[1..]),
    };
    let refusal = aws.refused(&[
        "stepfunctions",
        "send-task-failure",
        "--task-token",
        &forged,
    ])?;
    ensure!(
        refusal.code == "InvalidToken" && refusal.message == "Invalid Token: 'Invalid token'",
        "{refusal:?}"
    );
    Ok(())
}

#[test]
fn a_task_that_nobody_answers_times_out() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let machine = waiting_for_a_token(&aws, &json!({ "TimeoutSeconds": 2 }))?;
    let execution = start(&aws, &machine, "late", "{}")?;
    let execution = closed(&aws, &execution)?;
    ensure!(
        execution["status"] == "FAILED" && execution["error"] == "States.Timeout",
        "{execution}"
    );
    ensure!(execution.get("cause").is_none(), "{execution}");
    Ok(())
}
