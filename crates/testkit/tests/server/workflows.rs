//! Workflows from the command line: what a person types, in order, and what must be printed.

use std::process::Output;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::{Server, until};

use crate::command_line::create;

/// Runs `stepd ARGUMENTS…` and says whether it ended well; returns what it printed.
fn run(server: &Server, arguments: &[&str]) -> anyhow::Result<(bool, String)> {
    let output = server.stepd(arguments)?.output();
    let Output {
        status,
        stdout,
        stderr,
    } = output.context("stepd could not be started")?;
    let printed = [stdout, stderr].concat();
    Ok((status.success(), String::from_utf8(printed)?))
}

/// Checks that `stepd LINE` prints every one of `expected`, and ends well unless the line begins with `!`.
fn check(server: &Server, line: &str, expected: &[&str]) -> anyhow::Result<()> {
    let (bad, line) = (line.starts_with('!'), line.trim_start_matches('!'));
    let arguments: Vec<&str> = line.split(' ').collect();
    let (good, printed) = run(server, &arguments)?;
    ensure!(good != bad, "stepd {line}: {printed}");
    ensure!(
        !printed.contains('\x1b'),
        "colours without a terminal: {printed:?}"
    );
    for expected in expected {
        ensure!(
            printed.contains(expected),
            "stepd {line} does not print {expected:?}:\n{printed}"
        );
    }
    Ok(())
}

fn printed_json(server: &Server, arguments: &[&str]) -> anyhow::Result<Value> {
    let (good, printed) = run(server, arguments)?;
    ensure!(good, "stepd {}: {printed}", arguments.join(" "));
    serde_json::from_str(&printed).with_context(|| printed.clone())
}

#[test]
fn a_person_drives_workflows_from_the_command_line() -> anyhow::Result<()> {
    let server = Server::start()?;
    check(
        &server,
        "list",
        &["there is no state machine yet: `stepd deploy`"],
    )?;
    check(
        &server,
        "!start nothing",
        &["there is no state machine yet"],
    )?;
    let aws = server.aws()?;
    aws.call(&["stepfunctions", "create-activity", "--name", "desk"])?;
    let ask = json!({"StartAt": "Ask", "States": {
        "Ask": {"Type": "Task", "Resource": "arn:aws:states:us-east-1:000000000000:activity:desk",
            "Comment": "May we?", "TimeoutSeconds": 3600, "HeartbeatSeconds": 600, "Next": "Done"},
        "Done": {"Type": "Pass", "End": true}}});
    create(&aws, "ask-first", &ask)?;
    create(
        &aws,
        "other",
        &json!({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "No"}}}),
    )?;

    for (line, expected) in [
        (
            "list",
            &["there is no execution yet: `stepd start MACHINE`"][..],
        ),
        (
            "!start nothing",
            &["no state machine is called nothing: there are ask-first, other"],
        ),
        (
            "start ask --name first-one --input {\"n\":1}",
            &["execution:ask-first:first-one", "`stepd watch first-one`"],
        ),
        ("start ask-first --name first-two", &["first-two"]),
        ("list", &["RUNNING", "first-one", "first-two", "ask-first"]),
        ("list other", &["there is no execution yet"]),
        ("list --status failed", &["no execution has this status"]),
        (
            "show first-one",
            &[
                "RUNNING",
                "{\"n\":1}",
                "▶ Ask",
                "waits for a worker",
                "· Done",
                "May we?",
            ],
        ),
        (
            "!show first",
            &["first can be ask-first:first-one, ask-first:first-two: say more of the name"],
        ),
        (
            "!show nobody",
            &["no execution's name begins with nobody: `stepd list`"],
        ),
        (
            "task list",
            &[
                "first-one/Ask",
                "first-two/Ask",
                "a worker",
                "May we?",
                "`stepd task succeed first-one/Ask '{}'`",
            ],
        ),
        ("task list other", &["nothing waits for an answer"]),
        (
            "task show first-one",
            &["first-one/Ask", "May we?", "\"n\": 1", "Token"],
        ),
        (
            "!task succeed first-one/Nope",
            &["no state of first-one that waits is called Nope"],
        ),
        (
            "!start other --wait",
            &["FAILED  No", "the execution ended as FAILED"],
        ),
        (
            "!start other --name bad --wait --json",
            &["\"status\": \"FAILED\""],
        ),
        (
            "history bad",
            &[
                "ExecutionStarted",
                "FailStateEntered",
                "ExecutionFailed",
                "No",
            ],
        ),
    ] {
        check(&server, line, expected)?;
    }

    let taken = aws.call(&[
        "stepfunctions",
        "get-activity-task",
        "--worker-name",
        "clerk",
        "--activity-arn",
        "arn:aws:states:us-east-1:000000000000:activity:desk",
    ])?;
    let token = taken["taskToken"].as_str().context("a token")?;
    for (line, expected) in [
        (
            "task show first-one",
            &["clerk", "every 600 s, next by", "Until"][..],
        ),
        (&format!("task show {token}"), &["first-one/Ask"]),
        ("task heartbeat first-one", &["its heartbeat was heard"]),
        (
            &format!("!task succeed {token} no-json"),
            &["the server refused"],
        ),
        (
            &format!("task succeed {token} {{\"yes\":true}}"),
            &["answered"],
        ),
        (
            "watch first-one",
            &[
                "ActivitySucceeded",
                "ExecutionSucceeded",
                "SUCCEEDED  {\"yes\":true}",
            ],
        ),
        ("show first-one", &["✓ Ask", "✓ Done", "SUCCEEDED"]),
        (
            "!task show first-one",
            &["nothing of first-one waits for an answer: `stepd show first-one`"],
        ),
        (
            "stop first-two --error Enough --cause tired",
            &["ABORTED since"],
        ),
        ("show ask-first:first-two", &["ABORTED", "Enough", "■ Ask"]),
        (
            "redrive first-two",
            &["goes on since", "`stepd watch first-two`"],
        ),
        ("!redrive first-one", &["the server refused"]),
        ("show first-two", &["Redriven", "1×", "▶ Ask"]),
        // What was not taken is answered all the same.
        (
            "task fail first-two --error Late --cause why",
            &["first-two/Ask: answered"],
        ),
        ("show first-two", &["FAILED", "Late", "✗ Ask"]),
    ] {
        check(&server, line, expected)?;
    }
    Ok(())
}

