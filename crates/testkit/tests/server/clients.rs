//! Every action through every client: the same calls by boto3 and by the SDKs for JavaScript, old and new; and
//! a walk by the SDK for Rust.
//!
//! `clients.txt` holds the calls; each client is a program that makes those it reads. Once all have run it
//! is known which actions were called and which errors of the model were seen; the rest is named here, with
//! the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use aws_model::states::Operation;
use serde_json::{Value, json};
use testkit::{Server, tools, until};

const CALLS: &str = include_str!("clients.txt");
const ARNS: &str = "arn:aws:states:us-east-1:000000000000";

/// Modelled errors that are not provoked, with the reason; an empty action stands for all of them.
const NOT_PROVOKED: &[(&str, &str, &str)] = &[
    ("", "KmsAccessDeniedException", "there are no keys of KMS"),
    ("", "KmsInvalidStateException", "there are no keys of KMS"),
    ("", "KmsThrottlingException", "there are no keys of KMS"),
    (
        "",
        "InvalidEncryptionConfiguration",
        "there are no keys of KMS",
    ),
    (
        "",
        "StateMachineDeleting",
        "a deletion is over before a client can see it; crates/states/tests/machines.rs stops it midway",
    ),
    ("", "ActivityLimitExceeded", "takes 10,000 activities"),
    ("", "StateMachineLimitExceeded", "takes 10,000 machines"),
    (
        "",
        "ExecutionLimitExceeded",
        "takes a million executions that run",
    ),
    (
        "",
        "ActivityWorkerLimitExceeded",
        "takes more than a thousand open polls",
    ),
    (
        "",
        "ServiceQuotaExceededException",
        "takes a thousand versions",
    ),
    (
        "",
        "TaskDoesNotExist",
        "no recording has it: the service says TaskTimedOut",
    ),
    (
        "CreateActivity",
        "ActivityAlreadyExists",
        "takes another encryption",
    ),
    (
        "",
        "InvalidTracingConfiguration",
        "what the model lets through is valid",
    ),
    (
        "CreateStateMachine",
        "ConflictException",
        "takes two callers at one moment",
    ),
    (
        "CreateStateMachine",
        "StateMachineTypeNotSupported",
        "both types are supported",
    ),
    (
        "UpdateStateMachine",
        "ConflictException",
        "takes two callers at one moment",
    ),
    (
        "DeleteStateMachineAlias",
        "ConflictException",
        "takes two callers at one moment",
    ),
    (
        "UpdateStateMachineAlias",
        "ConflictException",
        "takes two callers at one moment",
    ),
    (
        "DeleteStateMachineAlias",
        "ResourceNotFound",
        "what is not there is what the caller wants",
    ),
    (
        "CreateStateMachineAlias",
        "InvalidName",
        "the model's pattern refuses such a name before",
    ),
    (
        "ListStateMachineAliases",
        "ResourceNotFound",
        "the service says StateMachineDoesNotExist",
    ),
];

