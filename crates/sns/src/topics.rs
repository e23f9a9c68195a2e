//! The operations on topics.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use service::{Failure, Members};
use store::Batch;

use crate::fifo::{self, Remembered, is_fifo};
use crate::rows::TopicRow;
use crate::{Core, Topic, failure};

/// Topics and subscriptions of one page (SNS API reference).
pub(crate) const PAGE: usize = 100;

/// Attributes that can be set.
const SETTABLE: [&str; 10] = [
    "ContentBasedDeduplication",
    "DeliveryPolicy",
    "DisplayName",
    "FifoThroughputScope",
    "FifoTopic",
    "KmsMasterKeyId",
    "Policy",
    "SignatureVersion",
    "TracingConfig",
    "ArchivePolicy",
];

pub(crate) async fn create(core: &Core, input: &Members) -> Result<Value, Failure> {
    let name = input.text("Name").unwrap_or_default();
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let mut attributes = BTreeMap::new();
    for (attribute, value) in input.map("Attributes").into_iter().flatten() {
        let value = value.as_str().unwrap_or_default().to_owned();
        check(attribute, &value)?;
        attributes.insert(attribute.clone(), value);
    }
    let wants_fifo = attributes
        .remove("FifoTopic")
        .is_some_and(|fifo| fifo == "true");
    let letters = match wants_fifo {
        true => name.strip_suffix(".fifo").unwrap_or_default(),
        false => name,
    };
    if letters.is_empty() || name.len() > 256 || !letters.bytes().all(letter) {
        return Err(failure::invalid("Topic Name"));
    }
    for attribute in attributes.keys() {
        check_kind(name, attribute)?;
    }
    let tags = tags_of(input.list("Tags"));
    let _changing = core.changing.lock().await;
    let arn = core.arn(name);
    if let Ok(topic) = core.topic(&arn) {
        for (attribute, value) in &attributes {
            if topic.row.attributes.get(attribute) != Some(value) {
                return Err(failure::invalid(
                    "Attributes Reason: Topic already exists with different attributes",
                ));
            }
        }
        if tags
            .iter()
            .any(|(key, value)| topic.row.tags.get(key) != Some(value))
        {
            return Err(failure::invalid(
                "Tags Reason: Topic already exists with different tags",
            ));
        }
        return Ok(json!({ "TopicArn": arn }));
    }
    let row = TopicRow {
        name: name.to_owned(),
        attributes,
        tags,
    };
    write(
        core,
        Topic {
            row,
            subscriptions: Vec::new(),
        },
    )
    .await?;
    Ok(json!({ "TopicArn": arn }))
}

fn tags_of(list: &[Value]) -> BTreeMap<String, String> {
    let tag = |tag: &Value| {
        Some((
            tag.get("Key")?.as_str()?.to_owned(),
            tag.get("Value")?.as_str()?.to_owned(),
        ))
    };
    list.iter().filter_map(tag).collect()
}

/// Attributes of FIFO topics alone.
const OF_FIFO: [&str; 2] = ["ContentBasedDeduplication", "FifoThroughputScope"];

fn check_kind(topic: &str, attribute: &str) -> Result<(), Failure> {
    if OF_FIFO.contains(&attribute) && !is_fifo(topic) {
        return Err(failure::invalid(format!(
            "Attributes Reason: {attribute} can only be set for FIFO topics"
        )));
    }
    Ok(())
}

fn check(attribute: &str, value: &str) -> Result<(), Failure> {
    if !SETTABLE.contains(&attribute) {
        return Err(failure::invalid("AttributeName"));
    }
    let known: &[&str] = match attribute {
        "ContentBasedDeduplication" | "FifoTopic" => &["true", "false"],
        "SignatureVersion" if !value.is_empty() => &["1", "2"],
        "FifoThroughputScope" => &["Topic", "MessageGroup"],
        "ArchivePolicy" if !value.is_empty() && value != "{}" => {
            return Err(failure::not_built("An archive of the messages of a topic"));
        }
        _ => &[],
    };
    if !known.is_empty() && !known.contains(&value) {
        return Err(failure::invalid(format!(
            "Attributes Reason: {attribute}: Invalid value [{value}]. Must be one of {}.",
            known.join(", ")
        )));
    }
    let is_json = || serde_json::from_str::<Map<String, Value>>(value).is_ok();
    if matches!(attribute, "Policy" | "DeliveryPolicy") && !value.is_empty() && !is_json() {
        return Err(failure::invalid(format!(
            "{attribute}: failed to parse JSON."
        )));
    }
    Ok(())
}

