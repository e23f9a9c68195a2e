//! `AWS::IAM::Policy`, and the same for one holder: `AWS::IAM::RolePolicy`, `UserPolicy`, `GroupPolicy`.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::super::{Made, NotCreated, ResourceHandler, Services, generated_name};
use super::{document, named, texts, undo};
use crate::stack::ResourceState;

/// An inline policy of roles, users and groups.
pub(in crate::resource) struct Inline;

/// The holders: property, the member that names one, and the operations.
const HOLDERS: [(&str, &str, &str, &str); 3] = [
    ("Roles", "RoleName", "PutRolePolicy", "DeleteRolePolicy"),
    ("Users", "UserName", "PutUserPolicy", "DeleteUserPolicy"),
    ("Groups", "GroupName", "PutGroupPolicy", "DeleteGroupPolicy"),
];

/// Removes the policy of `before` from whoever has it no more.
async fn withdraw(
    services: &Services,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<(), Failure> {
    let renamed = before.get("PolicyName") != after.get("PolicyName");
    for (property, member, _, delete) in HOLDERS {
        let kept = texts(after, property);
        for holder in texts(before, property) {
            if renamed || !kept.contains(&holder) {
                let mut input = named(member, &holder);
                let name = before.get("PolicyName").cloned().unwrap_or_default();
                input.insert("PolicyName".into(), name);
                undo(services, delete, input).await?;
            }
        }
    }
    Ok(())
}

async fn put(services: &Services, given: &Map<String, Value>) -> Result<(), Failure> {
    for (property, member, put, _) in HOLDERS {
        for holder in texts(given, property) {
            let mut input = named(member, &holder);
            let name = given.get("PolicyName").cloned().unwrap_or_default();
            input.insert("PolicyName".into(), name);
            input.insert(
                "PolicyDocument".into(),
                document(given.get("PolicyDocument")),
            );
            services.call("iam", put, input).await?;
        }
    }
    Ok(())
}

#[async_trait]
impl ResourceHandler for Inline {
    fn kind(&self) -> &'static str {
        "AWS::IAM::Policy"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["Groups", "PolicyDocument", "PolicyName", "Roles", "Users"]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Id"]
    }

    fn default_attribute(&self, physical_id: &str, attribute: &str) -> Option<Value> {
        self.has_attribute(attribute).then(|| physical_id.into())
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
        put(services, given).await.map_err(|failure| NotCreated {
            failure,
            partly: true,
        })?;
        Ok(Map::new().into())
    }

    async fn update(
        &self,
        services: &Services,
        _: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        put(services, after).await?;
        withdraw(services, before, after).await?;
        Ok(Map::new())
    }

    /// Whose policy it is only its properties say: see [`Self::remove`].
    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        match &state.properties {
            Value::Object(before) => withdraw(services, before, &Map::new()).await,
            _ => Ok(()),
        }
    }
}
