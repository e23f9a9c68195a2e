//! EXPRESS machines with the real command line: executions that it waits for.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::client::ROLE;
use testkit::{Aws, Server, until};

fn create(aws: &Aws, name: &str, machine_type: &str, definition: &Value) -> anyhow::Result<String> {
    let definition = definition.to_string();
    let made = aws.call(&[
        "stepfunctions",
        "create-state-machine",
        "--name",
        name,
        "--type",
        machine_type,
        "--role-arn",
        ROLE,
        "--definition",
        &definition,
    ])?;
    let arn = made["stateMachineArn"].as_str().map(str::to_owned);
    arn.context("a machine has an ARN")
}

/// Calls a function, and starts what is nested in it.
fn calls() -> Value {
    json!({ "StartAt": "Call", "States": {
        "Call": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": { "FunctionName": "double", "Payload.$": "$" },
            "ResultSelector": { "doubled.$": "$.Payload" }, "End": true
        }
    } })
}

#[test]
fn the_command_line_waits_for_an_execution() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    // `stepd env` says it to people.
    let aws = server
        .aws()?
        .with("AWS_DISABLE_HOST_PREFIX_INJECTION", "true");
    let double = "exports.handler = async (event) => event.n * 2;\n";
    aws.create_function("double", ROLE, double)?;
    let machine = create(&aws, "Doubling", "EXPRESS", &calls())?;
    let start = |input: &str| {
        aws.call(&[
            "stepfunctions",
            "start-sync-execution",
            "--state-machine-arn",
            &machine,
            "--input",
            input,
        ])
    };
    let end = start(r#"{"n": 21}"#)?;
    ensure!(end["status"] == "SUCCEEDED", "ended as {end}");
    ensure!(end["output"] == r#"{"doubled":42}"#, "answered {end}");
    ensure!(
        end["billingDetails"]["billedMemoryUsedInMB"] == 64,
        "billed {end}"
    );
    let refused = aws.refused(&[
        "stepfunctions",
        "describe-execution",
        "--execution-arn",
        end["executionArn"].as_str().context("an ARN")?,
    ])?;
    ensure!(
        refused.message == "Invalid Arn: 'Resource type not valid in this context: express'",
        "{refused:?}"
    );
    // A parent that waits for the answer of an EXPRESS machine, through the SDK's call.
    let definition = json!({ "StartAt": "Sync", "States": { "Sync": {
        "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:startSyncExecution",
        "Parameters": { "StateMachineArn": machine, "Input": { "n": 4 } }, "End": true
    } } });
    let parent = create(&aws, "Parent", "STANDARD", &definition)?;
    let started = aws.call(&[
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        &parent,
    ])?;
    let arn = started["executionArn"].as_str().context("an ARN")?;
    let described = until("the parent ends", || {
        let shown = aws.call(&[
            "stepfunctions",
            "describe-execution",
            "--execution-arn",
            arn,
        ])?;
        Ok((shown["status"] != "RUNNING").then_some(shown))
    })?;
    let output: Value = serde_json::from_str(described["output"].as_str().unwrap_or("null"))?;
    ensure!(
        output["Output"] == r#"{"doubled":8}"#,
        "the parent has {described}"
    );
    server.stop()
}
