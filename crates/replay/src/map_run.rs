//! Map runs of scrubbed recordings: the children are played one after the other.
//!
//! A reader's items are not in the recordings. Where the children hand on what they get, the items are
//! what came out at the end.

use asl::StateMachine;
use engine_core::map_run::{
    Batch, Count, Ended, Failure, ItemContext, ItemsFrom, MapRun, MapRunStart, Phase, child_input,
};
use engine_core::{Command, MapRunId, Payload, Status};
use serde_json::{Value, json};
use vocab::Timestamp;

use crate::play;

/// Returns what leaves the Map state of `run` as recorded, where that is an array.
pub(crate) fn recorded_items(recorded: &[Value], run: MapRunId) -> Vec<Value> {
    let behind = recorded
        .iter()
        .filter(|event| event["id"].as_u64() > Some(run.0.0));
    let exits = behind.filter(|event| event["type"] == "MapStateExited");
    let outputs = exits.map(|event| &event["stateExitedEventDetails"]["output"]);
    let array = outputs.filter_map(|output| match output {
        Value::String(text) => serde_json::from_str(text).ok(),
        other => other.as_array().cloned(),
    });
    array.into_iter().next().unwrap_or_default()
}

/// Plays the children of a run and returns how it tells its end.
pub(crate) fn end(
    definition: &str,
    machine: &StateMachine,
    run: MapRunId,
    start: &MapRunStart,
    reader: Vec<Value>,
) -> Result<Command, String> {
    let child = asl::child_definition(definition, &start.state).ok_or("no inner workflow")?;
    let inner = asl::parse(&child).map_err(|findings| asl::joined(&findings))?;
    let items = items(start, reader);
    let mut counts = MapRun::new(start.settings, Some(items.len() as u64));
    let mut outputs = Vec::new();
    let mut items = items.iter().peekable();
    while let Phase::Begin(_) = counts.phase(items.peek().is_some()) {
        let mut batch = Batch::new(start.batching.as_ref(), 262_144);
        while let (false, Some(item)) = (batch.is_full(), items.peek()) {
            let selected = match child_input(machine, start, item, Timestamp::from_millis(0)) {
                Ok(selected) => selected,
                Err(failure) => {
                    return Ok(Command::MapRunFailed {
                        run,
                        redrives: 0,
                        failure,
                    });
                }
            };
            if !batch.add(&selected) {
                break;
            }
            items.next();
        }
        let items = batch.items();
        counts.begin(Count { children: 1, items });
        let played = play::play(&child, &inner, batch.finish().text(), &[])?;
        let succeeded = played.outcome["status"] == "SUCCEEDED";
        let status = if succeeded {
            Status::Succeeded
        } else {
            Status::Failed
        };
        counts.child_ended(Ended { status, items });
        if succeeded {
            outputs.push(
                played.outcome["output"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            );
        }
    }
    if let Some(failure) = counts.failure() {
        let failure: Failure = failure.clone();
        return Ok(Command::MapRunFailed {
            run,
            redrives: 0,
            failure,
        });
    }
    let output = Payload::parse(&format!("[{}]", outputs.join(","))).map_err(|e| e.to_string())?;
    Ok(Command::MapRunSucceeded {
        run,
        redrives: 0,
        output,
    })
}

fn items(start: &MapRunStart, reader: Vec<Value>) -> Vec<ItemContext> {
    let (items, pairs) = match &start.items {
        ItemsFrom::State { items, pairs, .. } => (
            items.value().as_array().cloned().unwrap_or_default(),
            *pairs,
        ),
        ItemsFrom::Reader(_) => (reader, false),
    };
    let contexts = (0u64..).zip(items).map(|(index, value)| ItemContext {
        index,
        key: pairs.then(|| value["Key"].as_str().unwrap_or_default().to_owned()),
        source: "STATE_DATA".into(),
        value: if pairs { value["Value"].clone() } else { value },
    });
    contexts.collect()
}

/// Returns a history as the service writes it today: until the end of 2024 the exit of a Distributed Map
/// followed the end of its run, now it follows the start.
pub fn renewed(recorded: &[Value]) -> Vec<Value> {
    let mut events = recorded.to_vec();
    let ends: Vec<(Value, Value)> = events
        .iter()
        .filter(|event| event["type"] == "MapRunSucceeded")
        .map(|event| (event["id"].clone(), event["previousEventId"].clone()))
        .collect();
    for event in &mut events {
        if event["type"] != "MapStateExited" {
            continue;
        }
        if let Some((_, start)) = ends
            .iter()
            .find(|(end, _)| *end == event["previousEventId"])
        {
            event["previousEventId"] = json!(start);
        }
    }
    events
}
