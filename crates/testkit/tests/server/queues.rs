//! Queues through the AWS command line and boto3: messages, a kill, functions that are given them, templates.

use std::fs;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Aws, Server, tools, until};

use crate::command_line::{ROLE, closed, start};

/// Remembers what it was given, in a queue.
const KEEPER: &str = "const { SQSClient, SendMessageCommand } = require('@aws-sdk/client-sqs');
const client = new SQSClient({});
exports.handler = async (event) => {
    const failures = [];
    for (const record of event.Records) {
        if (record.body === 'bad') { failures.push({ itemIdentifier: record.messageId }); continue; }
        await client.send(new SendMessageCommand({ QueueUrl: process.env.SEEN, MessageBody: record.body }));
    }
    return { batchItemFailures: failures };
};\n";

fn create(aws: &Aws, name: &str, attributes: &str) -> anyhow::Result<String> {
    let mut arguments = vec!["sqs", "create-queue", "--queue-name", name];
    if !attributes.is_empty() {
        arguments.extend(["--attributes", attributes]);
    }
    let made = aws.call(&arguments)?;
    Ok(made["QueueUrl"].as_str().context("a URL")?.to_owned())
}

fn receive(aws: &Aws, url: &str, more: &[&str]) -> anyhow::Result<Vec<Value>> {
    let receive = ["sqs", "receive-message", "--queue-url", url];
    let received = aws.call(&[&receive[..], more].concat())?;
    Ok(received["Messages"].as_array().cloned().unwrap_or_default())
}

#[test]
fn nothing_that_was_sent_is_lost() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let aws = server.aws()?;
    let url = create(&aws, "orders", "VisibilityTimeout=120")?;
    let attributes = r#"{"city":{"DataType":"String","StringValue":"Oslo"}}"#;
    let send = ["sqs", "send-message", "--queue-url", &url, "--message-body"];
    // The command line checks the digests itself.
    aws.call(&[&send[..], &["first", "--message-attributes", attributes]].concat())?;
    aws.call(&[&send[..], &["second"]].concat())?;
    let received = receive(&aws, &url, &["--message-attribute-names", "All"])?;
    ensure!(
        received[0]["MessageAttributes"]["city"]["StringValue"] == "Oslo",
        "{received:?}"
    );
    server.kill9()?;
    server.restart()?;
    let aws = server.aws()?;
    // The handle of before is good, and the message of before is there.
    let handle = received[0]["ReceiptHandle"].as_str().context("a handle")?;
    let url = aws.call(&["sqs", "get-queue-url", "--queue-name", "orders"])?;
    let url = url["QueueUrl"].as_str().context("a URL")?;
    aws.call(&[
        "sqs",
        "delete-message",
        "--queue-url",
        url,
        "--receipt-handle",
        handle,
    ])?;
    let received = receive(&aws, url, &["--max-number-of-messages", "10"])?;
    ensure!(
        received.len() == 1 && received[0]["Body"] == "second",
        "{received:?}"
    );
    let refused = aws.refused(&["sqs", "get-queue-url", "--queue-name", "nope"])?;
    ensure!(
        refused.code == "AWS.SimpleQueueService.NonExistentQueue"
            && refused.message == "The specified queue does not exist.",
        "{refused:?}"
    );
    let refused = aws.refused(&["sqs", "create-queue", "--queue-name", "a b"])?;
    ensure!(refused.code == "InvalidParameterValue", "{refused:?}");
    Ok(())
}

#[test]
fn machines_send_and_wait_for_answers() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let url = create(&aws, "tasks", "")?;
    let definition = json!({ "StartAt": "Ask", "States": { "Ask": {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": { "QueueUrl": url, "MessageBody": { "token.$": "$$.Task.Token", "ask": "may I?" } },
        "End": true } } })
    .to_string();
    let made = aws.call(&[
        "stepfunctions",
        "create-state-machine",
        "--name",
        "asks",
        "--role-arn",
        ROLE,
        "--definition",
        &definition,
    ])?;
    let execution = start(
        &aws,
        made["stateMachineArn"].as_str().context("an ARN")?,
        "one",
        "{}",
    )?;
    let received = receive(&aws, &url, &["--wait-time-seconds", "20"])?;
    let body: Value = serde_json::from_str(received[0]["Body"].as_str().context("a body")?)?;
    ensure!(body["ask"] == "may I?", "{body}");
    aws.call(&[
        "stepfunctions",
        "send-task-success",
        "--task-token",
        body["token"].as_str().context("a token")?,
        "--task-output",
        "\"yes\"",
    ])?;
    let end = closed(&aws, &execution)?;
    ensure!(end["output"] == "\"yes\"", "{end}");
    Ok(())
}

