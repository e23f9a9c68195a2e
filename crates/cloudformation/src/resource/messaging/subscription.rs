//! `AWS::SNS::Subscription`.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use crate::resource::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use crate::stack::ResourceState;

pub(super) struct Subscription;

/// Properties that are attributes of the same name.
const ATTRIBUTES: [&str; 5] = [
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
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

#[async_trait]
impl ResourceHandler for Subscription {
    fn kind(&self) -> &'static str {
        "AWS::SNS::Subscription"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "DeliveryPolicy",
            "Endpoint",
            "FilterPolicy",
            "FilterPolicyScope",
            "Protocol",
            "RawMessageDelivery",
            "RedrivePolicy",
            "Region",
            "TopicArn",
        ]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["Endpoint", "Protocol", "TopicArn"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn default_attribute(&self, physical_id: &str, _: &str) -> Option<Value> {
        Some(physical_id.into())
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    async fn create(
        &self,
        services: &Services,
        _: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let names = ["TopicArn", "Protocol", "Endpoint"].map(|name| (name, name));
        let mut input = properties::copy(given, &names);
        input.insert("Attributes".to_owned(), attributes(given).into());
        input.insert("ReturnSubscriptionArn".to_owned(), true.into());
        let made = services.call("sns", "Subscribe", input).await?;
        let arn = made.get("SubscriptionArn").and_then(Value::as_str);
        Ok(Made {
            physical_id: arn.map(str::to_owned),
            attributes: properties::object([("Arn", arn.unwrap_or_default().into())]),
        })
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let (old, new) = (attributes(before), attributes(after));
        for name in ATTRIBUTES
            .iter()
            .filter(|name| old.get(**name) != new.get(**name))
        {
            let default = match *name {
                "RawMessageDelivery" => "false",
                "FilterPolicyScope" => "MessageAttributes",
                _ => "",
            };
            let value = new.get(*name).cloned().unwrap_or(default.into());
            let input = properties::object([
                ("SubscriptionArn", physical_id.into()),
                ("AttributeName", (*name).into()),
                ("AttributeValue", value),
            ]);
            services
                .call("sns", "SetSubscriptionAttributes", input)
                .await?;
        }
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([("SubscriptionArn", physical_id.into())]);
        services
            .delete("sns", "Unsubscribe", input, "NotFound")
            .await
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    /// One whose making was cut off is known by its topic and its endpoint.
    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        if state.physical_id.starts_with("arn:") {
            return self.delete(services, &state.physical_id).await;
        }
        let topic = state.properties["TopicArn"].clone();
        let input = properties::object([("TopicArn", topic)]);
        let known = match services
            .call("sns", "ListSubscriptionsByTopic", input)
            .await
        {
            Ok(known) => known,
            Err(failure) if failure.code == "NotFound" => return Ok(()),
            Err(failure) => return Err(failure),
        };
        for known in known["Subscriptions"].as_array().into_iter().flatten() {
            let same = known["Endpoint"] == state.properties["Endpoint"]
                && known["Protocol"] == state.properties["Protocol"];
            if let Some(arn) = known["SubscriptionArn"].as_str().filter(|_| same) {
                self.delete(services, arn).await?;
            }
        }
        Ok(())
    }
}
