//! `AWS::IAM::Role`. There is no IAM service yet: a role is its ARN, and its policies are kept in the
//! properties of its row, where that service will find them.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::{Failure, Site};

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};

pub(super) struct Role;

/// Longest name of a role (IAM quotas).
const NAME_CHARS_MAX: usize = 64;

#[async_trait]
impl ResourceHandler for Role {
    fn kind(&self) -> &'static str {
        "AWS::IAM::Role"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "AssumeRolePolicyDocument",
            "Description",
            "ManagedPolicyArns",
            "MaxSessionDuration",
            "Path",
            "PermissionsBoundary",
            "Policies",
            "RoleName",
            "Tags",
        ]
    }

    fn name_property(&self) -> &'static str {
        "RoleName"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["RoleName", "Path"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, NAME_CHARS_MAX)
    }

    async fn exists(&self, _: &Services, _: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        properties: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        Ok(attributes(&services.site, name, properties).into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        _: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        Ok(attributes(&services.site, physical_id, after))
    }

    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }
}

fn attributes(site: &Site, name: &str, properties: &Map<String, Value>) -> Map<String, Value> {
    let path = properties
        .get("Path")
        .and_then(Value::as_str)
        .unwrap_or("/");
    let arn = format!("arn:aws:iam::{}:role{path}{name}", site.account_id);
    properties::object([("Arn", arn.into())])
}
