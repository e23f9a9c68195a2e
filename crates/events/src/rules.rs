//! The operations on rules.

use std::sync::Arc;

use event_pattern::Pattern;
use schedule_expression::Schedule;
use serde_json::{Value, json};
use service::{Failure, Members};
use store::Batch;

use crate::buses::{commit, page, tags_of, write as write_bus};
use crate::rows::{Rule, RuleRow};
use crate::{Bus, Core, DEFAULT, failure};

/// The states of a rule in which it works.
const ENABLED: [&str; 2] = ["ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"];

pub(crate) async fn put(core: &Core, input: &Members) -> Result<Value, Failure> {
    let name = input.text("Name").unwrap_or_default();
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(letter) {
        return Err(failure::invalid(format!(
            "1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+"
        )));
    }
    let pattern = input.text("EventPattern").filter(|text| !text.is_empty());
    let schedule = input
        .text("ScheduleExpression")
        .filter(|text| !text.is_empty());
    if pattern.is_none() && schedule.is_none() {
        return Err(failure::invalid(
            "Parameter(s) EventPattern or ScheduleExpression must be specified.",
        ));
    }
    if let Some(text) = pattern {
        Pattern::parse(text).map_err(|error| failure::bad_pattern(&error.reason))?;
    }
    if let Some(text) = schedule {
        match Schedule::parse(text) {
            Ok(Schedule::Rate(_) | Schedule::Cron(_)) => {}
            Ok(Schedule::At(_)) | Err(_) => {
                return Err(failure::invalid(
                    "Parameter ScheduleExpression is not valid.",
                ));
            }
        }
    }
    let state = input.text("State").unwrap_or("ENABLED");
    if state != "DISABLED" && !ENABLED.contains(&state) {
        return Err(failure::invalid(format!(
            "1 validation error detected: Value '{state}' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]"
        )));
    }
    let _changing = core.changing.lock().await;
    let bus = core.bus(input)?;
    if schedule.is_some() && bus.row.name != DEFAULT {
        return Err(failure::invalid(
            "ScheduleExpression is supported only on the default event bus.",
        ));
    }
    let known = bus.rules.get(name);
    let now = core.clock.now();
    let same = known.filter(|known| known.row.schedule.as_deref() == schedule && known.row.enabled);
    let (scheduled_at, fired_at) = match same {
        Some(known) => (known.row.scheduled_at, known.row.fired_at),
        None => (now, now),
    };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let row = RuleRow {
        bus: bus.row.name.clone(),
        name: name.to_owned(),
        pattern: owned(pattern),
        schedule: owned(schedule),
        enabled: ENABLED.contains(&state),
        state: state.to_owned(),
        description: owned(input.text("Description")),
        role: owned(input.text("RoleArn")),
        tags: known.map_or_else(
            || tags_of(input.list("Tags")),
            |known| known.row.tags.clone(),
        ),
        targets: known
            .map(|known| known.row.targets.clone())
            .unwrap_or_default(),
        scheduled_at,
        fired_at,
    };
    let arn = core.rule_arn(&row.bus, name);
    write(core, &bus, row).await?;
    Ok(json!({ "RuleArn": arn }))
}

/// Writes a rule's row and puts the rule to work. The caller holds `changing`.
pub(crate) async fn write(core: &Core, bus: &Bus, row: RuleRow) -> Result<(), Failure> {
    let mut batch = Batch::default();
    core.documents.put(&mut batch, &row.key(), &row);
    commit(core, batch).await?;
    let mut bus = bus.clone();
    bus.rules.insert(row.name.clone(), Arc::new(row.into()));
    core.put(bus);
    Ok(())
}

/// Returns a rule and its bus.
pub(crate) fn find(
    core: &Core,
    input: &Members,
    name: &str,
) -> Result<(Arc<Bus>, Arc<Rule>), Failure> {
    let bus = core.bus(input)?;
    let rule = bus.rules.get(name).cloned();
    let rule = rule.ok_or_else(|| failure::no_rule(name, &bus.row.name))?;
    Ok((bus, rule))
}

/// A rule that is not there is no failure.
pub(crate) async fn delete(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let bus = core.bus(input)?;
    let name = input.text("Name").unwrap_or_default();
    let Some(rule) = bus.rules.get(name) else {
        return Ok(Value::Null);
    };
    if !rule.row.targets.is_empty() {
        return Err(failure::invalid(
            "Rule can't be deleted since it has targets.",
        ));
    }
    let removed = core.documents.remove(&rule.row.key()).await;
    removed.map_err(|error| failure::store(&error))?;
    let mut bus = (*bus).clone();
    bus.rules.remove(name);
    core.put(bus);
    Ok(Value::Null)
}

