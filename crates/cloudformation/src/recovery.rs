//! Operations that end stacks or take them up again: deleting, and what a stop of the server left open.

use std::sync::Arc;

use service::Principal;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::deployer::{Claim, Deployer, check_name};
use crate::error::DeployError;
use crate::stack::{Actor, StackEvent, StackRow, StackSummary, Status};

impl Deployer {
    /// Deletes the stack `name` with its resources, and tells `progress` of every event.
    /// A stack that is not there is no error.
    pub async fn delete(
        self: &Arc<Self>,
        name: &str,
        principal: Principal,
        progress: UnboundedSender<StackEvent>,
    ) -> Result<Option<StackSummary>, DeployError> {
        check_name(name)?;
        let claim = self.claim(name, "deleted").await?;
        let deployer = self.clone();
        tokio::spawn(deployer.run_delete(claim, principal, progress, None))
            .await
            .map_err(|_| DeployError::Stopped(name.to_owned()))?
    }

    /// Begins to delete the stack `name`; once this returns, that is written down and goes on by itself.
    pub(crate) async fn start_delete(
        self: &Arc<Self>,
        name: &str,
        principal: Principal,
    ) -> Result<(), DeployError> {
        let claim = match self.claim(name, "deleted").await {
            Ok(claim) => claim,
            // It is on its way already.
            Err(DeployError::State { status, .. }) if status == Status::DeleteInProgress.name() => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let (begun, told) = oneshot::channel();
        let (progress, _) = unbounded_channel();
        let deployer = self.clone();
        let work = deployer.run_delete(claim, principal, progress, Some(begun));
        let work = tokio::spawn(work);
        if told.await.is_ok() {
            return Ok(());
        }
        let ended = work.await;
        ended
            .map_err(|_| DeployError::Stopped(name.to_owned()))?
            .map(drop)
    }

    async fn run_delete(
        self: Arc<Self>,
        claim: Claim,
        principal: Principal,
        progress: UnboundedSender<StackEvent>,
        begun: Option<oneshot::Sender<String>>,
    ) -> Result<Option<StackSummary>, DeployError> {
        let Some(loaded) = self.load(&claim.stack).await? else {
            return Ok(None);
        };
        if loaded.stack.protected {
            let text = format!(
                "Stack [{}] cannot be deleted while TerminationProtection is enabled",
                claim.stack
            );
            return Err(DeployError::Invalid(text));
        }
        let status = loaded.stack.status;
        if status.is_under_way() && status != Status::DeleteInProgress {
            return Err(DeployError::State {
                stack: loaded.stack.id,
                status: status.to_string(),
                wanted: "deleted",
            });
        }
        let mut operation = self.operation(&claim.stack, &principal, progress).await?;
        operation.begun = begun;
        operation.adopt(loaded);
        operation.stack.actor = Actor::from(&principal);
        let stack = operation.delete().await?;
        if stack.status == Status::DeleteComplete {
            self.remove_change_sets(&claim.stack, None).await?;
        }
        drop(claim);
        Ok(Some(stack.summary()))
    }

    /// Takes up what was under way when the server stopped: a deployment is rolled back, a cleaning
    /// up, a rollback or a deletion is finished. Returns the stacks that were taken up.
    pub async fn recover(self: &Arc<Self>) -> Result<Vec<StackSummary>, DeployError> {
        self.begin_recovery().await?.await
    }

    /// Makes sure that nobody else touches what was under way, and returns the work of
    /// [`Deployer::recover`], which may take as long as an execution does.
    ///
    /// Call it once, before deployments are accepted.
    pub async fn begin_recovery(
        self: &Arc<Self>,
    ) -> Result<impl Future<Output = Result<Vec<StackSummary>, DeployError>> + use<>, DeployError>
    {
        let stacks = self.catalog.stacks().await;
        let stacks = stacks.map_err(DeployError::store("(all)"))?;
        let mut open = Vec::new();
        // Who waits for a parent that is taken up is ended by that.
        let waits = |stack: &StackRow| {
            let parent = stack.parent.as_ref();
            let parent = parent.and_then(|parent| stacks.iter().find(|one| one.id == parent.id));
            stack.status == Status::UpdateCompleteCleanupInProgress
                && parent.is_some_and(|parent| parent.status.is_under_way())
        };
        let under_way = stacks
            .iter()
            .filter(|stack| stack.status.is_under_way() && !waits(stack));
        let names = under_way.clone().map(|stack| stack.name.clone()).collect();
        self.settle_change_sets(&stacks, &names).await?;
        for stack in under_way {
            tracing::warn!(
                stack = stack.name,
                status = stack.status.name(),
                "an interrupted operation is taken up"
            );
            open.push((self.claim(&stack.name, "updated").await?, stack.clone()));
        }
        let deployer = self.clone();
        Ok(async move {
            let work = open
                .into_iter()
                .map(|(claim, stack)| deployer.take_up(claim, stack));
            let ended = futures::future::join_all(work).await;
            ended.into_iter().filter_map(Result::transpose).collect()
        })
    }

    async fn take_up(
        &self,
        claim: Claim,
        stack: StackRow,
    ) -> Result<Option<StackSummary>, DeployError> {
        let (progress, _) = unbounded_channel();
        let Some(loaded) = self.load(&stack.name).await? else {
            return Ok(None);
        };
        let principal = Principal::from(&stack.actor);
        let mut operation = self.operation(&stack.name, &principal, progress).await?;
        operation.adopt(loaded);
        let after = match stack.status {
            Status::DeleteInProgress => operation.delete().await?,
            Status::UpdateCompleteCleanupInProgress => {
                operation.clean_up().await?;
                operation.settle(Status::UpdateComplete).await?;
                operation.stack
            }
            _ => {
                let text = "The server stopped while the stack was being deployed. ";
                operation.roll_back(text.to_owned()).await?;
                operation.stack
            }
        };
        if after.status == Status::DeleteComplete {
            self.remove_change_sets(&after.name, None).await?;
        } else if let Some(id) = &after.change_set_id {
            self.settle_change_set(&after, id).await?;
        }
        drop(claim);
        Ok(Some(after.summary()))
    }
}
