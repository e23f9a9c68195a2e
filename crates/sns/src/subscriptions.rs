//! The operations on subscriptions.

use std::sync::Arc;

use delivery::{Action, Delivery};
use event_pattern::Pattern;
use serde_json::{Map, Value, json};
use service::{Failure, Members};
use store::Batch;

use crate::fifo::is_fifo;
use crate::notification::{caller, confirmation};
use crate::rows::{Subscription, SubscriptionRow};
use crate::signature::Signing;
use crate::topics::page;
use crate::{Core, Topic, failure};

/// Attributes that can be set, and whether an empty value takes one away.
const SETTABLE: [&str; 5] = [
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
];

fn arn(core: &Core, row: &SubscriptionRow) -> String {
    format!("{}:{}", core.arn(&row.topic), row.id)
}

/// Returns the ARN of a subscription; one that is not confirmed has none yet.
fn shown_arn(core: &Core, row: &SubscriptionRow) -> String {
    match row.token {
        Some(_) => "PendingConfirmation".to_owned(),
        None => arn(core, row),
    }
}

fn check(name: &str, value: &str, protocol: &str) -> Result<(), Failure> {
    if !SETTABLE.contains(&name) {
        return Err(failure::invalid("AttributeName"));
    }
    match name {
        "RawMessageDelivery" => {
            if value != "true" && value != "false" {
                return Err(failure::invalid(format!(
                    "Attributes Reason: RawMessageDelivery: Invalid value [{value}]. Must be true or false."
                )));
            }
            if value == "true" && !matches!(protocol, "sqs" | "http" | "https" | "firehose") {
                return Err(failure::invalid(format!(
                    "Attributes Reason: Delivery protocol [{protocol}] does not support raw message delivery."
                )));
            }
        }
        "FilterPolicyScope" if value != "MessageAttributes" && value != "MessageBody" => {
            return Err(failure::invalid(format!(
                "FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"
            )));
        }
        "FilterPolicy" if !value.is_empty() && value != "{}" => {
            if let Err(error) = Pattern::parse(value) {
                return Err(failure::invalid(format!("FilterPolicy: {}", error.reason)));
            }
        }
        "RedrivePolicy" if !value.is_empty() => {
            let policy: Value = serde_json::from_str(value).unwrap_or_default();
            if policy["deadLetterTargetArn"].as_str().is_none() {
                return Err(failure::invalid(
                    "RedrivePolicy: deadLetterTargetArn is missing",
                ));
            }
        }
        _ => {}
    }
    Ok(())
}

