//! Stacks as they are shown to whoever deploys.

use crate::deployer::Deployer;
use crate::error::DeployError;
use crate::stack::{ResourceSummary, StackEvent, StackRow, StackSummary};

impl Deployer {
    /// Returns every stack, by name.
    pub async fn stacks(&self) -> Result<Vec<StackSummary>, DeployError> {
        let stacks = self
            .catalog
            .stacks()
            .await
            .map_err(DeployError::store("(all)"))?;
        Ok(stacks.iter().map(StackRow::summary).collect())
    }

    /// Returns the stack `name` and its resources in the order of their creation.
    pub async fn stack(
        &self,
        name: &str,
    ) -> Result<(StackSummary, Vec<ResourceSummary>), DeployError> {
        let loaded = self
            .load(name)
            .await?
            .ok_or_else(|| DeployError::NoStack(name.to_owned()))?;
        let resources = loaded
            .resources
            .iter()
            .map(crate::stack::ResourceRow::summary)
            .collect();
        Ok((loaded.stack.summary(), resources))
    }

    /// Returns the events of the stack `name`, the latest first.
    pub async fn events(&self, name: &str) -> Result<Vec<StackEvent>, DeployError> {
        let loaded = self
            .load(name)
            .await?
            .ok_or_else(|| DeployError::NoStack(name.to_owned()))?;
        let mut events = self
            .catalog
            .events(name)
            .await
            .map_err(DeployError::store(name))?;
        // An earlier stack of the same name has left its events.
        events.retain(|event| event.stack_id == loaded.stack.id);
        events.reverse();
        Ok(events)
    }

    /// Returns the text of the template that the stack `name` has.
    pub async fn template(&self, name: &str) -> Result<String, DeployError> {
        let loaded = self
            .load(name)
            .await?
            .ok_or_else(|| DeployError::NoStack(name.to_owned()))?;
        let text = self
            .catalog
            .template(name, &loaded.stack.contents.template)
            .await;
        let text = text.map_err(DeployError::store(name))?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