/// A client: a program that makes the calls it reads.
struct Client {
    name: &'static str,
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Client {
    fn start(server: &Server, name: &'static str, script: &str) -> anyhow::Result<Self> {
        let tools = tools()?;
        let script = testkit::repository()
            .join("crates/testkit/clients")
            .join(script);
        let mut command = match script.extension().is_some_and(|kind| kind == "py") {
            true => Command::new(tools.join("venv/bin/python")),
            false => Command::new("node"),
        };
        let child = command
            .arg(script)
            .envs(server.env())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NODE_PATH", tools.join("sdks/node_modules"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.with_context(|| format!("{name} could not be started"))?;
        Ok(Self {
            name,
            asks: child.stdin.take().context("piped")?,
            answers: BufReader::new(child.stdout.take().context("piped")?),
            child,
        })
    }

    fn ask(&mut self, asked: &Value) -> anyhow::Result<Value> {
        writeln!(self.asks, "{asked}").with_context(|| format!("{} has ended", self.name))?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        serde_json::from_str(&answer)
            .with_context(|| format!("{} answered {asked}: {answer}", self.name))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It ends with the test, whatever it is doing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Replaces `$name` in texts; a text that is a name alone becomes its value.
fn filled(value: &Value, names: &BTreeMap<String, Value>) -> Value {
    match value {
        Value::String(text) => {
            if let Some(value) = text.strip_prefix('$').and_then(|name| names.get(name)) {
                return value.clone();
            }
            // Longer names first: one may begin like another.
            let mut longest: Vec<_> = names.iter().collect();
            longest.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
            let filled = longest.iter().fold(text.clone(), |text, (name, value)| {
                text.replace(&format!("${name}"), value.as_str().unwrap_or_default())
            });
            Value::String(filled)
        }
        Value::Array(items) => items.iter().map(|item| filled(item, names)).collect(),
        Value::Object(members) => {
            let members = members.iter();
            members
                .map(|(name, value)| (name.clone(), filled(value, names)))
                .collect()
        }
        other => other.clone(),
    }
}

/// Checks one thing that is said of an answer, or takes a name from it.
fn check(said: &str, answer: &Value, names: &mut BTreeMap<String, Value>) -> anyhow::Result<()> {
    if let Some(refusal) = said.strip_prefix("! ") {
        let (code, message) = refusal.split_once(": ").unwrap_or((refusal, ""));
        let told = answer["error"]["message"].as_str().unwrap_or_default();
        ensure!(
            answer["error"]["code"] == code && told.contains(message),
            "not {refusal}: {answer}"
        );
        return Ok(());
    }
    ensure!(answer.get("error").is_none(), "refused: {answer}");
    let member = |path: &str| answer["ok"].pointer(&format!("/{path}")).cloned();
    if let Some((name, path)) = said
        .strip_prefix('$')
        .and_then(|said| said.split_once("<-"))
    {
        let value = member(path).with_context(|| format!("no {path}: {answer}"))?;
        names.insert(name.to_owned(), value);
        return Ok(());
    }
    let (path, expected) = said
        .split_once('=')
        .with_context(|| format!("what is {said}?"))?;
    let expected = filled(&json!(expected), names);
    let value = member(path).unwrap_or_default();
    let as_json = expected
        .as_str()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    let same = value == expected || as_json.is_some_and(|expected| expected == value);
    ensure!(same, "{path} is not {expected}: {answer}");
    Ok(())
}

/// Makes all calls with one client; returns what failed.
fn walk(client: &mut Client) -> anyhow::Result<Vec<String>> {
    let mut names = names_for(client.name);
    let mut failed = Vec::new();
    let mut lines = CALLS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .peekable();
    while let Some(line) = lines.next() {
        let (operation, input) = line.split_once(' ').context("an action and its input")?;
        let input: Value = serde_json::from_str(input).with_context(|| line.to_owned())?;
        let mut said = Vec::new();
        while let Some(more) = lines.next_if(|line| line.starts_with("  ")) {
            said.push(more.trim_start());
        }
        let asked = json!({ "operation": operation, "input": filled(&input, &names) });
        let again = said.iter().find_map(|said| said.strip_prefix("~ "));
        let answer = match again {
            None => client.ask(&asked)?,
            Some(said) => until(line, || {
                let answer = client.ask(&asked)?;
                Ok(check(said, &answer, &mut names).is_ok().then_some(answer))
            })?,
        };
        if said.is_empty() {
            said.push("=");
        }
        for said in said.iter().filter(|said| !said.starts_with('~')) {
            let checked = match *said {
                "=" if answer.get("error").is_none() => Ok(()),
                said => check(said, &answer, &mut names),
            };
            if let Err(error) = checked {
                failed.push(format!("{} by {}: {error:#}", line, client.name));
            }
        }
    }
    Ok(failed)
}

fn names_for(client: &str) -> BTreeMap<String, Value> {
    let text = |definition: Value| json!(definition.to_string());
    let pass = |result: u64| json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": result, "End": true}}});
    let work = json!({"StartAt": "W", "States": {"W": {
        "Type": "Task", "Resource": format!("{ARNS}:activity:{client}-a"), "End": true}}});
    let map = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}});
    let tags: Vec<Value> = (0..51)
        .map(|n| json!({"key": format!("k{n}"), "value": "v"}))
        .collect();
    let names = [
        ("A", json!(ARNS)),
        ("P", json!(client)),
        ("ROLE", json!("arn:aws:iam::000000000000:role/r")),
        ("PASS", text(pass(1))),
        ("OTHER", text(pass(2))),
        ("WORK", text(work)),
        ("MAP", text(map)),
        ("STATE", json!(r#"{"Type":"Pass","End":true}"#)),
        ("LONG_NAME", json!("n".repeat(81))),
        ("FIFTY_ONE_TAGS", json!(tags)),
    ];
    names
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[test]
fn every_action_through_every_sdk() -> anyhow::Result<()> {
    let server = Server::start()?;
    let mut failed = Vec::new();
    for (name, script) in [
        ("boto3", "boto3_client.py"),
        ("v2", "javascript_v2.js"),
        ("v3", "javascript_v3.js"),
    ] {
        let mut client = Client::start(&server, name, script)?;
        failed.extend(walk(&mut client)?);
    }
    if !failed.is_empty() {
        bail!(
            "{} calls went otherwise\n{}",
            failed.len(),
            failed.join("\n")
        );
    }
    Ok(())
}

/// The SDK for Rust has types for everything, so its program is a walk of its own.
#[test]
fn the_sdk_for_rust_finds_everything_as_expected() -> anyhow::Result<()> {
    let server = Server::start()?;
    let program = tools()?.join("rust/debug/rust-client");
    let walked = Command::new(&program).envs(server.env()).output();
    let walked = walked.with_context(|| {
        let program = program.display();
        format!("{program} could not be started; run `cargo xtask tools` once")
    })?;
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(
        walked.status.success(),
        "{}{}\n{}",
        told(&walked.stdout),
        told(&walked.stderr),
        server.log()
    );
    Ok(())
}

/// What the calls hold, against the model.
#[test]
fn every_action_is_called_and_every_error_provoked() -> anyhow::Result<()> {
    let (mut called, mut provoked) = (BTreeSet::new(), BTreeSet::new());
    let mut operation = "";
    for line in CALLS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let said = line.trim_start();
        if said == line {
            operation = line.split(' ').next().unwrap_or_default();
            called.insert(operation);
        } else if let Some(refusal) = said.trim_start_matches("~ ").strip_prefix("! ") {
            let code = refusal.split(": ").next().unwrap_or_default();
            provoked.insert((operation, code));
        }
    }
    let mut missing = Vec::new();
    let (mut errors, mut excused) = (0, 0);
    for operation in Operation::ALL {
        let name = operation.name();
        if !called.contains(name) {
            missing.push(name.to_owned());
        }
        for error in operation.model().errors {
            let is_it = |(of, code, _): &&(&str, &str, &str)| {
                *code == error.code && (of.is_empty() || *of == name)
            };
            errors += 1;
            if NOT_PROVOKED.iter().any(|named| is_it(&named)) {
                excused += 1;
            } else if !provoked.contains(&(name, error.code)) {
                missing.push(format!("{name}: {}", error.code));
            }
        }
    }
    println!(
        "{} actions called, {} of {errors} modelled errors provoked, {excused} with a reason not to",
        called.len(),
        errors - excused - missing.len()
    );
    ensure!(
        missing.is_empty(),
        "not called or not provoked:\n{}",
        missing.join("\n")
    );
    Ok(())
}

#[test]
fn boto3_pages_through_everything() -> anyhow::Result<()> {
    let server = Server::start()?;
    let mut client = Client::start(&server, "boto3", "boto3_client.py")?;
    let names = names_for("boto3");
    let mut ok = |asked: Value| -> anyhow::Result<Value> {
        let answer = client.ask(&filled(&asked, &names))?;
        answer
            .get("ok")
            .cloned()
            .with_context(|| format!("{asked}: {answer}"))
    };
    for n in 0..5 {
        ok(json!({"operation": "CreateActivity", "input": {"name": format!("a{n}")}}))?;
        let machine = json!({"name": format!("m{n}"), "definition": "$MAP", "roleArn": "$ROLE"});
        ok(json!({"operation": "CreateStateMachine", "input": machine}))?;
        let start = json!({"stateMachineArn": "$A:stateMachine:m0", "name": format!("e{n}"), "input": "[1]"});
        ok(json!({"operation": "StartExecution", "input": start}))?;
    }
    let execution = json!({"executionArn": "$A:execution:m0:e0"});
    until("the execution ends", || {
        let described = ok(json!({"operation": "DescribeExecution", "input": execution}))?;
        Ok((described["status"] == "SUCCEEDED").then_some(()))
    })?;
    for (action, input, member, count) in [
        ("ListActivities", json!({}), "activities", 5),
        ("ListStateMachines", json!({}), "stateMachines", 5),
        (
            "ListExecutions",
            json!({"stateMachineArn": "$A:stateMachine:m0"}),
            "executions",
            5,
        ),
        ("ListMapRuns", execution.clone(), "mapRuns", 1),
        ("GetExecutionHistory", execution, "events", 8),
    ] {
        let all = ok(json!({"paginate": action, "input": input}))?;
        let found = all[member].as_array().map(Vec::len);
        ensure!(found == Some(count), "{action}: {all}");
    }
    Ok(())
}