pub(crate) async fn subscribe(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let topic = core.topic(input.text("TopicArn").unwrap_or_default())?;
    let protocol = input.text("Protocol").unwrap_or_default();
    let endpoint = input.text("Endpoint").unwrap_or_default();
    let fifo = is_fifo(&topic.row.name);
    if fifo && matches!(protocol, "lambda" | "http" | "https" | "firehose") {
        return Err(failure::invalid(format!(
            "Invalid protocol type: {protocol}"
        )));
    }
    let confirmed = match protocol {
        "sqs" | "lambda" => {
            let parsed = vocab::Arn::parse(endpoint);
            if parsed.is_none_or(|arn| arn.service != protocol) {
                let kind = if protocol == "sqs" { "SQS" } else { "Lambda" };
                return Err(failure::invalid(format!("{kind} endpoint ARN")));
            }
            if endpoint.ends_with(".fifo") && !fifo {
                // Nothing that a topic sends has a group. AWS says the first words twice.
                return Err(failure::invalid(
                    "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
                ));
            }
            true
        }
        "http" | "https" => {
            if !endpoint.starts_with(&format!("{protocol}://")) {
                return Err(failure::invalid(
                    "Endpoint must match the specified protocol",
                ));
            }
            false
        }
        "email" | "email-json" | "sms" | "application" | "firehose" => {
            return Err(failure::not_built(&format!(
                "A subscription of the protocol '{protocol}'"
            )));
        }
        other => {
            let text = format!("Amazon SNS does not support this protocol string: {other}");
            return Err(failure::invalid(text));
        }
    };
    let mut attributes = std::collections::BTreeMap::new();
    for (name, value) in input.map("Attributes").into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        check(name, value, protocol)?;
        if !value.is_empty() {
            attributes.insert(name.clone(), value.to_owned());
        }
    }
    let shows_arn = input.flag("ReturnSubscriptionArn") == Some(true);
    let known = topic.subscriptions.iter().find(|known| {
        (known.row.protocol.as_str(), known.row.endpoint.as_str()) == (protocol, endpoint)
    });
    if let Some(known) = known.filter(|known| known.row.token.is_none()) {
        let same = attributes
            .iter()
            .all(|(name, value)| known.row.attributes.get(name) == Some(value));
        if !same {
            return Err(failure::invalid(
                "Attributes Reason: Subscription already exists with different attributes",
            ));
        }
        return Ok(json!({"SubscriptionArn": arn(core, &known.row)}));
    }
    let id = match known {
        // Who has not answered is asked once more.
        Some(known) => known.row.id.clone(),
        None => uuid::Uuid::new_v4().to_string(),
    };
    let token = || {
        let (one, two) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
        format!("{}{}", one.simple(), two.simple())
    };
    let row = SubscriptionRow {
        topic: topic.row.name.clone(),
        id,
        protocol: protocol.to_owned(),
        endpoint: endpoint.to_owned(),
        attributes,
        token: (!confirmed).then(token),
        ends_by_link: false,
    };
    let mut batch = Batch::default();
    let mut tickets = Vec::new();
    if row.token.is_some() {
        let signing = core.signing().await?;
        let question = question(core, &topic, &row, signing);
        tickets.push(core.deliveries.add(&mut batch, question));
    }
    core.documents.put(&mut batch, &row.key(), &row);
    let committed = core.documents.commit(batch).await;
    committed.map_err(|error| failure::store(&error))?;
    core.deliveries.begin(tickets);
    let shown = match (&row.token, shows_arn) {
        (Some(_), false) => "pending confirmation".to_owned(),
        _ => arn(core, &row),
    };
    put(core, &topic, row);
    Ok(json!({ "SubscriptionArn": shown }))
}

/// Returns the request that asks an endpoint whether it wants to be told.
fn question(core: &Core, topic: &Topic, row: &SubscriptionRow, signing: &Signing) -> Delivery {
    let (headers, body) = confirmation(core, topic, row, signing);
    Delivery {
        action: Action::Post {
            url: row.endpoint.clone(),
            headers,
            body,
        },
        caller: caller(core, row),
        retries_max: 3,
        seconds_max: 3600,
        dead_letter: None,
        dead_body: String::new(),
        dead_attributes: Vec::new(),
        line: None,
    }
}

/// Puts a subscription to work, in the place of one with its id.
fn put(core: &Core, topic: &Topic, row: SubscriptionRow) {
    let mut changed = topic.clone();
    changed.subscriptions.retain(|known| known.row.id != row.id);
    changed.subscriptions.push(Arc::new(row.into()));
    changed
        .subscriptions
        .sort_by(|left, right| left.row.id.cmp(&right.row.id));
    core.topics
        .write()
        .insert(changed.row.name.clone(), Arc::new(changed));
}

pub(crate) async fn confirm(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let topic = core.topic(input.text("TopicArn").unwrap_or_default())?;
    let token = input.text("Token").unwrap_or_default();
    let known = topic
        .subscriptions
        .iter()
        .find(|known| known.row.token.as_deref() == Some(token));
    let Some(known) = known.filter(|_| !token.is_empty()) else {
        return Err(failure::invalid("Token"));
    };
    let row = SubscriptionRow {
        token: None,
        ends_by_link: input.flag("AuthenticateOnUnsubscribe") != Some(true),
        ..known.row.clone()
    };
    write(core, &row).await?;
    let arn = arn(core, &row);
    put(core, &topic, row);
    Ok(json!({ "SubscriptionArn": arn }))
}

async fn write(core: &Core, row: &SubscriptionRow) -> Result<(), Failure> {
    let written = core.documents.write(&row.key(), row).await;
    written.map_err(|error| failure::store(&error))
}

/// Returns the subscription with this ARN and its topic.
fn find(core: &Core, arn: &str) -> Result<(Arc<Topic>, Arc<Subscription>), Failure> {
    let Some((topic, id)) = arn.rsplit_once(':') else {
        return Err(failure::invalid(
            "SubscriptionArn Reason: An ARN must have at least 6 elements",
        ));
    };
    let topic = core.topic(topic).map_err(|_| failure::no_subscription())?;
    let found = topic
        .subscriptions
        .iter()
        .find(|known| known.row.id == id)
        .cloned();
    let found = found.ok_or_else(failure::no_subscription)?;
    Ok((topic, found))
}

