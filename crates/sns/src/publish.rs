//! `Publish` and `PublishBatch`: once they answer, every subscriber that wants the message will be told.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use service::{Failure, Members};
use store::Batch;

use crate::fifo::{self, Admitted, Ordered, is_fifo};
use crate::notification::{Signature, delivery, is_signed, signatures};
use crate::rows::Subscription;
use crate::{Core, Topic, failure};

/// Longest message, with its attributes, in bytes (SNS quotas).
const MESSAGE_BYTES_MAX: usize = 262_144;
/// Most entries of a batch.
const ENTRIES_MAX: usize = 10;

/// A message that is published.
pub(crate) struct Message {
    pub id: String,
    pub subject: Option<String>,
    /// By protocol where there are several; `default` is always there.
    texts: Map<String, Value>,
    pub attributes: Map<String, Value>,
    pub group: Option<String>,
    /// Of a FIFO topic.
    pub ordered: Option<Ordered>,
    /// Signatures by what is signed: subscribers of different protocols may be told different texts.
    pub signatures: HashMap<String, Signature>,
    /// When it was published.
    pub at: String,
}

impl Message {
    /// Returns the text for subscribers of `protocol`.
    pub(crate) fn text_for(&self, protocol: &str) -> &str {
        let text = self.texts.get(protocol).and_then(Value::as_str);
        let default = || self.texts.get("default").and_then(Value::as_str);
        text.or_else(default).unwrap_or_default()
    }
}

pub(crate) async fn one(core: &Core, input: &Members) -> Result<Value, Failure> {
    if input.get("PhoneNumber").is_some() {
        return Err(failure::not_built("A message to a phone"));
    }
    let arn = input.text("TopicArn").or_else(|| input.text("TargetArn"));
    let Some(arn) = arn else {
        return Err(failure::invalid(
            "TopicArn or TargetArn Reason: no value for required parameter",
        ));
    };
    let topic = core.topic(arn)?;
    let message = read(core, &topic, input)?;
    let mut published = publish(core, &topic, vec![message]).await?;
    Ok(published.pop().map(Value::Object).unwrap_or_default())
}

