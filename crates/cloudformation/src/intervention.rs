//! What somebody does about an operation that is under way, or that ended in between: an update is
//! cancelled, a rollback that failed goes on, a deployment that was left as it was is rolled back after all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use service::Principal;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::{Notify, oneshot};

use crate::deployer::Deployer;
use crate::error::DeployError;
use crate::operation::Operation;
use crate::stack::{Actor, Status, Undo};

/// Whether an update is to be rolled back instead of going on. It is not written down: an update that a
/// stop of the server cuts off is rolled back in any case.
#[derive(Default)]
pub(crate) struct Cancelled {
    flag: AtomicBool,
    told: Notify,
}

impl Cancelled {
    pub(crate) fn is_set(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    fn set(&self) {
        self.flag.store(true, Ordering::Release);
        self.told.notify_waiters();
    }

    /// Returns once it is set.
    pub(crate) async fn set_once(&self) {
        loop {
            let told = self.told.notified();
            tokio::pin!(told);
            // From here on it is not missed.
            told.as_mut().enable();
            if self.is_set() {
                return;
            }
            told.await;
        }
    }
}

impl Deployer {
    /// Lets the update of the stack `name` end with the resource that it works on, and be rolled back.
    pub(crate) async fn cancel_update(&self, name: &str) -> Result<(), DeployError> {
        let under_way = self.under_way(name);
        let loaded = self.load(name).await?;
        match (under_way, loaded.map(|loaded| loaded.stack.status)) {
            (Some(cancelled), Some(Status::UpdateInProgress)) => {
                cancelled.set();
                Ok(())
            }
            _ => Err(DeployError::Invalid(
                "CancelUpdateStack cannot be called from current stack status".to_owned(),
            )),
        }
    }

    /// Begins to roll back what ended in one of the states `from`. The resources `skipped` are taken for
    /// rolled back. Once this returns the stack's id, that is written down and goes on by itself.
    pub(crate) async fn start_rollback(
        self: &Arc<Self>,
        name: &str,
        principal: Principal,
        from: &'static [Status],
        skipped: Vec<String>,
    ) -> Result<String, DeployError> {
        let claim = self.claim(name, "rolled back").await?;
        let Some(loaded) = self.load(name).await? else {
            return Err(DeployError::NoStack(name.to_owned()));
        };
        if !from.contains(&loaded.stack.status) {
            return Err(DeployError::State {
                stack: loaded.stack.id,
                status: loaded.stack.status.to_string(),
                wanted: "rolled back",
            });
        }
        let (progress, _) = unbounded_channel();
        let mut operation = self.operation(name, &principal, progress).await?;
        operation.adopt(loaded);
        operation.stack.actor = Actor::from(&principal);
        for id in &skipped {
            let open = operation.resources.get(id);
            if open.is_none_or(|row| row.undo.is_none()) {
                return Err(DeployError::Invalid(format!(
                    "Resource {id} cannot be skipped: only what could not be rolled back can."
                )));
            }
        }
        let (begun, told) = oneshot::channel();
        operation.begun = Some(begun);
        let name = name.to_owned();
        let deployer = self.clone();
        let work = tokio::spawn(async move {
            for id in skipped {
                operation.skip(&id).await?;
            }
            let reason = operation.stack.reason.take().unwrap_or_default();
            let reason = if reason.is_empty() {
                "User Initiated".to_owned()
            } else {
                reason
            };
            operation.roll_back(reason).await?;
            if let Some(id) = operation.stack.change_set_id.clone() {
                deployer.settle_change_set(&operation.stack, &id).await?;
            }
            drop(claim);
            Ok(operation.stack.id)
        });
        match told.await {
            Ok(id) => Ok(id),
            Err(_) => work.await.map_err(|_| DeployError::Stopped(name))?,
        }
    }
}

impl Deployer {
    /// Ends a change of a stack in a stack that waits for that: what was replaced goes, or comes back. Once
    /// this returns, a rollback is written down; a cleaning up was already. Both go on by themselves.
    pub(crate) async fn end_update(
        self: &Arc<Self>,
        name: &str,
        principal: Principal,
        is_kept: bool,
    ) -> Result<String, DeployError> {
        if !is_kept {
            let from = &[Status::UpdateCompleteCleanupInProgress];
            return self.start_rollback(name, principal, from, Vec::new()).await;
        }
        let claim = self.claim(name, "updated").await?;
        let Some(loaded) = self.load(name).await? else {
            return Err(DeployError::NoStack(name.to_owned()));
        };
        let id = loaded.stack.id.clone();
        if loaded.stack.status != Status::UpdateCompleteCleanupInProgress {
            return Ok(id);
        }
        let (progress, _) = unbounded_channel();
        let mut operation = self.operation(name, &principal, progress).await?;
        operation.adopt(loaded);
        tokio::spawn(async move {
            let ended = async {
                operation.clean_up().await?;
                operation.settle(Status::UpdateComplete).await
            };
            if let Err(error) = ended.await {
                tracing::error!(%error, "a change of an inner stack could not be ended");
            }
            drop(claim);
        });
        Ok(id)
    }
}

impl Operation {
    /// Takes a resource for rolled back: it is what it was before, whatever its service says.
    async fn skip(&mut self, id: &str) -> Result<(), DeployError> {
        match self.resources[id].undo.clone() {
            Some(Undo::Restore(former) | Undo::Reinstate(former)) => {
                self.reinstate(id, former, Status::UpdateComplete).await
            }
            Some(Undo::Delete) => self.forget(id).await,
            None => Ok(()),
        }
    }
}
