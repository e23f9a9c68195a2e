//! `stepd show`: how one execution is: its data, its states, and what it waits for.

use serde_json::{Value, json};
use service::{Clock as _, SystemClock};

use super::{Chosen, definition_of, events, machine_of};
use crate::client::Client;
use crate::names::{self, text};
use crate::picture::{Picture, graph};
use crate::print::{self, Paint};
use crate::task;

/// Columns of what is shown.
const COLUMNS: usize = 100;
/// Columns of a text, of which the whole is in `--json`.
const TEXT_COLUMNS: usize = 200;

/// Prints how the execution is.
pub fn run(chosen: &Chosen) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let arn = names::execution(&client, &chosen.execution)?;
    let described = client.call("DescribeExecution", &json!({ "executionArn": arn }))?;
    let tasks = client.ask("tasks", &json!({ "executionArn": arn }))?;
    if chosen.json {
        let shown = json!({ "execution": described, "openTasks": tasks["tasks"] });
        return print::json(&shown);
    }
    let mut picture = Picture::new(&definition_of(&client, &arn)?);
    for event in events(&client, &arn)? {
        picture.take(&event);
    }
    let paint = Paint::for_output();
    let now = SystemClock.now();
    let mut shown = head(&described, paint);
    shown.push_str("\nStates\n");
    for line in graph(&picture, now, COLUMNS, paint) {
        shown.push_str(&line);
        shown.push('\n');
    }
    let tasks = tasks["tasks"].as_array().cloned().unwrap_or_default();
    if !tasks.is_empty() {
        shown.push_str("\nWaits for an answer\n");
        shown.push_str(&task::listed(&tasks, paint));
        shown.push_str(&task::next_step(&tasks));
    }
    print::out(&shown)
}

/// Returns what the API says of the execution, a line for each member.
pub fn head(described: &Value, paint: Paint) -> String {
    let from = print::moment(&described["startDate"]);
    let until = print::moment(&described["stopDate"]);
    let took = from.map_or(0, |from| {
        until.unwrap_or_else(|| SystemClock.now()).as_millis() - from.as_millis()
    });
    let mut rows = vec![
        ("Execution", text(described, "executionArn").to_owned()),
        (
            "Machine",
            machine_of(text(described, "executionArn")).to_owned(),
        ),
        (
            "Status",
            format!(
                "{}, {}",
                paint.status(text(described, "status")),
                print::duration(took)
            ),
        ),
        ("Started", print::date(&described["startDate"])),
        ("Stopped", print::date(&described["stopDate"])),
        ("Redriven", redriven(described)),
    ];
    for (name, member) in [
        ("Input", "input"),
        ("Output", "output"),
        ("Error", "error"),
        ("Cause", "cause"),
    ] {
        rows.push((name, print::cut(text(described, member), TEXT_COLUMNS)));
    }
    rows.retain(|(_, value)| !value.is_empty());
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, value)| vec![paint.faint(name), value])
        .collect();
    print::columns(&rows)
}

fn redriven(described: &Value) -> String {
    match described["redriveCount"].as_u64() {
        None | Some(0) => String::new(),
        Some(count) => format!("{count}×, {}", print::date(&described["redriveDate"])),
    }
}
