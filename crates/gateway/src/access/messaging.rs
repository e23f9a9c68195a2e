//! Queues, topics, events, schedules, parameters and secrets; and whatever else there is.
//!
//! Each operation has its own member that names its resource, and others are not looked at: a caller may put
//! them into the input, and the operation would not read them.

use super::{Members, Need, Place};

/// What stands where an action has no resource.
const NONE: &str = "*";

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
        "sqs:SendMessageBatch" => "sqs:SendMessage",
        "sqs:DeleteMessageBatch" => "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibilityBatch" => "sqs:ChangeMessageVisibility",
        "sns:PublishBatch" => "sns:Publish",
        same => same,
    };
    let resources = match service {
        "sqs" => queue(operation, members, place).into_iter().collect(),
        "sns" => topics(operation, members, place),
        "events" if operation == "PutEvents" => buses(members, place),
        "events" => event(operation, members, place).into_iter().collect(),
        "scheduler" => schedule(operation, members, place).into_iter().collect(),
        "ssm" => parameters(operation, members, place),
        _ => Vec::new(),
    };
    let mut needs = Need::on_each(action, resources);
    let to = match service {
        "scheduler" => "scheduler.amazonaws.com",
        _ => "events.amazonaws.com",
    };
    let roles = roles(service, operation, members);
    needs.extend(roles.iter().map(|role| Need::pass_role(role, to)));
    needs
}

/// Returns the roles that a call gives to EventBridge or its scheduler, each once.
pub(super) fn roles(service: &str, operation: &str, members: &Members<'_>) -> Vec<String> {
    let of_target = |target: &serde_json::Value| Some(target["RoleArn"].as_str()?.to_owned());
    let mut roles: Vec<String> = match (service, operation) {
        ("scheduler", "CreateSchedule" | "UpdateSchedule") => {
            let target = members.value("Target");
            target.iter().filter_map(of_target).collect()
        }
        ("events", "PutRule") => {
            let role = members.text("RoleArn");
            role.into_iter().map(|role| role.into_owned()).collect()
        }
        ("events", "PutTargets") => {
            let targets = members.value("Targets");
            let targets = targets.as_ref().and_then(|targets| targets.as_array());
            targets
                .into_iter()
                .flatten()
                .filter_map(of_target)
                .collect()
        }
        _ => Vec::new(),
    };
    roles.sort_unstable();
    roles.dedup();
    roles
}

fn queue(operation: &str, members: &Members<'_>, place: Place<'_>) -> Option<String> {
    match operation {
        "ListQueues" | "CancelMessageMoveTask" => Some(NONE.to_owned()),
        "CreateQueue" | "GetQueueUrl" => Some(place.arn("sqs", &members.text("QueueName")?)),
        "StartMessageMoveTask" | "ListMessageMoveTasks" => {
            Some(members.text("SourceArn")?.into_owned())
        }
        _ => {
            let url = members.text("QueueUrl")?;
            Some(place.arn("sqs", url.rsplit('/').next()?))
        }
    }
}

fn topics(operation: &str, members: &Members<'_>, place: Place<'_>) -> Vec<String> {
    let given = |names: &[&str]| {
        let arns = names.iter().filter_map(|name| members.text(name));
        arns.map(|arn| arn.into_owned()).collect()
    };
    match operation {
        "ListTopics" | "ListSubscriptions" => vec![NONE.to_owned()],
        "CreateTopic" => {
            let name = members.text("Name");
            name.iter().map(|name| place.arn("sns", name)).collect()
        }
        "Publish" => given(&["TopicArn", "TargetArn"]),
        "Unsubscribe" | "GetSubscriptionAttributes" | "SetSubscriptionAttributes" => {
            given(&["SubscriptionArn"])
        }
        "TagResource"
        | "UntagResource"
        | "ListTagsForResource"
        | "GetDataProtectionPolicy"
        | "PutDataProtectionPolicy" => given(&["ResourceArn"]),
        _ => given(&["TopicArn"]),
    }
}

/// Returns the buses to which the events of a call go.
fn buses(members: &Members<'_>, place: Place<'_>) -> Vec<String> {
    let entries = members.value("Entries");
    let entries = entries.as_ref().and_then(|entries| entries.as_array());
    let buses = entries.into_iter().flatten();
    let mut buses: Vec<String> = buses
        .map(|entry| bus(entry["EventBusName"].as_str().unwrap_or_default(), place))
        .collect();
    buses.sort_unstable();
    buses.dedup();
    buses
}

/// Returns the ARN of a bus that is given by its name or its ARN; of the default one where nothing is said.
fn bus(written: &str, place: Place<'_>) -> String {
    match written {
        "" => place.arn("events", "event-bus/default"),
        arn if arn.starts_with("arn:") => arn.to_owned(),
        name => place.arn("events", &format!("event-bus/{name}")),
    }
}

/// Returns the ARN of the rule that a member names, on its bus.
pub(super) fn rule(members: &Members<'_>, member: &str, place: Place<'_>) -> Option<String> {
    let name = members.text(member)?;
    let bus = members.text("EventBusName").unwrap_or("default".into());
    let bus = bus.split_once(":event-bus/").map_or(&*bus, |(_, bus)| bus);
    Some(match bus {
        "default" => place.arn("events", &format!("rule/{name}")),
        bus => place.arn("events", &format!("rule/{bus}/{name}")),
    })
}

