//! `stepd export`: a history as `aws stepfunctions get-execution-history` prints it, for `stepd replay`.

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{definition_of, events};
use crate::client::Client;
use crate::names;
use crate::print;

/// Options of `stepd export`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The execution: its ARN, its name, or a beginning of its name that no other has; MACHINE:NAME
    execution: String,
    /// The file for the history; standard output when absent
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// A file for the definition that the execution runs
    #[arg(long, value_name = "FILE")]
    definition: Option<PathBuf>,
    /// As always: what is exported is JSON
    #[arg(long, hide = true)]
    json: bool,
}

/// Writes the history.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let arn = names::execution(&client, &arguments.execution)?;
    if let Some(file) = &arguments.definition {
        let definition = definition_of(&client, &arn)?;
        std::fs::write(file, definition)
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    let mut events = events(&client, &arn)?;
    for event in &mut events {
        write_out(&mut event["timestamp"]);
    }
    let history = json!({ "events": events });
    match &arguments.output {
        None => print::json(&history),
        Some(file) => std::fs::write(
            file,
            format!("{}\n", serde_json::to_string_pretty(&history)?),
        )
        .with_context(|| format!("{} cannot be written", file.display())),
    }
}

/// Moments are text there: `2026-11-25T21:55:03.123000+00:00`.
fn write_out(timestamp: &mut Value) {
    if let Some(moment) = print::moment(timestamp) {
        let text = moment.to_string();
        *timestamp = json!(format!("{}000+00:00", text.trim_end_matches('Z')));
    }
}
