//! `AWS::IAM::Role`, `AWS::IAM::User` and `AWS::IAM::Group`: whoever policies are attached to.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::super::tags::Tagging;
use super::super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use super::{ABSENT, document, named, texts, undo};

/// One of the three types as a table.
pub(in crate::resource) struct Holder {
    kind: &'static str,
    /// `Role`, as members and operations have it.
    title: &'static str,
    name_member: &'static str,
    properties: &'static [&'static str],
    name_chars_max: usize,
    immutable: &'static [&'static str],
    create: &'static str,
    get: &'static str,
    delete: &'static str,
    attach: &'static str,
    detach: &'static str,
    list_attached: &'static str,
    put: &'static str,
    delete_inline: &'static str,
    list_inline: &'static str,
    /// The property that lists managed policies; of users and groups it has the same name.
    tags: Option<(&'static str, &'static str)>,
    boundary: Option<(&'static str, &'static str)>,
}

pub(in crate::resource) const ROLE: Holder = Holder {
    kind: "AWS::IAM::Role",
    title: "Role",
    name_member: "RoleName",
    properties: &[
        "AssumeRolePolicyDocument",
        "Description",
        "ManagedPolicyArns",
        "MaxSessionDuration",
        "Path",
        "PermissionsBoundary",
        "Policies",
        "RoleName",
        "Tags",
    ],
    name_chars_max: 64,
    immutable: &["RoleName", "Path"],
    create: "CreateRole",
    get: "GetRole",
    delete: "DeleteRole",
    attach: "AttachRolePolicy",
    detach: "DetachRolePolicy",
    list_attached: "ListAttachedRolePolicies",
    put: "PutRolePolicy",
    delete_inline: "DeleteRolePolicy",
    list_inline: "ListRolePolicies",
    tags: Some(("TagRole", "UntagRole")),
    boundary: Some((
        "PutRolePermissionsBoundary",
        "DeleteRolePermissionsBoundary",
    )),
};

pub(in crate::resource) const USER: Holder = Holder {
    kind: "AWS::IAM::User",
    title: "User",
    name_member: "UserName",
    properties: &[
        "Groups",
        "ManagedPolicyArns",
        "Path",
        "PermissionsBoundary",
        "Policies",
        "Tags",
        "UserName",
    ],
    name_chars_max: 64,
    immutable: &["UserName", "Path"],
    create: "CreateUser",
    get: "GetUser",
    delete: "DeleteUser",
    attach: "AttachUserPolicy",
    detach: "DetachUserPolicy",
    list_attached: "ListAttachedUserPolicies",
    put: "PutUserPolicy",
    delete_inline: "DeleteUserPolicy",
    list_inline: "ListUserPolicies",
    tags: Some(("TagUser", "UntagUser")),
    boundary: Some((
        "PutUserPermissionsBoundary",
        "DeleteUserPermissionsBoundary",
    )),
};

pub(in crate::resource) const GROUP: Holder = Holder {
    kind: "AWS::IAM::Group",
    title: "Group",
    name_member: "GroupName",
    properties: &["GroupName", "ManagedPolicyArns", "Path", "Policies"],
    name_chars_max: 128,
    immutable: &["GroupName", "Path"],
    create: "CreateGroup",
    get: "GetGroup",
    delete: "DeleteGroup",
    attach: "AttachGroupPolicy",
    detach: "DetachGroupPolicy",
    list_attached: "ListAttachedGroupPolicies",
    put: "PutGroupPolicy",
    delete_inline: "DeleteGroupPolicy",
    list_inline: "ListGroupPolicies",
    tags: None,
    boundary: None,
};

impl Holder {
    fn input(&self, name: &str) -> Map<String, Value> {
        named(self.name_member, name)
    }