fn event(operation: &str, members: &Members<'_>, place: Place<'_>) -> Option<String> {
    let text = |member: &str| members.text(member).unwrap_or_default();
    match operation {
        "TestEventPattern"
        | "ListRuleNamesByTarget"
        | "ListRules"
        | "ListEventBuses"
        | "ListConnections" => Some(NONE.to_owned()),
        "TagResource" | "UntagResource" | "ListTagsForResource" => {
            Some(members.text("ResourceARN")?.into_owned())
        }
        "RetrieveConnectionCredentials" => Some(members.text("ConnectionArn")?.into_owned()),
        "PutRule" | "DeleteRule" | "DescribeRule" | "EnableRule" | "DisableRule" => {
            rule(members, "Name", place)
        }
        "PutTargets" | "RemoveTargets" | "ListTargetsByRule" => rule(members, "Rule", place),
        "PutPermission" | "RemovePermission" => Some(bus(&text("EventBusName"), place)),
        name if name.contains("EventBus") => Some(bus(&text("Name"), place)),
        name if name.contains("Connection") => {
            let name = members.text("Name")?;
            Some(place.arn("events", &format!("connection/{name}")))
        }
        _ => None,
    }
}

/// Returns the group of a schedule; each operation names it in its own way.
pub(super) fn group(members: &Members<'_>) -> String {
    let named = members.any_text(&["GroupName", "groupName", "ScheduleGroup"]);
    named.unwrap_or("default".into()).into_owned()
}

fn schedule(operation: &str, members: &Members<'_>, place: Place<'_>) -> Option<String> {
    match operation {
        "ListSchedules" | "ListScheduleGroups" => Some(NONE.to_owned()),
        "TagResource" | "UntagResource" | "ListTagsForResource" => {
            Some(members.text("ResourceArn")?.into_owned())
        }
        "CreateScheduleGroup" | "GetScheduleGroup" | "DeleteScheduleGroup" => {
            let name = members.text("Name")?;
            Some(place.arn("scheduler", &format!("schedule-group/{name}")))
        }
        _ => {
            let (group, name) = (group(members), members.text("Name")?);
            Some(place.arn("scheduler", &format!("schedule/{group}/{name}")))
        }
    }
}

fn parameters(operation: &str, members: &Members<'_>, place: Place<'_>) -> Vec<String> {
    let one = |member: &str| {
        let name = members.text(member);
        name.iter().map(|name| parameter(name, place)).collect()
    };
    match operation {
        "DescribeParameters" => vec![NONE.to_owned()],
        "GetParameters" | "DeleteParameters" => {
            let names = members.value("Names");
            let names = names.as_ref().and_then(|names| names.as_array());
            let names = names.into_iter().flatten();
            let names = names.filter_map(|name| name.as_str());
            names.map(|name| parameter(name, place)).collect()
        }
        "GetParametersByPath" => one("Path"),
        "AddTagsToResource" | "RemoveTagsFromResource" | "ListTagsForResource" => one("ResourceId"),
        "GetParameter"
        | "PutParameter"
        | "DeleteParameter"
        | "GetParameterHistory"
        | "LabelParameterVersion"
        | "UnlabelParameterVersion" => one("Name"),
        _ => Vec::new(),
    }
}

/// Returns the ARN of a parameter as the service reads its name: which version is wanted is no part of it.
fn parameter(written: &str, place: Place<'_>) -> String {
    let own = place.arn("ssm", "parameter");
    let path = written.strip_prefix(&own).unwrap_or(written);
    if path.starts_with("arn:") {
        return path.to_owned();
    }
    let name = path.split(':').next().unwrap_or(path);
    place.arn(
        "ssm",
        &format!("parameter/{}", name.trim_start_matches('/')),
    )
}

/// Returns the secrets that a call names, by name or ARN.
pub(super) fn secret_ids(operation: &str, members: &Members<'_>) -> Vec<String> {
    match operation {
        "CreateSecret" | "ListSecrets" | "GetRandomPassword" => Vec::new(),
        "BatchGetSecretValue" => {
            let ids = members.value("SecretIdList");
            let ids = ids.as_ref().and_then(|ids| ids.as_array());
            let ids = ids.into_iter().flatten().filter_map(|id| id.as_str());
            ids.map(str::to_owned).collect()
        }
        _ => {
            let id = members.text("SecretId");
            id.into_iter().map(|id| id.into_owned()).collect()
        }
    }
}

/// Returns what a call of Secrets Manager needs. `asked` are the ARNs of the secrets that it names, where they are
/// there.
pub(super) fn secrets(
    operation: &str,
    members: &Members<'_>,
    place: Place<'_>,
    asked: Vec<Option<String>>,
) -> Vec<Need> {
    let action = format!("secretsmanager:{operation}");
    let ids = secret_ids(operation, members).into_iter();
    let mut asked = asked.into_iter();
    let arns = ids.map(|id| match asked.next().flatten() {
        Some(arn) => arn,
        None if id.starts_with("arn:") => id,
        None => place.arn("secretsmanager", &format!("secret:{id}")),
    });
    let arns: Vec<String> = arns.collect();
    match operation {
        "ListSecrets" | "GetRandomPassword" => vec![Need::new(action, NONE)],
        // The letters at its end are drawn later; policies have `*` or six `?` for them.
        "CreateSecret" => {
            let name = members.text("Name");
            let arn = |name| place.arn("secretsmanager", &format!("secret:{name}-??????"));
            Need::on_each(&action, name.map(arn))
        }
        // Each secret is read; where filters choose them, any may be.
        "BatchGetSecretValue" => {
            let mut needs = Need::on_each("secretsmanager:GetSecretValue", arns);
            needs.push(Need::new(action, NONE));
            needs
        }
        _ => Need::on_each(&action, arns),
    }
}
