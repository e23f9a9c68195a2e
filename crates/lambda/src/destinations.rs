//! Tells others what became of an event that nobody waits for: queues, topics, buses, functions,
//! buckets. The calls are made as the function's role.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use service::{Call, Failure, Gate, Principal, RequestId, Site};
use vocab::{Arn, Timestamp};

/// What became of an event.
pub struct Told<'a> {
    /// Whoever is told.
    pub to: &'a str,
    /// The role that tells.
    pub role: &'a str,
    /// The function's name.
    pub function: &'a str,
    /// The record, as Lambda documents it.
    pub record: &'a Value,
    /// Whether it went well.
    pub succeeded: bool,
    /// What a dead-letter target gets: the event and three attributes.
    pub dead_letter: Option<DeadLetter<'a>>,
}

/// An event that was given up.
pub struct DeadLetter<'a> {
    /// The event itself.
    pub payload: &'a str,
    /// The invocation's id.
    pub request_id: &'a str,
    /// The beginning of the error.
    pub message: &'a str,
}

/// Makes the call.
pub async fn tell(
    gate: &Arc<dyn Gate>,
    site: &Site,
    now: Timestamp,
    told: &Told<'_>,
) -> Result<(), Failure> {
    let unknown = || Failure::client("InvalidDestination", format!("{} cannot be told", told.to));
    let arn = Arn::parse(told.to).ok_or_else(unknown)?;
    let text = match &told.dead_letter {
        Some(letter) => letter.payload.to_owned(),
        None => told.record.to_string(),
    };
    let (service, operation, input, payload) = match arn.service {
        "lambda" => {
            let input = json!({"FunctionName": told.to, "InvocationType": "Event"});
            ("lambda", "Invoke", input, Bytes::from(text))
        }
        "sqs" => {
            let url = format!(
                "https://sqs.{}.amazonaws.com/{}/{}",
                site.region, arn.account, arn.resource
            );
            let mut input = json!({"QueueUrl": url, "MessageBody": text});
            if let Some(letter) = &told.dead_letter {
                input["MessageAttributes"] = attributes(letter);
            }
            if arn.resource.ends_with(".fifo") {
                input["MessageGroupId"] = told.function.into();
            }
            ("sqs", "SendMessage", input, Bytes::new())
        }
        "sns" => {
            let mut input = json!({"TopicArn": told.to, "Message": text});
            if let Some(letter) = &told.dead_letter {
                input["MessageAttributes"] = attributes(letter);
            }
            ("sns", "Publish", input, Bytes::new())
        }
        "events" => {
            let end = if told.succeeded { "Success" } else { "Failure" };
            let function = told.record.pointer("/requestContext/functionArn");
            let entry = json!({
                "Source": "lambda",
                "DetailType": format!("Lambda Function Invocation Result - {end}"),
                "Detail": text,
                "EventBusName": told.to,
                "Resources": [told.to, function],
            });
            (
                "events",
                "PutEvents",
                json!({"Entries": [entry]}),
                Bytes::new(),
            )
        }
        "s3" => {
            let id = told.record.pointer("/requestContext/requestId");
            let id = id.and_then(Value::as_str).unwrap_or_default();
            let time = now.to_string();
            let (date, clock) = (&time[..10], time[11..19].replace(':', "."));
            let folder = date.replace('-', "/");
            let key = format!(
                "aws/lambda/async/{}/{folder}/{date}T{clock}-{id}",
                told.function
            );
            let input = json!({"Bucket": arn.resource, "Key": key});
            ("s3", "PutObject", input, Bytes::from(text))
        }
        _ => return Err(unknown()),
    };
    let call = Call {
        service,
        operation: operation.into(),
        input: input.to_string().into(),
        payload,
        principal: Principal::Role {
            role_arn: told.role.into(),
            session_name: told.function.into(),
        },
        request_id: RequestId::random(),
    };
    let reply = gate.call(call).await?;
    let answer: Map<String, Value> = serde_json::from_slice(&reply.output).unwrap_or_default();
    match answer.get("FailedEntryCount").and_then(Value::as_u64) {
        None | Some(0) => Ok(()),
        Some(_) => Err(Failure::client("FailedEntry", "the bus refused the event")),
    }
}

fn attributes(letter: &DeadLetter<'_>) -> Value {
    let text = |text: &str| json!({"DataType": "String", "StringValue": text});
    json!({
        "RequestID": text(letter.request_id),
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": text(letter.message),
    })
}

/// Returns a result as a record shows it: JSON as it is, and what is none as text.
pub fn shown_payload(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or_else(|_| match std::str::from_utf8(payload) {
        Ok(text) => text.into(),
        Err(_) => STANDARD.encode(payload).into(),
    })
}