fn shown(core: &Core, row: &RuleRow) -> Value {
    let mut shown = json!({
        "Name": row.name,
        "Arn": core.rule_arn(&row.bus, &row.name),
        "State": row.state,
        "EventBusName": row.bus,
    });
    for (name, value) in [
        ("EventPattern", &row.pattern),
        ("ScheduleExpression", &row.schedule),
        ("Description", &row.description),
        ("RoleArn", &row.role),
    ] {
        if let Some(value) = value {
            shown[name] = value.as_str().into();
        }
    }
    shown
}

pub(crate) fn describe(core: &Core, input: &Members) -> Result<Value, Failure> {
    let (_, rule) = find(core, input, input.text("Name").unwrap_or_default())?;
    let mut shown = shown(core, &rule.row);
    shown["CreatedBy"] = (*core.site.account_id).into();
    Ok(shown)
}

pub(crate) fn list(core: &Core, input: &Members) -> Result<Value, Failure> {
    let bus = core.bus(input)?;
    let prefix = input.text("NamePrefix").unwrap_or_default();
    let rules = bus
        .rules
        .iter()
        .filter(|(name, _)| name.starts_with(prefix));
    let (page, next) = page(
        input,
        rules.map(|(name, rule)| (name.clone(), shown(core, &rule.row))),
    )?;
    let mut output = json!({ "Rules": page });
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}

pub(crate) async fn enable(core: &Core, input: &Members, on: bool) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let (bus, rule) = find(core, input, input.text("Name").unwrap_or_default())?;
    let mut row = rule.row.clone();
    if on && !row.enabled {
        let now = core.clock.now();
        (row.scheduled_at, row.fired_at) = (now, now);
    }
    row.enabled = on;
    row.state = if on { "ENABLED" } else { "DISABLED" }.to_owned();
    write(core, &bus, row).await?;
    Ok(Value::Null)
}

/// What a tagged ARN names.
enum Tagged {
    Rule(Arc<Bus>, Arc<Rule>),
    Bus(Arc<Bus>),
}

fn tagged(core: &Core, input: &Members) -> Result<Tagged, Failure> {
    let arn = input.text("ResourceARN").unwrap_or_default();
    let resource = vocab::Arn::parse(arn).map_or("", |arn| arn.resource);
    let absent = || {
        Failure::client(
            "ResourceNotFoundException",
            format!("Resource {arn} does not exist."),
        )
    };
    if let Some(bus) = resource.strip_prefix("event-bus/") {
        return core.named(bus).map(Tagged::Bus);
    }
    let path = resource.strip_prefix("rule/").ok_or_else(absent)?;
    let (bus, name) = path.split_once('/').unwrap_or((DEFAULT, path));
    let bus = core.named(bus)?;
    let rule = bus.rules.get(name).cloned().ok_or_else(absent)?;
    Ok(Tagged::Rule(bus, rule))
}

pub(crate) fn tags(core: &Core, input: &Members) -> Result<Value, Failure> {
    let tags = match tagged(core, input)? {
        Tagged::Rule(_, rule) => rule.row.tags.clone(),
        Tagged::Bus(bus) => bus.row.tags.clone(),
    };
    let tags = tags
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}));
    Ok(json!({ "Tags": tags.collect::<Vec<_>>() }))
}

pub(crate) async fn tag(core: &Core, input: &Members) -> Result<Value, Failure> {
    let added = tags_of(input.list("Tags"));
    retag(core, input, |tags| tags.extend(added)).await
}

pub(crate) async fn untag(core: &Core, input: &Members) -> Result<Value, Failure> {
    let gone = input.texts("TagKeys");
    retag(core, input, |tags| {
        tags.retain(|key, _| !gone.contains(&key.as_str()))
    })
    .await
}

async fn retag(
    core: &Core,
    input: &Members,
    with: impl FnOnce(&mut std::collections::BTreeMap<String, String>),
) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    match tagged(core, input)? {
        Tagged::Rule(bus, rule) => {
            let mut row = rule.row.clone();
            with(&mut row.tags);
            write(core, &bus, row).await?;
        }
        Tagged::Bus(bus) => {
            let mut bus = (*bus).clone();
            with(&mut bus.row.tags);
            write_bus(core, bus).await?;
        }
    }
    Ok(json!({}))
}
