//! The operations on queues themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use service::{Failure, Members};
use store::Batch;

use crate::book::Book;
use crate::queue::{QueueRow, arn, check_attributes, check_name, is_fifo};
use crate::{Core, Queue, failure, rows, sweep};

/// Attributes that `GetQueueAttributes` shows, in AWS's order as far as it is known.
const SHOWN: [&str; 22] = [
    "QueueArn",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "VisibilityTimeout",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "Policy",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
    "All",
];
/// Most queues of one page.
const PAGE_MAX: i64 = 1000;

pub(crate) async fn create(core: &Core, input: &Members) -> Result<Value, Failure> {
    let name = input.text("QueueName").unwrap_or_default();
    if name.is_empty() {
        return Err(failure::missing("QueueName"));
    }
    let empty = Map::new();
    let given = input.map("Attributes").unwrap_or(&empty);
    let wants_fifo = given.get("FifoQueue").and_then(Value::as_str) == Some("true");
    check_name(name, wants_fifo)?;
    let attributes = check_attributes(given, wants_fifo)?;
    check_redrive(core, name, &attributes)?;
    let attributes = without_empty(attributes);
    let _changing = core.changing.lock().await;
    if let Some(queue) = core.named(name) {
        let current = queue.current();
        for (attribute, value) in &attributes {
            if current.0.attribute(attribute).as_ref() != Some(value) {
                return Err(Failure::client(
                    "QueueNameExists",
                    format!(
                        "A queue already exists with the same name and a different value for attribute {attribute}"
                    ),
                ));
            }
        }
        return Ok(json!({"QueueUrl": core.url(name)}));
    }
    let now = core.now() / 1000;
    let row = QueueRow {
        number: core.next_seq(),
        name: name.to_owned(),
        created_at: now,
        modified_at: now,
        attributes,
        tags: texts(input.map("tags").or_else(|| input.map("Tags"))),
    };
    let queue = Arc::new(Queue::new(row.clone()));
    store_row(core, &row).await?;
    core.queues.write().insert(name.to_owned(), queue);
    Ok(json!({"QueueUrl": core.url(name)}))
}

/// A queue for what others give up must be another one that is there, and be of their kind.
fn check_redrive(
    core: &Core,
    queue: &str,
    attributes: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let Some(policy) = attributes.get("RedrivePolicy").filter(|p| !p.is_empty()) else {
        return Ok(());
    };
    let target = serde_json::from_str::<Value>(policy).unwrap_or_default();
    let target = target["deadLetterTargetArn"].as_str().unwrap_or_default();
    let target = target.rsplit(':').next().unwrap_or_default();
    let reason = if target == queue {
        "A queue cannot be its own dead-letter queue."
    } else if core.named(target).is_none() {
        "Dead letter target does not exist."
    } else if is_fifo(target) != is_fifo(queue) {
        "Dead-letter queue must be same type of queue as the source."
    } else if !core.lets_use(target, queue) {
        "The redrive allow policy of the dead-letter queue does not let this queue use it."
    } else {
        return Ok(());
    };
    Err(failure::invalid_value(policy, "RedrivePolicy", reason))
}

fn without_empty(mut attributes: BTreeMap<String, String>) -> BTreeMap<String, String> {
    attributes.retain(|_, value| !value.is_empty());
    attributes
}

