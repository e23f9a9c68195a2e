//! State machines and executions through the AWS command line: made, changed, listed, ended.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Aws, Server, until};

pub const ROLE: &str = "arn:aws:iam::000000000000:role/any";

/// Creates a state machine and returns its ARN.
pub fn create(aws: &Aws, name: &str, definition: &Value) -> anyhow::Result<String> {
    let definition = definition.to_string();
    let made = aws.call(&[
        "stepfunctions",
        "create-state-machine",
        "--name",
        name,
        "--role-arn",
        ROLE,
        "--definition",
        &definition,
    ])?;
    Ok(made["stateMachineArn"]
        .as_str()
        .context("a new machine has an ARN")?
        .to_owned())
}

/// Starts an execution and returns its ARN.
pub fn start(aws: &Aws, machine: &str, name: &str, input: &str) -> anyhow::Result<String> {
    let started = aws.call(&[
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        machine,
        "--name",
        name,
        "--input",
        input,
    ])?;
    Ok(started["executionArn"]
        .as_str()
        .context("a new execution has an ARN")?
        .to_owned())
}

/// Waits until an execution is closed, and returns it.
pub fn closed(aws: &Aws, execution: &str) -> anyhow::Result<Value> {
    until("the execution closes", || {
        let execution = aws.call(&[
            "stepfunctions",
            "describe-execution",
            "--execution-arn",
            execution,
        ])?;
        Ok((execution["status"] != "RUNNING").then_some(execution))
    })
}

/// A machine that answers what it is told to.
pub fn passing(result: Value) -> Value {
    json!({ "StartAt": "Pass", "States": { "Pass": { "Type": "Pass", "Result": result, "End": true } } })
}

/// A machine that waits longer than any test.
fn waiting() -> Value {
    json!({ "StartAt": "Wait", "States": { "Wait": { "Type": "Wait", "Seconds": 99_999, "End": true } } })
}

#[test]
fn a_state_machine_from_creation_to_deletion() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let aws = server.aws()?;
    let first = passing(json!("first")).to_string();
    let machine = create(&aws, "one", &passing(json!("first")))?;
    ensure!(
        machine == "arn:aws:states:us-east-1:000000000000:stateMachine:one",
        "{machine}"
    );
    ensure!(
        create(&aws, "one", &passing(json!("first")))? == machine,
        "creation is idempotent"
    );

    let described = aws.call(&[
        "stepfunctions",
        "describe-state-machine",
        "--state-machine-arn",
        &machine,
    ])?;
    for (member, value) in [
        ("name", "one"),
        ("status", "ACTIVE"),
        ("roleArn", ROLE),
        ("type", "STANDARD"),
    ] {
        ensure!(described[member] == value, "{member}: {described}");
    }
    let definition = described["definition"].as_str().unwrap_or_default();
    ensure!(
        definition == first,
        "the definition is kept as text: {definition}"
    );

    // An execution keeps the definition that it started with; the next one takes the new one.
    let before = start(&aws, &machine, "before", "{}")?;
    closed(&aws, &before)?;
    let new = passing(json!("second")).to_string();
    let updated = aws.call(&[
        "stepfunctions",
        "update-state-machine",
        "--state-machine-arn",
        &machine,
        "--definition",
        &new,
    ])?;
    ensure!(
        updated["updateDate"].is_number() || updated["updateDate"].is_string(),
        "{updated}"
    );
    let after = start(&aws, &machine, "after", "{}")?;
    ensure!(
        closed(&aws, &after)?["output"] == "\"second\"",
        "the new definition"
    );
    let pinned = [
        "stepfunctions",
        "describe-state-machine-for-execution",
        "--execution-arn",
        before.as_str(),
    ];
    let pinned = aws.call(&pinned)?;
    ensure!(
        pinned["definition"] == first,
        "the old definition: {pinned}"
    );

    create(&aws, "two", &passing(json!(2)))?;
    server.kill9()?;
    server.restart()?;
    let aws = server.aws()?;
    let listed = aws.call(&["stepfunctions", "list-state-machines"])?;
    let machines = listed["stateMachines"].as_array().context("a list")?;
    let mut names: Vec<&str> = machines
        .iter()
        .filter_map(|machine| machine["name"].as_str())
        .collect();
    names.sort_unstable();
    ensure!(names == ["one", "two"], "{names:?}");
    let paged = aws.call(&["stepfunctions", "list-state-machines", "--page-size", "1"])?;
    ensure!(
        paged["stateMachines"].as_array().map(Vec::len) == Some(2),
        "{paged}"
    );

    let delete = [
        "stepfunctions",
        "delete-state-machine",
        "--state-machine-arn",
        machine.as_str(),
    ];
    aws.call(&delete)?;
    aws.call(&delete)?;
    let gone = [
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        machine.as_str(),
    ];
    until("the machine is gone", || {
        let outcome = aws.try_call(&gone)?;
        Ok(outcome
            .err()
            .filter(|refusal| refusal.code == "StateMachineDoesNotExist"))
    })?;
    Ok(())
}