    /// Attaches, adds and removes, so that the holder has what `after` says and `before` said otherwise.
    async fn bring(
        &self,
        services: &Services,
        name: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<(), Failure> {
        let wanted = texts(after, "ManagedPolicyArns");
        for arn in &wanted {
            let mut input = self.input(name);
            input.insert("PolicyArn".into(), arn.as_str().into());
            services.call("iam", self.attach, input).await?;
        }
        for arn in texts(before, "ManagedPolicyArns") {
            if !wanted.contains(&arn) {
                let mut input = self.input(name);
                input.insert("PolicyArn".into(), arn.into());
                undo(services, self.detach, input).await?;
            }
        }
        let policies = |from: &Map<String, Value>| {
            let policies = from.get("Policies").and_then(Value::as_array);
            policies.cloned().unwrap_or_default()
        };
        let wanted = policies(after);
        for policy in &wanted {
            let mut input = self.input(name);
            input.insert("PolicyName".into(), policy["PolicyName"].clone());
            input.insert(
                "PolicyDocument".into(),
                document(policy.get("PolicyDocument")),
            );
            services.call("iam", self.put, input).await?;
        }
        for policy in policies(before) {
            let kept = |one: &Value| one["PolicyName"] == policy["PolicyName"];
            if !wanted.iter().any(kept) {
                let mut input = self.input(name);
                input.insert("PolicyName".into(), policy["PolicyName"].clone());
                undo(services, self.delete_inline, input).await?;
            }
        }
        let wanted = texts(after, "Groups");
        for group in &wanted {
            let mut input = self.input(name);
            input.insert("GroupName".into(), group.as_str().into());
            services.call("iam", "AddUserToGroup", input).await?;
        }
        for group in texts(before, "Groups") {
            if !wanted.contains(&group) {
                let mut input = self.input(name);
                input.insert("GroupName".into(), group.into());
                undo(services, "RemoveUserFromGroup", input).await?;
            }
        }
        Ok(())
    }

    async fn attributes(
        &self,
        services: &Services,
        name: &str,
    ) -> Result<Map<String, Value>, Failure> {
        let described = services.call("iam", self.get, self.input(name)).await?;
        let shown = &described[self.title];
        let arn = shown["Arn"].clone();
        Ok(match self.title {
            "Role" => properties::object([("Arn", arn), ("RoleId", shown["RoleId"].clone())]),
            _ => properties::object([("Arn", arn)]),
        })
    }

    /// Changes what an operation of its own changes.
    async fn change(
        &self,
        services: &Services,
        name: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<(), Failure> {
        let differs = |property: &str| before.get(property) != after.get(property);
        if differs("AssumeRolePolicyDocument") {
            let mut input = self.input(name);
            let trust = document(after.get("AssumeRolePolicyDocument"));
            input.insert("PolicyDocument".into(), trust);
            services
                .call("iam", "UpdateAssumeRolePolicy", input)
                .await?;
        }
        if differs("Description") || differs("MaxSessionDuration") {
            let mut input = self.input(name);
            let text = after.get("Description").cloned();
            input.insert("Description".into(), text.unwrap_or_else(|| "".into()));
            let seconds = after.get("MaxSessionDuration").cloned();
            input.insert(
                "MaxSessionDuration".into(),
                seconds.unwrap_or_else(|| 3600.into()),
            );
            services.call("iam", "UpdateRole", input).await?;
        }
        if let Some((put, delete)) = self.boundary
            && differs("PermissionsBoundary")
        {
            let mut input = self.input(name);
            match after.get("PermissionsBoundary") {
                Some(arn) => {
                    input.insert("PermissionsBoundary".into(), arn.clone());
                    services.call("iam", put, input).await?;
                }
                None => undo(services, delete, input).await?,
            }
        }
        if let Some((tag, untag)) = self.tags
            && differs("Tags")
        {
            let tagging = Tagging::of_iam(tag, untag);
            tagging
                .change(services, self.input(name), before, after)
                .await?;
        }
        Ok(())
    }
}

#[async_trait]
impl ResourceHandler for Holder {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn properties(&self) -> &'static [&'static str] {
        self.properties
    }

    fn name_property(&self) -> &'static str {
        self.name_member
    }

    fn immutable(&self) -> &'static [&'static str] {
        self.immutable
    }

    fn attributes(&self) -> &'static [&'static str] {
        if self.title == "Role" {
            &["Arn", "RoleId"]
        } else {
            &["Arn"]
        }
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, self.name_chars_max)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        match services
            .call("iam", self.get, self.input(physical_id))
            .await
        {
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
        let members = [
            "Description",
            "MaxSessionDuration",
            "Path",
            "PermissionsBoundary",
            "Tags",
        ];
        let mut input = self.input(name);
        for member in members {
            if let Some(value) = given.get(member) {
                input.insert(member.to_owned(), value.clone());
            }
        }
        if self.title == "Role" {
            let trust = document(given.get("AssumeRolePolicyDocument"));
            input.insert("AssumeRolePolicyDocument".into(), trust);
        }
        services.call("iam", self.create, input).await?;
        let partly = |failure| NotCreated {
            failure,
            partly: true,
        };
        let nothing = Map::new();
        let brought = self.bring(services, name, &nothing, given).await;
        brought.map_err(partly)?;
        let attributes = self.attributes(services, name).await.map_err(partly)?;
        Ok(attributes.into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        self.change(services, physical_id, before, after).await?;
        self.bring(services, physical_id, before, after).await?;
        self.attributes(services, physical_id).await
    }

    /// What others have attached meanwhile goes too, as the policies of one stack end before its roles.
    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        if !self.exists(services, physical_id).await? {
            return Ok(());
        }
        let attached = services
            .call("iam", self.list_attached, self.input(physical_id))
            .await?;
        for policy in attached["AttachedPolicies"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let mut input = self.input(physical_id);
            input.insert("PolicyArn".into(), policy["PolicyArn"].clone());
            undo(services, self.detach, input).await?;
        }
        let inline = services
            .call("iam", self.list_inline, self.input(physical_id))
            .await?;
        for policy in inline["PolicyNames"].as_array().into_iter().flatten() {
            let mut input = self.input(physical_id);
            input.insert("PolicyName".into(), policy.clone());
            undo(services, self.delete_inline, input).await?;
        }
        if self.title == "User" {
            let groups = services
                .call("iam", "ListGroupsForUser", self.input(physical_id))
                .await?;
            for group in groups["Groups"].as_array().into_iter().flatten() {
                let mut input = self.input(physical_id);
                input.insert("GroupName".into(), group["GroupName"].clone());
                undo(services, "RemoveUserFromGroup", input).await?;
            }
        }
        undo(services, self.delete, self.input(physical_id)).await
    }
}
