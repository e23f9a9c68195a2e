//! The operations on schedules.

use std::sync::Arc;

use delivery::of_target;
use schedule_expression::{Schedule, Zone};
use serde_json::{Value, json};
use service::{Failure, Members};
use vocab::Timestamp;

use crate::clockwork::settings;
use crate::groups::check_name;
use crate::rows::{Plan, ScheduleRow, group_of};
use crate::{Core, failure};

pub(crate) async fn create(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let (group, name) = named(core, input)?;
    if core
        .plans
        .read()
        .contains_key(&(group.clone(), name.clone()))
    {
        return Err(failure::conflict(format!(
            "Schedule {name} already exists."
        )));
    }
    let now = core.clock.now();
    let row = read(input, group, name, now, now)?;
    write(core, row).await
}

pub(crate) async fn update(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let known = find(core, input)?;
    let (group, name) = (known.row.group.clone(), known.row.name.clone());
    // From now on it is as if it had been made so.
    let row = read(input, group, name, known.row.created_at, core.clock.now())?;
    write(core, row).await
}

async fn write(core: &Core, row: ScheduleRow) -> Result<Value, Failure> {
    let written = core.documents.write(&row.key(), &row).await;
    written.map_err(|error| failure::store(&error))?;
    let arn = core.schedule_arn(&row.group, &row.name);
    core.put(row);
    Ok(json!({ "ScheduleArn": arn }))
}

fn named(core: &Core, input: &Members) -> Result<(String, String), Failure> {
    let (group, name) = (group_of(input), input.text("Name").unwrap_or_default());
    check_name(name)?;
    if !core.groups.read().contains_key(group) {
        return Err(failure::no_group(group));
    }
    Ok((group.to_owned(), name.to_owned()))
}

fn find(core: &Core, input: &Members) -> Result<Arc<Plan>, Failure> {
    let (group, name) = named(core, input)?;
    let found = core.plans.read().get(&(group, name.clone())).cloned();
    found.ok_or_else(|| failure::no_schedule(&name))
}

/// Reads a moment: seconds since the epoch, or as templates write it.
fn moment(input: &Members, name: &str) -> Result<Option<Timestamp>, Failure> {
    let read = match input.get(name) {
        None => return Ok(None),
        Some(Value::Number(seconds)) => {
            let millis = seconds.as_f64().unwrap_or_default() * 1000.0;
            Some(Timestamp::from_millis(millis as i64))
        }
        Some(Value::String(text)) => Timestamp::parse_rfc3339(text),
        Some(_) => None,
    };
    read.map(Some)
        .ok_or_else(|| failure::invalid(format!("{name} is not a valid date.")))
}

fn read(
    input: &Members,
    group: String,
    name: String,
    created_at: Timestamp,
    now: Timestamp,
) -> Result<ScheduleRow, Failure> {
    let expression = input.text("ScheduleExpression").unwrap_or_default();
    if Schedule::parse(expression).is_err() {
        return Err(failure::invalid(format!(
            "Invalid Schedule Expression {expression}."
        )));
    }
    let zone = input.text("ScheduleExpressionTimezone").unwrap_or("UTC");
    if Zone::named(zone).is_none() {
        return Err(failure::invalid(format!(
            "The timezone provided is not supported: {zone}."
        )));
    }
    let state = input.text("State").unwrap_or("ENABLED");
    if state != "ENABLED" && state != "DISABLED" {
        return Err(failure::invalid(format!(
            "1 validation error detected: Value '{state}' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED]"
        )));
    }
    let window = input.get("FlexibleTimeWindow").cloned().unwrap_or_default();
    let minutes = match (window["Mode"].as_str(), &window["MaximumWindowInMinutes"]) {
        (Some("OFF"), Value::Null) => None,
        (Some("FLEXIBLE"), minutes) => match minutes.as_u64() {
            Some(minutes @ 1..=1440) => Some(minutes),
            _ => {
                return Err(failure::invalid(
                    "MaximumWindowInMinutes must be provided for Flexible schedules.",
                ));
            }
        },
        (Some("OFF"), _) => {
            return Err(failure::invalid(
                "MaximumWindowInMinutes must be null for schedules with Flexible Time Window Mode OFF.",
            ));
        }
        _ => {
            return Err(failure::invalid(
                "FlexibleTimeWindow needs a Mode of OFF or FLEXIBLE.",
            ));
        }
    };
    let after_completion = input.text("ActionAfterCompletion").unwrap_or("NONE");
    let target = input.get("Target").cloned().unwrap_or_default();
    let arn = target["Arn"].as_str().unwrap_or_default();
    if target["RoleArn"].as_str().unwrap_or_default().is_empty() || arn.is_empty() {
        return Err(failure::invalid("A target needs an Arn and a RoleArn."));
    }
    let settings = settings(&target, now, String::new());
    let lacking = if arn.ends_with(".fifo") && settings.message_group_id.is_none() {
        Some("SqsParameters")
    } else if arn.contains(":event-bus/") && settings.event.is_none() {
        Some("EventBridgeParameters")
    } else {
        None
    };
    if let Some(lacking) = lacking {
        return Err(failure::invalid(format!(
            "{lacking} must be specified for the target {arn}."
        )));
    }
    let body = target["Input"].as_str().unwrap_or("{}");
    if let Err(refused) = of_target(arn, body, &settings) {
        return Err(failure::invalid(refused.0));
    }
    let (start, end) = (moment(input, "StartDate")?, moment(input, "EndDate")?);
    if let (Some(start), Some(end)) = (start, end)
        && end <= start
    {
        return Err(failure::invalid("The EndDate must be after the StartDate."));
    }
    let owned = |name: &str| input.text(name).map(str::to_owned);
    Ok(ScheduleRow {
        group,
        name,
        expression: expression.to_owned(),
        zone: zone.to_owned(),
        enabled: state == "ENABLED",
        description: owned("Description"),
        key_arn: owned("KmsKeyArn"),
        start,
        end,
        window_minutes: minutes,
        after_completion: after_completion.to_owned(),
        target,
        created_at,
        modified_at: now,
        fired_at: now,
    })
}

