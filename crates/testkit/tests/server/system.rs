//! The account application system, deployed: what a person does with it, as functions.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Answer, Aws, Server, until};

/// The stack's name in every walk.
pub const STACK: &str = "workshop";

/// A server with the system on it.
pub struct System {
    pub server: Server,
    pub aws: Aws,
    machine: String,
}

impl System {
    /// Starts a server and deploys `folder` to it.
    pub fn deploy(folder: &Path) -> anyhow::Result<Self> {
        let server = Server::start()?;
        server.deploy(folder, STACK)?;
        let aws = server.aws()?;
        let machine = only_machine(&aws)?;
        Ok(Self {
            server,
            aws,
            machine,
        })
    }

    /// Starts the server again over the same data.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.server.restart()?;
        self.aws = self.server.aws()?;
        Ok(())
    }

    /// Submits an application and returns its id.
    pub fn submit(&self, name: &str, address: &str) -> anyhow::Result<String> {
        let answer = self.aws.invoke(
            "sfn-workshop-SubmitApplication",
            &json!({ "name": name, "address": address }),
        )?;
        ensure!(
            answer.function_error.is_none(),
            "submit failed: {}\n{}",
            answer.payload,
            self.server.log()
        );
        let id = answer.payload["id"]
            .as_str()
            .context("the answer has no id")?;
        Ok(id.to_owned())
    }

    /// Returns the applications in `state`.
    pub fn find(&self, state: &str) -> anyhow::Result<Vec<Value>> {
        let answer = self
            .aws
            .invoke("sfn-workshop-FindApplications", &json!({ "state": state }))?;
        let found = answer.payload.as_array();
        found
            .cloned()
            .with_context(|| format!("find answered {}\n{}", answer.payload, self.server.log()))
    }

    /// Waits until application `id` is in `state`, and returns it.
    pub fn found(&self, id: &str, state: &str) -> anyhow::Result<Value> {
        until(&format!("application {id} is {state}"), || {
            Ok(self
                .find(state)?
                .into_iter()
                .find(|application| application["id"] == id))
        })
    }

    /// Submits an application that no check passes; returns its id and token once it waits.
    pub fn submit_for_review(&self) -> anyhow::Result<(String, String)> {
        let id = self.submit("Spock", "InvalidAddressFormat")?;
        let application = self.found(&id, "FLAGGED_FOR_REVIEW")?;
        let token = application["taskToken"]
            .as_str()
            .context("the application has no token")?
            .to_owned();
        // The function has kept the token; the execution waits when its answer was recorded.
        until("the task is submitted", || {
            Ok(self
                .history(&id)?
                .iter()
                .any(|event| event == "TaskSubmitted")
                .then_some(()))
        })?;
        Ok((id, token))
    }

    /// Decides on an application.
    pub fn review(&self, id: &str, decision: &str) -> anyhow::Result<Answer> {
        self.aws.invoke(
            "sfn-workshop-ReviewApplication",
            &json!({ "id": id, "decision": decision }),
        )
    }

    /// Returns the ARN of the execution of application `id`.
    pub fn execution_arn(&self, id: &str) -> String {
        format!(
            "{}:ApplicationID-{id}",
            self.machine.replace(":stateMachine:", ":execution:")
        )
    }

    /// Returns `DescribeExecution` of application `id`.
    pub fn execution(&self, id: &str) -> anyhow::Result<Value> {
        self.aws.call(&[
            "stepfunctions",
            "describe-execution",
            "--execution-arn",
            &self.execution_arn(id),
        ])
    }

    /// Waits until the execution of application `id` is closed, and returns it.
    pub fn closed(&self, id: &str) -> anyhow::Result<Value> {
        until(&format!("the execution of {id} closes"), || {
            let execution = self.execution(id)?;
            Ok((execution["status"] != "RUNNING").then_some(execution))
        })
    }

    /// Returns the history of application `id`: a line an event, with the state's name where it has
    /// one.
    pub fn history(&self, id: &str) -> anyhow::Result<Vec<String>> {
        let arn = self.execution_arn(id);
        let history = self.aws.call(&[
            "stepfunctions",
            "get-execution-history",
            "--execution-arn",
            &arn,
        ])?;
        let events = history["events"]
            .as_array()
            .context("a history has events")?;
        Ok(events.iter().map(line_of).collect())
    }
}

/// Checks that the history of application `id` is `expected`, a line an event.
pub fn check_history(system: &System, id: &str, expected: &[&str]) -> anyhow::Result<()> {
    let expected: Vec<&str> = expected
        .iter()
        .flat_map(|part| part.lines())
        .map(str::trim)
        .collect();
    let expected: Vec<&str> = expected
        .into_iter()
        .filter(|line| !line.is_empty())
        .collect();
    let history = system.history(id)?;
    ensure!(
        history == expected,
        "the history is\n  {}\nand not\n  {}",
        history.join("\n  "),
        expected.join("\n  ")
    );
    Ok(())
}

fn line_of(event: &Value) -> String {
    let kind = event["type"].as_str().unwrap_or("?");
    let details = ["stateEnteredEventDetails", "stateExitedEventDetails"];
    let name = details
        .iter()
        .find_map(|details| event[*details]["name"].as_str());
    name.map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"))
}

fn only_machine(aws: &Aws) -> anyhow::Result<String> {
    let listed = aws.call(&["stepfunctions", "list-state-machines"])?;
    let machines = listed["stateMachines"]
        .as_array()
        .context("a list of state machines")?;
    ensure!(
        machines.len() == 1,
        "there are {} state machines",
        machines.len()
    );
    let name = machines[0]["name"].as_str().unwrap_or_default();
    ensure!(
        name.starts_with("ApplicationProcessingStateMachine-"),
        "the machine is named {name}"
    );
    Ok(machines[0]["stateMachineArn"]
        .as_str()
        .context("a machine has an ARN")?
        .to_owned())
}

/// The events of the two checks, when both answer.
pub const CHECKED: &str = "
    ExecutionStarted
    TaskStateEntered Check Name
    LambdaFunctionScheduled
    LambdaFunctionStarted
    LambdaFunctionSucceeded
    TaskStateExited Check Name
    TaskStateEntered Check Address
    LambdaFunctionScheduled
    LambdaFunctionStarted
    LambdaFunctionSucceeded
    TaskStateExited Check Address
    ChoiceStateEntered Review Required?
    ChoiceStateExited Review Required?";

/// The events of a review, up to the answer.
pub const REVIEWED: &str = "
    TaskStateEntered Pending Review
    TaskScheduled
    TaskStarted
    TaskSubmitted
    TaskSucceeded
    TaskStateExited Pending Review
    ChoiceStateEntered Review Approved?";
