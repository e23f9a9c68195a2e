//! Who polls a queue for a function: receives messages as the function's role, gives them to the function,
//! and deletes those that it was done with. A message is in the queue until then, so nothing is lost when
//! the process ends in between; the function may be given it again, as on AWS.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Map, Value, json};
use service::{Call, Failure, Gate, Principal, RequestId};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use vocab::Arn;

use super::{Mapping, invocation, role};
use crate::Lambda;
use crate::failure::SYNC_PAYLOAD_BYTES_MAX;

pub(super) use event_pattern::Pattern;

/// Batches that are under way at once where nothing is said.
const UNDER_WAY_MAX: usize = 5;
/// Longest wait after a poll that failed.
const PAUSE_SECONDS_MAX: u64 = 30;
/// Most messages of one poll, and of one deletion.
const POLLED_MAX: usize = 10;

/// Polls until it is aborted. Batches that are under way then are brought to their end.
pub(super) async fn run(mapping: Mapping, gate: Arc<dyn Gate>, lambda: Weak<Lambda>) {
    let most = mapping
        .concurrency_max
        .and_then(|most| usize::try_from(most).ok());
    let room = Arc::new(Semaphore::new(most.unwrap_or(UNDER_WAY_MAX)));
    let patterns = mapping
        .filters
        .iter()
        .filter_map(|text| Pattern::parse(text).ok());
    let poller = Arc::new(Poller {
        patterns: patterns.collect(),
        mapping,
        gate,
        lambda,
    });
    let mut failures = 0;
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        match poller.gather().await {
            Ok(Some(batch)) => {
                failures = 0;
                let poller = Arc::clone(&poller);
                tokio::spawn(async move {
                    poller.deliver(batch).await;
                    drop(permit);
                });
            }
            // The server is going down.
            Ok(None) => return,
            Err(failure) => {
                failures += 1;
                let mapping = &poller.mapping;
                tracing::warn!(source = %mapping.source, function = %mapping.function, %failure, "a queue could not be polled");
                let pause = PAUSE_SECONDS_MAX.min(1 << failures.min(5));
                tokio::time::sleep(Duration::from_secs(pause)).await;
            }
        }
    }
}

struct Poller {
    mapping: Mapping,
    patterns: Vec<Pattern>,
    gate: Arc<dyn Gate>,
    lambda: Weak<Lambda>,
}

/// A message, with the text of the record by which a function is given it.
struct Received {
    message: Value,
    record: String,
}

/// Messages of one batch.
struct Messages {
    messages: Vec<Received>,
    principal: Principal,
}

impl Poller {
    fn queue(&self) -> &str {
        Arn::parse(&self.mapping.source).map_or("", |arn| arn.resource)
    }

