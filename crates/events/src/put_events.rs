//! `PutEvents` and `TestEventPattern`, and events of services.

use std::collections::BTreeMap;

use event_pattern::Pattern;
use serde_json::{Map, Value, json};
use service::{Failure, Members};
use store::{Batch, StoreError};
use vocab::Timestamp;

use crate::rows::{RuleRow, bus_name};
use crate::{Core, DEFAULT, failure, targets};

/// Most entries of a call, and most bytes of all.
const ENTRIES_MAX: usize = 10;
const ENTRIES_BYTES_MAX: usize = 1_048_576;

/// Something that happened in a service.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// `aws.states`.
    pub source: String,
    /// `Step Functions Execution Status Change`.
    pub detail_type: String,
    /// What it happened to, by ARN.
    pub resources: Vec<String>,
    /// When.
    pub time: Timestamp,
    /// A JSON object.
    pub detail: Value,
}

impl Occurrence {
    /// Returns the event, with seconds and no fractions, as AWS writes it.
    pub(crate) fn event(self, core: &Core, id: &str) -> Value {
        let time = self.time.to_string();
        let seconds = time.split('.').next().unwrap_or(&time);
        json!({
            "version": "0",
            "id": id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": &*core.site.account_id,
            "time": format!("{seconds}Z"),
            "region": &*core.site.region,
            "resources": self.resources,
            "detail": self.detail,
        })
    }
}

pub(crate) async fn call(core: &Core, input: &Members) -> Result<Value, Failure> {
    let entries = input.list("Entries");
    if entries.is_empty() || entries.len() > ENTRIES_MAX {
        let bound = if entries.is_empty() {
            "greater than or equal to 1"
        } else {
            "less than or equal to 10"
        };
        return Err(failure::invalid(format!(
            "1 validation error detected: Value '{}' at 'entries' failed to satisfy constraint: Member must have length {bound}",
            if entries.is_empty() {
                "[]"
            } else {
                "[PutEventsRequestEntry]"
            }
        )));
    }
    if Value::from(entries.to_vec()).to_string().len() > ENTRIES_BYTES_MAX {
        return Err(failure::invalid(
            "Total size of the entries in the request is over the limit.",
        ));
    }
    let mut batch = Batch::default();
    let (mut tickets, mut shown, mut failed) = (Vec::new(), Vec::new(), 0);
    for entry in entries {
        let entry = Members(entry.as_object().cloned().unwrap_or_default());
        match read(core, &entry) {
            Ok((bus, occurrence)) => {
                let id = uuid::Uuid::new_v4().to_string();
                let event = occurrence.event(core, &id);
                route(core, &bus, &event, &mut batch, &mut tickets);
                shown.push(json!({ "EventId": id }));
            }
            Err((code, message)) => {
                failed += 1;
                shown.push(json!({"ErrorCode": code, "ErrorMessage": message}));
            }
        }
    }
    if !batch.is_empty() {
        let committed = core.documents.commit(batch).await;
        committed.map_err(|error| failure::store(&error))?;
    }
    core.deliveries.begin(tickets);
    Ok(json!({"FailedEntryCount": failed, "Entries": shown}))
}

type Problem = (&'static str, String);

fn read(core: &Core, entry: &Members) -> Result<(String, Occurrence), Problem> {
    let needed = |name: &str| {
        let text = entry.text(name).filter(|text| !text.is_empty());
        text.ok_or_else(|| {
            let message =
                format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
            ("InvalidArgument", message)
        })
    };
    let source = needed("Source")?;
    let detail_type = needed("DetailType")?;
    let detail = needed("Detail")?;
    if source.starts_with("aws.") {
        let message = "Not authorized for the source.".to_owned();
        return Err(("NotAuthorizedForSourceException", message));
    }
    let detail = serde_json::from_str::<Value>(detail)
        .ok()
        .filter(Value::is_object);
    let malformed = || ("MalformedDetail", "Detail is malformed.".to_owned());
    let detail = detail.ok_or_else(malformed)?;
    let time = match entry.get("Time") {
        Some(Value::Number(seconds)) => {
            Timestamp::from_millis((seconds.as_f64().unwrap_or_default() * 1000.0) as i64)
        }
        Some(Value::String(text)) => Timestamp::parse_rfc3339(text).unwrap_or(core.clock.now()),
        _ => core.clock.now(),
    };
    let bus = bus_name(entry.text("EventBusName").unwrap_or(DEFAULT)).to_owned();
    let resources = entry.texts("Resources").into_iter().map(str::to_owned);
    let occurrence = Occurrence {
        source: source.to_owned(),
        detail_type: detail_type.to_owned(),
        resources: resources.collect(),
        time,
        detail,
    };
    Ok((bus, occurrence))
}

/// Adds what tells the targets of every rule that wants an event. A bus that is not there has none.
fn route(
    core: &Core,
    bus: &str,
    event: &Value,
    batch: &mut Batch,
    tickets: &mut Vec<delivery::Ticket>,
) {
    let Ok(bus) = core.named(bus) else { return };
    for rule in bus.wanting(event) {
        tell(core, &rule.row, event, batch, tickets);
    }
}

/// Adds what tells the targets of a rule of an event. A bus gets the event as it is, in the same commit; to a
/// third one it does not go on, as on AWS, so buses that lead to each other come to an end.
pub(crate) fn tell(
    core: &Core,
    row: &RuleRow,
    event: &Value,
    batch: &mut Batch,
    tickets: &mut Vec<delivery::Ticket>,
) {
    let mut add = |row: &RuleRow, target: &Map<String, Value>| {
        if let Some(delivery) = targets::delivery(core, row, target, event) {
            tickets.push(core.deliveries.add(batch, delivery));
        }
    };
    for target in row.targets.values() {
        let Some(bus) = targets::own_bus(core, target) else {
            add(row, target);
            continue;
        };
        let Ok(bus) = core.named(bus) else { continue };
        for rule in bus.wanting(event) {
            let told = rule.row.targets.values();
            let told = told.filter(|target| targets::own_bus(core, target).is_none());
            told.for_each(|target| add(&rule.row, target));
        }
    }
}

pub(crate) async fn publish(core: &Core, occurrence: Occurrence) -> Result<(), StoreError> {
    let id = uuid::Uuid::new_v4().to_string();
    let event = occurrence.event(core, &id);
    let (mut batch, mut tickets) = (Batch::default(), Vec::new());
    route(core, DEFAULT, &event, &mut batch, &mut tickets);
    if batch.is_empty() {
        return Ok(());
    }
    core.documents.commit(batch).await?;
    core.deliveries.begin(tickets);
    Ok(())
}

pub(crate) fn test_pattern(input: &Members) -> Result<Value, Failure> {
    let pattern = input.text("EventPattern").unwrap_or_default();
    let pattern = Pattern::parse(pattern).map_err(|error| failure::bad_pattern(&error.reason))?;
    let event = input.text("Event").unwrap_or_default();
    let event: BTreeMap<String, Value> = serde_json::from_str(event)
        .map_err(|_| failure::invalid("Parameter Event is not valid."))?;
    for name in [
        "id",
        "account",
        "source",
        "time",
        "region",
        "resources",
        "detail-type",
    ] {
        if !event.contains_key(name) {
            return Err(failure::invalid("Parameter Event is not valid."));
        }
    }
    let event = Value::Object(event.into_iter().collect());
    Ok(json!({"Result": pattern.matches(&event)}))
}
