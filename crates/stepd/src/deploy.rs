//! `stepd deploy`: packs the code beside a template, uploads what the server lacks, and shows what
//! the server does with the template until it is done.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use cfn_template::{Template, artifacts};
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::client::Client;

mod archive;
mod libraries;
mod package;

pub(crate) use package::files_of as gather;

/// Options of `stepd deploy`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The template, or the folder in which it is called template.yaml, template.yml or template.json
    #[arg(default_value = ".", value_name = "DIR|TEMPLATE")]
    path: PathBuf,
    /// The stack's name
    #[arg(long)]
    stack_name: String,
    /// Values for parameters; others keep what they had, or take their defaults
    #[arg(long, num_args = 1.., value_name = "KEY=VALUE", value_parser = parameter)]
    parameter_overrides: Vec<(String, String)>,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    // `Key="a value"` reaches us with its quotes when it comes out of a file.
    let bare = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    Ok((name.to_owned(), bare.unwrap_or(value).to_owned()))
}

/// Deploys, and fails when the stack is not what the template asks for in the end.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    // All of it waits: for files, for npm, for the server.
    tokio::task::spawn_blocking(move || deploy(&arguments))
        .await
        .context("the deployment stopped unexpectedly")?
}

fn deploy(arguments: &Arguments) -> anyhow::Result<()> {
    let file = find_template(&arguments.path)?;
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let template =
        Template::parse(&text).with_context(|| format!("{} is no template", file.display()))?;
    let client = Client::from_environment()?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let assets = upload(&client, folder, &template)?;
    let parameters: BTreeMap<&String, &String> = arguments
        .parameter_overrides
        .iter()
        .map(|(name, value)| (name, value))
        .collect();
    let request = json!({"template": text, "parameters": parameters, "assets": assets});
    let end = send(&client, &arguments.stack_name, &request)?;
    conclude(&arguments.stack_name, &end)
}

/// Packs what the template names and uploads what the server lacks; returns the hash of each path.
fn upload(
    client: &Client,
    folder: &Path,
    template: &Template,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut hashes = BTreeMap::new();
    let mut packed = BTreeMap::new();
    for artifact in artifacts::list(template) {
        let bytes = package::build(folder, &artifact).with_context(|| {
            format!(
                "{} (of {}) cannot be packed",
                artifact.path, artifact.logical_id
            )
        })?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        hashes.insert(artifact.path.clone(), sha256.clone());
        packed.insert(sha256, (artifact.path, bytes));
    }
    if packed.is_empty() {
        return Ok(hashes);
    }
    let wanted: Vec<&String> = packed.keys().collect();
    let wanted = json!({"sha256": wanted}).to_string().into_bytes();
    let answer = client
        .send(Method::POST, "/_stepd/assets", wanted)?
        .read_to_string()?;
    let answer: Value =
        serde_json::from_str(&answer).context("the server's answer is not understood")?;
    for missing in answer["missing"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let Some((path, bytes)) = packed.remove(missing) else {
            continue;
        };
        println!("Uploading {path} ({} bytes)", bytes.len());
        client.send(Method::PUT, &format!("/_stepd/assets/{missing}"), bytes)?;
    }
    Ok(hashes)
}

/// How a deployment ended.
struct End {
    /// The last line of the answer.
    line: Value,
    /// The first thing that failed, and why.
    failed: Option<String>,
}

/// Sends the deployment, prints every event as it comes, and returns how it ended.
fn send(client: &Client, stack: &str, request: &Value) -> anyhow::Result<End> {
    let path = format!("/_stepd/stacks/{stack}/deploy");
    let answer = client.send(Method::POST, &path, request.to_string().into_bytes())?;
    let mut failed = None;
    for line in BufReader::new(answer.into_reader()).lines() {
        let line = line.context(
            "the server stopped answering; what it was doing is rolled back when it starts again",
        )?;
        let line: Value =
            serde_json::from_str(&line).context("the server's answer is not understood")?;
        match line.get("event") {
            Some(event) => {
                println!("{}", event_line(event));
                if failed.is_none()
                    && event["ResourceStatus"]
                        .as_str()
                        .is_some_and(|status| status.ends_with("_FAILED"))
                {
                    let member = |name: &str| event[name].as_str().unwrap_or_default();
                    failed = Some(format!(
                        "{}: {}",
                        member("LogicalResourceId"),
                        member("ResourceStatusReason")
                    ));
                }
            }
            None => return Ok(End { line, failed }),
        }
    }
    bail!(
        "the server hung up before the deployment ended; it goes on, or is rolled back at the next start"
    )
}

/// Returns the template that `path` means.
pub(crate) fn find_template(path: &Path) -> anyhow::Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let names = ["template.yaml", "template.yml", "template.json"];
    let found = names
        .iter()
        .map(|name| path.join(name))
        .find(|file| file.is_file());
    found.with_context(|| format!("there is no {} in {}", names.join(", "), path.display()))
}

/// Returns an event as one line: state, type, name, reason.
fn event_line(event: &Value) -> String {
    let member = |name: &str| event[name].as_str().unwrap_or_default();
    let (status, kind, id) = (
        member("ResourceStatus"),
        member("ResourceType"),
        member("LogicalResourceId"),
    );
    match member("ResourceStatusReason") {
        "" => format!("{status:<36}{kind:<36}{id}"),
        reason => format!("{status:<36}{kind:<36}{id}  {reason}"),
    }
}

/// Prints how the deployment ended; an end that was not wanted is an error.
fn conclude(name: &str, end: &End) -> anyhow::Result<()> {
    let last = &end.line;
    let message = last["message"].as_str().unwrap_or_default().trim_end();
    let status = last["stack"]["StackStatus"].as_str().unwrap_or_default();
    match last["result"].as_str() {
        Some("deployed") => {
            print_outputs(&last["stack"]["Outputs"]);
            println!("\nDeployed stack {name} ({status})");
            Ok(())
        }
        Some("unchanged") => {
            println!("No changes to deploy. Stack {name} is up to date");
            Ok(())
        }
        Some("failed") => {
            let reason = end.failed.as_deref().unwrap_or(message);
            bail!("stack {name} was not deployed and is in {status} state: {reason}")
        }
        Some("refused") => bail!("stack {name} was not touched: {message}"),
        Some(_) | None => bail!("the server answered what this stepd does not understand: {last}"),
    }
}

fn print_outputs(outputs: &Value) {
    let outputs: Vec<&Value> = outputs.as_array().into_iter().flatten().collect();
    if outputs.is_empty() {
        return;
    }
    let member = |output: &Value, name: &str| output[name].as_str().unwrap_or_default().to_owned();
    let width = outputs
        .iter()
        .map(|output| member(output, "OutputKey").len())
        .max()
        .unwrap_or_default();
    println!("\nOutputs");
    for output in outputs {
        println!(
            "  {:<width$}  {}",
            member(output, "OutputKey"),
            member(output, "OutputValue")
        );
    }
}
