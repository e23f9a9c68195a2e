//! Compares what was made with what was recorded, undoing the scrubbing of recordings that were scrubbed.

use std::collections::BTreeMap;

use serde_json::Value;
use vocab::Timestamp;

/// A history does not say when within a turn something happened: moments in data may differ by this much.
const TURN_MILLIS_MAX: i64 = 2_000;

/// What the placeholders of one case (`<uuid:1>`, `<task_token:2>`) turned out to stand for.
#[derive(Clone, Default)]
pub struct Bindings {
    names: BTreeMap<String, String>,
    /// What is compared was not scrubbed: only what no history can say is bound.
    original: bool,
}

impl Bindings {
    /// Returns the bindings for recordings as the service made them.
    pub fn of_originals() -> Self {
        Self {
            names: BTreeMap::new(),
            original: true,
        }
    }

    /// Says whether `name` stands for `value`, as it did before.
    fn bind(&mut self, name: &str, value: &str) -> bool {
        let bound = self.names.entry(name.to_owned());
        bound.or_insert_with(|| value.to_owned()) == value
    }
}

/// Compares two histories.
///
/// # Errors
/// With the first difference, in words.
pub fn histories(expected: &[Value], ours: &[Value]) -> Result<(), String> {
    let mut bindings = Bindings::default();
    let mut rest = ours.iter().peekable();
    let mut recorded = expected.iter().peekable();
    while let Some(event) = recorded.next() {
        if event["id"].is_array() {
            let mut group = vec![event];
            while let Some(event) = recorded.next_if(|event| event["id"].is_array()) {
                group.push(event);
            }
            let candidates: Vec<&Value> = rest.by_ref().take(group.len()).collect();
            branches(&group, candidates, &mut bindings)?;
            // The recordings leave out the event that ends the branches.
            let next = recorded.peek().map_or(&Value::Null, |event| &event["type"]);
            rest.next_if(|event| is_end_of_branches(event) && event["type"] != *next);
            continue;
        }
        let Some(ours) = rest.next() else {
            return Err(format!(
                "missing from #{} {} on",
                event["id"], event["type"]
            ));
        };
        same(event, ours, &mut bindings)
            .map_err(|why| format!("#{} {}: {why}", event["id"], event["type"]))?;
    }
    match rest.next() {
        Some(event) => Err(format!("one too many: {event}")),
        None => Ok(()),
    }
}

fn is_end_of_branches(event: &Value) -> bool {
    matches!(
        event["type"].as_str(),
        Some("ParallelStateSucceeded" | "ParallelStateFailed")
    )
}

/// Compares the events of branches, whose order is one of several: each has its equal.
fn branches(
    group: &[&Value],
    mut candidates: Vec<&Value>,
    bindings: &mut Bindings,
) -> Result<(), String> {
    for event in group {
        let details = without_numbers(event);
        let found = candidates.iter().position(|ours| {
            let mut trial = bindings.clone();
            let equal = same(&details, &without_numbers(ours), &mut trial).is_ok();
            if equal {
                *bindings = trial;
            }
            equal
        });
        let at = found.ok_or_else(|| format!("no event of the branches is like {event}"))?;
        candidates.remove(at);
    }
    Ok(())
}

fn without_numbers(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(members) = event.as_object_mut() {
        members.retain(|name, _| name != "id" && name != "previousEventId");
    }
    event
}

/// Compares two values.
///
/// # Errors
/// With where they differ, in words.
pub fn same(expected: &Value, ours: &Value, bindings: &mut Bindings) -> Result<(), String> {
    match (expected, ours) {
        (Value::Object(recorded), Value::Object(made)) => {
            let is_extra = |name: &&String| !recorded.contains_key(*name) && !is_newer(name);
            if let Some(extra) = made.keys().find(is_extra) {
                return Err(format!("{extra} is not recorded: {}", made[extra]));
            }
            for (name, expected) in recorded {
                let ours = made.get(name).ok_or_else(|| format!("{name} is missing"))?;
                if bindings.original || !stands_for_itself(name, expected) {
                    same(expected, ours, bindings).map_err(|why| format!("{name}: {why}"))?;
                }
            }
            Ok(())
        }
        (Value::Array(recorded), Value::Array(made)) => {
            if recorded.len() != made.len() {
                return Err(format!("{} items, recorded {}", made.len(), recorded.len()));
            }
            let mut pairs = recorded.iter().zip(made);
            pairs.try_for_each(|(expected, ours)| same(expected, ours, bindings))
        }
        // The recorder parsed text that holds JSON.
        (Value::Object(_) | Value::Array(_), Value::String(text)) => {
            let parsed = serde_json::from_str::<Value>(text).map_err(|_| differ(expected, ours))?;
            same(expected, &parsed, bindings)
        }
        (Value::String(recorded), Value::String(made)) => {
            if same_text(recorded, made, bindings) {
                return Ok(());
            }
            // JSON inside of text: the recorder kept the spaces that the called function had written.
            let inside = |text| json_in(text, bindings.original);
            match (inside(recorded), inside(made)) {
                (Some(recorded), Some(made)) => same(&recorded, &made, bindings),
                _ => Err(differ(expected, ours)),
            }
        }
        (Value::Number(recorded), Value::Number(made)) if recorded == made => Ok(()),
        (Value::String(word), Value::Number(_))
            if !bindings.original
                && matches!(word.as_str(), "timestamp" | "RandomNumberGenerated") =>
        {
            Ok(())
        }
        _ if expected == ours => Ok(()),
        _ => Err(differ(expected, ours)),
    }
}

