//! `Events` of functions and state machines: the rules, schedules, mappings and subscriptions that
//! start them, and the permissions that these need.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;
use crate::template::Resource;

use super::bucket_events::Notification;
use super::policies::{self, Role};
use super::{Expansion, Serverless, api_events, get_attribute, members, reference, rules};

/// What an event starts.
pub(super) struct Target {
    /// Its ARN.
    pub(super) arn: Value,
    /// What a permission or a mapping calls it.
    pub(super) name: Value,
    pub(super) kind: TargetKind,
}

/// The types that have events.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetKind {
    Function,
    StateMachine,
}

/// One event: its id behind its owner's, and its properties, taken out one by one.
pub(super) struct Event<'a> {
    pub(super) owner: &'a Serverless<'a>,
    pub(super) target: &'a Target,
    pub(super) name: &'a str,
    pub(super) id: String,
    properties: Map<String, Value>,
}

impl Event<'_> {
    pub(super) fn take(&mut self, property: &str) -> Option<Value> {
        self.properties.shift_remove(property)
    }

    pub(super) fn get(&self, property: &str) -> Option<&Value> {
        self.properties.get(property)
    }

    pub(super) fn set(&mut self, property: &str, value: Value) {
        self.properties.insert(property.to_owned(), value);
    }

    /// Moves properties that keep their names.
    pub(super) fn keep(&mut self, into: &mut Map<String, Value>, names: &[&str]) {
        for name in names {
            if let Some(value) = self.take(name) {
                into.insert((*name).to_owned(), value);
            }
        }
    }

    pub(super) fn need(&mut self, property: &str) -> Result<Value, TemplateError> {
        self.take(property)
            .ok_or_else(|| self.wrong(format!("Missing required property '{property}'.")))
    }

    /// Returns SAM's complaint about an event.
    pub(super) fn wrong(&self, detail: impl std::fmt::Display) -> TemplateError {
        self.owner.sam(format!(
            "Event with id [{}] is invalid. {detail}",
            self.name
        ))
    }

    pub(super) fn companion(&self, kind: &str, properties: Value) -> Resource {
        self.owner.companion(kind, members(properties))
    }

    /// Returns the permission of a service to invoke the function.
    pub(super) fn permission(&self, principal: &str, source: (&str, Value)) -> Resource {
        let permission = json!({
            "Action": "lambda:InvokeFunction",
            "FunctionName": self.target.name,
            "Principal": principal,
            source.0: source.1,
        });
        self.companion("AWS::Lambda::Permission", permission)
    }

    fn finish(self) -> Result<(), TemplateError> {
        match self.properties.keys().next() {
            None => Ok(()),
            Some(left_over) => Err(TemplateError::unsupported(format!(
                "The property {left_over} (of event {} of {})",
                self.name, self.owner.id
            ))),
        }
    }
}

/// Expands `events`, in SAM's order.
pub(super) fn expand(
    owner: &Serverless<'_>,
    target: &Target,
    events: Map<String, Value>,
    role: &mut Role,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let mut events: Vec<(String, Value)> = events.into_iter().collect();
    if target.kind == TargetKind::Function {
        events.sort_by(|left, right| left.0.cmp(&right.0));
    }
    for (name, mut value) in events {
        let kind = value
            .get("Type")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let properties = value.get_mut("Properties").map(Value::take);
        let mut event = Event {
            owner,
            target,
            name: &name,
            id: format!("{}{name}", owner.id),
            properties: properties.map(members).unwrap_or_default(),
        };
        match (kind.as_str(), target.kind) {
            ("Schedule", _) => rules::schedule(&mut event, expanded)?,
            ("ScheduleV2", _) => rules::scheduler(&mut event, expanded)?,
            ("CloudWatchEvent" | "EventBridgeRule", _) => rules::pattern(&mut event, expanded)?,
            ("Api", TargetKind::Function) => api_events::rest(&mut event, expanded)?,
            ("Api", TargetKind::StateMachine) => api_events::machine(&mut event, expanded)?,
            ("HttpApi", TargetKind::Function) => api_events::http(&mut event, expanded)?,
            ("SQS" | "Kinesis" | "DynamoDB", TargetKind::Function) => {
                mapping(&mut event, &kind, role, expanded)?
            }
            ("SNS", TargetKind::Function) => topic(&mut event, role, expanded)?,
            ("CloudWatchLogs", TargetKind::Function) => logs(&mut event, expanded)?,
            ("S3", TargetKind::Function) => {
                let notification = Notification::read(&mut event)?;
                let account = ("SourceAccount", reference("AWS::AccountId"));
                let permission = event.permission("s3.amazonaws.com", account);
                expanded.add(notification.permission_id.clone(), permission)?;
                expanded.notifications.push(notification);
            }
            _ => {
                let what = format!("The event type {kind} (of event {name} of {})", owner.id);
                return Err(TemplateError::unsupported(what));
            }
        }
        event.finish()?;
    }
    Ok(())
}

/// Properties of a mapping that have the same name in Lambda.
const MAPPING: [&str; 16] = [
    "StartingPosition",
    "StartingPositionTimestamp",
    "BatchSize",
    "Enabled",
    "MaximumBatchingWindowInSeconds",
    "MaximumRetryAttempts",
    "BisectBatchOnFunctionError",
    "MaximumRecordAgeInSeconds",
    "ParallelizationFactor",
    "TumblingWindowInSeconds",
    "FunctionResponseTypes",
    "FilterCriteria",
    "KmsKeyArn",
    "ScalingConfig",
    "ProvisionedPollerConfig",
    "MetricsConfig",
];

