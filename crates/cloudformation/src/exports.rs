//! What stacks export: two never export the same, and what another stack imports stays as it is.

use crate::error::DeployError;
use crate::operation::Operation;

impl Operation {
    /// Says which of the stack's exports, apart from `kept` with these values, another stack imports.
    pub(crate) async fn export_in_use(
        &self,
        kept: &[crate::stack::Output],
    ) -> Result<Option<String>, DeployError> {
        let former = &self
            .stack
            .before
            .as_ref()
            .unwrap_or(&self.stack.contents)
            .outputs;
        let changed = former.iter().filter(|output| {
            output.export_name.is_some()
                && !kept.iter().any(|other| {
                    (&other.export_name, &other.output_value)
                        == (&output.export_name, &output.output_value)
                })
        });
        let changed: Vec<&String> = changed
            .filter_map(|output| output.export_name.as_ref())
            .collect();
        if changed.is_empty() {
            return Ok(None);
        }
        let stacks = self.catalog.stacks().await;
        let stacks = stacks.map_err(DeployError::store(&self.stack.name))?;
        Ok(changed.into_iter().find_map(|name| {
            let user = stacks
                .iter()
                .find(|stack| stack.contents.imports.contains(name))?;
            let verb = if kept
                .iter()
                .any(|other| other.export_name.as_ref() == Some(name))
            {
                "update"
            } else {
                "delete"
            };
            Some(format!(
                "Cannot {verb} export {name} as it is in use by {}",
                user.name
            ))
        }))
    }

    /// Says which other stack exports what `outputs` would.
    pub(crate) async fn export_taken(
        &self,
        outputs: &[crate::stack::Output],
    ) -> Result<Option<String>, DeployError> {
        if outputs.iter().all(|output| output.export_name.is_none()) {
            return Ok(None);
        }
        let stacks = self.catalog.stacks().await;
        let stacks = stacks.map_err(DeployError::store(&self.stack.name))?;
        let others = stacks.iter().filter(|stack| stack.id != self.stack.id);
        let taken = others.flat_map(|stack| {
            let theirs = stack.contents.outputs.iter();
            theirs.filter_map(move |output| Some((output.export_name.as_ref()?, &stack.name)))
        });
        let mine = |name: &String| {
            outputs
                .iter()
                .any(|output| output.export_name.as_ref() == Some(name))
        };
        Ok(taken
            .into_iter()
            .find(|(name, _)| mine(name))
            .map(|(name, stack)| {
                format!("Export with name {name} is already exported by stack {stack}.")
            }))
    }
}