#[test]
fn executions_are_listed_started_again_and_stopped() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let machine = create(&aws, "waiting", &waiting())?;
    let execution = start(&aws, &machine, "first", r#"{"a":1}"#)?;
    let again = start(&aws, &machine, "first", r#"{"a":1}"#)?;
    ensure!(
        again == execution,
        "a start is idempotent while the execution runs"
    );
    let second = start(&aws, &machine, "second", "{}")?;

    let stop = [
        "stepfunctions",
        "stop-execution",
        "--execution-arn",
        &execution,
        "--error",
        "Manual",
        "--cause",
        "probe",
    ];
    ensure!(!aws.call(&stop)?["stopDate"].is_null(), "a stop has a date");
    let described = closed(&aws, &execution)?;
    for (member, value) in [
        ("status", "ABORTED"),
        ("error", "Manual"),
        ("cause", "probe"),
        ("input", r#"{"a":1}"#),
    ] {
        ensure!(described[member] == value, "{member}: {described}");
    }
    let listed = |status: &str| -> anyhow::Result<Vec<String>> {
        let command = [
            "stepfunctions",
            "list-executions",
            "--state-machine-arn",
            &machine,
            "--status-filter",
            status,
        ];
        let listed = aws.call(&command)?;
        let executions = listed["executions"].as_array().context("a list")?;
        Ok(executions
            .iter()
            .filter_map(|one| one["executionArn"].as_str())
            .map(str::to_owned)
            .collect())
    };
    ensure!(
        listed("ABORTED")? == [execution.clone()],
        "{:?}",
        listed("ABORTED")
    );
    ensure!(
        listed("RUNNING")? == [second.clone()],
        "{:?}",
        listed("RUNNING")
    );
    ensure!(listed("SUCCEEDED")?.is_empty(), "{:?}", listed("SUCCEEDED"));

    let history = [
        "stepfunctions",
        "get-execution-history",
        "--execution-arn",
        &execution,
    ];
    let forward = aws.call(&history)?;
    let kinds = |history: &Value| -> Vec<String> {
        let events = history["events"].as_array().into_iter().flatten();
        events
            .filter_map(|event| event["type"].as_str())
            .map(str::to_owned)
            .collect()
    };
    ensure!(
        kinds(&forward) == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"],
        "{forward}"
    );
    ensure!(forward["events"][2]["previousEventId"] == 0, "{forward}");
    let backward = aws.call(&[history.as_slice(), &["--reverse-order"]].concat())?;
    ensure!(
        kinds(&backward) == ["ExecutionAborted", "WaitStateEntered", "ExecutionStarted"],
        "{backward}"
    );
    let paged = aws.call(&[history.as_slice(), &["--page-size", "1"]].concat())?;
    ensure!(kinds(&paged) == kinds(&forward), "{paged}");
    Ok(())
}

#[test]
fn the_environment_that_stepd_prints_is_enough() -> anyhow::Result<()> {
    let server = Server::start()?;
    let mut env = server.stepd(&["env", "--data-dir"])?;
    let printed = env.arg(server.data_dir()).output();
    let printed = printed.context("could not start stepd env")?;
    let text = String::from_utf8_lossy(&printed.stdout);
    ensure!(
        printed.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&printed.stderr)
    );
    let aws = server.aws()?.command(&[]).get_program().to_owned();
    let script = format!("{text}\nexec \"$1\" stepfunctions list-state-machines");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-euc", &script, "sh"]).arg(aws);
    let output = shell.env_clear().env("PATH", "/usr/bin:/bin").output();
    let output = output.context("could not start a shell")?;
    let listed: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))?;
    ensure!(listed["stateMachines"] == json!([]), "{listed}");
    Ok(())
}
