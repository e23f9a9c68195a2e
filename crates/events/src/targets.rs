//! The operations on targets, and what tells one of an event.

use delivery::{Caller, Delivery, Settings, of_target};
use serde_json::{Map, Value, json};
use service::{Failure, Members};

use crate::buses::page;
use crate::rows::RuleRow;
use crate::rules::{find, write};
use crate::{Core, failure, transform};

/// Most targets of a rule (EventBridge quotas).
const TARGETS_MAX: usize = 5;
/// Who calls targets that name no role.
const SERVICE: &str = "events.amazonaws.com";
/// As often and as long as EventBridge tries where nothing is said.
const RETRIES_MAX: u64 = 185;
const SECONDS_MAX: u64 = 86_400;

pub(crate) async fn put(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let (bus, rule) = find(core, input, input.text("Rule").unwrap_or_default())?;
    let mut row = rule.row.clone();
    let mut failed = Vec::new();
    for target in input.list("Targets") {
        let target = target.as_object().cloned().unwrap_or_default();
        let text = |name: &str| target.get(name).and_then(Value::as_str).unwrap_or_default();
        let (id, arn) = (text("Id").to_owned(), text("Arn").to_owned());
        if id.is_empty() || arn.is_empty() {
            return Err(failure::invalid(
                "1 validation error detected: a target needs an Id and an Arn",
            ));
        }
        let inputs = ["Input", "InputPath", "InputTransformer"];
        let given = inputs.iter().filter(|name| target.contains_key(**name));
        if given.count() > 1 {
            return Err(failure::invalid(format!(
                "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
            )));
        }
        if let Some(input) = target.get("Input").and_then(Value::as_str)
            && serde_json::from_str::<Value>(input).is_err()
        {
            return Err(failure::invalid(format!(
                "JSON syntax error in input for target {id}"
            )));
        }
        if arn.ends_with(".fifo")
            && target
                .get("SqsParameters")
                .and_then(|sqs| sqs.get("MessageGroupId"))
                .is_none()
        {
            return Err(failure::invalid(format!(
                "Parameter(s) SqsParameters must be specified for target: {id}."
            )));
        }
        let told = match own_bus(core, &target) {
            // It is given the event, there is no call for it.
            Some(_) => Ok(()),
            None => of_target(&arn, "{}", &Settings::default()).map(drop),
        };
        if let Err(refused) = told {
            failed.push(json!({
                "TargetId": id, "ErrorCode": "ValidationException", "ErrorMessage": refused.0,
            }));
            continue;
        }
        row.targets.insert(id, target);
    }
    if row.targets.len() > TARGETS_MAX {
        return Err(Failure::client(
            "LimitExceededException",
            "The requested resource exceeds the maximum number allowed.",
        ));
    }
    write(core, &bus, row).await?;
    Ok(json!({"FailedEntryCount": failed.len(), "FailedEntries": failed}))
}

pub(crate) async fn remove(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let (bus, rule) = find(core, input, input.text("Rule").unwrap_or_default())?;
    let mut row = rule.row.clone();
    for id in input.texts("Ids") {
        row.targets.remove(id);
    }
    write(core, &bus, row).await?;
    Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
}

pub(crate) fn list(core: &Core, input: &Members) -> Result<Value, Failure> {
    let (_, rule) = find(core, input, input.text("Rule").unwrap_or_default())?;
    let targets = rule.row.targets.iter();
    let (page, next) = page(input, targets.map(|(id, target)| (id.clone(), target)))?;
    let mut output = json!({ "Targets": page });
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}

pub(crate) fn rules(core: &Core, input: &Members) -> Result<Value, Failure> {
    let bus = core.bus(input)?;
    let arn = input.text("TargetArn").unwrap_or_default();
    let tells = |row: &RuleRow| {
        row.targets
            .values()
            .any(|target| target.get("Arn") == Some(&arn.into()))
    };
    let names = bus.rules.values().filter(|rule| tells(&rule.row));
    let (page, next) = page(
        input,
        names.map(|rule| (rule.row.name.clone(), rule.row.name.clone())),
    )?;
    let mut output = json!({ "RuleNames": page });
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}

/// Returns the name of the bus of this account that a target is.
pub(crate) fn own_bus<'a>(core: &Core, target: &'a Map<String, Value>) -> Option<&'a str> {
    let arn = target.get("Arn")?.as_str()?;
    arn.strip_prefix(&core.bus_arn(""))
}

/// Returns what tells a target of an event that is no bus of this account.
pub(crate) fn delivery(
    core: &Core,
    row: &RuleRow,
    target: &Map<String, Value>,
    event: &Value,
) -> Option<Delivery> {
    let text = |name: &str| target.get(name).and_then(Value::as_str);
    let arn = text("Arn")?;
    let rule_arn = core.rule_arn(&row.bus, &row.name);
    let body = match (
        text("Input"),
        text("InputPath"),
        target.get("InputTransformer"),
    ) {
        (Some(constant), _, _) => constant.to_owned(),
        (None, Some(path), _) => transform::at(event, path).to_string(),
        (None, None, Some(transformer)) => {
            transform::transformed(transformer, event, &rule_arn, &row.name)
        }
        (None, None, None) => event.to_string(),
    };
    let member = |outer: &str, inner: &str| target.get(outer)?.get(inner);
    let group = member("SqsParameters", "MessageGroupId").and_then(Value::as_str);
    let settings = Settings {
        message_group_id: group.map(str::to_owned),
        event: None,
        now: core.clock.now().as_millis(),
        unique: uuid::Uuid::new_v4().to_string(),
    };
    let action = of_target(arn, &body, &settings).ok()?;
    let retries = member("RetryPolicy", "MaximumRetryAttempts").and_then(Value::as_u64);
    let seconds = member("RetryPolicy", "MaximumEventAgeInSeconds").and_then(Value::as_u64);
    let dead_letter = member("DeadLetterConfig", "Arn").and_then(Value::as_str);
    Some(Delivery {
        action,
        caller: Caller::new(text("RoleArn"), SERVICE, &rule_arn),
        retries_max: u32::try_from(retries.unwrap_or(RETRIES_MAX)).unwrap_or(u32::MAX),
        seconds_max: seconds.unwrap_or(SECONDS_MAX),
        dead_letter: dead_letter
            .map(|queue| (queue.to_owned(), Caller::new(None, SERVICE, &rule_arn))),
        dead_body: event.to_string(),
        line: None,
        dead_attributes: vec![
            ("RULE_ARN".to_owned(), rule_arn),
            ("TARGET_ARN".to_owned(), arn.to_owned()),
        ],
    })
}
