//! Events of time and of the event bus: rules and schedules.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;

use super::events::{Event, TargetKind};
use super::{Expansion, get_attribute, members, policies, reference};

/// Longest id of a rule's target (`TargetId` of the API model).
const TARGET_ID_CHARS_MAX: usize = 64;

/// `Schedule`: a rule with an expression.
pub(super) fn schedule(
    event: &mut Event<'_>,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let mut rule = members(json!({"ScheduleExpression": event.need("Schedule")?}));
    event.keep(&mut rule, &["Name", "Description"]);
    event.take("RuleName");
    write(event, rule, expanded)
}

/// `EventBridgeRule`: a rule with a pattern.
pub(super) fn pattern(
    event: &mut Event<'_>,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let mut rule = Map::new();
    event.keep(&mut rule, &["EventBusName"]);
    rule.extend(
        event
            .take("Pattern")
            .map(|value| ("EventPattern".to_owned(), value)),
    );
    rule.extend(
        event
            .take("RuleName")
            .map(|value| ("Name".to_owned(), value)),
    );
    write(event, rule, expanded)
}

/// Writes the rule with its one target, and what lets it reach that.
fn write(
    event: &mut Event<'_>,
    mut rule: Map<String, Value>,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let id = event.id.clone();
    match (event.take("State"), event.take("Enabled")) {
        (Some(_), Some(_)) => {
            return Err(event.wrong("State and Enabled Properties cannot both be specified."));
        }
        (Some(state), None) => {
            rule.insert("State".to_owned(), state);
        }
        (None, Some(enabled)) => {
            let enabled = enabled != Value::Bool(false);
            let state = if enabled { "ENABLED" } else { "DISABLED" };
            rule.insert("State".to_owned(), state.into());
        }
        (None, None) => {}
    }
    let suffix = match event.target.kind {
        TargetKind::Function => "LambdaTarget",
        TargetKind::StateMachine => "StepFunctionsTarget",
    };
    let named = event
        .take("Target")
        .and_then(|mut target| Some(target.get_mut("Id")?.take()));
    let target_id = named.unwrap_or_else(|| {
        let room = TARGET_ID_CHARS_MAX - suffix.len();
        format!("{}{suffix}", &id[..id.len().min(room)]).into()
    });
    let mut target = members(json!({"Arn": event.target.arn, "Id": target_id}));
    event.keep(
        &mut target,
        &["Input", "InputPath", "RetryPolicy", "InputTransformer"],
    );
    let source = get_attribute(&id, "Arn");
    if let Some(queue) = dead_letters(event, expanded, Some(&source))? {
        target.insert("DeadLetterConfig".to_owned(), json!({"Arn": queue}));
    }
    match event.target.kind {
        TargetKind::Function => {
            let permission = event.permission("events.amazonaws.com", ("SourceArn", source));
            expanded.add(format!("{id}Permission"), permission)?;
        }
        TargetKind::StateMachine => {
            let role = match event.take("RoleArn") {
                Some(role) => role,
                None => {
                    let name = format!("{id}RoleStartExecutionPolicy");
                    role(
                        event,
                        "events.amazonaws.com",
                        vec![start(event, &name)],
                        expanded,
                    )?
                }
            };
            target.insert("RoleArn".to_owned(), role);
        }
    }
    rule.insert("Targets".to_owned(), json!([target]));
    let rule = event.companion("AWS::Events::Rule", Value::Object(rule));
    expanded.add(id, rule)
}

