//! Change sets: made, looked at, executed.

use serde_json::{Value, json};
use service::Principal;

use crate::change_set::{Action, ChangeSetRow, ResourceChange, Wanted};
use crate::error::DeployError;
use crate::stack::Contents;

use super::input::{Input, invalid};
use super::stacks::{disabled, require_capabilities};
use super::{CloudFormation, name_of, present, shown, tag_list};

impl CloudFormation {
    pub(super) async fn create_change_set(
        &self,
        input: &mut Input,
        principal: Principal,
    ) -> Result<Value, DeployError> {
        let stack_name = input.need("StackName")?;
        let name = input.need("ChangeSetName")?;
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !name.bytes().all(letters)
            || !name.starts_with(|first: char| first.is_ascii_alphabetic())
            || name.len() > 128
        {
            return Err(invalid(format!(
                "1 validation error detected: Value '{name}' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
            )));
        }
        let creates = match input.text("ChangeSetType").as_deref() {
            None | Some("UPDATE") => false,
            Some("CREATE") => true,
            Some(other) => {
                return Err(super::not_served(format!(
                    "ChangeSetType {other} of CreateChangeSet"
                )));
            }
        };
        let on_failure = input.on_failure("OnStackFailure")?.unwrap_or_default();
        let description = input.text("Description");
        // The CDK says so of every change set, mostly that it wants none.
        if input.flag("ImportExistingResources") == Some(true) {
            return Err(super::not_served(
                "ImportExistingResources of CreateChangeSet".to_owned(),
            ));
        }
        input.ignore(&["ClientToken", "IncludeNestedStacks"]);
        let living = self.living(&stack_name).await?;
        let contents = living.map_or_else(Contents::default, |stack| stack.contents);
        let name_only = name_of(&stack_name).to_owned();
        let deployment = self
            .deployment(input, &name_only, &contents, &principal)
            .await?;
        input.finish("CreateChangeSet")?;
        require_capabilities(&deployment, false)?;
        let wanted = Wanted {
            name,
            description,
            creates,
            on_failure,
        };
        let row = self
            .deployer
            .create_change_set(wanted, deployment, principal)
            .await?;
        Ok(json!({"Id": row.id, "StackId": row.stack_id}))
    }

    /// Finds a change set by its ARN, or by its name and its stack.
    pub(super) async fn change_set(&self, input: &mut Input) -> Result<ChangeSetRow, DeployError> {
        let (name, stack) = (input.need("ChangeSetName")?, input.text("StackName"));
        let stacks = match &stack {
            Some(stack) => match self.living(stack).await? {
                Some(stack) => vec![stack.name],
                None => return Err(invalid(format!("Stack [{stack}] does not exist"))),
            },
            None if !name.starts_with("arn:") => {
                return Err(invalid(
                    "StackName must be specified if ChangeSetName is not specified as an ARN.",
                ));
            }
            None => {
                let all = self.deployer.catalog.stacks().await;
                let all = all.map_err(DeployError::store("(all)"))?;
                all.into_iter().map(|stack| stack.name).collect()
            }
        };
        for stack in stacks {
            let rows = self.deployer.change_sets(&stack).await?;
            let found = rows
                .into_iter()
                .find(|row| row.id == name || row.name == name);
            if let Some(row) = found {
                return Ok(row);
            }
        }
        Err(DeployError::NoChangeSet(name))
    }

    pub(super) async fn describe_change_set(
        &self,
        input: &mut Input,
    ) -> Result<Value, DeployError> {
        let row = self.change_set(input).await?;
        input.ignore(&["IncludePropertyValues"]);
        let (changes, next) = input.page(row.changes.iter().collect())?;
        input.finish("DescribeChangeSet")?;
        let changes: Value = changes.into_iter().map(change).collect();
        let parameters = shown::parameters(row.resolved.iter(), &row.no_echo, &row.fetched);
        let text = |text: &str| Some(Value::from(text));
        Ok(present([
            ("ChangeSetName", text(&row.name)),
            ("ChangeSetId", text(&row.id)),
            ("StackId", text(&row.stack_id)),
            ("StackName", text(&row.stack_name)),
            ("Description", row.description.as_deref().and_then(text)),
            ("Parameters", Some(parameters)),
            ("CreationTime", text(&row.created_at.to_string())),
            ("ExecutionStatus", text(row.execution.name())),
            ("Status", text(row.status())),
            ("StatusReason", row.failure.as_deref().and_then(text)),
            (
                "NotificationARNs",
                Some(json!(row.settings.notification_arns)),
            ),
            ("RollbackConfiguration", Some(json!({}))),
            ("Capabilities", Some(json!(row.settings.capabilities))),
            ("Tags", Some(tag_list(&row.settings.tags))),
            ("Changes", Some(changes)),
            ("IncludeNestedStacks", Some(false.into())),
            ("NextToken", next),
        ]))
    }

