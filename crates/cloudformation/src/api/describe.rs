//! Looking: stacks, events, resources, exports.

use serde_json::{Value, json};

use crate::error::DeployError;
use crate::stack::{ResourceRow, StackRow};

use super::input::{Input, invalid};
use super::{CloudFormation, name_of, present, shown};

impl CloudFormation {
    pub(super) async fn describe_stacks(&self, input: &mut Input) -> Result<Value, DeployError> {
        let stacks = match input.text("StackName") {
            Some(name) => match self.find(&name).await? {
                Some(stack) => vec![stack],
                None => return Err(DeployError::NoStack(name)),
            },
            None => self.all().await?,
        };
        let (stacks, next) = input.page(stacks)?;
        input.finish("DescribeStacks")?;
        let stacks: Value = stacks.iter().map(shown::stack).collect();
        Ok(present([("Stacks", Some(stacks)), ("NextToken", next)]))
    }

    async fn all(&self) -> Result<Vec<StackRow>, DeployError> {
        let stacks = self.deployer.catalog.stacks().await;
        let mut stacks = stacks.map_err(DeployError::store("(all)"))?;
        stacks.sort_by_key(|stack| std::cmp::Reverse(stack.created_at));
        Ok(stacks)
    }

    pub(super) async fn list_stacks(&self, input: &mut Input) -> Result<Value, DeployError> {
        let wanted = input.texts("StackStatusFilter").unwrap_or_default();
        let mut stacks = self.all().await?;
        let gone = self.deployer.catalog.all_gone().await;
        stacks.extend(gone.map_err(DeployError::store("(all)"))?);
        stacks.sort_by_key(|stack| std::cmp::Reverse(stack.created_at));
        if !wanted.is_empty() {
            stacks.retain(|stack| wanted.iter().any(|status| status == stack.status.name()));
        }
        let (stacks, next) = input.page(stacks)?;
        input.finish("ListStacks")?;
        let summaries: Value = stacks.iter().map(shown::stack_summary).collect();
        Ok(present([
            ("StackSummaries", Some(summaries)),
            ("NextToken", next),
        ]))
    }

    pub(super) async fn describe_events(&self, input: &mut Input) -> Result<Value, DeployError> {
        let name = input.need("StackName")?;
        let Some(stack) = self.find(&name).await? else {
            return Err(invalid(format!("Stack [{name}] does not exist")));
        };
        let events = self.deployer.catalog.events(&stack.name).await;
        let mut events = events.map_err(DeployError::store(&stack.name))?;
        events.retain(|event| event.stack_id == stack.id);
        events.reverse();
        let (events, next) = input.page(events)?;
        input.finish("DescribeStackEvents")?;
        let events: Value = events.iter().map(shown::event).collect();
        Ok(present([
            ("StackEvents", Some(events)),
            ("NextToken", next),
        ]))
    }

    /// Returns a stack with its resources in the order of their creation.
    pub(super) async fn with_resources(
        &self,
        name: &str,
    ) -> Result<Option<(StackRow, Vec<ResourceRow>)>, DeployError> {
        let Some(stack) = self.find(name).await? else {
            return Ok(None);
        };
        if stack.deleted_at.is_some() {
            return Ok(Some((stack, Vec::new())));
        }
        let loaded = self.deployer.load(name_of(name)).await?;
        Ok(loaded.map(|loaded| (loaded.stack, loaded.resources)))
    }

    pub(super) async fn describe_resource(&self, input: &mut Input) -> Result<Value, DeployError> {
        let (name, id) = (input.need("StackName")?, input.need("LogicalResourceId")?);
        input.finish("DescribeStackResource")?;
        let Some((stack, rows)) = self.with_resources(&name).await? else {
            return Err(invalid(format!("Stack '{name}' does not exist")));
        };
        let Some(row) = rows.iter().find(|row| row.logical_id == id) else {
            let text = format!("Resource {id} does not exist for stack {}", stack.name);
            return Err(invalid(text));
        };
        let detail = shown::resource(&stack, row, "LastUpdatedTimestamp");
        Ok(json!({"StackResourceDetail": detail}))
    }