fn texts(map: Option<&Map<String, Value>>) -> BTreeMap<String, String> {
    let members = map.into_iter().flatten();
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    members
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

pub(crate) async fn delete(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let queue = core.find(input)?;
    let batch = Batch {
        delete: vec![rows::queue_key(&queue.name)],
        ..Batch::default()
    };
    let committed = core.store.commit(batch).await;
    committed.map_err(|error| failure::store(&error))?;
    core.queues.write().remove(&queue.name);
    core.moves.lock().await.remove(&queue.number);
    queue.arrived.notify_waiters();
    // A crash before this is over leaves it to the next start.
    let cleared = sweep::clear(core, queue.number).await;
    cleared.map_err(|error| failure::store(&error))?;
    Ok(Value::Null)
}

pub(crate) fn url(core: &Core, input: &Members) -> Result<Value, Failure> {
    let name = input.text("QueueName").unwrap_or_default();
    if name.is_empty() {
        return Err(failure::missing("QueueName"));
    }
    let owner = input.text("QueueOwnerAWSAccountId");
    let ours = owner.is_none_or(|owner| owner == &*core.site.account_id);
    match core.named(name).filter(|_| ours) {
        Some(queue) => Ok(json!({"QueueUrl": core.url(&queue.name)})),
        None => Err(failure::no_queue()),
    }
}

pub(crate) fn list(core: &Core, input: &Members) -> Result<Value, Failure> {
    let prefix = input.text("QueueNamePrefix").unwrap_or_default();
    let names = core.queues().into_iter().map(|queue| queue.name.clone());
    page(
        core,
        input,
        names.filter(|name| name.starts_with(prefix)),
        "QueueUrls",
    )
}

pub(crate) fn sources(core: &Core, input: &Members) -> Result<Value, Failure> {
    let target = core.find(input)?;
    let leads_here = |queue: &Arc<Queue>| {
        let current = queue.current();
        let redrive = current.1.redrive.as_ref();
        redrive.is_some_and(|redrive| redrive.queue == target.name)
    };
    let queues = core.queues().into_iter().filter(leads_here);
    page(
        core,
        input,
        queues.map(|queue| queue.name.clone()),
        "queueUrls",
    )
}

/// Shows a page of URLs. A token is the last name of the page before.
fn page(
    core: &Core,
    input: &Members,
    names: impl Iterator<Item = String>,
    member: &str,
) -> Result<Value, Failure> {
    let asked = input.integer("MaxResults")?;
    if let Some(most) = asked.filter(|most| !(1..=PAGE_MAX).contains(most)) {
        let reason = "MaxResults must be an integer between 1 and 1000.";
        return Err(failure::invalid_value(most, "MaxResults", reason));
    }
    let most = usize::try_from(asked.unwrap_or(PAGE_MAX)).unwrap_or(1);
    let after = input.text("NextToken").unwrap_or_default();
    let mut names = names.filter(|name| name.as_str() > after);
    let shown: Vec<String> = names.by_ref().take(most).collect();
    let mut output = Map::new();
    if names.next().is_some() && asked.is_some() {
        output.insert("NextToken".into(), shown.last().cloned().into());
    }
    let urls: Vec<String> = shown.iter().map(|name| core.url(name)).collect();
    // AWS leaves an empty list of queues out.
    if !urls.is_empty() || member == "queueUrls" {
        output.insert(member.to_owned(), urls.into());
    }
    Ok(output.into())
}

pub(crate) fn attributes(core: &Core, input: &Members) -> Result<Value, Failure> {
    let queue = core.find(input)?;
    let asked = input.texts("AttributeNames");
    if let Some(unknown) = asked.iter().find(|name| !SHOWN.contains(name)) {
        return Err(failure::unknown_attribute(unknown));
    }
    let all = asked.contains(&"All");
    let current = queue.current();
    let row = &current.0;
    let counts = queue.book.lock().counts(core.now());
    let mut shown = Map::new();
    for name in SHOWN.iter().filter(|name| all || asked.contains(name)) {
        let value = match *name {
            "All" => None,
            "QueueArn" => Some(arn(&core.site, &row.name)),
            "ApproximateNumberOfMessages" => Some(counts.visible.to_string()),
            "ApproximateNumberOfMessagesNotVisible" => Some(counts.in_flight.to_string()),
            "ApproximateNumberOfMessagesDelayed" => Some(counts.delayed.to_string()),
            "CreatedTimestamp" => Some(row.created_at.to_string()),
            "LastModifiedTimestamp" => Some(row.modified_at.to_string()),
            name => row.attribute(name),
        };
        if let Some(value) = value {
            shown.insert((*name).to_owned(), value.into());
        }
    }
    if shown.is_empty() {
        return Ok(json!({}));
    }
    Ok(json!({ "Attributes": shown }))
}

pub(crate) async fn set_attributes(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let queue = core.find(input)?;
    let given = input.map("Attributes");
    let given = given.ok_or_else(|| failure::missing("Attribute.Name"))?;
    let attributes = check_attributes(given, is_fifo(&queue.name))?;
    check_redrive(core, &queue.name, &attributes)?;
    let mut row = queue.current().0.clone();
    row.attributes.extend(attributes);
    row.attributes = without_empty(row.attributes);
    write(core, &queue, row).await?;
    Ok(Value::Null)
}

pub(crate) async fn purge(core: &Core, input: &Members) -> Result<Value, Failure> {
    let queue = core.find(input)?;
    let seqs = {
        let mut book = queue.book.lock();
        let seqs = book.seqs();
        *book = Book::new(is_fifo(&queue.name));
        seqs
    };
    let removed = sweep::remove(core, &queue, &seqs).await;
    removed.map_err(|error| failure::store(&error))?;
    Ok(Value::Null)
}

pub(crate) fn tags(core: &Core, input: &Members) -> Result<Value, Failure> {
    let queue = core.find(input)?;
    let tags = queue.current().0.tags.clone();
    if tags.is_empty() {
        return Ok(json!({}));
    }
    Ok(json!({ "Tags": tags }))
}

pub(crate) async fn tag(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let queue = core.find(input)?;
    let mut row = queue.current().0.clone();
    row.tags.extend(texts(input.map("Tags")));
    write(core, &queue, row).await?;
    Ok(Value::Null)
}

pub(crate) async fn untag(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let queue = core.find(input)?;
    let mut row = queue.current().0.clone();
    for key in input.texts("TagKeys") {
        row.tags.remove(key);
    }
    write(core, &queue, row).await?;
    Ok(Value::Null)
}

/// Writes a queue's row anew. The caller holds `changing`.
pub(crate) async fn write(core: &Core, queue: &Queue, mut row: QueueRow) -> Result<(), Failure> {
    row.modified_at = core.now() / 1000;
    store_row(core, &row).await?;
    let settings = row.settings();
    *queue.row.write() = Arc::new((row, settings));
    Ok(())
}

async fn store_row(core: &Core, row: &QueueRow) -> Result<(), Failure> {
    let value = serde_json::to_vec(row).expect("its members are plain values");
    let batch = Batch {
        put: vec![(rows::queue_key(&row.name), value.into())],
        ..Batch::default()
    };
    let committed = core.store.commit(batch).await;
    committed.map_err(|error| failure::store(&error))
}