/// Ends a subscription for somebody who has its link and nothing else.
pub(crate) async fn unsubscribe_by_link(core: &Core, input: &Members) -> Result<Value, Failure> {
    let (_, found) = find(core, input.text("SubscriptionArn").unwrap_or_default())?;
    if !found.row.ends_by_link {
        let message = "The subscription requires authentication for deletion";
        return Err(Failure::client("AuthorizationError", message).with_status(403));
    }
    unsubscribe(core, input).await
}

/// A subscription that is not there is no failure.
pub(crate) async fn unsubscribe(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let found = find(core, input.text("SubscriptionArn").unwrap_or_default());
    let (topic, subscription) = match found {
        Ok(found) => found,
        Err(failure) if failure.code == "NotFound" => return Ok(Value::Null),
        Err(failure) => return Err(failure),
    };
    let removed = core.documents.remove(&subscription.row.key()).await;
    removed.map_err(|error| failure::store(&error))?;
    let mut changed = (*topic).clone();
    changed
        .subscriptions
        .retain(|known| known.row.id != subscription.row.id);
    core.topics
        .write()
        .insert(changed.row.name.clone(), Arc::new(changed));
    Ok(Value::Null)
}

pub(crate) fn list(core: &Core, input: &Members, of: Option<Arc<Topic>>) -> Result<Value, Failure> {
    let topics = of.map_or_else(|| core.all(), |topic| vec![topic]);
    let all: std::collections::BTreeMap<String, Arc<Subscription>> = topics
        .iter()
        .flat_map(|topic| &topic.subscriptions)
        .map(|one| (one.row.key(), Arc::clone(one)))
        .collect();
    let (page, next) = page(all.keys().map(String::as_str), input.text("NextToken"));
    let shown = page.iter().filter_map(|key| all.get(*key)).map(|one| {
        json!({
            "SubscriptionArn": shown_arn(core, &one.row),
            "Owner": &*core.site.account_id,
            "Protocol": one.row.protocol,
            "Endpoint": one.row.endpoint,
            "TopicArn": core.arn(&one.row.topic),
        })
    });
    let mut output = json!({ "Subscriptions": shown.collect::<Vec<_>>() });
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}

pub(crate) fn attributes(core: &Core, input: &Members) -> Result<Value, Failure> {
    let (_, found) = find(core, input.text("SubscriptionArn").unwrap_or_default())?;
    let row = &found.row;
    let mut shown: Map<String, Value> = Map::new();
    for (name, value) in [
        ("SubscriptionArn", arn(core, row)),
        ("TopicArn", core.arn(&row.topic)),
        ("Owner", core.site.account_id.to_string()),
        ("Protocol", row.protocol.clone()),
        ("Endpoint", row.endpoint.clone()),
        ("RawMessageDelivery", "false".to_owned()),
        ("PendingConfirmation", row.token.is_some().to_string()),
        (
            "ConfirmationWasAuthenticated",
            row.token.is_none().to_string(),
        ),
    ] {
        shown.insert(name.to_owned(), value.into());
    }
    for (name, value) in &row.attributes {
        shown.insert(name.clone(), value.as_str().into());
    }
    if row.attributes.contains_key("FilterPolicy") {
        shown
            .entry("FilterPolicyScope")
            .or_insert("MessageAttributes".into());
    }
    Ok(json!({ "Attributes": shown }))
}

pub(crate) async fn set_attribute(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let (topic, found) = find(core, input.text("SubscriptionArn").unwrap_or_default())?;
    let name = input.text("AttributeName").unwrap_or_default();
    let value = input.text("AttributeValue").unwrap_or_default();
    check(name, value, &found.row.protocol)?;
    let mut row = found.row.clone();
    if value.is_empty() || (name == "FilterPolicy" && value == "{}") {
        row.attributes.remove(name);
    } else {
        row.attributes.insert(name.to_owned(), value.to_owned());
    }
    write(core, &row).await?;
    put(core, &topic, row);
    Ok(Value::Null)
}
