//! The workshop's page, walked: its own files and its own commands, unchanged.
//!
//! Skipped, with a line that says so, where the page is not at hand.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Page, Server};

use crate::system::{CHECKED, REVIEWED, STACK, System, check_history};

const PASSED_ON: &str = "ChoiceStateExited Review Approved?";
const APPROVED: &str = "
    PassStateEntered Approve Application
    PassStateExited Approve Application
    ExecutionSucceeded";
const REJECTED: &str = "
    PassStateEntered Reject Application
    PassStateExited Reject Application
    ExecutionSucceeded";

/// Runs `walk` with the page and a folder that holds the page's system, if the page is at hand.
pub fn with_page(walk: impl FnOnce(&Page, &Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let Some(page) = testkit::seed()? else {
        println!("skipped: the workshop's page is not at hand (STEPD_SEED)");
        return Ok(());
    };
    ensure!(
        page.files.len() == 4,
        "the page replaces {} files",
        page.files.len()
    );
    let folder = tempfile::tempdir().context("could not create a temporary directory")?;
    copy(
        &testkit::repository().join("crates/testkit/walk"),
        folder.path(),
    )?;
    page.write(folder.path())?;
    walk(&page, folder.path())
}

/// Copies the files below `from` to `to`.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut pending: Vec<PathBuf> = vec![from.to_owned()];
    while let Some(folder) = pending.pop() {
        let target = to.join(folder.strip_prefix(from)?);
        std::fs::create_dir_all(&target)
            .with_context(|| format!("could not create {}", target.display()))?;
        for entry in std::fs::read_dir(&folder)
            .with_context(|| format!("could not list {}", folder.display()))?
        {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => pending.push(entry.path()),
                false => drop(std::fs::copy(entry.path(), target.join(entry.file_name()))?),
            }
        }
    }
    Ok(())
}

/// Runs one of the page's commands in a shell and returns what it printed.
fn shell(server: &Server, folder: &Path, command: &str) -> anyhow::Result<String> {
    let aws = server.aws()?.command(&[]);
    let programs = Path::new(aws.get_program())
        .parent()
        .context("the AWS command line lies in a folder")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = std::process::Command::new("sh");
    for (name, value) in aws.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
        .args(["-euc", command])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", programs.display()));
    let output = shell.output().context("could not start a shell")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "`{command}` failed: {text}{errors}\n{}",
        server.log()
    );
    Ok(text)
}

/// Returns the first JSON value in `text`: the function's answer, before the service's.
fn first_json(text: &str) -> anyhow::Result<Value> {
    let first = serde_json::Deserializer::from_str(text)
        .into_iter::<Value>()
        .next();
    first
        .and_then(Result::ok)
        .with_context(|| format!("no JSON in {text}"))
}

#[test]
fn the_page_runs_as_it_is_written() -> anyhow::Result<()> {
    with_page(|page, folder| {
        let server = Server::start()?;
        let mut id = String::new();
        let mut invocations = 0;
        for command in &page.commands {
            if command.starts_with("sam build") {
                // The one step that differs: `stepd deploy` builds and deploys.
                server.deploy(folder, STACK)?;
                continue;
            }
            let text = shell(
                &server,
                folder,
                &command.replace("REPLACE_WITH_APPLICATION_ID", &id),
            )?;
            if command.contains("FindApplications") {
                let found = first_json(&text)?;
                id = found[0]["id"]
                    .as_str()
                    .with_context(|| format!("nothing is found: {text}"))?
                    .to_owned();
                ensure!(
                    found[0]["taskToken"].is_string(),
                    "the application has no token: {text}"
                );
            }
            if command.contains("ReviewApplication") {
                ensure!(
                    first_json(&text)?["state"] == "REVIEW_APPROVED",
                    "the review answered {text}"
                );
            }
            invocations += u32::from(command.contains("lambda invoke"));
        }
        ensure!(invocations == 3, "the page invokes {invocations} functions");
        Ok(())
    })
}

#[test]
fn every_decision_has_its_consequence() -> anyhow::Result<()> {
    with_page(|_, folder| {
        let system = System::deploy(folder)?;
        approve(&system)?;
        reject(&system)?;
        refuse_a_decision(&system)?;
        answer_past_every_choice(&system)?;
        pass_without_review(&system)
    })
}

fn approve(system: &System) -> anyhow::Result<()> {
    let (id, _) = system.submit_for_review()?;
    ensure!(
        system.execution(&id)?["status"] == "RUNNING",
        "nobody has decided yet"
    );
    let answer = system.review(&id, "APPROVE")?;
    ensure!(
        answer.payload["state"] == "REVIEW_APPROVED",
        "{}",
        answer.payload
    );
    let execution = system.closed(&id)?;
    ensure!(execution["status"] == "SUCCEEDED", "{execution}");
    let output: Value = serde_json::from_str(execution["output"].as_str().unwrap_or_default())?;
    ensure!(
        output["review"] == json!({ "decision": "APPROVE" }),
        "{output}"
    );
    ensure!(
        output["checks"] == json!({ "name": { "flagged": false }, "address": { "flagged": true } }),
        "{output}"
    );
    check_history(system, &id, &[CHECKED, REVIEWED, PASSED_ON, APPROVED])?;
    // A second review finds the task gone, and the function fails with what it was told.
    let again = system.review(&id, "APPROVE")?;
    ensure!(
        again.function_error.as_deref() == Some("Unhandled"),
        "{}",
        again.payload
    );
    ensure!(
        again.payload["errorType"] == "TaskTimedOut",
        "{}",
        again.payload
    );
    let message = "Task Timed Out: 'Provided task does not exist anymore'";
    ensure!(
        again.payload["errorMessage"] == message,
        "{}",
        again.payload
    );
    Ok(())
}