/// Writes a topic's row and puts the topic to work. The caller holds `changing`.
pub(crate) async fn write(core: &Core, topic: Topic) -> Result<(), Failure> {
    let key = format!("t/{}", topic.row.name);
    let written = core.documents.write(&key, &topic.row).await;
    written.map_err(|error| failure::store(&error))?;
    let name = topic.row.name.clone();
    core.topics.write().insert(name, Arc::new(topic));
    Ok(())
}

/// A topic that is not there is no failure.
pub(crate) async fn delete(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let topic = match core.topic(input.text("TopicArn").unwrap_or_default()) {
        Ok(topic) => topic,
        Err(failure) if failure.code == "NotFound" => return Ok(Value::Null),
        Err(failure) => return Err(failure),
    };
    let mut batch = Batch::default();
    batch
        .delete
        .push(core.documents.key(&format!("t/{}", topic.row.name)));
    for subscription in &topic.subscriptions {
        batch
            .delete
            .push(core.documents.key(&subscription.row.key()));
    }
    let name = &topic.row.name;
    // Nobody publishes while what the topic remembers goes.
    let order = is_fifo(name).then(|| core.order(name));
    let _publishing = match &order {
        Some(order) => Some(order.publishing.lock().await),
        None => None,
    };
    if order.is_some() {
        let known = core.documents.all::<Remembered>(&fifo::prefix(name)).await;
        for (key, _) in known.map_err(|error| failure::store(&error))? {
            batch.delete.push(core.documents.key(&key));
        }
    }
    let committed = core.documents.commit(batch).await;
    committed.map_err(|error| failure::store(&error))?;
    core.topics.write().remove(name);
    core.orders.lock().remove(name);
    Ok(Value::Null)
}

pub(crate) fn list(core: &Core, input: &Members) -> Result<Value, Failure> {
    let topics = core.all();
    let names = topics.iter().map(|topic| topic.row.name.as_str());
    let (page, next) = page(names, input.text("NextToken"));
    let topics: Vec<Value> = page
        .iter()
        .map(|name| json!({"TopicArn": core.arn(name)}))
        .collect();
    let mut output = json!({ "Topics": topics });
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}

/// Returns the page of names behind `after`, and the token of the next one.
pub(crate) fn page<'a>(
    names: impl Iterator<Item = &'a str>,
    after: Option<&str>,
) -> (Vec<&'a str>, Option<String>) {
    let after = after.unwrap_or_default();
    let mut names = names.filter(|name| *name > after);
    let page: Vec<&str> = names.by_ref().take(PAGE).collect();
    let next = names.next().and(page.last()).map(|last| (*last).to_owned());
    (page, next)
}

fn default_policy(core: &Core, arn: &str) -> Value {
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission",
                "SNS:RemovePermission", "SNS:DeleteTopic", "SNS:Subscribe",
                "SNS:ListSubscriptionsByTopic", "SNS:Publish",
            ],
            "Resource": arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": &*core.site.account_id}},
        }],
    })
}

pub(crate) fn attributes(core: &Core, input: &Members) -> Result<Value, Failure> {
    let topic = core.topic(input.text("TopicArn").unwrap_or_default())?;
    let arn = core.arn(&topic.row.name);
    let pending = topic
        .subscriptions
        .iter()
        .filter(|one| one.row.token.is_some())
        .count();
    let mut shown: Map<String, Value> = Map::new();
    shown.insert(
        "Policy".into(),
        default_policy(core, &arn).to_string().into(),
    );
    shown.insert("Owner".into(), (*core.site.account_id).into());
    shown.insert("SubscriptionsPending".into(), pending.to_string().into());
    let confirmed = topic.subscriptions.len() - pending;
    shown.insert(
        "SubscriptionsConfirmed".into(),
        confirmed.to_string().into(),
    );
    shown.insert("SubscriptionsDeleted".into(), "0".into());
    shown.insert("TopicArn".into(), arn.into());
    shown.insert("DisplayName".into(), "".into());
    if is_fifo(&topic.row.name) {
        shown.insert("FifoTopic".into(), "true".into());
        shown.insert("ContentBasedDeduplication".into(), "false".into());
        shown.insert("FifoThroughputScope".into(), "Topic".into());
    }
    for (name, value) in &topic.row.attributes {
        shown.insert(name.clone(), value.as_str().into());
    }
    Ok(json!({ "Attributes": shown }))
}

