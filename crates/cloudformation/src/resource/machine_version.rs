//! `AWS::StepFunctions::StateMachineVersion`: every change is another version.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};

pub(super) struct MachineVersion;

#[async_trait]
impl ResourceHandler for MachineVersion {
    fn kind(&self) -> &'static str {
        "AWS::StepFunctions::StateMachineVersion"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["Description", "StateMachineArn", "StateMachineRevisionId"]
    }

    fn name_property(&self) -> &'static str {
        ""
    }

    fn immutable(&self) -> &'static [&'static str] {
        self.properties()
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 80)
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
        let names = [
            ("StateMachineArn", "stateMachineArn"),
            ("StateMachineRevisionId", "revisionId"),
            ("Description", "description"),
        ];
        let input = properties::copy(given, &names);
        let made = services.call("states", "PublishStateMachineVersion", input);
        let made = made.await?;
        let arn = made.get("stateMachineVersionArn").and_then(Value::as_str);
        let arn = arn.unwrap_or_default().to_owned();
        Ok(Made {
            attributes: properties::object([("Arn", arn.as_str().into())]),
            physical_id: Some(arn),
        })
    }

    async fn update(
        &self,
        _: &Services,
        _: &str,
        _: &Map<String, Value>,
        _: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        // One that was never published has the name that was drawn for it.
        if !physical_id.starts_with("arn:") {
            return Ok(());
        }
        let arn = properties::object([("stateMachineVersionArn", physical_id.into())]);
        let absent = "ResourceNotFound";
        services
            .delete("states", "DeleteStateMachineVersion", arn, absent)
            .await
    }
}
