//! `stepd history`: the events of an execution, a line each.

use serde_json::{Value, json};
use vocab::Timestamp;

use super::{Chosen, definition_of, events};
use crate::client::Client;
use crate::names;
use crate::picture::Picture;
use crate::print::{self, Paint};

/// Columns of an event's details, of which the whole is in `--json`.
const DETAILS_COLUMNS: usize = 100;

/// Prints the history.
pub fn run(chosen: &Chosen) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let arn = names::execution(&client, &chosen.execution)?;
    let events = events(&client, &arn)?;
    if chosen.json {
        return print::json(&json!({ "events": events }));
    }
    let mut picture = Picture::new(&definition_of(&client, &arn)?);
    let paint = Paint::for_output();
    let began = events
        .first()
        .and_then(|event| print::moment(&event["timestamp"]));
    let mut rows = Vec::with_capacity(events.len());
    for event in &events {
        picture.take(event);
        rows.push(line(event, &picture, began, paint));
    }
    print::out(&print::columns(&rows))
}

/// Returns an event's line: its number, the time since the beginning, its type, its state, its details.
pub fn line(
    event: &Value,
    picture: &Picture,
    began: Option<Timestamp>,
    paint: Paint,
) -> Vec<String> {
    let kind = names::text(event, "type");
    let at = print::moment(&event["timestamp"]);
    let since = began
        .zip(at)
        .map_or(0, |(began, at)| at.as_millis() - began.as_millis());
    let painted = if kind.ends_with("Failed") || kind.ends_with("TimedOut") {
        paint.bad(kind)
    } else if kind.ends_with("Aborted") {
        paint.odd(kind)
    } else if kind.ends_with("Succeeded") {
        paint.good(kind)
    } else {
        kind.to_owned()
    };
    vec![
        format!("{:>4}", event["id"]),
        paint.faint(&format!("+{}", print::duration(since))),
        painted,
        picture.state_of(event).unwrap_or_default().to_owned(),
        paint.faint(&print::cut(&details(event), DETAILS_COLUMNS)),
    ]
}

/// Returns what an event says that its type and its state do not.
fn details(event: &Value) -> String {
    let details = crate::picture::details(event);
    let told = [
        "error",
        "cause",
        "input",
        "parameters",
        "output",
        "workerName",
    ];
    let told = told
        .into_iter()
        .filter_map(|member| details[member].as_str())
        .filter(|text| !text.is_empty());
    let told: Vec<&str> = told.collect();
    told.join(": ")
}