#[test]
fn a_template_gives_a_function_its_queue() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let index = server.folder().join("index.js");
    fs::write(&index, KEEPER)?;
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "Dead": { "Type": "AWS::SQS::Queue" },
            "Seen": { "Type": "AWS::SQS::Queue" },
            "Work": { "Type": "AWS::SQS::Queue", "Properties": { "VisibilityTimeout": 20,
                "Tags": [{ "Key": "team", "Value": "a" }],
                "RedrivePolicy": { "deadLetterTargetArn": { "Fn::GetAtt": ["Dead", "Arn"] }, "maxReceiveCount": 1 } } },
            "Policy": { "Type": "AWS::SQS::QueuePolicy", "Properties": { "Queues": [{ "Ref": "Work" }],
                "PolicyDocument": { "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
                    "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage",
                    "Resource": { "Fn::GetAtt": ["Work", "Arn"] } }] } } },
            "Keeper": { "Type": "AWS::Serverless::Function", "Properties": {
                "Runtime": "nodejs22.x", "Handler": "index.handler", "Timeout": 5,
                "InlineCode": KEEPER,
                "Environment": { "Variables": { "SEEN": { "Ref": "Seen" } } },
                "Policies": [{ "SQSSendMessagePolicy": { "QueueName": { "Fn::GetAtt": ["Seen", "QueueName"] } } }],
                "Events": { "Orders": { "Type": "SQS", "Properties": {
                    "Queue": { "Fn::GetAtt": ["Work", "Arn"] }, "BatchSize": 10,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"] } } } } },
        },
        "Outputs": {
            "Work": { "Value": { "Ref": "Work" } }, "Seen": { "Value": { "Ref": "Seen" } },
            "Dead": { "Value": { "Ref": "Dead" } },
        },
    });
    let file = server.folder().join("template.json");
    fs::write(&file, template.to_string())?;
    let file = format!("file://{}", file.display());
    aws.call(&[
        "cloudformation",
        "create-stack",
        "--stack-name",
        "orders",
        "--template-body",
        &file,
        "--capabilities",
        "CAPABILITY_IAM",
        "CAPABILITY_AUTO_EXPAND",
    ])?;
    let stack = until("the stack is there", || {
        let described = [
            "cloudformation",
            "describe-stacks",
            "--stack-name",
            "orders",
        ];
        let stack = aws.call(&described)?["Stacks"][0].clone();
        let status = stack["StackStatus"].as_str().unwrap_or_default().to_owned();
        if status.contains("ROLLBACK") || status.contains("FAILED") {
            let events = [
                "cloudformation",
                "describe-stack-events",
                "--stack-name",
                "orders",
            ];
            anyhow::bail!("{stack}: {}", aws.call(&events)?);
        }
        Ok((status == "CREATE_COMPLETE").then_some(stack))
    })?;
    let output = |name: &str| -> anyhow::Result<String> {
        let outputs = stack["Outputs"].as_array().context("outputs")?;
        let output = outputs.iter().find(|output| output["OutputKey"] == name);
        let value = output.context("the output")?["OutputValue"].as_str();
        Ok(value.context("a text")?.to_owned())
    };
    let (work, seen, dead) = (output("Work")?, output("Seen")?, output("Dead")?);
    let attributes = [
        "sqs",
        "get-queue-attributes",
        "--queue-url",
        &work,
        "--attribute-names",
        "All",
    ];
    let attributes = aws.call(&attributes)?;
    ensure!(
        attributes["Attributes"]["VisibilityTimeout"] == "20",
        "{attributes}"
    );
    ensure!(
        attributes["Attributes"]["Policy"].is_string(),
        "{attributes}"
    );
    let entries = r#"[{"Id":"1","MessageBody":"good"},{"Id":"2","MessageBody":"bad"}]"#;
    aws.call(&[
        "sqs",
        "send-message-batch",
        "--queue-url",
        &work,
        "--entries",
        entries,
    ])?;
    let got = receive(&aws, &seen, &["--wait-time-seconds", "20"])?;
    ensure!(got.len() == 1 && got[0]["Body"] == "good", "{got:?}");
    // What the function failed on is given up after one try, when it is seen again.
    until("what the function failed on is given up", || {
        let got = receive(&aws, &dead, &["--wait-time-seconds", "20"])?;
        Ok(got
            .iter()
            .any(|message| message["Body"] == "bad")
            .then_some(()))
    })?;
    let mappings = aws.call(&["lambda", "list-event-source-mappings"])?;
    let mapping = &mappings["EventSourceMappings"][0];
    ensure!(
        mapping["State"] == "Enabled" && mapping["BatchSize"] == 10,
        "{mappings}"
    );
    let uuid = mapping["UUID"].as_str().context("an id")?;
    let updated = aws.call(&[
        "lambda",
        "update-event-source-mapping",
        "--uuid",
        uuid,
        "--no-enabled",
    ])?;
    ensure!(updated["State"] == "Updating", "{updated}");
    let shown = aws.call(&["lambda", "get-event-source-mapping", "--uuid", uuid])?;
    ensure!(shown["State"] == "Disabled", "{shown}");
    aws.call(&["cloudformation", "delete-stack", "--stack-name", "orders"])?;
    until("the queues are gone", || {
        let queues = aws.call(&["sqs", "list-queues"])?;
        Ok(queues["QueueUrls"].is_null().then_some(()))
    })?;
    let mappings = aws.call(&["lambda", "list-event-source-mappings"])?;
    ensure!(mappings["EventSourceMappings"] == json!([]), "{mappings}");
    Ok(())
}

#[test]
fn clients_of_old_speak_in_forms() -> anyhow::Result<()> {
    let server = Server::start()?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/sqs_query.py");
    let output = Command::new(tools()?.join("venv/bin/python"))
        .arg(script)
        .envs(server.env())
        .output()
        .context("could not start python")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{text}");
    Ok(())
}

#[test]
fn a_move_of_dead_letters_outlives_a_kill() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let aws = server.aws()?;
    let dead = create(&aws, "dead", "")?;
    let arn = "arn:aws:sqs:us-east-1:000000000000:dead";
    let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": 1}).to_string();
    let attributes = json!({"VisibilityTimeout": "0", "RedrivePolicy": policy}).to_string();
    let url = create(&aws, "work", &attributes)?;
    let ten: Vec<Value> = (0..10)
        .map(|n| json!({"Id": n.to_string(), "MessageBody": n.to_string()}))
        .collect();
    let ten = Value::from(ten).to_string();
    let send = [
        "sqs",
        "send-message-batch",
        "--queue-url",
        &url,
        "--entries",
    ];
    aws.call(&[&send[..], &[&ten]].concat())?;
    let ten_at_once = ["--max-number-of-messages", "10"];
    until("all are given up", || {
        receive(&aws, &url, &ten_at_once)?;
        let counted = ["sqs", "get-queue-attributes", "--queue-url", &dead];
        let count = ["--attribute-names", "ApproximateNumberOfMessages"];
        let counted = aws.call(&[&counted[..], &count].concat())?;
        let count = &counted["Attributes"]["ApproximateNumberOfMessages"];
        Ok((count == "10").then_some(()))
    })?;
    let start = ["sqs", "start-message-move-task", "--source-arn", arn];
    let slowly = ["--max-number-of-messages-per-second", "4"];
    let started = aws.call(&[&start[..], &slowly].concat())?;
    ensure!(started["TaskHandle"].is_string(), "{started}");
    server.kill9()?;
    server.restart()?;
    let aws = server.aws()?;
    let task = until("the move ends", || {
        let listed = aws.call(&["sqs", "list-message-move-tasks", "--source-arn", arn])?;
        let task = listed["Results"][0].clone();
        Ok((task["Status"] != "RUNNING").then_some(task))
    })?;
    ensure!(
        task["Status"] == "COMPLETED" && task["ApproximateNumberOfMessagesMoved"] == 10,
        "{task}"
    );
    let url = aws.call(&["sqs", "get-queue-url", "--queue-name", "work"])?;
    let url = url["QueueUrl"].as_str().context("a URL")?;
    let hidden = [&ten_at_once[..], &["--visibility-timeout", "60"]].concat();
    ensure!(receive(&aws, url, &hidden)?.len() == 10, "all are back");
    Ok(())
}
