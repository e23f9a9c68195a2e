//! The SNS API: topics, and who is told what is published to them.
//!
//! To publish is one commit: a row for each subscription that wants the message; they are delivered behind
//! the answer (the crate `delivery`). Deliberately absent: mail, text messages and phones, which
//! answer an error that names them. Notifications are signed by a key of the server's own (docs/adr/0061).

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod failure;
mod fifo;
mod notification;
mod publish;
mod rows;
mod signature;
mod subscriptions;
mod topics;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use delivery::Deliveries;
use parking_lot::{Mutex, RwLock};
use seal::Seal;
use serde_json::Value;
use service::{Call, Clock, Failure, Members, Reply, Service, Site};
use store::{Documents, Space, Store, StoreError};
use tokio::sync::OnceCell;

use crate::fifo::{Order, Remembered, Sequence};
use crate::rows::{Subscription, SubscriptionRow, TopicRow};
use crate::signature::Signing;

/// The service `sns`.
pub struct Sns {
    core: Core,
}

/// What the operations share.
pub(crate) struct Core {
    pub documents: Documents,
    pub deliveries: Arc<Deliveries>,
    pub clock: Arc<dyn Clock>,
    pub site: Site,
    /// Where the server is, as links in notifications say.
    pub endpoint: String,
    pub topics: RwLock<BTreeMap<String, Arc<Topic>>>,
    /// What FIFO topics remember, by their names.
    pub orders: Mutex<HashMap<String, Arc<Order>>>,
    pub sequence: Sequence,
    /// Made when it is first needed.
    pub signing: OnceCell<Signing>,
    pub seal: Seal,
    /// Held by who changes topics and subscriptions.
    pub changing: tokio::sync::Mutex<()>,
}

/// A topic at work.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub row: TopicRow,
    /// By their ids.
    pub subscriptions: Vec<Arc<Subscription>>,
}

impl Sns {
    /// Opens the topics in `store`; what is published goes through `deliveries`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        store: Arc<dyn Store>,
        deliveries: Arc<Deliveries>,
        clock: Arc<dyn Clock>,
        site: Site,
        endpoint: String,
        master: &[u8],
    ) -> Result<Arc<Self>, StoreError> {
        let documents = Documents::new(store, Space::Topics);
        let mut topics = BTreeMap::new();
        for (_, row) in documents.all::<TopicRow>("t/").await? {
            let topic = Topic {
                row,
                subscriptions: Vec::new(),
            };
            topics.insert(topic.row.name.clone(), topic);
        }
        for (_, row) in documents.all::<SubscriptionRow>("s/").await? {
            if let Some(topic) = topics.get_mut(&row.topic) {
                topic.subscriptions.push(Arc::new(row.into()));
            }
        }
        let mut orders = HashMap::new();
        let sequence = Sequence::default();
        for name in topics.keys().filter(|name| fifo::is_fifo(name)) {
            let order = Order::default();
            let mut known = documents.all::<Remembered>(&fifo::prefix(name)).await?;
            known.sort_by_key(|(_, row)| row.until);
            for (_, row) in known {
                sequence.reach(row.sequence);
                order.remember(row);
            }
            orders.insert(name.clone(), Arc::new(order));
        }
        let topics = topics
            .into_iter()
            .map(|(name, topic)| (name, Arc::new(topic)));
        Ok(Arc::new(Self {
            core: Core {
                documents,
                deliveries,
                clock,
                site,
                endpoint,
                topics: RwLock::new(topics.collect()),
                orders: Mutex::new(orders),
                sequence,
                signing: OnceCell::new(),
                seal: Seal::new(master, "sns"),
                changing: tokio::sync::Mutex::default(),
            },
        }))
    }
}

impl Sns {
    /// Returns the certificate of the key that signs notifications, in PEM, if the file `name` is it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn certificate(&self, name: &str) -> Result<Option<String>, Failure> {
        Ok(self.core.signing().await?.certificate(name))
    }

    /// Does what a link in a message to a subscriber says: `ConfirmSubscription`, which the token allows, or
    /// `Unsubscribe`, where whoever confirmed did not forbid it. The link is all that who follows it has.
    ///
    /// # Errors
    /// What the operation answers.
    pub async fn follow(&self, action: &str, input: &Members) -> Result<Value, Failure> {
        match action {
            "ConfirmSubscription" => subscriptions::confirm(&self.core, input).await,
            "Unsubscribe" => subscriptions::unsubscribe_by_link(&self.core, input).await,
            other => Err(failure::not_built(&format!(
                "sns:{other} without a signature"
            ))),
        }
    }
}

impl Core {
    pub(crate) fn arn(&self, name: &str) -> String {
        format!(
            "arn:aws:sns:{}:{}:{name}",
            self.site.region, self.site.account_id
        )
    }

    /// Returns the topic with this ARN.
    pub(crate) fn topic(&self, arn: &str) -> Result<Arc<Topic>, Failure> {
        let parsed = vocab::Arn::parse(arn).filter(|arn| arn.service == "sns");
        let Some(parsed) = parsed else {
            let length = arn.split(':').count();
            return Err(failure::invalid(format!(
                "TopicArn Reason: An ARN must have at least 6 elements, not {length}"
            )));
        };
        let ours = parsed.account == &*self.site.account_id && parsed.region == &*self.site.region;
        let topic = self.topics.read().get(parsed.resource).cloned();
        topic.filter(|_| ours).ok_or_else(failure::no_topic)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        self.topics.read().values().cloned().collect()
    }
}

#[async_trait]
impl Service for Sns {
    fn name(&self) -> &'static str {
        "sns"
    }

    async fn resource_policy(&self, resource: &str) -> Option<String> {
        let topic = self.core.topic(resource).ok()?;
        let policy = topic.row.attributes.get("Policy").cloned();
        policy.filter(|text| !text.is_empty())
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let core = &self.core;
        let input = Members::read(&call.input)?;
        let output = match &*call.operation {
            "CreateTopic" => topics::create(core, &input).await,
            "DeleteTopic" => topics::delete(core, &input).await,
            "ListTopics" => topics::list(core, &input),
            "GetTopicAttributes" => topics::attributes(core, &input),
            "SetTopicAttributes" => topics::set_attribute(core, &input).await,
            "TagResource" => topics::tag(core, &input).await,
            "UntagResource" => topics::untag(core, &input).await,
            "ListTagsForResource" => topics::tags(core, &input),
            "AddPermission" => topics::add_permission(core, &input).await,
            "RemovePermission" => topics::remove_permission(core, &input).await,
            "Subscribe" => subscriptions::subscribe(core, &input).await,
            "ConfirmSubscription" => subscriptions::confirm(core, &input).await,
            "Unsubscribe" => subscriptions::unsubscribe(core, &input).await,
            "ListSubscriptions" => subscriptions::list(core, &input, None),
            "ListSubscriptionsByTopic" => {
                let topic = core.topic(input.text("TopicArn").unwrap_or_default())?;
                subscriptions::list(core, &input, Some(topic))
            }
            "GetSubscriptionAttributes" => subscriptions::attributes(core, &input),
            "SetSubscriptionAttributes" => subscriptions::set_attribute(core, &input).await,
            "Publish" => publish::one(core, &input).await,
            "PublishBatch" => publish::batch(core, &input).await,
            other => Err(failure::not_built(&format!("sns:{other}"))),
        }?;
        Ok(Reply {
            output: match output {
                Value::Null => bytes::Bytes::new(),
                output => output.to_string().into(),
            },
            ..Reply::default()
        })
    }
}