    /// Waits for messages, up to as many as a batch has or an invocation takes, or as long as the batch's
    /// window is open.
    async fn gather(&self) -> Result<Option<Messages>, Failure> {
        let Some(principal) = self.principal().await? else {
            return Ok(None);
        };
        let size = usize::try_from(self.mapping.batch_size).unwrap_or(1);
        let window = Duration::from_secs(self.mapping.window_seconds.unsigned_abs());
        let (mut messages, mut bytes) = (Vec::new(), 0);
        let mut until: Option<Instant> = None;
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            let wait = left.map_or(20, |left| left.as_secs().clamp(0, 20));
            let input = json!({
                "QueueUrl": self.queue(),
                "MaxNumberOfMessages": POLLED_MAX.min(size - messages.len()),
                "WaitTimeSeconds": wait,
                "AttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
            });
            let call = call("ReceiveMessage", input, principal.clone());
            let reply = self.gate.call(call).await?;
            let mut output: Value = serde_json::from_slice(&reply.output).unwrap_or_default();
            let received = output.get_mut("Messages").and_then(Value::as_array_mut);
            let received = received.map(std::mem::take).unwrap_or_default();
            if received.is_empty() && messages.is_empty() {
                if self.lambda.strong_count() == 0 {
                    return Ok(None);
                }
                // A server that stops answers such polls at once.
                tokio::task::yield_now().await;
                continue;
            }
            if received.is_empty() && left.is_some_and(|left| left < Duration::from_secs(1)) {
                // Less than a second of the window: there is no shorter wait to ask for.
                tokio::time::sleep(left.unwrap_or_default()).await;
            }
            let (wanted, others): (Vec<Value>, Vec<Value>) = received
                .into_iter()
                .partition(|message| self.wants(message));
            // What no filter lets through is done with.
            self.delete(others.iter(), &principal).await;
            for message in wanted {
                let record = self.record(&message).to_string();
                bytes += record.len();
                messages.push(Received { message, record });
            }
            if !messages.is_empty() && until.is_none() {
                until = Some(Instant::now() + window);
            }
            if messages.len() >= size || bytes >= SYNC_PAYLOAD_BYTES_MAX {
                break;
            }
        }
        Ok(Some(Messages {
            messages,
            principal,
        }))
    }

    /// Returns the role of the function as it is now; `None` when there is no server any more.
    async fn principal(&self) -> Result<Option<Principal>, Failure> {
        let Some(lambda) = self.lambda.upgrade() else {
            return Ok(None);
        };
        let (_, stored) = lambda.find(&self.mapping.function, None).await?;
        let function = &stored.function;
        Ok(Some(role(&function.role, &function.name)))
    }

    fn wants(&self, message: &Value) -> bool {
        if self.mapping.filters.is_empty() {
            return true;
        }
        let mut record = self.record(message);
        let body = message["Body"].as_str().unwrap_or_default();
        // A body that is JSON is looked into.
        if let Ok(body) = serde_json::from_str::<Value>(body) {
            record["body"] = body;
        }
        self.patterns.iter().any(|pattern| pattern.matches(&record))
    }

    /// Returns a message as functions are given it.
    fn record(&self, message: &Value) -> Value {
        let attributes = message.get("MessageAttributes").and_then(Value::as_object);
        let attributes = attributes.into_iter().flatten().map(|(name, attribute)| {
            let mut shown = Map::new();
            for (from, to) in [
                ("StringValue", "stringValue"),
                ("BinaryValue", "binaryValue"),
            ] {
                if let Some(value) = attribute.get(from) {
                    shown.insert(to.to_owned(), value.clone());
                }
            }
            shown.insert("stringListValues".into(), json!([]));
            shown.insert("binaryListValues".into(), json!([]));
            shown.insert("dataType".into(), attribute["DataType"].clone());
            (name.clone(), Value::Object(shown))
        });
        let attributes: Map<String, Value> = attributes.collect();
        let mut record = json!({
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": attributes,
        });
        if let Some(digest) = message.get("MD5OfMessageAttributes") {
            record["md5OfMessageAttributes"] = digest.clone();
        }
        record["md5OfBody"] = message["MD5OfBody"].clone();
        record["eventSource"] = "aws:sqs".into();
        record["eventSourceARN"] = self.mapping.source.as_str().into();
        record["awsRegion"] = Arn::parse(&self.mapping.source)
            .map_or("", |arn| arn.region)
            .into();
        record
    }

    /// Gives a batch to the function: at once, or in parts where it is more than an invocation takes.
    async fn deliver(&self, batch: Messages) {
        let Some(lambda) = self.lambda.upgrade() else {
            return;
        };
        let mut left = batch.messages.as_slice();
        while !left.is_empty() {
            let (part, rest) = left.split_at(fitting(left));
            let done = self.invoke(&lambda, part).await;
            let is_done = |one: &&Received| {
                let id = one.message["MessageId"].as_str();
                id.is_some_and(|id| done.contains(id))
            };
            let gone = part.iter().filter(is_done).map(|one| &one.message);
            let gone: Vec<&Value> = gone.collect();
            let failed = gone.len() < part.len();
            self.delete(gone, &batch.principal).await;
            if failed && self.mapping.source.ends_with(".fifo") {
                // What comes later in the order waits for what failed.
                return;
            }
            left = rest;
        }
    }

    /// Invokes the function and returns the ids of the messages that it was done with.
    async fn invoke(&self, lambda: &Lambda, part: &[Received]) -> HashSet<String> {
        let records: Vec<&str> = part.iter().map(|one| one.record.as_str()).collect();
        let payload = [RECORDS_BEGIN, &records.join(","), RECORDS_END].concat();
        let function = match &self.mapping.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.mapping.function),
            None => self.mapping.function.clone(),
        };
        let account = &lambda.site.account_id;
        let invoked = lambda
            .invoke(invocation(&function, payload.into(), account))
            .await;
        match invoked {
            Ok(reply) => {
                let answer: Value = serde_json::from_slice(&reply.output).unwrap_or_default();
                match answer.get("FunctionError") {
                    Some(_) => HashSet::new(),
                    None => self.done(part, &reply.payload),
                }
            }
            Err(failure) => {
                tracing::warn!(function = %self.mapping.function, %failure, "a function could not be given messages");
                HashSet::new()
            }
        }
    }

    /// Returns the ids of the messages that need not come again.
    fn done(&self, messages: &[Received], answer: &[u8]) -> HashSet<String> {
        let ids = messages
            .iter()
            .filter_map(|one| one.message["MessageId"].as_str());
        let mut done: HashSet<String> = ids.map(str::to_owned).collect();
        if !self.mapping.reports_failures {
            return done;
        }
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let failures = match answer.get("batchItemFailures") {
            None | Some(Value::Null) => return done,
            Some(Value::Array(failures)) => failures,
            // What is no list says that nothing was done.
            Some(_) => return HashSet::new(),
        };
        for failed in failures {
            let id = failed.get("itemIdentifier").and_then(Value::as_str);
            // An id that is empty or unknown fails the whole batch.
            if !id.is_some_and(|id| done.remove(id)) {
                return HashSet::new();
            }
        }
        done
    }

    async fn delete(&self, messages: impl IntoIterator<Item = &Value>, principal: &Principal) {
        let messages: Vec<&Value> = messages.into_iter().collect();
        for messages in messages.chunks(POLLED_MAX) {
            let entries = messages.iter().enumerate().map(|(at, message)| {
                json!({"Id": at.to_string(), "ReceiptHandle": message["ReceiptHandle"]})
            });
            let entries: Vec<Value> = entries.collect();
            let input = json!({"QueueUrl": self.queue(), "Entries": entries});
            let call = call("DeleteMessageBatch", input, principal.clone());
            if let Err(failure) = self.gate.call(call).await {
                tracing::warn!(source = %self.mapping.source, %failure, "messages could not be deleted; they come again");
            }
        }
    }
}

