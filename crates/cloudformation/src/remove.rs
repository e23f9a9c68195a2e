//! Deleting a stack: its resources backwards, then its row. Its events stay.

use crate::catalog::Change;
use crate::error::DeployError;
use crate::operation::Operation;
use crate::stack::{StackRow, Status, Undo};

impl Operation {
    /// Deletes the stack. Begun again where a server stopped, it goes on.
    pub(crate) async fn delete(mut self) -> Result<StackRow, DeployError> {
        self.delete_all().await?;
        Ok(self.stack)
    }

    pub(crate) async fn delete_all(&mut self) -> Result<(), DeployError> {
        self.record_stack(Status::DeleteInProgress, Some("User Initiated".to_owned()))
            .await?;
        self.tell_begun();
        if let Some(reason) = self.export_in_use(&[]).await? {
            self.record_stack(Status::DeleteFailed, Some(reason))
                .await?;
            return Ok(());
        }
        let mut failed = Vec::new();
        for id in self.backwards() {
            let (kind, state) = (
                self.resources[&id].kind.clone(),
                self.resources[&id].state.clone(),
            );
            // A stack whose rollback failed may still have what a resource was to replace.
            if let Some(Undo::Reinstate(former)) = self.resources[&id].undo.clone() {
                self.delete_state(&id, &kind, &former, former.retain)
                    .await?;
            }
            if self.delete_state(&id, &kind, &state, state.retain).await? {
                self.forget(&id).await?;
            } else {
                failed.push(id);
            }
        }
        if !failed.is_empty() {
            let reason = format!(
                "The following resource(s) failed to delete: [{}]. ",
                failed.join(", ")
            );
            self.record_stack(Status::DeleteFailed, Some(reason))
                .await?;
            return Ok(());
        }
        self.stack.deleted_at = Some(self.clock.now());
        let event = self.stack_event(Status::DeleteComplete, None);
        let mut change = Change::removal_of(&self.stack).event(self.stack.next_event - 1, &event);
        let former = self
            .stack
            .before
            .iter()
            .map(|former| former.template.clone());
        for template in former.chain([self.stack.contents.template.clone()]) {
            change = change.without_template(&template);
        }
        self.commit(change, event).await
    }
}
