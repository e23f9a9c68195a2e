//! `stepd start`: begins an execution, and waits for its end if that is asked for.

use serde_json::{Value, json};

use super::{given, short, watch};
use crate::client::Client;
use crate::names::{self, text};
use crate::print;

/// Options of `stepd start`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The state machine: its ARN, its name, or the beginning of it; behind a colon a version or an alias
    machine: String,
    /// The input: JSON, @FILE, or - for standard input
    #[arg(long, short, default_value = "{}")]
    input: String,
    /// The execution's name; one is made when absent
    #[arg(long)]
    name: Option<String>,
    /// Wait for the end; anything but success is a failure
    #[arg(long)]
    wait: bool,
    /// Watch it until the end
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Starts the execution.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let machine = names::machine(&client, &arguments.machine)?;
    let mut input = json!({ "stateMachineArn": machine, "input": given(&arguments.input)? });
    if let Some(name) = &arguments.name {
        input["name"] = json!(name);
    }
    let started = client.call("StartExecution", &input)?;
    let arn = text(&started, "executionArn");
    if arguments.watch {
        return watch::watch(&client, arn);
    }
    if !arguments.wait {
        if arguments.json {
            return print::json(&started);
        }
        return print::out(&format!(
            "started {arn}\n`stepd watch {}` shows it\n",
            short(arn)
        ));
    }
    let ended = watch::until_closed(&client, arn)?;
    if arguments.json {
        print::json(&ended)?;
    } else {
        print::out(&outcome(&ended))?;
    }
    watch::success(&ended)
}

/// Returns what came of an execution: its status, then its output, or its error and cause.
pub fn outcome(described: &Value) -> String {
    let paint = print::Paint::for_output();
    let status = paint.status(text(described, "status"));
    let told = [
        text(described, "output"),
        text(described, "error"),
        text(described, "cause"),
    ];
    let told: Vec<&str> = told.into_iter().filter(|told| !told.is_empty()).collect();
    format!("{status}  {}\n", told.join(": "))
}
