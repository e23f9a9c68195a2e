//! `AWS::IAM::InstanceProfile`: a name around a role; there are no instances here that would use it.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use super::{ABSENT, named, texts, undo};

/// An instance profile.
pub(in crate::resource) struct InstanceProfile;

const NAME: &str = "InstanceProfileName";

#[async_trait]
impl ResourceHandler for InstanceProfile {
    fn kind(&self) -> &'static str {
        "AWS::IAM::InstanceProfile"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[NAME, "Path", "Roles"]
    }

    fn name_property(&self) -> &'static str {
        NAME
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[NAME, "Path", "Roles"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 128)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = named(NAME, physical_id);
        match services.call("iam", "GetInstanceProfile", input).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == ABSENT => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let mut input = named(NAME, name);
        if let Some(path) = given.get("Path") {
            input.insert("Path".into(), path.clone());
        }
        let made = services.call("iam", "CreateInstanceProfile", input).await?;
        for role in texts(given, "Roles") {
            let mut input = named(NAME, name);
            input.insert("RoleName".into(), role.into());
            let added = services
                .call("iam", "AddRoleToInstanceProfile", input)
                .await;
            added.map_err(|failure| NotCreated {
                failure,
                partly: true,
            })?;
        }
        let arn = made["InstanceProfile"]["Arn"].clone();
        Ok(properties::object([("Arn", arn)]).into())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        if !self.exists(services, physical_id).await? {
            return Ok(());
        }
        let input = named(NAME, physical_id);
        let found = services.call("iam", "GetInstanceProfile", input).await?;
        let roles = found["InstanceProfile"]["Roles"].as_array();
        for role in roles.into_iter().flatten() {
            let mut input = named(NAME, physical_id);
            input.insert("RoleName".into(), role["RoleName"].clone());
            undo(services, "RemoveRoleFromInstanceProfile", input).await?;
        }
        undo(services, "DeleteInstanceProfile", named(NAME, physical_id)).await
    }
}