    pub(super) async fn describe_resources(&self, input: &mut Input) -> Result<Value, DeployError> {
        let (name, physical_id) = (input.text("StackName"), input.text("PhysicalResourceId"));
        let logical_id = input.text("LogicalResourceId");
        input.finish("DescribeStackResources")?;
        let (stack, rows) = match (name, physical_id) {
            (Some(name), None) => match self.with_resources(&name).await? {
                Some(found) => found,
                None => return Err(DeployError::NoStack(name)),
            },
            (None, Some(id)) => self.owner_of(&id).await?,
            (Some(_), Some(_)) | (None, None) => {
                return Err(invalid(
                    "You must specify either the StackName or the PhysicalResourceId, but not both",
                ));
            }
        };
        let wanted =
            |row: &&ResourceRow| logical_id.as_ref().is_none_or(|id| *id == row.logical_id);
        let rows: Vec<Value> = rows
            .iter()
            .filter(wanted)
            .map(|row| shown::resource(&stack, row, "Timestamp"))
            .collect();
        if let (Some(id), true) = (logical_id, rows.is_empty()) {
            let text = format!("Resource {id} does not exist for stack {}", stack.name);
            return Err(invalid(text));
        }
        Ok(json!({"StackResources": rows}))
    }

    async fn owner_of(
        &self,
        physical_id: &str,
    ) -> Result<(StackRow, Vec<ResourceRow>), DeployError> {
        for stack in self.all().await? {
            let loaded = self.deployer.load(&stack.name).await?;
            if let Some(loaded) = loaded
                && loaded
                    .resources
                    .iter()
                    .any(|row| row.state.physical_id == physical_id)
            {
                return Ok((loaded.stack, loaded.resources));
            }
        }
        Err(invalid(format!("Stack for {physical_id} does not exist")))
    }

    pub(super) async fn list_resources(&self, input: &mut Input) -> Result<Value, DeployError> {
        let name = input.need("StackName")?;
        let Some((stack, rows)) = self.with_resources(&name).await? else {
            return Err(DeployError::NoStack(name));
        };
        let (rows, next) = input.page(rows)?;
        input.finish("ListStackResources")?;
        let rows: Value = rows
            .iter()
            .map(|row| shown::resource(&stack, row, "LastUpdatedTimestamp"))
            .map(|mut row| {
                if let Value::Object(members) = &mut row {
                    members.shift_remove("StackName");
                    members.shift_remove("StackId");
                }
                row
            })
            .collect();
        Ok(present([
            ("StackResourceSummaries", Some(rows)),
            ("NextToken", next),
        ]))
    }

    pub(super) async fn list_exports(&self, input: &mut Input) -> Result<Value, DeployError> {
        let mut exports = Vec::new();
        for stack in self.all().await? {
            for output in stack.contents.outputs {
                if let Some(name) = output.export_name {
                    exports.push((name, stack.id.clone(), output.output_value));
                }
            }
        }
        exports.sort();
        let (exports, next) = input.page(exports)?;
        input.finish("ListExports")?;
        let exports: Value = exports
            .into_iter()
            .map(|(name, id, value)| json!({"ExportingStackId": id, "Name": name, "Value": value}))
            .collect();
        Ok(present([("Exports", Some(exports)), ("NextToken", next)]))
    }

    pub(super) async fn list_imports(&self, input: &mut Input) -> Result<Value, DeployError> {
        let name = input.need("ExportName")?;
        let stacks = self.all().await?;
        let exported = stacks
            .iter()
            .flat_map(|stack| &stack.contents.outputs)
            .any(|output| output.export_name.as_ref() == Some(&name));
        if !exported {
            return Err(invalid(format!("No export named {name} found. ")));
        }
        let users: Vec<String> = stacks
            .into_iter()
            .filter(|stack| stack.contents.imports.contains(&name))
            .map(|stack| stack.name)
            .collect();
        if users.is_empty() {
            return Err(invalid(format!(
                "Export '{name}' is not imported by any stack."
            )));
        }
        let (users, next) = input.page(users)?;
        input.finish("ListImports")?;
        Ok(present([
            ("Imports", Some(users.into())),
            ("NextToken", next),
        ]))
    }
}