pub(crate) fn get(core: &Core, input: &Members) -> Result<Value, Failure> {
    let plan = find(core, input)?;
    let row = &plan.row;
    let mut window = json!({"Mode": "OFF"});
    if let Some(minutes) = row.window_minutes {
        window = json!({"Mode": "FLEXIBLE", "MaximumWindowInMinutes": minutes});
    }
    let mut shown = json!({
        "ActionAfterCompletion": row.after_completion,
        "Arn": core.schedule_arn(&row.group, &row.name),
        "CreationDate": row.created_at.as_epoch_seconds(),
        "FlexibleTimeWindow": window,
        "GroupName": row.group,
        "LastModificationDate": row.modified_at.as_epoch_seconds(),
        "Name": row.name,
        "ScheduleExpression": row.expression,
        "ScheduleExpressionTimezone": row.zone,
        "State": if row.enabled { "ENABLED" } else { "DISABLED" },
        "Target": target_shown(&row.target),
    });
    for (name, value) in [
        ("Description", &row.description),
        ("KmsKeyArn", &row.key_arn),
    ] {
        if let Some(value) = value {
            shown[name] = value.as_str().into();
        }
    }
    for (name, value) in [("StartDate", row.start), ("EndDate", row.end)] {
        if let Some(value) = value {
            shown[name] = value.as_epoch_seconds().into();
        }
    }
    Ok(shown)
}

fn target_shown(target: &Value) -> Value {
    let mut target = target.clone();
    if target["RetryPolicy"].is_null() {
        target["RetryPolicy"] = json!({
            "MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185,
        });
    }
    target
}

pub(crate) async fn delete(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let plan = find(core, input)?;
    let removed = core.documents.remove(&plan.row.key()).await;
    removed.map_err(|error| failure::store(&error))?;
    core.forget(&(plan.row.group.clone(), plan.row.name.clone()));
    Ok(json!({}))
}

pub(crate) fn list(core: &Core, input: &Members) -> Result<Value, Failure> {
    let group = input
        .text("ScheduleGroup")
        .or_else(|| input.text("GroupName"));
    let prefix = input.text("NamePrefix").unwrap_or_default();
    let state = input.text("State");
    let most = input.integer("MaxResults")?.unwrap_or(100).clamp(1, 100);
    let after = input.text("NextToken").unwrap_or_default();
    let plans = core.plans.read();
    let mut found = plans.values().map(|plan| &plan.row).filter(|row| {
        let shown = if row.enabled { "ENABLED" } else { "DISABLED" };
        group.is_none_or(|group| group == row.group)
            && row.name.starts_with(prefix)
            && state.is_none_or(|state| state == shown)
            && row.key().as_str() > after
    });
    let page: Vec<&ScheduleRow> = found
        .by_ref()
        .take(usize::try_from(most).unwrap_or(1))
        .collect();
    let shown = page.iter().map(|row| {
        json!({
            "Arn": core.schedule_arn(&row.group, &row.name),
            "CreationDate": row.created_at.as_epoch_seconds(),
            "GroupName": row.group,
            "LastModificationDate": row.modified_at.as_epoch_seconds(),
            "Name": row.name,
            "State": if row.enabled { "ENABLED" } else { "DISABLED" },
            "Target": {"Arn": row.target["Arn"]},
        })
    });
    let mut output = json!({"Schedules": shown.collect::<Vec<_>>()});
    if found.next().is_some() {
        output["NextToken"] = page.last().map(|last| last.key()).into();
    }
    Ok(output)
}
