//! From the ARN of a target to the call that tells it.

use aws_model::sdk;
use serde_json::{Map, Value, json};
use vocab::Arn;

use crate::Action;

/// What a rule or a schedule says of a target beside its ARN.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Of a FIFO queue.
    pub message_group_id: Option<String>,
    /// Of a bus: the source and the kind of the event.
    pub event: Option<(String, String)>,
    /// When it is, in milliseconds since the epoch.
    pub now: i64,
    /// Draws what must differ from call to call.
    pub unique: String,
}

/// Why a target cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

/// The services that can be called.
const KNOWN: [&str; 12] = [
    "cloudformation",
    "dynamodb",
    "events",
    "iam",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "states",
];

pub(crate) fn known(service: &str) -> Option<&'static str> {
    KNOWN.into_iter().find(|known| *known == service)
}

/// Returns the call that tells the target `arn` of `body`.
///
/// # Errors
/// With why, where there is none.
pub fn of_target(arn: &str, body: &str, settings: &Settings) -> Result<Action, Refused> {
    let refused = || Refused(format!("Target {arn} is not supported here yet"));
    let parsed =
        Arn::parse(arn).ok_or_else(|| Refused(format!("Parameter {arn} is not valid.")))?;
    let resource = parsed.resource;
    let action = |service: &str, operation: &str, input: Value| Action::Call {
        service: service.to_owned(),
        operation: operation.to_owned(),
        input,
        payload: String::new(),
    };
    match parsed.service {
        "lambda" => Ok(Action::Call {
            service: "lambda".to_owned(),
            operation: "Invoke".to_owned(),
            input: json!({"FunctionName": arn, "InvocationType": "Event"}),
            payload: body.to_owned(),
        }),
        "sqs" => {
            let mut input = json!({"QueueUrl": resource, "MessageBody": body});
            if let Some(group) = &settings.message_group_id {
                input["MessageGroupId"] = group.as_str().into();
                if resource.ends_with(".fifo") {
                    input["MessageDeduplicationId"] = settings.unique.as_str().into();
                }
            }
            Ok(action("sqs", "SendMessage", input))
        }
        "sns" => Ok(action(
            "sns",
            "Publish",
            json!({"TopicArn": arn, "Message": body}),
        )),
        "states" if resource.starts_with("stateMachine:") => {
            let input = json!({"stateMachineArn": arn, "input": body, "name": settings.unique});
            Ok(action("states", "StartExecution", input))
        }
        "logs" if resource.starts_with("log-group:") => {
            let group = resource
                .trim_start_matches("log-group:")
                .trim_end_matches(":*");
            let input = json!({
                "logGroupName": group,
                "logStreamName": settings.unique,
                "logEvents": [{"timestamp": settings.now, "message": body}],
            });
            Ok(action("logs", "PutLogEvents", input))
        }
        "events" if resource.starts_with("event-bus/") => {
            let (source, kind) = settings.event.clone().ok_or_else(refused)?;
            let entry =
                json!({"Source": source, "DetailType": kind, "Detail": body, "EventBusName": arn});
            Ok(action("events", "PutEvents", json!({"Entries": [entry]})))
        }
        // `arn:aws:scheduler:::aws-sdk:sqs:sendMessage`: any operation, with its own input.
        "scheduler" => {
            let mut parts = resource.split(':').skip(1);
            let (Some(service), Some(name)) = (parts.next(), parts.next()) else {
                return Err(refused());
            };
            let (sdk, operation) = sdk::find(service, name).ok_or_else(refused)?;
            let service = known(sdk.service).ok_or_else(refused)?;
            let input: Map<String, Value> = serde_json::from_str(body)
                .map_err(|_| Refused("Provided Input is not a valid JSON object.".to_owned()))?;
            let (input, payload) = sdk.sent(operation, input);
            Ok(Action::Call {
                service: service.to_owned(),
                operation: operation.to_owned(),
                input: input.into(),
                payload,
            })
        }
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_by_their_own_calls() {
        let settings = Settings {
            unique: "u".to_owned(),
            ..Settings::default()
        };
        for (arn, body, expected) in [
            (
                "arn:aws:sqs:r:0:q",
                "b",
                r#"sqs:SendMessage {"QueueUrl":"q","MessageBody":"b"}"#,
            ),
            (
                "arn:aws:lambda:r:0:function:f",
                "{}",
                r#"lambda:Invoke {"FunctionName":"arn:aws:lambda:r:0:function:f","InvocationType":"Event"} {}"#,
            ),
            (
                "arn:aws:sns:r:0:t",
                "b",
                r#"sns:Publish {"TopicArn":"arn:aws:sns:r:0:t","Message":"b"}"#,
            ),
            (
                "arn:aws:states:r:0:stateMachine:m",
                "{}",
                r#"states:StartExecution {"stateMachineArn":"arn:aws:states:r:0:stateMachine:m","input":"{}","name":"u"}"#,
            ),
            (
                "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
                r#"{"QueueUrl":"q"}"#,
                r#"sqs:SendMessage {"QueueUrl":"q"}"#,
            ),
            (
                "arn:aws:scheduler:::aws-sdk:sfn:startExecution",
                r#"{"StateMachineArn":"m"}"#,
                r#"states:StartExecution {"stateMachineArn":"m"}"#,
            ),
            (
                "arn:aws:scheduler:::aws-sdk:cloudwatchlogs:putLogEvents",
                r#"{"LogEvents":[{"Timestamp":1,"Message":"m"}]}"#,
                r#"logs:PutLogEvents {"logEvents":[{"timestamp":1,"message":"m"}]}"#,
            ),
            (
                "arn:aws:scheduler:::aws-sdk:lambda:invoke",
                r#"{"FunctionName":"f","Payload":"{}"}"#,
                r#"lambda:Invoke {"FunctionName":"f"} {}"#,
            ),
            (
                "arn:aws:ecs:r:0:cluster/c",
                "",
                "Target arn:aws:ecs:r:0:cluster/c is not supported here yet",
            ),
            ("x", "", "Parameter x is not valid."),
        ] {
            let told = match of_target(arn, body, &settings) {
                Ok(Action::Call {
                    service,
                    operation,
                    input,
                    payload,
                }) => format!("{service}:{operation} {input} {payload}")
                    .trim_end()
                    .to_owned(),
                Ok(other) => format!("{other:?}"),
                Err(Refused(reason)) => reason,
            };
            assert_eq!(told, expected, "{arn}");
        }
    }
}
