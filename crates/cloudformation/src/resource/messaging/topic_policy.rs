//! `AWS::SNS::TopicPolicy`: an attribute of the topics that it names.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use crate::resource::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use crate::stack::ResourceState;

pub(super) struct TopicPolicy;

fn topics(given: &Map<String, Value>) -> Vec<&str> {
    let topics = given.get("Topics").and_then(Value::as_array);
    topics
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

async fn set(services: &Services, topic: &str, policy: &str) -> Result<(), Failure> {
    let input = properties::object([
        ("TopicArn", topic.into()),
        ("AttributeName", "Policy".into()),
        ("AttributeValue", policy.into()),
    ]);
    services
        .call("sns", "SetTopicAttributes", input)
        .await
        .map(drop)
}

async fn set_all(services: &Services, given: &Map<String, Value>) -> Result<(), Failure> {
    let policy = given.get("PolicyDocument").map(properties::text);
    for topic in topics(given) {
        set(services, topic, policy.as_deref().unwrap_or_default()).await?;
    }
    Ok(())
}

/// Gives topics the policy again that every topic has. One that is gone has none.
async fn clear(services: &Services, topics: &[&str]) -> Result<(), Failure> {
    for topic in topics {
        match set(services, topic, "").await {
            Err(failure) if failure.code != "NotFound" => return Err(failure),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[async_trait]
impl ResourceHandler for TopicPolicy {
    fn kind(&self) -> &'static str {
        "AWS::SNS::TopicPolicy"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["PolicyDocument", "Topics"]
    }

    fn name_property(&self) -> &'static str {
        ""
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

    async fn exists(&self, _: &Services, _: &str) -> Result<bool, Failure> {
        Ok(false)
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
        match set_all(services, given).await {
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
        let kept = topics(after);
        let mut gone = topics(before);
        gone.retain(|topic| !kept.contains(topic));
        clear(services, &gone).await?;
        set_all(services, after).await?;
        Ok(Map::new())
    }

    /// Which topics they are is only in the properties.
    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        match state.properties.as_object() {
            Some(given) => clear(services, &topics(given)).await,
            None => Ok(()),
        }
    }
}
