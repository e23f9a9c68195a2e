//! `AWS::IAM::ManagedPolicy`.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::{Failure, Site};

use super::super::{Made, NotCreated, ResourceHandler, Services, generated_name};
use super::{ABSENT, document, named, texts, undo};

/// A managed policy of the account.
pub(in crate::resource) struct ManagedPolicy;

/// The holders: property, the member that names one, and the operations.
const HOLDERS: [(&str, &str, &str, &str); 3] = [
    ("Roles", "RoleName", "AttachRolePolicy", "DetachRolePolicy"),
    ("Users", "UserName", "AttachUserPolicy", "DetachUserPolicy"),
    (
        "Groups",
        "GroupName",
        "AttachGroupPolicy",
        "DetachGroupPolicy",
    ),
];

/// Most versions of one policy; the oldest makes room.
const VERSIONS_MAX: usize = 5;

async fn attach(
    services: &Services,
    arn: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<(), Failure> {
    for (property, member, attach, detach) in HOLDERS {
        let wanted = texts(after, property);
        for holder in &wanted {
            let mut input = named(member, holder);
            input.insert("PolicyArn".into(), arn.into());
            services.call("iam", attach, input).await?;
        }
        for holder in texts(before, property) {
            if !wanted.contains(&holder) {
                let mut input = named(member, &holder);
                input.insert("PolicyArn".into(), arn.into());
                undo(services, detach, input).await?;
            }
        }
    }
    Ok(())
}

/// Returns the ids of the versions, the newest first, but for the default one.
async fn versions(services: &Services, arn: &str) -> Result<Vec<Value>, Failure> {
    let listed = services
        .call("iam", "ListPolicyVersions", named("PolicyArn", arn))
        .await?;
    let versions = listed["Versions"].as_array().cloned().unwrap_or_default();
    let versions = versions.into_iter();
    Ok(versions
        .filter(|version| version["IsDefaultVersion"] != true)
        .map(|version| version["VersionId"].clone())
        .collect())
}

#[async_trait]
impl ResourceHandler for ManagedPolicy {
    fn kind(&self) -> &'static str {
        "AWS::IAM::ManagedPolicy"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "Description",
            "Groups",
            "ManagedPolicyName",
            "Path",
            "PolicyDocument",
            "Roles",
            "Users",
        ]
    }

    fn name_property(&self) -> &'static str {
        "ManagedPolicyName"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["Description", "ManagedPolicyName", "Path"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["PolicyArn"]
    }

    fn default_attribute(&self, physical_id: &str, attribute: &str) -> Option<Value> {
        self.has_attribute(attribute).then(|| physical_id.into())
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 128)
    }

    fn physical_id(&self, name: &str, given: &Map<String, Value>, site: &Site) -> String {
        let path = given.get("Path").and_then(Value::as_str).unwrap_or("/");
        format!("arn:aws:iam::{}:policy{path}{name}", site.account_id)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = named("PolicyArn", physical_id);
        match services.call("iam", "GetPolicy", input).await {
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
        let mut input = named("PolicyName", name);
        for member in ["Description", "Path"] {
            if let Some(value) = given.get(member) {
                input.insert(member.to_owned(), value.clone());
            }
        }
        input.insert(
            "PolicyDocument".into(),
            document(given.get("PolicyDocument")),
        );
        services.call("iam", "CreatePolicy", input).await?;
        let arn = self.physical_id(name, given, &services.site);
        let attached = attach(services, &arn, &Map::new(), given).await;
        attached.map_err(|failure| NotCreated {
            failure,
            partly: true,
        })?;
        Ok(Map::new().into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        if before.get("PolicyDocument") != after.get("PolicyDocument") {
            let others = versions(services, physical_id).await?;
            if others.len() + 1 >= VERSIONS_MAX
                && let Some(oldest) = others.last()
            {
                let mut input = named("PolicyArn", physical_id);
                input.insert("VersionId".into(), oldest.clone());
                undo(services, "DeletePolicyVersion", input).await?;
            }
            let mut input = named("PolicyArn", physical_id);
            input.insert(
                "PolicyDocument".into(),
                document(after.get("PolicyDocument")),
            );
            input.insert("SetAsDefault".into(), true.into());
            services.call("iam", "CreatePolicyVersion", input).await?;
        }
        attach(services, physical_id, before, after).await?;
        Ok(Map::new())
    }

    /// Whoever has the policy loses it first.
    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        if !self.exists(services, physical_id).await? {
            return Ok(());
        }
        let input = named("PolicyArn", physical_id);
        let holders = services.call("iam", "ListEntitiesForPolicy", input).await?;
        for (list, member, operation) in [
            ("PolicyRoles", "RoleName", "DetachRolePolicy"),
            ("PolicyUsers", "UserName", "DetachUserPolicy"),
            ("PolicyGroups", "GroupName", "DetachGroupPolicy"),
        ] {
            for holder in holders[list].as_array().into_iter().flatten() {
                let mut input = named(member, holder[member].as_str().unwrap_or_default());
                input.insert("PolicyArn".into(), physical_id.into());
                undo(services, operation, input).await?;
            }
        }
        for version in versions(services, physical_id).await? {
            let mut input = named("PolicyArn", physical_id);
            input.insert("VersionId".into(), version);
            undo(services, "DeletePolicyVersion", input).await?;
        }
        undo(services, "DeletePolicy", named("PolicyArn", physical_id)).await
    }
}
