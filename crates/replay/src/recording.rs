//! What can be read off a recorded history without playing it.

use serde_json::{Value, json};
use vocab::Timestamp;

/// Refuses what is no history from its beginning on.
pub(crate) fn check(events: &[Value]) -> Result<(), String> {
    let Some(first) = events.first() else {
        return Err("the history has no events".into());
    };
    if first["type"] != "ExecutionStarted" {
        return Err(format!(
            "the history begins with {} and not with ExecutionStarted: export it whole, and not in reverse order",
            first["type"]
                .as_str()
                .unwrap_or("something that is no event")
        ));
    }
    if first["executionStartedEventDetails"].get("input").is_none() {
        return Err("the history has no data: export it with --include-execution-data".into());
    }
    Ok(())
}

/// Says whether placeholders stand for what varies: moments are then the word `timestamp`.
pub(crate) fn is_scrubbed(events: &[Value]) -> bool {
    events
        .first()
        .is_some_and(|event| event["timestamp"] == "timestamp")
}

/// Returns the moment of an event: seconds since the epoch, or text.
pub(crate) fn moment(event: &Value) -> Option<Timestamp> {
    match &event["timestamp"] {
        Value::String(text) => Timestamp::parse_rfc3339(text),
        other => other
            .as_f64()
            .map(|seconds| Timestamp::from_millis((seconds * 1_000.0).round() as i64)),
    }
}

/// Returns the details of an event, whatever its type calls them.
pub(crate) fn details(event: &Value) -> &Value {
    let members = event.as_object().into_iter().flatten();
    let mut details = members.filter(|(name, _)| name.ends_with("EventDetails"));
    details.next().map_or(&Value::Null, |(_, details)| details)
}

/// Returns the name of the state that an event belongs to: of the last one that was entered in its chain.
pub(crate) fn state_of<'e>(events: &'e [Value], event: &'e Value) -> Option<&'e str> {
    let mut event = event;
    // No chain is longer than the history.
    for _ in 0..events.len() {
        let kind = event["type"].as_str().unwrap_or_default();
        if kind.ends_with("StateEntered") || kind.ends_with("StateExited") {
            return details(event)["name"].as_str();
        }
        let previous = event["previousEventId"].as_u64().filter(|id| *id > 0)?;
        event = by_id(events, previous)?;
    }
    None
}

/// Returns the event with a number: nearly always in its place.
pub(crate) fn by_id(events: &[Value], id: u64) -> Option<&Value> {
    let is_it = |event: &&Value| event["id"] == json!(id);
    let in_place = events.get((id as usize).checked_sub(1)?).filter(is_it);
    in_place.or_else(|| events.iter().find(is_it))
}