/// `ScheduleV2`: a schedule of EventBridge Scheduler.
pub(super) fn scheduler(
    event: &mut Event<'_>,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let id = event.id.clone();
    let mut schedule = members(json!({"ScheduleExpression": event.need("ScheduleExpression")?}));
    let kept = [
        "State",
        "Name",
        "Description",
        "FlexibleTimeWindow",
        "StartDate",
        "EndDate",
        "ScheduleExpressionTimezone",
        "GroupName",
        "KmsKeyArn",
    ];
    event.keep(&mut schedule, &kept);
    if event.take("OmitName") != Some(Value::Bool(true)) {
        schedule.entry("Name").or_insert_with(|| id.as_str().into());
    }
    schedule
        .entry("FlexibleTimeWindow")
        .or_insert_with(|| json!({"Mode": "OFF"}));
    let mut target = members(json!({"Arn": event.target.arn}));
    event.keep(&mut target, &["Input", "RetryPolicy"]);
    let queue = dead_letters(event, expanded, None)?;
    let role = match event.take("RoleArn") {
        Some(role) => role,
        None => {
            let mut inline = vec![match event.target.kind {
                TargetKind::Function => policies::allowing(
                    &format!("{id}LambdaPolicy"),
                    "lambda:InvokeFunction",
                    event.target.arn.clone(),
                ),
                TargetKind::StateMachine => start(event, &format!("{id}StartExecutionPolicy")),
            }];
            inline.extend(queue.clone().map(|queue| {
                policies::allowing(&format!("{id}SQSPolicy"), "sqs:SendMessage", queue)
            }));
            role(event, "scheduler.amazonaws.com", inline, expanded)?
        }
    };
    if let Some(queue) = queue {
        target.insert("DeadLetterConfig".to_owned(), json!({"Arn": queue}));
    }
    target.insert("RoleArn".to_owned(), role);
    schedule.insert("Target".to_owned(), Value::Object(target));
    let schedule = event.companion("AWS::Scheduler::Schedule", Value::Object(schedule));
    expanded.add(id, schedule)
}

fn start(event: &Event<'_>, name: &str) -> Value {
    policies::allowing(name, "states:StartExecution", event.target.arn.clone())
}

/// Makes the role that the event acts as, and returns its ARN.
fn role(
    event: &mut Event<'_>,
    service: &str,
    inline: Vec<Value>,
    expanded: &mut Expansion,
) -> Result<Value, TemplateError> {
    let id = format!("{}Role", event.id);
    let mut role = members(json!({
        "AssumeRolePolicyDocument": policies::trust(service),
        "Policies": inline,
    }));
    let own = event.take("PermissionsBoundary");
    let inherited = match event.target.kind {
        TargetKind::StateMachine if service == "events.amazonaws.com" => event.owner.boundary(),
        TargetKind::StateMachine | TargetKind::Function => None,
    };
    role.extend(
        own.or(inherited)
            .map(|boundary| ("PermissionsBoundary".to_owned(), boundary)),
    );
    let role = event.companion("AWS::IAM::Role", Value::Object(role));
    expanded.add(id.clone(), role)?;
    Ok(get_attribute(&id, "Arn"))
}

/// Takes `DeadLetterConfig` and returns the queue's ARN. A rule writes to a queue by the queue's own
/// policy, a schedule by its role.
fn dead_letters(
    event: &mut Event<'_>,
    expanded: &mut Expansion,
    rule: Option<&Value>,
) -> Result<Option<Value>, TemplateError> {
    let Some(configuration) = event.take("DeadLetterConfig") else {
        return Ok(None);
    };
    match (configuration.get("Arn"), configuration.get("Type")) {
        (Some(_), Some(_)) => {
            Err(event.wrong("You can either define 'Arn' or 'Type' property of DeadLetterConfig."))
        }
        (Some(arn), None) => Ok(Some(arn.clone())),
        (None, Some(kind)) if kind == "SQS" => {
            let id = match configuration.get("QueueLogicalId") {
                Some(Value::String(id)) => id.clone(),
                Some(_) => return Err(event.wrong("QueueLogicalId must be a string")),
                None => format!("{}Queue", event.id),
            };
            let queue = event.companion("AWS::SQS::Queue", json!({}));
            expanded.add(id.clone(), queue)?;
            let arn = get_attribute(&id, "Arn");
            if let Some(rule) = rule {
                let service = json!({"Service": "events.amazonaws.com"});
                let policy = queue_policy(&arn, reference(&id), service, rule.clone());
                let policy = event.companion("AWS::SQS::QueuePolicy", policy);
                expanded.add(format!("{}QueuePolicy", event.id), policy)?;
            }
            Ok(Some(arn))
        }
        (None, Some(_)) => {
            Err(event
                .wrong("The only valid value for 'Type' property of DeadLetterConfig is 'SQS'."))
        }
        (None, None) => {
            Err(event.wrong("No 'Arn' or 'Type' property provided for DeadLetterConfig."))
        }
    }
}

/// Returns the properties of a policy that lets `source` send to a queue.
pub(super) fn queue_policy(arn: &Value, url: Value, principal: Value, source: Value) -> Value {
    json!({
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Action": "sqs:SendMessage",
                "Effect": "Allow",
                "Principal": principal,
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": source}},
            }],
        },
        "Queues": [url],
    })
}
