//! The two ends of a deployment: what it replaced and left out is cleaned up, or what it did is
//! undone. Both go backwards and go on after a failure, and both can be begun again where a server
//! stopped.

use serde_json::{Map, Value};

use crate::catalog::Change;
use crate::error::DeployError;
use crate::operation::{Operation, reason_of};
use crate::resource::custom::PHYSICAL_ID;
use crate::resource::{About, handler_or_ignored};
use crate::stack::{ResourceRow, ResourceState, Status, Undo};

/// Says whether a resource was changed and has not been told that this is for good.
fn is_open(row: &ResourceRow) -> bool {
    matches!(row.undo, Some(Undo::Restore(_))) && handler_or_ignored(&row.kind).is_open_ended()
}

impl Operation {
    /// Ends a deployment that worked.
    pub(crate) async fn complete(&mut self, created: bool) -> Result<(), DeployError> {
        let done = if created {
            Status::CreateComplete
        } else {
            Status::UpdateComplete
        };
        let replaced = self
            .resources
            .values()
            .any(|row| matches!(row.undo, Some(Undo::Reinstate(_))));
        let open = self.resources.values().any(is_open);
        if replaced || open || !self.stack.removing.is_empty() {
            // With every row: a resource that stayed may have moved in the order.
            let event = self.stack_event(Status::UpdateCompleteCleanupInProgress, None);
            let change = Change::of(&self.stack).event(self.stack.next_event - 1, &event);
            let change = self.resources.values().fold(change, Change::resource);
            self.commit(change, event).await?;
            if self.is_open_ended {
                return Ok(());
            }
            self.clean_up().await?;
        }
        self.settle(done).await
    }

    /// Deletes what the deployment replaced and left out. What cannot be deleted is left behind, as
    /// an event says: the deployment itself has worked.
    pub(crate) async fn clean_up(&mut self) -> Result<(), DeployError> {
        for id in self.backwards() {
            let row = &self.resources[&id];
            if !is_open(row) {
                continue;
            }
            let (kind, physical_id) = (row.kind.clone(), row.state.physical_id.clone());
            self.look_at(&id, &kind);
            let handler = handler_or_ignored(&kind);
            if let Err(failure) = handler.settle(&self.services, &physical_id).await {
                let reason = reason_of(&kind, &failure);
                tracing::warn!(id, reason, "what was replaced in an inner stack stays");
            }
        }
        for id in self.backwards() {
            if let Some(Undo::Reinstate(former)) = self.resources[&id].undo.clone() {
                let kind = self.resources[&id].kind.clone();
                self.delete_state(&id, &kind, &former, former.retain_replaced)
                    .await?;
                self.row_mut(&id).undo = None;
                let change = Change::of(&self.stack).resource(&self.resources[&id]);
                self.write(change).await?;
            }
        }
        for id in self.backwards() {
            if self.stack.removing.contains(&id) {
                let (kind, state) = (
                    self.resources[&id].kind.clone(),
                    self.resources[&id].state.clone(),
                );
                self.delete_state(&id, &kind, &state, state.retain).await?;
                self.forget(&id).await?;
            }
        }
        Ok(())
    }

    /// Writes the end of a deployment: from here on there is nothing to undo.
    pub(crate) async fn settle(&mut self, status: Status) -> Result<(), DeployError> {
        let former = self.stack.before.take();
        self.stack.removing.clear();
        self.resources.values_mut().for_each(|row| row.undo = None);
        let event = self.stack_event(status, None);
        let change = Change::of(&self.stack).event(self.stack.next_event - 1, &event);
        let mut change = self.resources.values().fold(change, Change::resource);
        if let Some(former) =
            former.filter(|former| former.template != self.stack.contents.template)
        {
            change = change.without_template(&former.template);
        }
        self.commit(change, event).await
    }

    /// Undoes a deployment.
    pub(crate) async fn roll_back(&mut self, reason: String) -> Result<(), DeployError> {
        let created = matches!(
            self.stack.status,
            Status::CreateInProgress | Status::RollbackInProgress | Status::CreateFailed
        );
        let (doing, done, not_done) = if created {
            (
                Status::RollbackInProgress,
                Status::RollbackComplete,
                Status::RollbackFailed,
            )
        } else {
            (
                Status::UpdateRollbackInProgress,
                Status::UpdateRollbackComplete,
                Status::UpdateRollbackFailed,
            )
        };
        self.record_stack(doing, Some(reason.clone())).await?;
        self.tell_begun();
        let mut undone = true;
        for id in self.backwards() {
            undone &= self.undo(&id).await?;
        }
        if !undone {
            let text = "One or more resources could not be rolled back; delete the stack, or what is left of it.";
            return self.record_stack(not_done, Some(text.to_owned())).await;
        }
        let left_over = self.stack.contents.template.clone();
        if let Some(former) = self.stack.before.take() {
            self.stack.contents = former;
        }
        self.stack.removing.clear();
        // The reason of the rollback stays readable on the stack.
        let event = self.stack_event(done, Some(reason));
        let mut change = Change::of(&self.stack).event(self.stack.next_event - 1, &event);
        if left_over != self.stack.contents.template {
            change = change.without_template(&left_over);
        }
        self.commit(change, event).await
    }