/// Says whether the service added the member after the older recordings were made.
fn is_newer(name: &str) -> bool {
    matches!(name, "RedriveCount")
}

/// Returns the JSON object in a text; of an original, an array too: in the corpus its form is the witness.
fn json_in(text: &str, original: bool) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    (value.is_object() || (original && value.is_array())).then_some(value)
}

fn differ(expected: &Value, ours: &Value) -> String {
    format!("\n      recorded {expected}\n      made     {ours}")
}

/// The recorder put a member's own name, or its path, in the place of what varies.
fn stands_for_itself(name: &str, expected: &Value) -> bool {
    let text = expected.as_str().unwrap_or_default();
    text == name
        || text
            .strip_suffix(name)
            .is_some_and(|path| path.ends_with('.'))
}

fn same_text(recorded: &str, made: &str, bindings: &mut Bindings) -> bool {
    if bindings.original {
        return recorded == made || same_original(recorded, made, bindings);
    }
    let made = scrubbed(made);
    match recorded {
        _ if recorded == made => true,
        // A token of ours: whatever stands in its place stands there each time.
        _ if made.starts_with("<task_token:") => bindings.bind(&made, recorded),
        "date" | "timestamp" | "generated-uuid" | "start-date" | "stop-date" | "map_run_arn" => {
            true
        }
        _ => matches(recorded, &made, bindings),
    }
}

/// Says whether texts of an original may stand for each other: what is drawn or counted anew each time.
fn same_original(recorded: &str, made: &str, bindings: &mut Bindings) -> bool {
    if made.starts_with("<task_token:") || (is_uuid(recorded) && is_uuid(made)) {
        return bindings.bind(made, recorded);
    }
    let moments = Timestamp::parse_rfc3339(recorded).zip(Timestamp::parse_rfc3339(made));
    if let Some((recorded, made)) = moments {
        return (recorded.as_millis() - made.as_millis()).abs() <= TURN_MILLIS_MAX;
    }
    // The run's own name is drawn.
    match (recorded.rsplit_once(':'), made.rsplit_once(':')) {
        (Some((head, recorded)), Some((our_head, made))) if head.contains(":mapRun:") => {
            head == our_head && is_uuid(recorded) && is_uuid(made) && bindings.bind(made, recorded)
        }
        _ => false,
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn scrubbed(text: &str) -> String {
    text.replace("arn:aws:", "arn:<partition>:")
        .replace("us-east-1", "<region>")
        .replace("000000000000", "111111111111")
}

/// Matches text with placeholders; one with a number stands for the same text wherever it is.
fn matches(recorded: &str, made: &str, bindings: &mut Bindings) -> bool {
    let Some((before, placeholder, after)) = first_placeholder(recorded) else {
        return recorded == made;
    };
    let Some(made) = made.strip_prefix(before) else {
        return false;
    };
    // What follows up to the next placeholder must end the text that this one stands for.
    let literal = first_placeholder(after).map_or(after, |(literal, ..)| literal);
    let end = if literal.is_empty() {
        Some(made.len())
    } else {
        made.rfind(literal)
    };
    let Some((value, rest)) = end.map(|end| made.split_at(end)) else {
        return false;
    };
    if placeholder.contains(':') && !bindings.bind(placeholder, value) {
        return false;
    }
    matches(after, rest, bindings)
}

/// Returns the text before the first placeholder, the placeholder, and the text after it.
fn first_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find('<')?;
    let end = start + text[start..].find('>')? + 1;
    Some((&text[..start], &text[start..end], &text[end..]))
}
