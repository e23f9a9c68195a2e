//! `AWS::SQS::QueuePolicy` and `AWS::SNS::TopicPolicy`: an attribute of the queues or topics that they name.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::queue::name_of;
use crate::resource::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use crate::stack::ResourceState;

/// A kind of policy.
pub(super) struct ResourcePolicy {
    kind: &'static str,
    properties: &'static [&'static str],
    /// The property that lists whose policy it is.
    owners: &'static str,
    service: &'static str,
    operation: &'static str,
    /// Returns what the operation is told.
    input: fn(owner: &str, policy: &str) -> Map<String, Value>,
    /// What the service answers where the owner is gone.
    gone: &'static str,
}

pub(super) const QUEUE: ResourcePolicy = ResourcePolicy {
    kind: "AWS::SQS::QueuePolicy",
    properties: &["PolicyDocument", "Queues"],
    owners: "Queues",
    service: "sqs",
    operation: "SetQueueAttributes",
    input: |queue, policy| {
        let attributes = properties::object([("Policy", policy.into())]);
        properties::object([
            ("QueueUrl", name_of(queue).into()),
            ("Attributes", attributes.into()),
        ])
    },
    gone: "QueueDoesNotExist",
};

/// Where it is taken away, a topic has the policy again that every topic has.
pub(super) const TOPIC: ResourcePolicy = ResourcePolicy {
    kind: "AWS::SNS::TopicPolicy",
    properties: &["PolicyDocument", "Topics"],
    owners: "Topics",
    service: "sns",
    operation: "SetTopicAttributes",
    input: |topic, policy| {
        properties::object([
            ("TopicArn", topic.into()),
            ("AttributeName", "Policy".into()),
            ("AttributeValue", policy.into()),
        ])
    },
    gone: "NotFound",
};

impl ResourcePolicy {
    fn owners<'g>(&self, given: &'g Map<String, Value>) -> Vec<&'g str> {
        let owners = given.get(self.owners).and_then(Value::as_array);
        let owners = owners.into_iter().flatten();
        owners.filter_map(Value::as_str).collect()
    }

    async fn set(&self, services: &Services, owner: &str, policy: &str) -> Result<(), Failure> {
        let input = (self.input)(owner, policy);
        let set = services.call(self.service, self.operation, input);
        set.await.map(drop)
    }

    async fn set_all(
        &self,
        services: &Services,
        given: &Map<String, Value>,
    ) -> Result<(), Failure> {
        let policy = given.get("PolicyDocument").map(properties::text);
        for owner in self.owners(given) {
            let policy = policy.as_deref().unwrap_or_default();
            self.set(services, owner, policy).await?;
        }
        Ok(())
    }

    /// Takes the policy away. An owner that is gone has none.
    async fn clear(&self, services: &Services, owners: &[&str]) -> Result<(), Failure> {
        for owner in owners {
            match self.set(services, owner, "").await {
                Err(failure) if failure.code != self.gone => return Err(failure),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ResourceHandler for ResourcePolicy {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn properties(&self) -> &'static [&'static str] {
        self.properties
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Id"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    fn default_attribute(&self, physical_id: &str, _: &str) -> Option<Value> {
        Some(physical_id.into())
    }

    async fn create(
        &self,
        services: &Services,
        _: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        match self.set_all(services, given).await {
            Ok(()) => Ok(Map::new().into()),
            Err(failure) => Err(NotCreated {
                failure,
                partly: true,
            }),
        }
    }

    async fn update(
        &self,
        services: &Services,
        _: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let kept = self.owners(after);
        let mut gone = self.owners(before);
        gone.retain(|owner| !kept.contains(owner));
        self.clear(services, &gone).await?;
        self.set_all(services, after).await?;
        Ok(Map::new())
    }

    /// Whose it is stands only in the properties.
    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        match state.properties.as_object() {
            Some(given) => self.clear(services, &self.owners(given)).await,
            None => Ok(()),
        }
    }
}
