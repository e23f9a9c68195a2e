//! Queues, topics, events, schedules, parameters and secrets; and whatever else there is.

use super::{Members, Need, Place};

/// Returns what a call of `service` needs.
pub(super) fn needs(
    service: &str,
    operation: &str,
    members: &Members<'_>,
    place: Place<'_>,
) -> Vec<Need> {
    let action = format!("{service}:{operation}");
    let action = match &*action {
        // A batch is its single messages.
        "sqs:SendMessageBatch" => "sqs:SendMessage".to_owned(),
        "sqs:DeleteMessageBatch" => "sqs:DeleteMessage".to_owned(),
        "sqs:ChangeMessageVisibilityBatch" => "sqs:ChangeMessageVisibility".to_owned(),
        "sns:PublishBatch" => "sns:Publish".to_owned(),
        _ => action,
    };
    let named = |kind: &str, member: &str| {
        let name = members.text(member)?;
        Some(place.arn(service, &format!("{kind}{name}")))
    };
    let resource = match service {
        "sqs" => members
            .text("QueueUrl")
            .and_then(|url| Some(place.arn("sqs", url.rsplit('/').next()?)))
            .or_else(|| named("", "QueueName")),
        "sns" => members
            .any_text(&["TopicArn", "TargetArn", "ResourceArn", "SubscriptionArn"])
            .map(|arn| arn.into_owned())
            .or_else(|| named("", "Name")),
        "events" if operation == "PutEvents" => put_events(members, place),
        "events" => {
            let bus = members
                .text("EventBusName")
                .filter(|bus| &**bus != "default");
            let bus = bus.map(|bus| format!("{}/", bus.rsplit('/').next().unwrap_or(&bus)));
            let bus = bus.unwrap_or_default();
            members
                .any_text(&["ResourceARN"])
                .map(|arn| arn.into_owned())
                .or_else(|| named(&format!("rule/{bus}"), "Rule"))
                .or_else(|| match operation {
                    name if name.contains("EventBus") => named("event-bus/", "Name"),
                    _ => named(&format!("rule/{bus}"), "Name"),
                })
        }
        "scheduler" => {
            let group = members.text("GroupName").unwrap_or("default".into());
            named(&format!("schedule/{group}/"), "Name")
        }
        "ssm" => members.text("Name").map(|name| parameter(&name, place)),
        "secretsmanager" => members
            .text("SecretId")
            .map(|id| match id.starts_with("arn:") {
                true => id.into_owned(),
                false => place.arn(service, &format!("secret:{id}")),
            })
            .or_else(|| named("secret:", "Name")),
        _ => None,
    };
    if let ("ssm", "GetParameters" | "DeleteParameters", Some(names)) =
        (service, operation, members.value("Names"))
    {
        let names = names.as_array().cloned().unwrap_or_default();
        let names = names.iter().filter_map(|name| name.as_str());
        let needs: Vec<Need> = names
            .map(|name| Need::new(action.clone(), parameter(name, place)))
            .collect();
        if !needs.is_empty() {
            return needs;
        }
    }
    if let ("ssm", "GetParametersByPath", Some(path)) = (service, operation, members.text("Path")) {
        return vec![Need::new(action, parameter(&path, place))];
    }
    let mut needs = vec![Need::new(
        action,
        resource.unwrap_or_else(|| "*".to_owned()),
    )];
    let role = members.any_text(&["RoleArn"]).or_else(|| {
        let target = members.value("Target")?;
        Some(target["RoleArn"].as_str()?.to_owned().into())
    });
    if let Some(role) = role {
        let to = match service {
            "scheduler" => Some("scheduler.amazonaws.com"),
            "events" => Some("events.amazonaws.com"),
            _ => None,
        };
        needs.extend(to.map(|to| Need::pass_role(&role, to)));
    }
    needs
}

fn parameter(name: &str, place: Place<'_>) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    place.arn(
        "ssm",
        &format!("parameter/{}", name.trim_start_matches('/')),
    )
}

/// Returns the one bus that all events of a call go to; where there are several, `*`.
fn put_events(members: &Members<'_>, place: Place<'_>) -> Option<String> {
    let entries = members.value("Entries")?;
    let buses = entries.as_array()?.iter();
    let mut buses: Vec<&str> = buses
        .map(|entry| entry["EventBusName"].as_str().unwrap_or("default"))
        .collect();
    buses.dedup();
    match buses[..] {
        [bus] => Some(match bus.starts_with("arn:") {
            true => bus.to_owned(),
            false => place.arn("events", &format!("event-bus/{bus}")),
        }),
        _ => None,
    }
}
