//! How a subscriber is told: the shapes of notifications, by protocol.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use delivery::{Action, Caller, Delivery};
use serde_json::{Map, Value, json};

use crate::fifo::is_fifo;
use crate::publish::Message;
use crate::rows::SubscriptionRow;
use crate::signature::{Signing, Version};
use crate::{Core, Topic};

/// As often and as long as AWS tries its own services.
const RETRIES_MAX: u32 = 100_015;
const SECONDS_MAX: u64 = 23 * 86_400;
/// As often as AWS tries somebody on the web, where nothing else is said.
const POST_RETRIES_MAX: u32 = 3;

/// What notifications of one message and one text are signed with.
pub(crate) struct Signature {
    version: Version,
    text: String,
    certificate_url: String,
}

/// Says whether a subscriber is told in an envelope, which is signed.
pub(crate) fn is_signed(row: &SubscriptionRow) -> bool {
    row.token.is_none() && row.says("RawMessageDelivery") != Some("true")
}

/// Signs a message, once for each text that it has.
pub(crate) fn signatures(
    core: &Core,
    topic: &Topic,
    message: &Message,
    signing: &Signing,
) -> HashMap<String, Signature> {
    let version = Version::of(&topic.row);
    let arn = core.arn(&topic.row.name);
    let mut signatures = HashMap::new();
    let subscribers = topic.subscriptions.iter().map(|one| &one.row);
    for row in subscribers.filter(|row| is_signed(row)) {
        let text = message.text_for(&row.protocol);
        if signatures.contains_key(text) {
            continue;
        }
        let mut said = vec![("Message", text), ("MessageId", &message.id)];
        if let Some(subject) = &message.subject {
            said.push(("Subject", subject));
        }
        said.extend([
            ("Timestamp", message.at.as_str()),
            ("TopicArn", &arn),
            ("Type", "Notification"),
        ]);
        let signature = Signature {
            version,
            text: signing.sign(version, &said),
            certificate_url: signing.url(core),
        };
        signatures.insert(text.to_owned(), signature);
    }
    signatures
}

/// Returns what tells a subscriber of a message.
pub(crate) fn delivery(core: &Core, row: &SubscriptionRow, message: &Message) -> Delivery {
    let raw = row.says("RawMessageDelivery") == Some("true");
    let text = message.text_for(&row.protocol);
    let envelope = || envelope(core, row, message, text);
    let (action, body) = match row.protocol.as_str() {
        "lambda" => {
            let payload = json!({"Records": [record(core, row, message, text)]}).to_string();
            let action = Action::Call {
                service: "lambda".to_owned(),
                operation: "Invoke".to_owned(),
                input: json!({"FunctionName": row.endpoint, "InvocationType": "Event"}),
                payload: payload.clone(),
            };
            (action, payload)
        }
        "sqs" => {
            let body = if raw {
                text.to_owned()
            } else {
                envelope().to_string()
            };
            let queue = row.endpoint.rsplit(':').next().unwrap_or_default();
            let mut input = json!({"QueueUrl": queue, "MessageBody": body});
            if raw && !message.attributes.is_empty() {
                input["MessageAttributes"] = queue_attributes(&message.attributes).into();
            }
            if let Some(group) = &message.group {
                input["MessageGroupId"] = group.as_str().into();
            }
            if let Some(ordered) = &message.ordered
                && is_fifo(queue)
            {
                input["MessageDeduplicationId"] = ordered.deduplication_id.as_str().into();
            }
            let action = Action::Call {
                service: "sqs".to_owned(),
                operation: "SendMessage".to_owned(),
                input,
                payload: String::new(),
            };
            (action, body)
        }
        _ => {
            let body = if raw {
                text.to_owned()
            } else {
                envelope().to_string()
            };
            let mut headers = headers(core, row, "Notification", &message.id);
            headers.push((
                "x-amz-sns-subscription-arn".to_owned(),
                subscription_arn(core, row),
            ));
            if raw {
                headers.push(("x-amz-sns-rawdelivery".to_owned(), "true".to_owned()));
            }
            let action = Action::Post {
                url: row.endpoint.clone(),
                headers,
                body: body.clone(),
            };
            (action, body)
        }
    };
    let posted = matches!(action, Action::Post { .. });
    Delivery {
        action,
        caller: caller(core, row),
        retries_max: if posted {
            POST_RETRIES_MAX
        } else {
            RETRIES_MAX
        },
        seconds_max: SECONDS_MAX,
        dead_letter: row.dead_letter().map(|queue| (queue, caller(core, row))),
        dead_body: body,
        dead_attributes: Vec::new(),
        line: message.ordered.as_ref().map(|ordered| {
            let subscription = subscription_arn(core, row);
            format!("{subscription}/{}", ordered.group)
        }),
    }
}

/// Returns who tells a subscriber.
pub(crate) fn caller(core: &Core, row: &SubscriptionRow) -> Caller {
    Caller::new(None, "sns.amazonaws.com", &core.arn(&row.topic))
}

fn subscription_arn(core: &Core, row: &SubscriptionRow) -> String {
    format!("{}:{}", core.arn(&row.topic), row.id)
}

