//! `stepd validate`: what is wrong with a definition, shown in its text.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use asl::{MachineType, Reading};
use clap::ValueEnum;

pub mod definition;
mod report;

use definition::Definition;

/// Options of `stepd validate`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Definitions in JSON or YAML; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The type of the machines: Express ones may wait for nothing
    #[arg(long = "type", value_enum, ignore_case = true, default_value_t = Type::Standard)]
    machine_type: Type,
    /// Allow what `stepd serve --newer-jsonata` allows
    #[arg(long)]
    newer_jsonata: bool,
    /// Print one JSON object for each file
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "UPPER")]
enum Type {
    Standard,
    Express,
}

/// Checks every file; the exit code is 1 when there is an error in one of them.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let reading = Reading {
        machine_type: match arguments.machine_type {
            Type::Standard => MachineType::Standard,
            Type::Express => MachineType::Express,
        },
        newer_jsonata: arguments.newer_jsonata,
        unknown_action: aws_model::sdk::is_unknown_action,
        ..Reading::default()
    };
    let mut out = std::io::stdout().lock();
    let in_colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut has_errors = false;
    for file in &arguments.files {
        let definition = Definition::new(file, read(file)?);
        let findings = definition.check(reading);
        has_errors |= findings.iter().any(|finding| finding.is_error());
        let text = match arguments.json {
            true => report::json(&definition, &findings),
            false => report::for_people(&definition, findings, in_colour)?,
        };
        // Whoever reads has gone: `stepd validate … | head`.
        if out.write_all(text.as_bytes()).is_err() {
            break;
        }
    }
    Ok(match has_errors {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// Returns the definition in a file, in JSON or YAML, as JSON.
pub fn as_json(file: &str) -> anyhow::Result<String> {
    Definition::new(file, read(file)?).into_json()
}

fn read(file: &str) -> anyhow::Result<String> {
    if file == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("standard input cannot be read as text")?;
        return Ok(text);
    }
    std::fs::read_to_string(Path::new(file))
        .with_context(|| format!("{file} cannot be read as text"))
}
