//! `AWS::SNS::Topic`, with the subscriptions that it may name itself.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::{Failure, Site};

use crate::resource::{
    Made, NotCreated, ResourceHandler, Services, generated_name, properties, tags,
};

pub(super) struct Topic;

/// Properties that are attributes of the same name.
const ATTRIBUTES: [&str; 7] = [
    "ContentBasedDeduplication",
    "FifoThroughputScope",
    "DisplayName",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
    "FifoTopic",
];

fn attributes(given: &Map<String, Value>) -> Map<String, Value> {
    let found = ATTRIBUTES.iter().filter_map(|name| {
        Some((
            (*name).to_owned(),
            properties::text(given.get(*name)?).into(),
        ))
    });
    found.collect()
}

/// Returns the name of a topic; a name that was drawn says that it is a FIFO topic.
fn name_of(name: &str, given: &Map<String, Value>) -> String {
    let fifo = given.get("FifoTopic").map(properties::text);
    if fifo.as_deref() == Some("true") && !given.contains_key("TopicName") {
        return format!("{name}.fifo");
    }
    name.to_owned()
}

fn subscriptions(given: &Map<String, Value>) -> &[Value] {
    let listed = given.get("Subscription").and_then(Value::as_array);
    listed.map_or(&[][..], Vec::as_slice)
}

async fn subscribe(services: &Services, arn: &str, subscription: &Value) -> Result<(), Failure> {
    let input = properties::object([
        ("TopicArn", arn.into()),
        ("Protocol", subscription["Protocol"].clone()),
        ("Endpoint", subscription["Endpoint"].clone()),
    ]);
    services.call("sns", "Subscribe", input).await.map(drop)
}

#[async_trait]
impl ResourceHandler for Topic {
    fn kind(&self) -> &'static str {
        "AWS::SNS::Topic"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "ContentBasedDeduplication",
            "DisplayName",
            "FifoThroughputScope",
            "FifoTopic",
            "KmsMasterKeyId",
            "SignatureVersion",
            "Subscription",
            "Tags",
            "TopicName",
            "TracingConfig",
        ]
    }

    fn name_property(&self) -> &'static str {
        "TopicName"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["FifoTopic", "TopicName"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["TopicArn", "TopicName"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 200)
    }

    fn physical_id(&self, name: &str, given: &Map<String, Value>, site: &Site) -> String {
        let name = name_of(name, given);
        format!("arn:aws:sns:{}:{}:{name}", site.region, site.account_id)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = properties::object([("TopicArn", physical_id.into())]);
        match services.call("sns", "GetTopicAttributes", input).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == "NotFound" => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let name = name_of(name, given);
        let name = name.as_str();
        let mut input = properties::object([
            ("Name", name.into()),
            ("Attributes", attributes(given).into()),
        ]);
        if let Some(tags) = given.get("Tags") {
            input.insert("Tags".to_owned(), tags.clone());
        }
        services.call("sns", "CreateTopic", input).await?;
        let arn = self.physical_id(name, given, &services.site);
        for subscription in subscriptions(given) {
            if let Err(failure) = subscribe(services, &arn, subscription).await {
                return Err(NotCreated {
                    failure,
                    partly: true,
                });
            }
        }
        Ok(properties::object([("TopicArn", arn.into()), ("TopicName", name.into())]).into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let arn = Value::from(physical_id);
        let (old, new) = (attributes(before), attributes(after));
        for name in ATTRIBUTES
            .iter()
            .filter(|name| old.get(**name) != new.get(**name))
        {
            let input = properties::object([
                ("TopicArn", arn.clone()),
                ("AttributeName", (*name).into()),
                (
                    "AttributeValue",
                    new.get(*name).cloned().unwrap_or("".into()),
                ),
            ]);
            services.call("sns", "SetTopicAttributes", input).await?;
        }
        let (old, new) = (subscriptions(before), subscriptions(after));
        for subscription in new.iter().filter(|one| !old.contains(one)) {
            subscribe(services, physical_id, subscription).await?;
        }
        let gone: Vec<&Value> = old.iter().filter(|one| !new.contains(one)).collect();
        if !gone.is_empty() {
            let input = properties::object([("TopicArn", arn.clone())]);
            let known = services
                .call("sns", "ListSubscriptionsByTopic", input)
                .await?;
            for known in known["Subscriptions"].as_array().into_iter().flatten() {
                let same = |one: &&Value| {
                    one["Protocol"] == known["Protocol"] && one["Endpoint"] == known["Endpoint"]
                };
                if gone.iter().any(same) {
                    let input =
                        properties::object([("SubscriptionArn", known["SubscriptionArn"].clone())]);
                    services.call("sns", "Unsubscribe", input).await?;
                }
            }
        }
        let named = properties::object([("ResourceArn", arn)]);
        tags::SNS.change(services, named, before, after).await?;
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([("TopicArn", physical_id.into())]);
        services
            .delete("sns", "DeleteTopic", input, "NotFound")
            .await
    }
}