    pub(super) async fn execute_change_set(
        &self,
        input: &mut Input,
        principal: Principal,
    ) -> Result<Value, DeployError> {
        let row = self.change_set(input).await?;
        let on_failure = disabled(input.flag("DisableRollback"));
        let except = input.flag("RetainExceptOnCreate").unwrap_or(false);
        input.ignore(&["ClientRequestToken"]);
        input.finish("ExecuteChangeSet")?;
        self.deployer
            .execute_change_set(row, principal, on_failure, except)
            .await?;
        Ok(json!({}))
    }

    pub(super) async fn list_change_sets(&self, input: &mut Input) -> Result<Value, DeployError> {
        let name = input.need("StackName")?;
        let Some(stack) = self.living(&name).await? else {
            return Err(invalid(format!("Stack [{name}] does not exist")));
        };
        let rows = self.deployer.change_sets(&stack.name).await?;
        let (rows, next) = input.page(rows)?;
        input.finish("ListChangeSets")?;
        let text = |text: &str| Some(Value::from(text));
        let summaries: Value = rows
            .iter()
            .map(|row| {
                present([
                    ("StackId", text(&row.stack_id)),
                    ("StackName", text(&row.stack_name)),
                    ("ChangeSetId", text(&row.id)),
                    ("ChangeSetName", text(&row.name)),
                    ("ExecutionStatus", text(row.execution.name())),
                    ("Status", text(row.status())),
                    ("StatusReason", row.failure.as_deref().and_then(text)),
                    ("CreationTime", text(&row.created_at.to_string())),
                    ("Description", row.description.as_deref().and_then(text)),
                    ("IncludeNestedStacks", Some(false.into())),
                ])
            })
            .collect();
        Ok(present([
            ("Summaries", Some(summaries)),
            ("NextToken", next),
        ]))
    }

    pub(super) async fn delete_change_set(&self, input: &mut Input) -> Result<Value, DeployError> {
        match self.change_set(input).await {
            Ok(row) => {
                input.finish("DeleteChangeSet")?;
                self.deployer.delete_change_set(&row).await?;
                Ok(json!({}))
            }
            // What is not there is deleted.
            Err(DeployError::NoChangeSet(_)) => Ok(json!({})),
            Err(error) => Err(error),
        }
    }
}

fn change(change: &ResourceChange) -> Value {
    let (action, replacement) = match change.action {
        Action::Add => ("Add", None),
        Action::Remove => ("Remove", None),
        Action::Modify => ("Modify", Some("False")),
        Action::Replace => ("Modify", Some("True")),
    };
    let details: Vec<Value> = change
        .properties
        .iter()
        .map(|(name, replaces)| {
            let recreation = if *replaces { "Always" } else { "Never" };
            json!({
                "Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation},
                "Evaluation": "Static",
                "ChangeSource": "DirectModification",
            })
        })
        .collect();
    let scope = if change.properties.is_empty() {
        json!([])
    } else {
        json!(["Properties"])
    };
    let resource = present([
        ("Action", Some(action.into())),
        ("LogicalResourceId", Some(change.logical_id.as_str().into())),
        (
            "PhysicalResourceId",
            change.physical_id.as_deref().map(Value::from),
        ),
        ("ResourceType", Some(change.kind.as_str().into())),
        ("Replacement", replacement.map(Value::from)),
        ("Scope", Some(scope)),
        ("Details", Some(details.into())),
    ]);
    json!({"Type": "Resource", "ResourceChange": resource})
}
