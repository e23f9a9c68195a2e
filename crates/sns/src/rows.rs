//! Topics and subscriptions as they are kept.

use std::collections::BTreeMap;

use event_pattern::Pattern;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The row of a topic: `t/NAME`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TopicRow {
    pub name: String,
    /// What was set.
    pub attributes: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

impl TopicRow {
    /// Says whether an attribute has this value.
    pub(crate) fn says(&self, attribute: &str, value: &str) -> bool {
        self.attributes
            .get(attribute)
            .is_some_and(|said| said == value)
    }
}

/// The row of a subscription: `s/NAME/ID`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SubscriptionRow {
    pub topic: String,
    pub id: String,
    pub protocol: String,
    pub endpoint: String,
    pub attributes: BTreeMap<String, String>,
    /// What its endpoint has to say before it is told anything; none when it has.
    pub token: Option<String>,
    /// Whether the link in its messages ends it, without a signature.
    #[serde(default)]
    pub ends_by_link: bool,
}

/// A subscription at work.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub row: SubscriptionRow,
    /// Which messages it wants.
    pub filter: Option<Pattern>,
}

impl SubscriptionRow {
    pub(crate) fn key(&self) -> String {
        format!("s/{}/{}", self.topic, self.id)
    }

    pub(crate) fn says(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }

    /// Returns the queue that is told what could not be delivered.
    pub(crate) fn dead_letter(&self) -> Option<String> {
        let policy: Value = serde_json::from_str(self.says("RedrivePolicy")?).ok()?;
        Some(policy["deadLetterTargetArn"].as_str()?.to_owned())
    }
}

impl From<SubscriptionRow> for Subscription {
    fn from(row: SubscriptionRow) -> Self {
        let filter = row.says("FilterPolicy");
        Self {
            filter: filter.and_then(|text| Pattern::parse(text).ok()),
            row,
        }
    }
}
