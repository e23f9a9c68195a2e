//! `stepd list`: executions, the newest first.

use serde_json::{Value, json};
use service::{Clock as _, SystemClock};

use super::machine_of;
use crate::client::Client;
use crate::names::{self, text};
use crate::print::{self, Paint};

/// Options of `stepd list`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The state machine: its ARN, its name, or the beginning of it; all that there are when absent
    machine: Option<String>,
    /// Only executions of this status: running, succeeded, failed, timed-out or aborted
    #[arg(long, value_parser = status)]
    status: Option<String>,
    /// How many, at most
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn status(text: &str) -> Result<String, String> {
    let word = text.to_ascii_uppercase().replace('-', "_");
    let known = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];
    if known.contains(&&*word) {
        Ok(word)
    } else {
        Err("one of running, succeeded, failed, timed-out, aborted".into())
    }
}

/// Prints the executions.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let machines = match &arguments.machine {
        Some(machine) => vec![names::machine(&client, machine)?],
        None => {
            let all = names::every(
                &client,
                "ListStateMachines",
                &json!({}),
                "stateMachines",
                usize::MAX,
            )?;
            // Of Express executions no listing is kept.
            all.iter()
                .filter(|machine| machine["type"] != "EXPRESS")
                .map(|machine| text(machine, "stateMachineArn").to_owned())
                .collect()
        }
    };
    let mut executions = Vec::new();
    for machine in &machines {
        let mut input = json!({ "stateMachineArn": machine });
        if let Some(status) = &arguments.status {
            input["statusFilter"] = json!(status);
        }
        executions.extend(names::every(
            &client,
            "ListExecutions",
            &input,
            "executions",
            arguments.limit,
        )?);
    }
    let started = |one: &Value| one["startDate"].as_f64().unwrap_or_default();
    executions.sort_by(|a, b| started(b).total_cmp(&started(a)));
    executions.truncate(arguments.limit);
    if arguments.json {
        return print::json(&json!({ "executions": executions }));
    }
    if executions.is_empty() {
        return print::out(match (machines.is_empty(), &arguments.status) {
            (true, _) => "there is no state machine yet: `stepd deploy` brings some\n",
            (false, None) => "there is no execution yet: `stepd start MACHINE` begins one\n",
            (false, Some(_)) => "no execution has this status\n",
        });
    }
    let paint = Paint::for_output();
    let head = ["STARTED (UTC)", "STATUS", "TOOK", "MACHINE", "EXECUTION"];
    let mut rows = vec![head.map(|name| paint.faint(name)).to_vec()];
    rows.extend(executions.iter().map(|one| row(one, paint)));
    print::out(&print::columns(&rows))
}

fn row(one: &Value, paint: Paint) -> Vec<String> {
    let from = print::moment(&one["startDate"]).unwrap_or_else(|| SystemClock.now());
    let until = print::moment(&one["stopDate"]).unwrap_or_else(|| SystemClock.now());
    vec![
        print::date(&one["startDate"]),
        paint.status(text(one, "status")),
        print::duration(until.as_millis() - from.as_millis()),
        machine_of(text(one, "executionArn")).to_owned(),
        text(one, "name").to_owned(),
    ]
}
