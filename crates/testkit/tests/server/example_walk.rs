//! The project's own version of the workshop's system, walked to its last step.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::system::{CHECKED, REVIEWED, System, check_history};

/// The events of a state that calls a function by its ARN and ends the execution.
fn ending(state: &str) -> String {
    format!(
        "TaskStateEntered {state}
         LambdaFunctionScheduled
         LambdaFunctionStarted
         LambdaFunctionSucceeded
         TaskStateExited {state}
         ExecutionSucceeded"
    )
}

const PASSED_ON: &str = "ChoiceStateExited Review Approved?";

const UNPROCESSABLE: &str = "
    ExecutionStarted
    TaskStateEntered Check Name
    LambdaFunctionScheduled
    LambdaFunctionStarted
    LambdaFunctionFailed
    TaskStateExited Check Name
    TaskStateEntered Flag Unprocessable Data
    TaskScheduled
    TaskStarted
    TaskSucceeded
    TaskStateExited Flag Unprocessable Data
    ExecutionSucceeded";

fn deploy() -> anyhow::Result<System> {
    System::deploy(&testkit::repository().join("examples/account-application"))
}

#[test]
fn applications_come_to_their_end() -> anyhow::Result<()> {
    let system = deploy()?;
    review(&system, "APPROVE", "APPROVED", "Approve Application")?;
    review(&system, "REJECT", "REJECTED", "Reject Application")?;
    pass_without_review(&system)?;
    flag_by_name(&system)?;
    catch_unprocessable_data(&system)?;
    refuse(&system)
}

fn review(system: &System, decision: &str, end: &str, state: &str) -> anyhow::Result<()> {
    let (id, token) = system.submit_for_review()?;
    ensure!(
        token.len() <= 2048,
        "a token has {} characters",
        token.len()
    );
    let answer = system.review(&id, decision)?;
    ensure!(answer.function_error.is_none(), "{}", answer.payload);
    ensure!(
        system.closed(&id)?["status"] == "SUCCEEDED",
        "{}",
        system.execution(&id)?
    );
    ensure!(
        system.found(&id, end)?["name"] == "Spock",
        "the application keeps its name"
    );
    check_history(system, &id, &[CHECKED, REVIEWED, PASSED_ON, &ending(state)])?;
    let again = system.review(&id, decision)?;
    // Version 3 of the SDK names an error as the service does.
    ensure!(
        again.payload["errorType"] == "TaskTimedOut",
        "{}",
        again.payload
    );
    Ok(())
}

fn pass_without_review(system: &System) -> anyhow::Result<()> {
    let id = system.submit("Spock", "123 Enterprise Street")?;
    ensure!(
        system.closed(&id)?["status"] == "SUCCEEDED",
        "{}",
        system.execution(&id)?
    );
    system.found(&id, "APPROVED")?;
    check_history(system, &id, &[CHECKED, &ending("Approve Application")])
}

fn flag_by_name(system: &System) -> anyhow::Result<()> {
    let id = system.submit("evil Spock", "Main 12")?;
    system.found(&id, "FLAGGED_FOR_REVIEW")?;
    let input: Value =
        serde_json::from_str(system.execution(&id)?["input"].as_str().unwrap_or_default())?;
    ensure!(input["application"]["id"] == id, "{input}");
    Ok(())
}

fn catch_unprocessable_data(system: &System) -> anyhow::Result<()> {
    let id = system.submit("UNPROCESSABLE_DATA", "12 Main")?;
    let execution = system.closed(&id)?;
    ensure!(execution["status"] == "SUCCEEDED", "{execution}");
    check_history(system, &id, &[UNPROCESSABLE])?;
    let application = system.found(&id, "FLAGGED_WITH_UNPROCESSABLE_DATA")?;
    ensure!(
        application["reason"] == "The name cannot be checked: UNPROCESSABLE_DATA",
        "{application}"
    );
    let output: Value = serde_json::from_str(execution["output"].as_str().unwrap_or_default())?;
    ensure!(
        output["error-info"]["Error"] == "UnprocessableDataException",
        "{output}"
    );
    Ok(())
}

fn refuse(system: &System) -> anyhow::Result<()> {
    let cases = [
        (
            "sfn-workshop-ReviewApplication",
            json!({ "id": "x", "decision": "PERHAPS" }),
            "decision must be APPROVE or REJECT",
        ),
        (
            "sfn-workshop-ReviewApplication",
            json!({ "id": "x", "decision": "APPROVE" }),
            "There is no application x",
        ),
        (
            "sfn-workshop-FlagApplication",
            json!({ "id": "x", "flagType": "MAYBE" }),
            "flagType must be REVIEW or UNPROCESSABLE_DATA",
        ),
        (
            "sfn-workshop-DataChecking",
            json!({ "command": "CHECK_SHOE_SIZE" }),
            "There is no command CHECK_SHOE_SIZE",
        ),
    ];
    for (function, payload, message) in cases {
        let answer = system.aws.invoke(function, &payload)?;
        ensure!(
            answer.function_error.as_deref() == Some("Unhandled"),
            "{function}: {}",
            answer.payload
        );
        ensure!(
            answer.payload["errorMessage"] == message,
            "{function}: {}",
            answer.payload
        );
    }
    let checked = json!({ "command": "CHECK_ADDRESS", "data": { "address": "Somewhere" } });
    let answer = system.aws.invoke("sfn-workshop-DataChecking", &checked)?;
    ensure!(
        answer.payload == json!({ "flagged": true }),
        "{}",
        answer.payload
    );
    Ok(())
}

#[test]
fn a_second_deployment_changes_only_what_changed() -> anyhow::Result<()> {
    let system = deploy()?;
    let (id, _) = system.submit_for_review()?;
    let said = system.server.deploy(
        &testkit::repository().join("examples/account-application"),
        crate::system::STACK,
    )?;
    ensure!(
        said.contains("up to date"),
        "a deployment without changes said: {said}"
    );
    // What waited before still waits, and ends as if nothing had happened.
    system.review(&id, "APPROVE")?;
    ensure!(
        system.closed(&id)?["status"] == "SUCCEEDED",
        "{}",
        system.execution(&id)?
    );
    Ok(())
}

#[test]
fn killed_while_a_person_thinks() -> anyhow::Result<()> {
    let mut system = deploy()?;
    let (id, _) = system.submit_for_review()?;
    for _ in 0..3 {
        system.server.kill9()?;
        system.restart()?;
    }
    system.review(&id, "APPROVE")?;
    ensure!(
        system.closed(&id)?["status"] == "SUCCEEDED",
        "{}",
        system.execution(&id)?
    );
    check_history(
        &system,
        &id,
        &[CHECKED, REVIEWED, PASSED_ON, &ending("Approve Application")],
    )
}
