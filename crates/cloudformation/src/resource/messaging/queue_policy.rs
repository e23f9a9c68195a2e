//! `AWS::SQS::QueuePolicy`: an attribute of the queues that it names.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::queue::name_of;
use crate::resource::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use crate::stack::ResourceState;

pub(super) struct QueuePolicy;

fn queues(given: &Map<String, Value>) -> Vec<&str> {
    let queues = given.get("Queues").and_then(Value::as_array);
    queues
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

async fn set(services: &Services, queue: &str, policy: &str) -> Result<(), Failure> {
    let attributes = properties::object([("Policy", policy.into())]);
    let input = properties::object([
        ("QueueUrl", name_of(queue).into()),
        ("Attributes", attributes.into()),
    ]);
    services
        .call("sqs", "SetQueueAttributes", input)
        .await
        .map(drop)
}

async fn set_all(services: &Services, given: &Map<String, Value>) -> Result<(), Failure> {
    let policy = given.get("PolicyDocument").map(properties::text);
    for queue in queues(given) {
        set(services, queue, policy.as_deref().unwrap_or_default()).await?;
    }
    Ok(())
}

/// Takes the policy from queues. One that is gone has none.
async fn clear(services: &Services, queues: &[&str]) -> Result<(), Failure> {
    for queue in queues {
        match set(services, queue, "").await {
            Err(failure) if failure.code != "QueueDoesNotExist" => return Err(failure),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[async_trait]
impl ResourceHandler for QueuePolicy {
    fn kind(&self) -> &'static str {
        "AWS::SQS::QueuePolicy"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["PolicyDocument", "Queues"]
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
        let kept = queues(after);
        let mut gone = queues(before);
        gone.retain(|queue| !kept.contains(queue));
        clear(services, &gone).await?;
        set_all(services, after).await?;
        Ok(Map::new())
    }

    /// Which queues they are is only in the properties.
    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        match state.properties.as_object() {
            Some(given) => clear(services, &queues(given)).await,
            None => Ok(()),
        }
    }
}
