//! Logs through the AWS command line: of functions, of state machines, one's own; and after a crash.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Aws, Server, until};

use crate::command_line::{ROLE, closed, start};

/// A function that says something and fails when it is told to.
const TALKATIVE: &str = "exports.handler = async (event) => {
    console.log('told ' + JSON.stringify(event));
    if (event.fail) throw new Error('as told');
    return 'said';
};\n";

/// Searches a group; the command line reads all pages.
fn search(aws: &Aws, group: &str, more: &[&str]) -> anyhow::Result<Vec<Value>> {
    let search = ["logs", "filter-log-events", "--log-group-name", group];
    let found = aws.call(&[&search[..], more].concat())?;
    let events = found["events"].as_array().context("events")?;
    Ok(events.clone())
}

fn message(event: &Value) -> &str {
    event["message"].as_str().unwrap_or_default()
}

#[test]
fn functions_and_machines_log_where_the_command_line_finds_it() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let aws = server.aws()?;
    aws.create_function("talkative", ROLE, TALKATIVE)?;
    aws.invoke("talkative", &json!({ "name": "Ada" }))?;
    aws.invoke("talkative", &json!({ "fail": true }))?;
    let group = "/aws/lambda/talkative";
    let lines = until("both invocations are in the log", || {
        let lines = search(&aws, group, &[]).unwrap_or_default();
        let reports = lines
            .iter()
            .filter(|line| message(line).starts_with("REPORT "));
        Ok((reports.count() == 2).then_some(lines))
    })?;
    let first: Vec<&str> = lines.iter().map(message).collect();
    ensure!(
        first[0].starts_with("START RequestId: ")
            && first[0].ends_with(" Version: $LATEST\n")
            && first
                .iter()
                .any(|line| line.ends_with("told {\"name\":\"Ada\"}\n"))
            && first.iter().any(|line| line.starts_with("END RequestId: ")),
        "{first:?}"
    );
    let stream = lines[0]["logStreamName"].as_str().context("a stream")?;
    ensure!(stream.contains("/[$LATEST]"), "{stream}");
    let told = search(&aws, group, &["--filter-pattern", "\"told {\" -fail"])?;
    ensure!(
        told.len() == 1 && message(&told[0]).contains("Ada"),
        "{told:?}"
    );
    let groups = aws.call(&[
        "logs",
        "describe-log-groups",
        "--log-group-name-prefix",
        "/aws/",
    ])?;
    ensure!(
        groups["logGroups"][0]["arn"]
            == "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/talkative:*",
        "{groups}"
    );
    let streams = ["logs", "describe-log-streams", "--log-group-name", group];
    let by_time = ["--order-by", "LastEventTime", "--descending"];
    let streams = aws.call(&[&streams[..], &by_time].concat())?;
    ensure!(
        streams["logStreams"][0]["logStreamName"] == stream,
        "{streams}"
    );
    let get = [
        "logs",
        "get-log-events",
        "--log-group-name",
        group,
        "--log-stream-name",
        stream,
    ];
    let page = aws.call(&[&get[..], &["--limit", "1", "--start-from-head"]].concat())?;
    ensure!(page["events"][0]["message"] == first[0], "{page}");
    let shown = server.stepd(&["logs", "talkative"])?.output()?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    ensure!(shown.lines().count() == lines.len(), "{shown}");

    machine(&aws)?;
    // What was logged, and what was decided about it, outlives the process.
    aws.call(&[
        "logs",
        "put-retention-policy",
        "--log-group-name",
        group,
        "--retention-in-days",
        "7",
    ])?;
    server.kill9()?;
    server.restart()?;
    let aws = server.aws()?;
    let again = search(&aws, group, &[])?;
    // The machine has called the function since.
    ensure!(
        again.len() > lines.len() && again.starts_with(&lines),
        "{again:?}"
    );
    let groups = aws.call(&[
        "logs",
        "describe-log-groups",
        "--log-group-name-prefix",
        group,
    ])?;
    ensure!(groups["logGroups"][0]["retentionInDays"] == 7, "{groups}");
    aws.call(&["logs", "delete-log-group", "--log-group-name", group])?;
    let refusal = aws.refused(&["logs", "describe-log-streams", "--log-group-name", group])?;
    ensure!(
        refusal.code == "ResourceNotFoundException"
            && refusal.message == "The specified log group does not exist.",
        "{refusal:?}"
    );
    Ok(())
}

/// Lets a state machine log its execution, and finds it there by a condition on its lines.
fn machine(aws: &Aws) -> anyhow::Result<()> {
    let group = "/aws/vendedlogs/states/approval";
    let definition = json!({ "StartAt": "Say", "States": { "Say": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": { "FunctionName": "talkative", "Payload": { "fail": true } },
        "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Fine" }], "End": true,
    }, "Fine": { "Type": "Succeed" } } });
    let logging = json!({ "level": "ALL", "includeExecutionData": true, "destinations": [
        { "cloudWatchLogsLogGroup": {
            "logGroupArn": format!("arn:aws:logs:us-east-1:000000000000:log-group:{group}:*") } }] });
    let (definition, logging) = (definition.to_string(), logging.to_string());
    let create = [
        "stepfunctions",
        "create-state-machine",
        "--name",
        "approval",
        "--role-arn",
        ROLE,
        "--definition",
        &definition,
        "--logging-configuration",
        &logging,
    ];
    let refusal = aws.refused(&create)?;
    ensure!(
        refusal.code == "InvalidLoggingConfiguration"
            && refusal.message == "Invalid Logging Configuration: Log Destination not found.",
        "{refusal:?}"
    );
    aws.call(&["logs", "create-log-group", "--log-group-name", group])?;
    let made = aws.call(&create)?;
    let arn = made["stateMachineArn"].as_str().context("an ARN")?;
    let execution = start(aws, arn, "first", "{}")?;
    closed(aws, &execution)?;
    let history = [
        "stepfunctions",
        "get-execution-history",
        "--execution-arn",
        &execution,
    ];
    let history = aws.call(&history)?;
    let expected = history["events"].as_array().context("events")?;
    let lines = until("every event of the execution is logged", || {
        let lines = search(
            aws,
            group,
            &["--log-stream-name-prefix", "states/approval/"],
        )?;
        Ok((lines.len() >= expected.len()).then_some(lines))
    })?;
    ensure!(lines.len() == expected.len(), "{lines:?}");
    for (line, event) in lines.iter().zip(expected) {
        let line: Value = serde_json::from_str(message(line)).context("a line is JSON")?;
        let id = event["id"].to_string();
        ensure!(
            line["type"] == event["type"] && line["id"] == id.as_str(),
            "{line} is not {event}"
        );
    }
    let pattern = "{ $.type = \"*Failed\" && $.details.error = Error }";
    let failed = search(aws, group, &["--filter-pattern", pattern])?;
    ensure!(
        failed.len() == 1 && message(&failed[0]).contains("TaskFailed"),
        "{failed:?}"
    );
    Ok(())
}
