//! Executions from the command line: `list`, `start`, `show`, `history`, `stop`, `redrive`, `export`.

pub mod export;
pub mod history;
pub mod list;
pub mod show;
pub mod start;
pub mod watch;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::client::Client;
use crate::names;
use crate::print;

/// Which execution, and how to print what is said of it.
#[derive(clap::Args)]
pub struct Chosen {
    /// The execution: its ARN, its name, or a beginning of its name that no other has; MACHINE:NAME
    execution: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `stepd stop`.
#[derive(clap::Args)]
pub struct StopArguments {
    #[command(flatten)]
    chosen: Chosen,
    /// The error to end it with
    #[arg(long)]
    error: Option<String>,
    /// Why
    #[arg(long)]
    cause: Option<String>,
}

/// Ends an execution.
pub fn stop(arguments: StopArguments) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let arn = names::execution(&client, &arguments.chosen.execution)?;
    let mut input = json!({ "executionArn": arn });
    for (member, value) in [("error", arguments.error), ("cause", arguments.cause)] {
        if let Some(value) = value {
            input[member] = value.into();
        }
    }
    let answer = client.call("StopExecution", &input)?;
    if arguments.chosen.json {
        return print::json(&answer);
    }
    // Of one that has ended already, the API answers when that was.
    let described = client.call("DescribeExecution", &json!({ "executionArn": arn }))?;
    let (status, date) = (
        names::text(&described, "status"),
        print::date(&answer["stopDate"]),
    );
    let status = print::Paint::for_output().status(status);
    print::out(&format!("{status} since {date}  {arn}\n"))
}

/// Takes an execution up again that ended without success.
pub fn redrive(chosen: Chosen) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let arn = names::execution(&client, &chosen.execution)?;
    let answer = client.call("RedriveExecution", &json!({ "executionArn": arn }))?;
    if chosen.json {
        return print::json(&answer);
    }
    let date = print::date(&answer["redriveDate"]);
    print::out(&format!(
        "goes on since {date}  {arn}\n`stepd watch {}` shows it\n",
        short(&arn)
    ))
}

/// Returns the name at the end of an ARN.
pub fn short(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// Returns the machine's name in an execution's ARN.
pub fn machine_of(execution_arn: &str) -> &str {
    execution_arn.split(':').nth(6).unwrap_or_default()
}

/// Returns the text of the definition that an execution pins.
pub fn definition_of(client: &Client, arn: &str) -> anyhow::Result<String> {
    let input = json!({ "executionArn": arn });
    let machine = client.call("DescribeStateMachineForExecution", &input)?;
    Ok(names::text(&machine, "definition").to_owned())
}

/// Returns every event of an execution.
pub fn events(client: &Client, arn: &str) -> anyhow::Result<Vec<Value>> {
    let input = json!({ "executionArn": arn });
    names::every(client, "GetExecutionHistory", &input, "events", usize::MAX)
}

/// Returns the text of an argument: itself, what the file of `@FILE` holds, or standard input for `-`.
pub fn given(argument: &str) -> anyhow::Result<String> {
    match (argument, argument.strip_prefix('@')) {
        ("-", _) => {
            std::io::read_to_string(std::io::stdin()).context("standard input cannot be read")
        }
        (_, Some(file)) => {
            std::fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))
        }
        (text, None) => Ok(text.to_owned()),
    }
}
