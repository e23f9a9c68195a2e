//! A queue: its name, its attributes as they are kept, and what they come to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Failure, Site};

use crate::failure;

/// Longest message, with its attributes, in bytes (SQS quotas).
pub(crate) const MESSAGE_BYTES_MAX: i64 = 1_048_576;

/// Most queues that a `RedriveAllowPolicy` names.
const SOURCES_MAX: usize = 10;

/// The row of a queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct QueueRow {
    /// Never given to another queue, so that nothing of a deleted one is found under its name.
    pub number: u64,
    pub name: String,
    /// Seconds since the epoch, as the attributes show it.
    pub created_at: i64,
    pub modified_at: i64,
    /// What was set, as text.
    pub attributes: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

/// What the attributes come to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub fifo: bool,
    pub content_based_deduplication: bool,
    /// Ids of duplicates are looked for within a group.
    pub deduplicate_groups: bool,
    pub delay_seconds: i64,
    pub visibility_seconds: i64,
    pub retention_seconds: i64,
    pub wait_seconds: i64,
    pub message_bytes_max: i64,
    pub redrive: Option<Redrive>,
    pub redrive_allowed: Allowed,
}

/// Which queues may give up their messages to a queue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Allowed {
    All,
    Nobody,
    /// These, by their ARNs.
    Only(Vec<String>),
}

/// Where messages go that are received too often.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Redrive {
    /// The name of the queue; it is one of this account and region.
    pub queue: String,
    pub received_max: u32,
}

/// Attributes that are whole numbers: name, default, least, most.
const NUMBERS: [(&str, i64, i64, i64); 6] = [
    ("DelaySeconds", 0, 0, 900),
    ("KmsDataKeyReusePeriodSeconds", 300, 60, 86_400),
    (
        "MaximumMessageSize",
        MESSAGE_BYTES_MAX,
        1024,
        MESSAGE_BYTES_MAX,
    ),
    ("MessageRetentionPeriod", 345_600, 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 0, 20),
    ("VisibilityTimeout", 30, 0, 43_200),
];

/// Attributes of FIFO queues alone.
const OF_FIFO: [&str; 3] = [
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
];

impl QueueRow {
    pub(crate) fn settings(&self) -> Settings {
        let number = |name: &str| {
            let given = self.attributes.get(name).and_then(|text| text.parse().ok());
            let (_, default, ..) = NUMBERS.iter().find(|(known, ..)| *known == name).copied()?;
            Some(given.unwrap_or(default))
        };
        let number = |name: &str| number(name).unwrap_or_default();
        let says = |name: &str, value: &str| self.attributes.get(name).is_some_and(|v| v == value);
        Settings {
            fifo: is_fifo(&self.name),
            content_based_deduplication: says("ContentBasedDeduplication", "true"),
            deduplicate_groups: says("DeduplicationScope", "messageGroup"),
            delay_seconds: number("DelaySeconds"),
            visibility_seconds: number("VisibilityTimeout"),
            retention_seconds: number("MessageRetentionPeriod"),
            wait_seconds: number("ReceiveMessageWaitTimeSeconds"),
            message_bytes_max: number("MaximumMessageSize"),
            redrive: self
                .attributes
                .get("RedrivePolicy")
                .and_then(|policy| Redrive::read(policy).ok()),
            redrive_allowed: self
                .attributes
                .get("RedriveAllowPolicy")
                .and_then(|policy| Allowed::read(policy))
                .unwrap_or(Allowed::All),
        }
    }

    /// Returns a settable attribute as `GetQueueAttributes` shows it.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        if let Some(value) = self.attributes.get(name) {
            return Some(value.clone());
        }
        let fifo = is_fifo(&self.name);
        match name {
            "FifoQueue" => fifo.then(|| "true".to_owned()),
            "ContentBasedDeduplication" => fifo.then(|| "false".to_owned()),
            "DeduplicationScope" => fifo.then(|| "queue".to_owned()),
            "FifoThroughputLimit" => fifo.then(|| "perQueue".to_owned()),
            "SqsManagedSseEnabled" => {
                let own_key = self.attributes.contains_key("KmsMasterKeyId");
                Some((!own_key).to_string())
            }
            "KmsDataKeyReusePeriodSeconds" => None,
            name => NUMBERS
                .iter()
                .find(|(known, ..)| *known == name)
                .map(|(_, default, ..)| default.to_string()),
        }
    }
}

impl Allowed {
    /// Reads a `RedriveAllowPolicy`; `None` for what is none.
    fn read(policy: &str) -> Option<Self> {
        let policy: Value = serde_json::from_str(policy).ok()?;
        let sources = match policy.get("sourceQueueArns") {
            None => None,
            Some(sources) => {
                let arns = sources.as_array()?.iter();
                let arns: Option<Vec<String>> =
                    arns.map(|arn| Some(arn.as_str()?.to_owned())).collect();
                Some(arns?)
            }
        };
        match (policy.get("redrivePermission")?.as_str()?, sources) {
            ("allowAll", None) => Some(Self::All),
            ("denyAll", None) => Some(Self::Nobody),
            ("byQueue", Some(sources)) if (1..=SOURCES_MAX).contains(&sources.len()) => {
                Some(Self::Only(sources))
            }
            _ => None,
        }
    }
}