fn headers(core: &Core, row: &SubscriptionRow, kind: &str, id: &str) -> Vec<(String, String)> {
    [
        ("x-amz-sns-message-type", kind.to_owned()),
        ("x-amz-sns-message-id", id.to_owned()),
        ("x-amz-sns-topic-arn", core.arn(&row.topic)),
        ("content-type", "text/plain; charset=UTF-8".to_owned()),
        (
            "user-agent",
            "Amazon Simple Notification Service Agent".to_owned(),
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn unsubscribe_url(core: &Core, row: &SubscriptionRow) -> String {
    let arn = subscription_arn(core, row);
    format!(
        "{}/?Action=Unsubscribe&SubscriptionArn={arn}",
        core.endpoint
    )
}

/// Returns the attributes of a message as notifications show them.
fn shown_attributes(attributes: &Map<String, Value>) -> Map<String, Value> {
    let shown = attributes.iter().map(|(name, attribute)| {
        let value = attribute
            .get("StringValue")
            .or_else(|| attribute.get("BinaryValue"));
        let value = json!({"Type": attribute["DataType"], "Value": value});
        (name.clone(), value)
    });
    shown.collect()
}

fn envelope(core: &Core, row: &SubscriptionRow, message: &Message, text: &str) -> Value {
    let mut envelope = json!({
        "Type": "Notification",
        "MessageId": message.id,
        "TopicArn": core.arn(&row.topic),
    });
    if let Some(ordered) = &message.ordered {
        envelope["SequenceNumber"] = ordered.sequence_number().into();
    }
    if let Some(subject) = &message.subject {
        envelope["Subject"] = subject.as_str().into();
    }
    envelope["Message"] = text.into();
    envelope["Timestamp"] = message.at.as_str().into();
    if let Some(signature) = message.signatures.get(text) {
        envelope["SignatureVersion"] = signature.version.shown().into();
        envelope["Signature"] = signature.text.as_str().into();
        envelope["SigningCertURL"] = signature.certificate_url.as_str().into();
    }
    envelope["UnsubscribeURL"] = unsubscribe_url(core, row).into();
    if !message.attributes.is_empty() {
        envelope["MessageAttributes"] = shown_attributes(&message.attributes).into();
    }
    envelope
}

fn record(core: &Core, row: &SubscriptionRow, message: &Message, text: &str) -> Value {
    let signature = message.signatures.get(text);
    json!({
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription_arn(core, row),
        "Sns": {
            "Type": "Notification",
            "MessageId": message.id,
            "TopicArn": core.arn(&row.topic),
            "Subject": message.subject,
            "Message": text,
            "Timestamp": message.at,
            "SignatureVersion": signature.map(|signature| signature.version.shown()),
            "Signature": signature.map(|signature| &signature.text),
            "SigningCertUrl": signature.map(|signature| &signature.certificate_url),
            "UnsubscribeUrl": unsubscribe_url(core, row),
            "MessageAttributes": shown_attributes(&message.attributes),
        },
    })
}

/// Returns the attributes of a message as SQS takes them.
fn queue_attributes(attributes: &Map<String, Value>) -> Map<String, Value> {
    let known = attributes.iter().map(|(name, attribute)| {
        let mut attribute = attribute.clone();
        // SQS knows no lists: they are text of a type of its own.
        if let Some(bytes) = attribute.get("BinaryValue").and_then(Value::as_str) {
            let valid = STANDARD.decode(bytes).is_ok();
            if !valid {
                attribute["BinaryValue"] = STANDARD.encode(bytes).into();
            }
        }
        (name.clone(), attribute)
    });
    known.collect()
}

/// Returns the headers and the body that ask an endpoint whether it wants to be told.
pub(crate) fn confirmation(
    core: &Core,
    topic: &Topic,
    row: &SubscriptionRow,
    signing: &Signing,
) -> (Vec<(String, String)>, String) {
    let id = uuid::Uuid::new_v4().to_string();
    let token = row.token.as_deref().unwrap_or_default();
    let arn = core.arn(&row.topic);
    let text = format!(
        "You have chosen to subscribe to the topic {arn}.\nTo confirm the subscription, visit the SubscribeURL included in this message."
    );
    let link = format!(
        "{}/?Action=ConfirmSubscription&TopicArn={arn}&Token={token}",
        core.endpoint
    );
    let at = core.clock.now().to_string();
    let version = Version::of(&topic.row);
    let said = [
        ("Message", text.as_str()),
        ("MessageId", &id),
        ("SubscribeURL", &link),
        ("Timestamp", &at),
        ("Token", token),
        ("TopicArn", &arn),
        ("Type", "SubscriptionConfirmation"),
    ];
    let signature = signing.sign(version, &said);
    let body = json!({
        "Type": "SubscriptionConfirmation",
        "MessageId": id,
        "Token": token,
        "TopicArn": arn,
        "Message": text,
        "SubscribeURL": link,
        "Timestamp": at,
        "SignatureVersion": version.shown(),
        "Signature": signature,
        "SigningCertURL": signing.url(core),
    });
    (
        headers(core, row, "SubscriptionConfirmation", &id),
        body.to_string(),
    )
}