/// What is around the records of an event.
const RECORDS_BEGIN: &str = r#"{"Records":["#;
const RECORDS_END: &str = "]}";

/// Returns how many messages one invocation is given: as many as it takes, and one in any case.
fn fitting(messages: &[Received]) -> usize {
    let mut bytes = RECORDS_BEGIN.len() + RECORDS_END.len();
    let fit = messages.iter().take_while(|one| {
        // With the comma behind it.
        bytes += one.record.len() + 1;
        bytes <= SYNC_PAYLOAD_BYTES_MAX
    });
    fit.count().max(1)
}

/// Returns a call of SQS.
pub(super) fn call(operation: &'static str, input: Value, principal: Principal) -> Call {
    Call {
        service: "sqs",
        operation: operation.into(),
        input: input.to_string().into(),
        payload: bytes::Bytes::new(),
        principal,
        request_id: RequestId::random(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks into which parts records of these lengths are cut.
    fn check(lengths: &[usize], expected: &[usize]) {
        let received = |length: &usize| Received {
            message: Value::Null,
            record: "r".repeat(*length),
        };
        let messages: Vec<Received> = lengths.iter().map(received).collect();
        let (mut left, mut parts) = (messages.as_slice(), Vec::new());
        while !left.is_empty() {
            let fit = fitting(left);
            parts.push(fit);
            left = &left[fit..];
        }
        assert_eq!(parts, expected, "{lengths:?}");
    }

    #[test]
    fn a_batch_is_cut_where_an_invocation_is_full() {
        const MEBIBYTE: usize = 1 << 20;
        check(&[], &[]);
        check(&[10; 10], &[10]);
        check(&[MEBIBYTE; 10], &[6, 4]);
        check(&[SYNC_PAYLOAD_BYTES_MAX + 1, 10], &[1, 1]);
        check(&[SYNC_PAYLOAD_BYTES_MAX - 15, 10], &[1, 1]);
    }
}