pub(crate) async fn set_attribute(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let topic = core.topic(input.text("TopicArn").unwrap_or_default())?;
    let name = input.text("AttributeName").unwrap_or_default();
    let value = input.text("AttributeValue").unwrap_or_default();
    if name == "FifoTopic" {
        return Err(failure::invalid("AttributeName"));
    }
    check(name, value)?;
    check_kind(&topic.row.name, name)?;
    let mut topic = (*topic).clone();
    match value {
        "" => topic.row.attributes.remove(name),
        value => topic
            .row
            .attributes
            .insert(name.to_owned(), value.to_owned()),
    };
    write(core, topic).await?;
    Ok(Value::Null)
}

fn resource(core: &Core, input: &Members) -> Result<Arc<Topic>, Failure> {
    let topic = core.topic(input.text("ResourceArn").unwrap_or_default());
    topic.map_err(|failure| match &*failure.code {
        "NotFound" => {
            Failure::client("ResourceNotFound", "Resource does not exist").with_status(404)
        }
        _ => failure,
    })
}

pub(crate) fn tags(core: &Core, input: &Members) -> Result<Value, Failure> {
    let topic = resource(core, input)?;
    let tags = topic.row.tags.iter();
    let tags: Vec<Value> = tags
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    Ok(json!({ "Tags": tags }))
}

pub(crate) async fn tag(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut topic = (*resource(core, input)?).clone();
    topic.row.tags.extend(tags_of(input.list("Tags")));
    write(core, topic).await?;
    Ok(json!({}))
}

pub(crate) async fn untag(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut topic = (*resource(core, input)?).clone();
    for key in input.texts("TagKeys") {
        topic.row.tags.remove(key);
    }
    write(core, topic).await?;
    Ok(json!({}))
}

pub(crate) async fn add_permission(core: &Core, input: &Members) -> Result<Value, Failure> {
    let label = input.text("Label").unwrap_or_default();
    let accounts = input.texts("AWSAccountId");
    let principals: Vec<String> = accounts
        .iter()
        .map(|id| format!("arn:aws:iam::{id}:root"))
        .collect();
    let actions: Vec<String> = input
        .texts("ActionName")
        .iter()
        .map(|action| format!("SNS:{action}"))
        .collect();
    change_policy(core, input, |statements, arn| {
        if statements.iter().any(|known| known["Sid"] == label) {
            return Err(failure::invalid("Statement already exists"));
        }
        statements.push(json!({
            "Sid": label, "Effect": "Allow", "Principal": {"AWS": principals},
            "Action": actions, "Resource": arn,
        }));
        Ok(())
    })
    .await
}

pub(crate) async fn remove_permission(core: &Core, input: &Members) -> Result<Value, Failure> {
    let label = input.text("Label").unwrap_or_default();
    change_policy(core, input, |statements, _| {
        statements.retain(|known| known["Sid"] != label);
        Ok(())
    })
    .await
}

async fn change_policy(
    core: &Core,
    input: &Members,
    with: impl FnOnce(&mut Vec<Value>, &str) -> Result<(), Failure>,
) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut topic = (*core.topic(input.text("TopicArn").unwrap_or_default())?).clone();
    let arn = core.arn(&topic.row.name);
    let policy = topic.row.attributes.get("Policy");
    let policy = policy.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let mut policy = policy.unwrap_or_else(|| default_policy(core, &arn));
    let mut statements = match policy["Statement"].take() {
        Value::Array(statements) => statements,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    with(&mut statements, &arn)?;
    policy["Statement"] = statements.into();
    topic
        .row
        .attributes
        .insert("Policy".to_owned(), policy.to_string());
    write(core, topic).await?;
    Ok(Value::Null)
}