    /// Undoes what was done about one resource, and says whether that worked.
    async fn undo(&mut self, id: &str) -> Result<bool, DeployError> {
        let row = &self.resources[id];
        let (kind, state) = (row.kind.clone(), row.state.clone());
        match row.undo.clone() {
            // Refused before anything was made: the row says no more than that.
            None if row.status == Status::CreateFailed => {
                self.forget(id).await?;
                Ok(true)
            }
            None => Ok(true),
            Some(Undo::Delete) => {
                let settings = &self.stack.contents.settings;
                let undone = state.except_on_create || settings.retain_except_on_create;
                let retain = state.retain && !undone;
                let gone = self.delete_state(id, &kind, &state, retain).await?;
                if gone {
                    self.forget(id).await?;
                }
                Ok(gone)
            }
            Some(Undo::Reinstate(former)) => {
                let gone = self.delete_state(id, &kind, &state, false).await?;
                if gone {
                    self.reinstate(id, former, Status::UpdateComplete).await?;
                }
                Ok(gone)
            }
            Some(Undo::Restore(former)) => self.restore(id, &kind, &state, former).await,
        }
    }

    async fn restore(
        &mut self,
        id: &str,
        kind: &str,
        state: &ResourceState,
        former: ResourceState,
    ) -> Result<bool, DeployError> {
        let handler = handler_or_ignored(kind);
        self.record(id, Status::UpdateInProgress, None).await?;
        self.look_at(id, kind);
        self.services.about.is_restored = true;
        let none = Map::new();
        let now = state.properties.as_object().unwrap_or(&none);
        let wanted = former.properties.as_object().unwrap_or(&none);
        let changed = async {
            let now = self.services.dereferenced(now).await?;
            let wanted = self.services.dereferenced(wanted).await?;
            let id = &state.physical_id;
            handler.update(&self.services, id, &now, &wanted).await
        };
        match changed.await {
            Ok(mut attributes) => {
                let mut former = former;
                if let Some(Value::String(other)) = attributes.shift_remove(PHYSICAL_ID) {
                    former.physical_id = other;
                }
                former.attributes.extend(attributes);
                self.reinstate(id, former, Status::UpdateComplete).await?;
                Ok(true)
            }
            Err(failure) => {
                self.record(id, Status::UpdateFailed, Some(reason_of(kind, &failure)))
                    .await?;
                Ok(false)
            }
        }
    }

    pub(crate) async fn reinstate(
        &mut self,
        id: &str,
        former: ResourceState,
        status: Status,
    ) -> Result<(), DeployError> {
        let row = self.row_mut(id);
        row.state = former;
        row.undo = None;
        self.record(id, status, None).await
    }

    /// Deletes what `state` describes, and says whether it is gone.
    pub(crate) async fn delete_state(
        &mut self,
        id: &str,
        kind: &str,
        state: &ResourceState,
        retain: bool,
    ) -> Result<bool, DeployError> {
        let physical_id = state.physical_id.as_str();
        if retain {
            self.tell(id, physical_id, kind, Status::DeleteSkipped, None)
                .await?;
            return Ok(true);
        }
        let handler = handler_or_ignored(kind);
        self.tell(id, physical_id, kind, Status::DeleteInProgress, None)
            .await?;
        self.look_at(id, kind);
        let removed = async {
            let mut state = state.clone();
            // Others are not asked for what references lead to, which may be gone by now.
            if handler.is_removed_by_properties()
                && let Some(given) = state.properties.as_object()
            {
                state.properties = self.services.dereferenced(given).await?.into();
            }
            handler.remove(&self.services, &state).await
        };
        match removed.await {
            Ok(()) => {
                self.tell(id, physical_id, kind, Status::DeleteComplete, None)
                    .await?;
                Ok(true)
            }
            Err(failure) => {
                let reason = reason_of(kind, &failure);
                self.tell(id, physical_id, kind, Status::DeleteFailed, Some(reason))
                    .await?;
                Ok(false)
            }
        }
    }

    fn look_at(&mut self, id: &str, kind: &str) {
        self.services.about = About {
            logical_id: id.to_owned(),
            kind: kind.to_owned(),
            ..About::default()
        };
    }

    /// Writes an event about a resource whose row stays as it is.
    pub(crate) async fn tell(
        &mut self,
        id: &str,
        physical_id: &str,
        kind: &str,
        status: Status,
        reason: Option<String>,
    ) -> Result<(), DeployError> {
        let event = self.event(id, physical_id, kind, status, reason);
        self.commit(
            Change::of(&self.stack).event(self.stack.next_event - 1, &event),
            event,
        )
        .await
    }

    /// Removes the row of a resource that is gone.
    pub(crate) async fn forget(&mut self, id: &str) -> Result<(), DeployError> {
        self.resources.shift_remove(id);
        self.write(Change::of(&self.stack).without_resource(id))
            .await
    }

    async fn write(&mut self, change: Change) -> Result<(), DeployError> {
        let committed = self.catalog.commit(self.row.as_ref(), change).await;
        self.row = Some(committed.map_err(DeployError::store(&self.stack.name))?);
        Ok(())
    }

    /// Returns the resources, the last created first.
    pub(crate) fn backwards(&self) -> Vec<String> {
        let mut rows: Vec<_> = self.resources.values().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.state.position));
        rows.into_iter().map(|row| row.logical_id.clone()).collect()
    }
}