#[test]
fn what_is_printed_for_machines_is_json() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    create(
        &aws,
        "wait",
        &json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": true}}}),
    )?;
    let started = printed_json(&server, &["start", "wait", "--name", "e", "--json"])?;
    let arn = started["executionArn"].as_str().context("an ARN")?;
    let listed = printed_json(&server, &["list", "wait", "--json"])?;
    ensure!(listed["executions"][0]["executionArn"] == arn, "{listed}");
    let shown = printed_json(&server, &["show", arn, "--json"])?;
    ensure!(
        shown["execution"]["status"] == "RUNNING" && shown["openTasks"] == json!([]),
        "{shown}"
    );
    let history = printed_json(&server, &["history", "e", "--json"])?;
    ensure!(
        history["events"][1]["type"] == "WaitStateEntered",
        "{history}"
    );
    let tasks = printed_json(&server, &["task", "list", "--json"])?;
    ensure!(tasks["tasks"] == json!([]), "{tasks}");
    let stopped = printed_json(&server, &["stop", "e", "--json"])?;
    ensure!(stopped["stopDate"].is_number(), "{stopped}");
    Ok(())
}

#[test]
fn a_watcher_sees_what_happens_while_it_watches() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    create(
        &aws,
        "wait",
        &json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": true}}}),
    )?;
    check(&server, "start wait --name e", &[])?;
    let seen = server.folder().join("seen");
    let mut watch = server.stepd(&["watch", "e"])?;
    let mut watch = watch.stdout(std::fs::File::create(&seen)?).spawn()?;
    let sees = |what: &str| {
        until(what, || {
            Ok(std::fs::read_to_string(&seen)?.contains(what).then_some(()))
        })
    };
    sees("WaitStateEntered")?;
    check(&server, "stop e", &["ABORTED"])?;
    sees("ExecutionAborted")?;
    ensure!(
        !watch.wait()?.success(),
        "an execution that was stopped did not end well"
    );
    Ok(())
}

#[test]
fn an_exported_history_replays() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let definition = json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 1, "Next": "Rested"},
            "Rested": {"Type": "Pass", "Parameters": {"at.$": "$$.Execution.Name", "id.$": "States.UUID()"}, "End": true}}},
        {"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true, "ItemProcessor": {
            "StartAt": "Item", "States": {"Item": {"Type": "Pass", "End": true}}}}}}]}}});
    create(&aws, "both", &definition)?;
    check(
        &server,
        "start both --name e --input [1,2,3] --wait",
        &["SUCCEEDED"],
    )?;
    let (history, machine) = (
        server.folder().join("h.json"),
        server.folder().join("m.json"),
    );
    let (history, machine) = (history.display().to_string(), machine.display().to_string());
    check(
        &server,
        &format!("export e --output {history} --definition {machine}"),
        &[],
    )?;
    let arn = "arn:aws:states:us-east-1:000000000000:execution:both:e";
    check(
        &server,
        &format!("replay {history} {machine} --execution-arn {arn}"),
        &["all 26 events are as recorded"],
    )?;
    // The AWS command line prints the same, in the same form.
    let theirs = aws.call(&[
        "stepfunctions",
        "get-execution-history",
        "--execution-arn",
        arn,
    ])?;
    let ours: Value = serde_json::from_str(&std::fs::read_to_string(&history)?)?;
    let moments = |history: &Value| -> Vec<String> {
        let events = history["events"].as_array().into_iter().flatten();
        events.map(|event| event["timestamp"].to_string()).collect()
    };
    ensure!(moments(&ours).len() == moments(&theirs).len(), "{theirs}");
    let text =
        std::fs::read_to_string(&history)?.replace("\"WaitStateExited\"", "\"PassStateExited\"");
    std::fs::write(&history, text)?;
    check(
        &server,
        &format!("!replay {history} {machine} --execution-arn {arn}"),
        &["PassStateExited of \"Rest\": instead comes WaitStateExited"],
    )?;
    check(
        &server,
        &format!("!replay {machine} {machine}"),
        &["is no history"],
    )?;
    Ok(())
}

#[test]
fn shells_and_manuals_know_the_commands() -> anyhow::Result<()> {
    let server = Server::start()?;
    for shell in ["bash", "zsh", "fish"] {
        check(
            &server,
            &format!("completion {shell}"),
            &["stepd", "heartbeat", "redrive"],
        )?;
    }
    check(&server, "man", &[".TH", "stepd", "redrive"])?;
    check(&server, "man task list", &[".TH", "machine"])?;
    check(&server, "!man nothing", &["there is no command nothing"])?;
    Ok(())
}