/// A queue or a stream that is polled.
fn mapping(
    event: &mut Event<'_>,
    kind: &str,
    role: &mut Role,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let (source, policy) = match kind {
        "SQS" => ("Queue", "AWSLambdaSQSQueueExecutionRole"),
        "Kinesis" => ("Stream", "AWSLambdaKinesisExecutionRole"),
        _ => ("Stream", "AWSLambdaDynamoDBExecutionRole"),
    };
    let source = event.need(source)?;
    let mut properties = Map::new();
    event.keep(&mut properties, &MAPPING);
    properties.insert("EventSourceArn".to_owned(), source);
    properties.insert("FunctionName".to_owned(), event.target.name.clone());
    role.manage(policies::managed_arn(policy));
    if let Some(mut destinations) = event.take("DestinationConfig") {
        if let Some(Value::Object(failure)) = destinations.get_mut("OnFailure")
            && let Some(kind) = failure.shift_remove("Type")
        {
            let (action, end) = match kind.as_str() {
                Some("SQS") => ("sqs:SendMessage", "SQS"),
                Some("SNS") => ("sns:publish", "SNS"),
                _ => {
                    return Err(
                        event.wrong("The only valid values for 'Type' here are 'SQS' and 'SNS'")
                    );
                }
            };
            let arn = failure.get("Destination").cloned().unwrap_or_default();
            let policy = policies::allowing(&format!("{}{end}Policy", event.id), action, arn);
            let same = |other: &Value| other["PolicyDocument"] == policy["PolicyDocument"];
            if !role.inline.iter().any(same) {
                role.inline.push(policy);
            }
        }
        properties.insert("DestinationConfig".to_owned(), destinations);
    }
    let resource = event.companion("AWS::Lambda::EventSourceMapping", Value::Object(properties));
    expanded.add(event.id.clone(), resource)
}

/// A topic, told directly or through a queue.
fn topic(
    event: &mut Event<'_>,
    role: &mut Role,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let topic = event.need("Topic")?;
    let mut subscription = members(json!({"TopicArn": topic}));
    event.keep(
        &mut subscription,
        &[
            "Region",
            "FilterPolicy",
            "FilterPolicyScope",
            "RedrivePolicy",
        ],
    );
    let id = event.id.clone();
    let endpoint = match event.take("SqsSubscription") {
        None | Some(Value::Bool(false)) => {
            let permission = event.permission("sns.amazonaws.com", ("SourceArn", topic));
            expanded.add(format!("{id}Permission"), permission)?;
            ("lambda", event.target.arn.clone())
        }
        Some(settings) => {
            let setting = |name: &str| settings.get(name).cloned();
            let (arn, url) = match &settings {
                Value::Object(_) => match (setting("QueueArn"), setting("QueueUrl")) {
                    (Some(arn), Some(url)) => (arn, url),
                    _ => return Err(event.wrong("No QueueARN or QueueURL provided.")),
                },
                _ => {
                    let queue = format!("{id}Queue");
                    let resource = event.companion("AWS::SQS::Queue", json!({}));
                    expanded.add(queue.clone(), resource)?;
                    (get_attribute(&queue, "Arn"), reference(&queue))
                }
            };
            let mapping = json!({
                "BatchSize": setting("BatchSize").unwrap_or(10.into()),
                // AWS takes no for an answer that was not given.
                "Enabled": setting("Enabled").filter(|on| on != false).unwrap_or(true.into()),
                "EventSourceArn": arn,
                "FunctionName": event.target.name,
            });
            let mapping = event.companion("AWS::Lambda::EventSourceMapping", mapping);
            expanded.add(format!("{id}EventSourceMapping"), mapping)?;
            role.manage(policies::managed_arn("AWSLambdaSQSQueueExecutionRole"));
            let policy_id = match setting("QueuePolicyLogicalId") {
                Some(Value::String(id)) => id,
                _ => format!("{id}QueuePolicy"),
            };
            let policy = rules::queue_policy(&arn, url, Value::from("*"), topic);
            let policy = event.companion("AWS::SQS::QueuePolicy", policy);
            expanded.add(policy_id, policy)?;
            ("sqs", arn)
        }
    };
    subscription.insert("Protocol".to_owned(), endpoint.0.into());
    subscription.insert("Endpoint".to_owned(), endpoint.1);
    let resource = event.companion("AWS::SNS::Subscription", Value::Object(subscription));
    expanded.add(id, resource)
}

/// A log group whose lines are passed on.
fn logs(event: &mut Event<'_>, expanded: &mut Expansion) -> Result<(), TemplateError> {
    let (group, filter) = (event.need("LogGroupName")?, event.need("FilterPattern")?);
    let id = event.id.clone();
    let text = "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:${__LogGroupName__}:*";
    let source = json!({"Fn::Sub": [text, {"__LogGroupName__": group}]});
    let permission = event.permission("logs.amazonaws.com", ("SourceArn", source));
    expanded.add(format!("{id}Permission"), permission)?;
    let filter = json!({
        "LogGroupName": group,
        "FilterPattern": filter,
        "DestinationArn": event.target.arn,
    });
    let mut filter = event.companion("AWS::Logs::SubscriptionFilter", filter);
    filter.depends_on = vec![format!("{id}Permission")];
    expanded.add(id, filter)
}