fn reject(system: &System) -> anyhow::Result<()> {
    let (id, _) = system.submit_for_review()?;
    system.review(&id, "REJECT")?;
    ensure!(
        system.closed(&id)?["status"] == "SUCCEEDED",
        "a rejection is a success of the workflow"
    );
    check_history(system, &id, &[CHECKED, REVIEWED, PASSED_ON, REJECTED])
}

fn refuse_a_decision(system: &System) -> anyhow::Result<()> {
    let (id, token) = system.submit_for_review()?;
    let answer = system.review(&id, "PERHAPS")?;
    ensure!(
        answer.function_error.as_deref() == Some("Unhandled"),
        "{}",
        answer.payload
    );
    ensure!(answer.payload["errorType"] == "Error", "{}", answer.payload);
    let message = "Required `decision` parameter must be 'APPROVE' or 'REJECT'";
    ensure!(
        answer.payload["errorMessage"] == message,
        "{}",
        answer.payload
    );
    ensure!(answer.payload["trace"].is_array(), "{}", answer.payload);
    let unknown = system.review("application_nobody", "APPROVE")?;
    ensure!(
        unknown.payload["errorType"] == "TypeError",
        "{}",
        unknown.payload
    );
    // Nothing of it touched the execution, which still takes a decision.
    ensure!(
        system.found(&id, "FLAGGED_FOR_REVIEW")?["taskToken"] == token,
        "the token changed"
    );
    ensure!(
        system.execution(&id)?["status"] == "RUNNING",
        "nobody has decided yet"
    );
    system.review(&id, "REJECT")?;
    system.closed(&id).map(drop)
}

fn answer_past_every_choice(system: &System) -> anyhow::Result<()> {
    let (id, token) = system.submit_for_review()?;
    let output = r#"{"decision":"PERHAPS"}"#;
    system.aws.call(&[
        "stepfunctions",
        "send-task-success",
        "--task-token",
        &token,
        "--task-output",
        output,
    ])?;
    let execution = system.closed(&id)?;
    ensure!(execution["status"] == "FAILED", "{execution}");
    // Why it is not States.NoChoiceMatched: docs/adr/0005-choice-without-match.md.
    ensure!(execution["error"] == "States.Runtime", "{execution}");
    check_history(system, &id, &[CHECKED, REVIEWED, "ExecutionFailed"])
}

fn pass_without_review(system: &System) -> anyhow::Result<()> {
    let id = system.submit("Spock", "123 Enterprise Street")?;
    ensure!(
        system.closed(&id)?["status"] == "SUCCEEDED",
        "nothing is flagged"
    );
    check_history(system, &id, &[CHECKED, APPROVED])
}

#[test]
fn what_waits_survives_the_server() -> anyhow::Result<()> {
    with_page(|_, folder| {
        let mut system = System::deploy(folder)?;
        let (first, _) = system.submit_for_review()?;
        let (second, _) = system.submit_for_review()?;
        system.server.kill9()?;

        // A review while the server is down fails at once and changes nothing.
        let impatient = system
            .aws
            .clone()
            .with("AWS_MAX_ATTEMPTS", "1")
            .with("AWS_RETRY_MODE", "standard");
        let payload = json!({ "id": first, "decision": "APPROVE" });
        let down = impatient.invoke("sfn-workshop-ReviewApplication", &payload);
        let error = down.err().context("a review without a server succeeded")?;
        ensure!(
            error
                .to_string()
                .contains("Could not connect to the endpoint URL"),
            "{error}"
        );

        system.restart()?;
        ensure!(
            system.execution(&first)?["status"] == "RUNNING",
            "it waited"
        );
        system.review(&first, "APPROVE")?;
        ensure!(
            system.closed(&first)?["status"] == "SUCCEEDED",
            "{}",
            system.execution(&first)?
        );
        check_history(&system, &first, &[CHECKED, REVIEWED, PASSED_ON, APPROVED])?;

        // The other one waits through a graceful stop as well, and what is over stays over.
        system.restart()?;
        ensure!(
            system.execution(&first)?["status"] == "SUCCEEDED",
            "it was over"
        );
        system.review(&second, "REJECT")?;
        system.closed(&second)?;
        check_history(&system, &second, &[CHECKED, REVIEWED, PASSED_ON, REJECTED])?;
        let third = system.submit("Uhura", "1 Bridge")?;
        ensure!(
            system.closed(&third)?["status"] == "SUCCEEDED",
            "new ones run as ever"
        );
        Ok(())
    })
}
