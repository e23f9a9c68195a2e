//! `TestState`, and test cases of a mock file, through the AWS command line.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Options, Server};

use crate::command_line::{closed, create};

#[test]
fn a_state_is_tested_by_itself() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let test = |state: &Value, more: &[&str]| {
        let state = state.to_string();
        let head = ["stepfunctions", "test-state", "--definition", &state];
        aws.try_call(&[&head, more].concat())
    };
    let pass = json!({"Type": "Pass", "Parameters": {"a.$": "$.x"}, "Next": "Y"});
    let shown = test(
        &pass,
        &["--input", r#"{"x":1}"#, "--inspection-level", "DEBUG"],
    )?;
    let shown = shown.ok().context("a Pass state is tested")?;
    ensure!(
        shown["nextState"] == "Y" && shown["output"] == r#"{"a":1}"#,
        "{shown}"
    );
    ensure!(
        shown["inspectionData"]["afterParameters"] == r#"{"a":1}"#,
        "{shown}"
    );

    let call = json!({"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {}, "End": true});
    let mock = json!({"result": json!({"MessageId": 1}).to_string()}).to_string();
    let refused = test(&call, &["--mock", &mock])?
        .err()
        .context("an id is a text")?;
    let message = "Mock result schema validation error: Field 'MessageId' must be a string";
    ensure!(refused.message == message, "{refused:?}");
    Ok(())
}

#[test]
fn a_test_case_outlives_its_server() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("MockConfigFile.json");
    let mocks = json!({
        "StateMachines": {"shop": {"TestCases": {"Happy": {"Charge": "Charged", "Ask": "Yes"}}}},
        "MockedResponses": {
            "Charged": {"0": {"Return": {"paid": true}}},
            "Yes": {"0": {"Return": {"decision": "APPROVE"}}},
        },
    });
    std::fs::write(&file, mocks.to_string())?;
    let environment = vec![("SFN_MOCK_CONFIG".to_owned(), file.display().to_string())];
    let mut server = Server::start_with(Options {
        environment,
        ..Options::default()
    })?;
    let aws = server.aws()?;
    let machine = json!({"StartAt": "Charge", "States": {
        "Charge": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": 2, "Next": "Ask"},
        "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"MessageBody.$": "$$.Task.Token"}, "End": true},
    }});
    let arn = create(&aws, "shop", &machine)?;
    let case = format!("{arn}#Happy");
    let started = aws.call(&[
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        &case,
    ])?;
    let execution = started["executionArn"].as_str().context("an ARN")?;
    server.kill9()?;
    // What the file says now is for executions to come.
    std::fs::write(&file, r#"{"StateMachines": {}, "MockedResponses": {}}"#)?;
    server.restart()?;
    let shown = closed(&server.aws()?, execution)?;
    ensure!(shown["output"] == r#"{"decision":"APPROVE"}"#, "{shown}");
    Ok(())
}