impl Redrive {
    fn read(policy: &str) -> Result<Self, String> {
        let policy: Value = serde_json::from_str(policy)
            .map_err(|_| "Redrive policy is not a valid JSON map.".to_owned())?;
        let needed = |name: &str| {
            policy.get(name).ok_or_else(|| {
                format!("Redrive policy does not contain mandatory attribute: {name}.")
            })
        };
        let arn = needed("deadLetterTargetArn")?.as_str().unwrap_or_default();
        let most = needed("maxReceiveCount")?;
        let most = match most {
            Value::String(text) => text.parse().ok(),
            value => value.as_i64(),
        };
        let received_max = most
            .filter(|most| (1..=1000).contains(most))
            .ok_or("Invalid value for maxReceiveCount: it must be between 1 and 1000.")?;
        let queue = vocab::Arn::parse(arn)
            .filter(|arn| arn.service == "sqs")
            .ok_or("Invalid value for deadLetterTargetArn.")?;
        Ok(Self {
            queue: queue.resource.to_owned(),
            received_max: u32::try_from(received_max).unwrap_or(u32::MAX),
        })
    }
}

/// Says whether a name is one of a FIFO queue.
pub(crate) fn is_fifo(name: &str) -> bool {
    name.ends_with(".fifo")
}

/// Checks the name of a new queue.
pub(crate) fn check_name(name: &str, fifo: bool) -> Result<(), Failure> {
    let stem = name.strip_suffix(".fifo");
    let letters = stem.unwrap_or(name);
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let valid = !letters.is_empty() && name.len() <= 80 && letters.bytes().all(letter);
    match (fifo, stem.is_some(), valid) {
        (true, true, true) | (false, false, true) => Ok(()),
        (true, ..) => Err(failure::invalid(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length",
        )),
        (false, ..) => Err(failure::invalid(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )),
    }
}

/// Checks attributes that are to be set on a queue; returns them as they are kept. An empty text takes
/// an attribute away.
pub(crate) fn check_attributes(
    given: &serde_json::Map<String, Value>,
    fifo: bool,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut checked = BTreeMap::new();
    for (name, value) in given {
        let text = match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        if OF_FIFO.contains(&name.as_str()) && !fifo {
            return Err(failure::unknown_attribute(name));
        }
        let valid = match name.as_str() {
            "FifoQueue" => {
                if !fifo {
                    return Err(failure::unknown_attribute(name));
                }
                text == "true"
            }
            "ContentBasedDeduplication" | "SqsManagedSseEnabled" => {
                text == "true" || text == "false"
            }
            "DeduplicationScope" => text == "queue" || text == "messageGroup",
            "FifoThroughputLimit" => text == "perQueue" || text == "perMessageGroupId",
            "RedriveAllowPolicy" => text.is_empty() || Allowed::read(&text).is_some(),
            "Policy" => {
                text.is_empty()
                    || serde_json::from_str::<serde_json::Map<String, Value>>(&text).is_ok()
            }
            "RedrivePolicy" if text.is_empty() => true,
            "RedrivePolicy" => match Redrive::read(&text) {
                Ok(_) => true,
                Err(reason) => return Err(failure::invalid_value(&text, name, &reason)),
            },
            "KmsMasterKeyId" => true,
            name => match NUMBERS.iter().find(|(known, ..)| *known == name) {
                Some((_, _, least, most)) => text
                    .parse()
                    .is_ok_and(|number: i64| (*least..=*most).contains(&number)),
                None => return Err(failure::unknown_attribute(name)),
            },
        };
        if !valid {
            return Err(failure::invalid_attribute(name));
        }
        checked.insert(name.clone(), text);
    }
    Ok(checked)
}

/// Returns the ARN of the queue `name`.
pub(crate) fn arn(site: &Site, name: &str) -> String {
    format!("arn:aws:sqs:{}:{}:{name}", site.region, site.account_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_and_attributes_are_checked() {
        for (name, fifo, valid) in [
            ("a-b_C1", false, true),
            ("a.fifo", true, true),
            ("a", true, false),
            ("a.fifo", false, false),
            ("", false, false),
            (".fifo", true, false),
            ("a b", false, false),
        ] {
            assert_eq!(check_name(name, fifo).is_ok(), valid, "{name}");
        }
        for (attributes, fifo, refused) in [
            (json!({"DelaySeconds": "900", "Policy": "{}"}), false, ""),
            (
                json!({"DelaySeconds": "901"}),
                false,
                "InvalidAttributeValue: Invalid value for the parameter DelaySeconds.",
            ),
            (
                json!({"Colour": "red"}),
                false,
                "InvalidAttributeName: Unknown Attribute Colour.",
            ),
            (
                json!({"FifoQueue": "false"}),
                false,
                "InvalidAttributeName: Unknown Attribute FifoQueue.",
            ),
            (json!({"ContentBasedDeduplication": "true"}), true, ""),
            (
                json!({"RedriveAllowPolicy": "{\"redrivePermission\":\"denyAll\"}"}),
                false,
                "",
            ),
            (
                json!({"RedriveAllowPolicy": "{\"redrivePermission\":\"byQueue\"}"}),
                false,
                "InvalidAttributeValue: Invalid value for the parameter RedriveAllowPolicy.",
            ),
            (
                json!({"RedrivePolicy": "{\"maxReceiveCount\":1}"}),
                false,
                "InvalidParameterValue: Value {\"maxReceiveCount\":1} for parameter RedrivePolicy is invalid. Reason: Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
            ),
        ] {
            let checked = check_attributes(attributes.as_object().expect("an object"), fifo);
            let text = checked.err().map(|failure| failure.to_string());
            assert_eq!(text.unwrap_or_default(), refused, "{attributes}");
        }
    }
}
