//! `SendMessage` and `SendMessageBatch`. Once they answer, the messages are durable; a batch is one commit.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use service::{Failure, Members, Principal};
use sha2::{Digest, Sha256};
use store::Batch;

use crate::attributes::{self, check_letters};
use crate::book::Entry;
use crate::queue::{MESSAGE_BYTES_MAX, Settings};
use crate::rows::{self, MessageRow, Remembered};
use crate::{Core, Queue, batch, failure};

/// How long a FIFO queue remembers an id.
const REMEMBERED_MILLIS: i64 = 300_000;
/// So that sequence numbers have twenty digits, as AWS's have.
const SEQUENCE_BASE: u64 = 10_000_000_000_000_000_000;

/// A message that may be sent.
struct Draft {
    row: MessageRow,
    delay_millis: i64,
    body_digest: String,
    attributes_digest: Option<String>,
    system_digest: Option<String>,
}

/// Shows the number of a message as FIFO queues do.
pub(crate) fn sequence_number(seq: u64) -> String {
    (SEQUENCE_BASE + seq).to_string()
}

pub(crate) async fn one(
    core: &Core,
    input: &Members,
    principal: &Principal,
) -> Result<Value, Failure> {
    let queue = core.find(input)?;
    let draft = draft(&queue.current().1, input, principal)?;
    let mut sent = send(core, &queue, vec![draft]).await?;
    sent.pop().map(Value::Object).ok_or_else(failure::damaged)
}

pub(crate) async fn batch(
    core: &Core,
    input: &Members,
    principal: &Principal,
) -> Result<Value, Failure> {
    let queue = core.find(input)?;
    let current = queue.current();
    let entries = batch::entries(input, "SendMessageBatchRequestEntry")?;
    let mut bytes = 0;
    let (mut drafts, mut ids, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        bytes += entry.members.text("MessageBody").map_or(0, str::len);
        match draft(&current.1, &entry.members, principal) {
            Ok(draft) => {
                bytes += attributes::size(&draft.row.attributes);
                drafts.push(draft);
                ids.push(entry.id);
            }
            Err(failure) => results.push((entry.id, Err(failure))),
        }
    }
    if bytes > MESSAGE_BYTES_MAX as usize {
        return Err(Failure::client(
            "BatchRequestTooLong",
            format!(
                "Batch requests cannot be longer than {MESSAGE_BYTES_MAX} bytes. You have sent {bytes} bytes."
            ),
        ));
    }
    let sent = send(core, &queue, drafts).await?;
    let sent = ids.into_iter().zip(sent.into_iter().map(Ok));
    batch::answer(sent.chain(results).collect())
}

/// Reads and checks a message.
fn draft(settings: &Settings, input: &Members, principal: &Principal) -> Result<Draft, Failure> {
    let body = input.text("MessageBody").unwrap_or_default();
    if body.is_empty() {
        return Err(failure::missing("MessageBody"));
    }
    check_letters(body)?;
    let attributes = attributes::read(input.map("MessageAttributes"))?;
    let size = body.len() + attributes::size(&attributes);
    if size > settings.message_bytes_max as usize {
        return Err(failure::invalid(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
            settings.message_bytes_max
        )));
    }
    let system = attributes::read(input.map("MessageSystemAttributes"))?;
    if let Some(other) = system.iter().find(|known| known.name != "AWSTraceHeader") {
        return Err(failure::invalid(format!(
            "Message system attribute name '{}' is invalid. Only the following are supported: [AWSTraceHeader]",
            other.name
        )));
    }
    let trace = system.first().and_then(|trace| match &trace.content {
        rows::Content::Text(text) => Some(text.clone()),
        rows::Content::Binary(_) => None,
    });
    let delay = input.integer("DelaySeconds")?;
    if let Some(delay) = delay.filter(|delay| !(0..=900).contains(delay)) {
        let reason = "DelaySeconds must be >= 0 and <= 900.";
        return Err(failure::invalid_value(delay, "DelaySeconds", reason));
    }
    let group = token(input, "MessageGroupId")?;
    let mut deduplication_id = token(input, "MessageDeduplicationId")?;
    let foreign = "The request include parameter that is not valid for this queue type";
    if settings.fifo {
        if let Some(delay) = delay.filter(|delay| *delay != 0) {
            return Err(failure::invalid_value(delay, "DelaySeconds", foreign));
        }
        if group.is_none() {
            return Err(failure::missing("MessageGroupId"));
        }
        if deduplication_id.is_none() {
            if !settings.content_based_deduplication {
                return Err(failure::invalid(
                    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
                ));
            }
            deduplication_id = Some(hex::encode(Sha256::digest(body)));
        }
    } else if let Some(id) = &deduplication_id {
        return Err(failure::invalid_value(
            id,
            "MessageDeduplicationId",
            foreign,
        ));
    }
    let sender = match principal {
        Principal::Root { account } => account.to_string(),
        other => other.arn(),
    };
    let delay = delay.filter(|_| !settings.fifo);
    Ok(Draft {
        delay_millis: delay.unwrap_or(settings.delay_seconds) * 1000,
        body_digest: attributes::body_digest(body),
        attributes_digest: attributes::digest(attributes.iter()),
        system_digest: attributes::digest(system.iter()),
        row: MessageRow {
            id: uuid::Uuid::new_v4().to_string(),
            body: body.to_owned(),
            attributes,
            sender,
            group,
            deduplication_id,
            trace,
            dead_letter_source: None,
        },
    })
}