pub(crate) async fn batch(core: &Core, input: &Members) -> Result<Value, Failure> {
    let topic = core.topic(input.text("TopicArn").unwrap_or_default())?;
    let given = input.list("PublishBatchRequestEntries");
    let problem = |code: &'static str, text: &str| Err(Failure::client(code, text));
    if given.is_empty() {
        return problem(
            "EmptyBatchRequest",
            "The batch request doesn't contain any entries.",
        );
    }
    if given.len() > ENTRIES_MAX {
        return problem(
            "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible (more than 10).",
        );
    }
    let mut ids = HashSet::new();
    let (mut messages, mut accepted, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for entry in given {
        let members = Members(entry.as_object().cloned().unwrap_or_default());
        let id = members.text("Id").unwrap_or_default().to_owned();
        if !ids.insert(id.clone()) {
            return problem(
                "BatchEntryIdsNotDistinct",
                "Two or more batch entries in the request have the same Id.",
            );
        }
        match read(core, &topic, &members) {
            Ok(message) => {
                accepted.push(id);
                messages.push(message);
            }
            Err(failure) => failed.push(json!({
                "Id": id, "Code": failure.code, "Message": failure.message, "SenderFault": true,
            })),
        }
    }
    let published = publish(core, &topic, messages).await?;
    let successful = accepted.into_iter().zip(published).map(|(id, mut answer)| {
        answer.insert("Id".to_owned(), id.into());
        Value::Object(answer)
    });
    let successful: Vec<Value> = successful.collect();
    Ok(json!({ "Successful": successful, "Failed": failed }))
}

fn read(core: &Core, topic: &Topic, input: &Members) -> Result<Message, Failure> {
    let text = input.text("Message").unwrap_or_default();
    if text.is_empty() {
        return Err(failure::invalid("Empty message"));
    }
    let subject = input.text("Subject").map(str::to_owned);
    if subject.as_ref().is_some_and(|subject| {
        subject.is_empty() || subject.chars().count() > 100 || subject.contains('\n')
    }) {
        return Err(failure::invalid("Subject"));
    }
    let attributes = input.map("MessageAttributes").cloned().unwrap_or_default();
    for (name, attribute) in &attributes {
        let kind = attribute["DataType"].as_str().unwrap_or_default();
        let member = if kind.starts_with("Binary") {
            "BinaryValue"
        } else {
            "StringValue"
        };
        let base = kind.split('.').next().unwrap_or_default();
        if !matches!(base, "String" | "Number" | "Binary") {
            return Err(Failure::client(
                "ParameterValueInvalid",
                format!(
                    "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
                ),
            ));
        }
        if attribute[member].as_str().unwrap_or_default().is_empty() {
            return Err(Failure::client(
                "ParameterValueInvalid",
                format!(
                    "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{base}'."
                ),
            ));
        }
    }
    let size = text.len() + Value::Object(attributes.clone()).to_string().len();
    if text.len() > MESSAGE_BYTES_MAX || (!attributes.is_empty() && size > 2 * MESSAGE_BYTES_MAX) {
        return Err(failure::invalid("Message too long"));
    }
    let texts = match input.text("MessageStructure") {
        Some("json") => {
            let texts: Map<String, Value> = serde_json::from_str(text).map_err(|_| {
                failure::invalid("Message Structure - JSON message body failed to parse")
            })?;
            if !texts.get("default").is_some_and(Value::is_string) {
                return Err(failure::invalid(
                    "Message Structure - No default entry in JSON message body",
                ));
            }
            texts
        }
        Some(_) => return Err(failure::invalid("MessageStructure")),
        None => [("default".to_owned(), Value::from(text))]
            .into_iter()
            .collect(),
    };
    Ok(Message {
        id: uuid::Uuid::new_v4().to_string(),
        subject,
        texts,
        attributes,
        group: input.text("MessageGroupId").map(str::to_owned),
        ordered: fifo::read(topic, input, text)?,
        signatures: HashMap::new(),
        at: core.clock.now().to_string(),
    })
}

/// Publishes messages in one commit; returns what to answer about each.
async fn publish(
    core: &Core,
    topic: &Arc<Topic>,
    mut messages: Vec<Message>,
) -> Result<Vec<Map<String, Value>>, Failure> {
    let order = is_fifo(&topic.row.name).then(|| core.order(&topic.row.name));
    let _publishing = match &order {
        Some(order) => Some(order.publishing.lock().await),
        None => None,
    };
    if order.is_some() {
        // It may have been deleted while others published.
        core.topic(&core.arn(&topic.row.name))?;
    }
    let mut batch = Batch::default();
    let mut tickets = Vec::new();
    let mut new = Vec::new();
    let mut answers = Vec::with_capacity(messages.len());
    if topic.subscriptions.iter().any(|one| is_signed(&one.row)) {
        let signing = core.signing().await?;
        for message in &mut messages {
            message.signatures = signatures(core, topic, message, signing);
        }
    }
    for message in &mut messages {
        if let (Some(order), Some(ordered)) = (&order, &mut message.ordered) {
            match fifo::admit(core, &topic.row, order, &new, &message.id, ordered) {
                Admitted::Known(known) => {
                    ordered.sequence = known.sequence;
                    let number = ordered.sequence_number();
                    answers.push(answer(&known.message_id, Some(number)));
                    continue;
                }
                Admitted::New(row) => {
                    ordered.sequence = row.sequence;
                    new.push(row);
                }
            }
        }
        let number = message.ordered.as_ref().map(Ordered::sequence_number);
        answers.push(answer(&message.id, number));
        for subscription in &topic.subscriptions {
            if subscription.row.token.is_none() && wants(subscription, message) {
                let delivery = delivery(core, &subscription.row, message);
                tickets.push(core.deliveries.add(&mut batch, delivery));
            }
        }
    }
    if let Some(order) = &order {
        fifo::write(core, &topic.row.name, order, &new, &mut batch);
    }
    if !batch.is_empty() {
        let committed = core.documents.commit(batch).await;
        committed.map_err(|error| failure::store(&error))?;
    }
    if let Some(order) = &order {
        new.into_iter().for_each(|row| order.remember(row));
    }
    core.deliveries.begin(tickets);
    Ok(answers)
}

fn answer(message_id: &str, sequence_number: Option<String>) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert("MessageId".to_owned(), message_id.into());
    if let Some(number) = sequence_number {
        answer.insert("SequenceNumber".to_owned(), number.into());
    }
    answer
}

/// Says whether a subscription's filter lets a message through.
fn wants(subscription: &Subscription, message: &Message) -> bool {
    let Some(filter) = &subscription.filter else {
        return true;
    };
    if subscription.row.says("FilterPolicyScope") == Some("MessageBody") {
        let body = serde_json::from_str::<Value>(message.text_for(&subscription.row.protocol));
        return body.is_ok_and(|body| body.is_object() && filter.matches(&body));
    }
    let attributes = message.attributes.iter().map(|(name, attribute)| {
        let text = attribute["StringValue"].as_str().unwrap_or_default();
        let value = match attribute["DataType"].as_str().unwrap_or_default() {
            "Number" => serde_json::from_str(text).unwrap_or_default(),
            "String.Array" => serde_json::from_str(text).unwrap_or_default(),
            kind if kind.starts_with("Binary") => Value::Null,
            _ => Value::from(text),
        };
        (name.clone(), value)
    });
    filter.matches(&Value::Object(attributes.collect()))
}
