//! `AWS::IAM::AccessKey`: the secret is an attribute, told when the key is made.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use super::{named, undo};
use crate::stack::ResourceState;

/// An access key of a user.
pub(in crate::resource) struct AccessKey;

#[async_trait]
impl ResourceHandler for AccessKey {
    fn kind(&self) -> &'static str {
        "AWS::IAM::AccessKey"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["Serial", "Status", "UserName"]
    }

    fn name_property(&self) -> &'static str {
        ""
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["Serial", "UserName"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["SecretAccessKey"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    async fn exists(&self, _: &Services, _: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn create(
        &self,
        services: &Services,
        _: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let user = given.get("UserName").and_then(Value::as_str);
        let input = named("UserName", user.unwrap_or_default());
        let made = services.call("iam", "CreateAccessKey", input).await?;
        let key = &made["AccessKey"];
        let attributes = properties::object([("SecretAccessKey", key["SecretAccessKey"].clone())]);
        let id = key["AccessKeyId"].as_str().map(str::to_owned);
        if let (Some(id), Some("Inactive")) = (&id, given.get("Status").and_then(Value::as_str)) {
            self.update(services, id, &Map::new(), given).await?;
        }
        Ok(Made {
            physical_id: id,
            attributes,
        })
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        _: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let user = after.get("UserName").and_then(Value::as_str);
        let mut input = named("UserName", user.unwrap_or_default());
        input.insert("AccessKeyId".into(), physical_id.into());
        let status = after.get("Status").cloned();
        input.insert("Status".into(), status.unwrap_or_else(|| "Active".into()));
        services.call("iam", "UpdateAccessKey", input).await?;
        Ok(Map::new())
    }

    /// Whose key it is only its properties say: see [`Self::remove`].
    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        let user = state.properties["UserName"].as_str().unwrap_or_default();
        let mut input = named("UserName", user);
        input.insert("AccessKeyId".into(), state.physical_id.as_str().into());
        undo(services, "DeleteAccessKey", input).await
    }
}