/// Reads the name of a group or of a message.
fn token(input: &Members, name: &str) -> Result<Option<String>, Failure> {
    let Some(text) = input.text(name) else {
        return Ok(None);
    };
    if !text.is_empty() && text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(text.to_owned()));
    }
    let reason = format!(
        "{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
    );
    Err(failure::invalid_value(text, name, &reason))
}

/// Stores messages in one commit and returns what to answer about each.
async fn send(
    core: &Core,
    queue: &Arc<Queue>,
    drafts: Vec<Draft>,
) -> Result<Vec<Map<String, Value>>, Failure> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let settings = &queue.current().1;
    // Of a standard queue nobody waits for another: the store commits together what comes together.
    let _order = match settings.fifo {
        true => Some(queue.sending.lock().await),
        false => None,
    };
    let now = core.now();
    let mut batch = Batch::default();
    let mut placed: Vec<(u64, Entry)> = Vec::with_capacity(drafts.len());
    let mut remembered: Vec<Remembered> = Vec::new();
    let mut answers = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let (mut seq, mut id) = (core.next_seq(), draft.row.id.clone());
        let mut is_new = true;
        if settings.fifo {
            let scope = match settings.deduplicate_groups {
                true => draft.row.group.clone().unwrap_or_default(),
                false => String::new(),
            };
            let name = (
                scope,
                draft.row.deduplication_id.clone().unwrap_or_default(),
            );
            let known = queue.remembered.lock().get(&name).cloned();
            let known = known.filter(|known| known.until > now);
            let in_batch = remembered
                .iter()
                .find(|other| other.scope == name.0 && other.id == name.1);
            match known.as_ref().or(in_batch) {
                Some(known) => {
                    (seq, id, is_new) = (known.seq, known.message_id.clone(), false);
                }
                None => {
                    let row = Remembered {
                        until: now + REMEMBERED_MILLIS,
                        message_id: id.clone(),
                        seq,
                        scope: name.0,
                        id: name.1,
                    };
                    let key = rows::remembered_key(queue.number, &row.scope, &row.id);
                    batch.put.push((key, rows::encode(&row)));
                    remembered.push(row);
                }
            }
        }
        let answer = json!({
            "MD5OfMessageBody": draft.body_digest,
            "MD5OfMessageAttributes": draft.attributes_digest,
            "MD5OfMessageSystemAttributes": draft.system_digest,
            "MessageId": id,
            "SequenceNumber": settings.fifo.then(|| sequence_number(seq)),
        });
        let answer = answer.as_object().into_iter().flatten();
        let answer = answer.filter(|(_, value)| !value.is_null());
        answers.push(
            answer
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        );
        if !is_new {
            continue;
        }
        let entry = Entry {
            sent_at: now,
            visible_at: now + draft.delay_millis,
            received: 0,
            first_received_at: 0,
            receipt: 0,
            group: draft.row.group.as_deref().map(Arc::from),
        };
        let key = rows::index_key(queue.number, seq);
        batch.put.push((key, rows::encode_entry(&entry)));
        let key = rows::message_key(queue.number, seq);
        batch.put.push((key, rows::encode(&draft.row)));
        placed.push((seq, entry));
    }
    if !batch.is_empty() {
        let committed = core.store.commit(batch).await;
        committed.map_err(|error| failure::store(&error))?;
    }
    for row in remembered {
        let name = (row.scope.clone(), row.id.clone());
        queue.remembered.lock().insert(name, row);
    }
    place(queue, placed, now);
    Ok(answers)
}

/// Makes messages that are stored known to those who receive.
pub(crate) fn place(queue: &Queue, placed: Vec<(u64, Entry)>, now: i64) {
    let mut at_once = 0;
    let mut later = false;
    {
        let mut book = queue.book.lock();
        for (seq, entry) in placed {
            match entry.visible_at <= now {
                true => at_once += 1,
                false => later = true,
            }
            book.put(seq, entry);
        }
    }
    if later {
        // All look again when the next one is due.
        queue.arrived.notify_waiters();
    }
    for _ in 0..at_once {
        queue.arrived.notify_one();
    }
}
