//! Change sets: what a deployment would change, kept until somebody executes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use service::Principal;
use tokio::sync::mpsc::unbounded_channel;
use vocab::Timestamp;

use crate::catalog::Change;
use crate::deployer::{Deployer, Deployment, Intent};
use crate::error::DeployError;
use crate::plan::{Plan, Step};
use crate::stack::{OnFailure, ResourceRow, Settings, StackRow, Status};

/// The row of a change set. Its parameters may be secrets, so it has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ChangeSetRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) stack_id: String,
    pub(crate) stack_name: String,
    pub(crate) description: Option<String>,
    pub(crate) created_at: Timestamp,
    /// Whether it makes the stack.
    pub(crate) creates: bool,
    pub(crate) on_failure: OnFailure,
    /// Why it cannot be executed, if it cannot.
    pub(crate) failure: Option<String>,
    pub(crate) execution: Execution,
    pub(crate) template: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) settings: Settings,
    /// The values of all parameters, and those that are shown to nobody.
    pub(crate) resolved: BTreeMap<String, String>,
    pub(crate) no_echo: Vec<String>,
    /// What parameters hold that stand for some of the Parameter Store.
    #[serde(default)]
    pub(crate) fetched: BTreeMap<String, String>,
    pub(crate) changes: Vec<ResourceChange>,
}

/// How far the execution of a change set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Execution {
    Unavailable,
    Available,
    ExecuteInProgress,
    ExecuteComplete,
    ExecuteFailed,
}

impl Execution {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "UNAVAILABLE",
            Self::Available => "AVAILABLE",
            Self::ExecuteInProgress => "EXECUTE_IN_PROGRESS",
            Self::ExecuteComplete => "EXECUTE_COMPLETE",
            Self::ExecuteFailed => "EXECUTE_FAILED",
        }
    }
}

/// What happens to one resource.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ResourceChange {
    pub(crate) logical_id: String,
    pub(crate) physical_id: Option<String>,
    pub(crate) kind: String,
    pub(crate) action: Action,
    /// The properties that change: the name, and whether its change makes another resource.
    pub(crate) properties: Vec<(String, bool)>,
}

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Action {
    Add,
    Modify,
    Replace,
    Remove,
}

impl ChangeSetRow {
    pub(crate) fn status(&self) -> &'static str {
        match self.failure {
            Some(_) => "FAILED",
            None => "CREATE_COMPLETE",
        }
    }
}

/// What AWS says of a change set that changes nothing. Clients look for it.
const NO_CHANGES: &str = "The submitted information didn't contain changes. Submit different information to create a change set.";

/// What somebody asks of a change set that is to be made.
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) creates: bool,
    pub(crate) on_failure: OnFailure,
}

impl Deployer {
    /// Works out what `deployment` would change, and keeps that.
    pub(crate) async fn create_change_set(
        self: &Arc<Self>,
        wanted: Wanted,
        deployment: Deployment,
        principal: Principal,
    ) -> Result<ChangeSetRow, DeployError> {
        let name = deployment.stack_name.clone();
        crate::deployer::check_name(&name)?;
        let claim = self.claim(&name, "updated").await?;
        let (progress, _) = unbounded_channel();
        let mut operation = self.operation(&name, &principal, progress).await?;
        let loaded = self.load(&name).await?;
        let in_review = loaded
            .as_ref()
            .is_some_and(|loaded| loaded.stack.status == Status::ReviewInProgress);
        match (&loaded, wanted.creates) {
            (None, true) => {}
            (None, false) => {
                return Err(DeployError::Invalid(format!(
                    "Stack [{name}] does not exist"
                )));
            }
            (Some(loaded), true) if !in_review => {
                let text = format!(
                    "Stack [{name}] already exists and cannot be created again with the changeSet [{}].",
                    wanted.name
                );
                let _ = loaded;
                return Err(DeployError::Invalid(text));
            }
            (Some(_), _) => {}
        }
        let sets = self.change_sets(&name).await?;
        if sets.iter().any(|set| set.name == wanted.name) {
            return Err(DeployError::ChangeSetExists(wanted.name));
        }
        let made = loaded.is_none();
        let intent = Intent::ChangeSet {
            id: String::new(),
            on_failure: wanted.on_failure,
        };
        let status = loaded.as_ref().map(|loaded| loaded.stack.status);
        if !made {
            self.adopt(&mut operation, loaded, &intent)?;
        }
        operation.stack.status = status.unwrap_or(Status::ReviewInProgress);
        let planned = self.plan(&operation, deployment, &intent).await;
        let (plan, deployment) = planned?;
        let steps = plan.steps(&operation.resources, &operation.stack.contents)?;
        let creates = made || in_review;
        let nothing = steps.is_none() && !creates;
        let site = &self.site;
        let row = ChangeSetRow {
            id: format!(
                "arn:aws:cloudformation:{}:{}:changeSet/{}/{}",
                site.region,
                site.account_id,
                wanted.name,
                uuid::Uuid::new_v4()
            ),
            name: wanted.name,
            stack_id: operation.stack.id.clone(),
            stack_name: name,
            description: wanted.description,
            created_at: self.clock.now(),
            creates,
            on_failure: wanted.on_failure,
            failure: nothing.then(|| NO_CHANGES.to_owned()),
            execution: if nothing {
                Execution::Unavailable
            } else {
                Execution::Available
            },
            template: deployment.template,
            parameters: deployment.parameters,
            settings: deployment.settings,
            resolved: plan.contents.resolved.clone(),
            no_echo: plan.contents.no_echo.clone(),
            fetched: plan.contents.fetched.clone(),
            changes: steps.map_or_else(Vec::new, |steps| {
                changes(&plan, &steps, &operation.resources)
            }),
        };
        if made {
            let event =
                operation.stack_event(Status::ReviewInProgress, Some("User Initiated".to_owned()));
            let change = Change::of(&operation.stack).event(operation.stack.next_event - 1, &event);
            operation.commit(change, event).await?;
        }
        let kept = self.catalog.put_change_set(&row).await;
        kept.map_err(DeployError::store(&row.stack_name))?;
        drop(claim);
        Ok(row)
    }

    /// Returns the change sets of a stack, by name.
    pub(crate) async fn change_sets(&self, stack: &str) -> Result<Vec<ChangeSetRow>, DeployError> {
        let rows = self.catalog.change_sets(stack).await;
        rows.map_err(DeployError::store(stack))
    }

    /// Begins to do what a change set says. Once this returns, that is written down.
    pub(crate) async fn execute_change_set(
        self: &Arc<Self>,
        row: ChangeSetRow,
        principal: Principal,
        on_failure: Option<OnFailure>,
        retain_except_on_create: bool,
    ) -> Result<(), DeployError> {
        check_available(&row)?;
        let deployment = Deployment {
            stack_name: row.stack_name.clone(),
            template: row.template.clone(),
            parameters: row.parameters.clone(),
            assets: BTreeMap::new(),
            settings: Settings {
                retain_except_on_create,
                ..row.settings.clone()
            },
        };
        let intent = Intent::ChangeSet {
            id: row.id.clone(),
            on_failure: on_failure.unwrap_or(row.on_failure),
        };
        // Its row is written by whoever holds the stack, and by nobody else: who comes second must
        // not touch what the first has written.
        match self.start(deployment, principal, intent).await {
            Ok(_) | Err(DeployError::Unchanged) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns the change set `id` as it is once its execution has begun, if it can. Only who holds the
    /// stack may ask.
    pub(crate) async fn executable(
        &self,
        stack: &str,
        id: &str,
    ) -> Result<ChangeSetRow, DeployError> {
        let rows = self.change_sets(stack).await?;
        let found = rows.into_iter().find(|row| row.id == id);
        let mut row = found.ok_or_else(|| DeployError::NoChangeSet(id.to_owned()))?;
        check_available(&row)?;
        row.execution = Execution::ExecuteInProgress;
        Ok(row)
    }

    /// Settles the change sets whose execution a stop of the server has cut off, except those whose
    /// stacks, called `open`, are taken up: those settle them.
    pub(crate) async fn settle_change_sets(
        &self,
        stacks: &[StackRow],
        open: &BTreeSet<String>,
    ) -> Result<(), DeployError> {
        let rows = self.catalog.all_change_sets().await;
        let rows = rows.map_err(DeployError::store("(all)"))?;
        let cut_off = rows
            .into_iter()
            .filter(|row| row.execution == Execution::ExecuteInProgress);
        for mut row in cut_off {
            let stack = stacks.iter().find(|stack| stack.id == row.stack_id);
            let Some(stack) = stack else {
                self.delete_change_set(&row).await?;
                continue;
            };
            let executed = stack.change_set_id.as_ref() == Some(&row.id);
            if !executed {
                // It was never begun.
                row.execution = Execution::Available;
                self.put_change_set(&row).await?;
            } else if !open.contains(&stack.name) {
                self.settle_change_set(stack, &row.id).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn put_change_set(&self, row: &ChangeSetRow) -> Result<(), DeployError> {
        let kept = self.catalog.put_change_set(row).await;
        kept.map_err(DeployError::store(&row.stack_name))
    }

    /// Writes how the execution of the change set `id` ended. A stack that has changed is not what
    /// its other change sets were worked out for, so they go.
    pub(crate) async fn settle_change_set(
        &self,
        stack: &StackRow,
        id: &str,
    ) -> Result<(), DeployError> {
        let rows = self.change_sets(&stack.name).await?;
        for mut row in rows {
            if row.id == id && row.execution == Execution::ExecuteInProgress {
                row.execution = match stack.status {
                    Status::CreateComplete | Status::UpdateComplete => Execution::ExecuteComplete,
                    _ => Execution::ExecuteFailed,
                };
                self.put_change_set(&row).await?;
            }
        }
        self.remove_change_sets(&stack.name, Some(id)).await
    }

    /// Removes the change sets of a stack, except `kept`.
    pub(crate) async fn remove_change_sets(
        &self,
        stack: &str,
        kept: Option<&str>,
    ) -> Result<(), DeployError> {
        let rows = self.change_sets(stack).await?;
        let names: Vec<String> = rows
            .into_iter()
            .filter(|row| kept != Some(row.id.as_str()))
            .map(|row| row.name)
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let removed = self.catalog.remove_change_sets(stack, &names).await;
        removed.map_err(DeployError::store(stack))
    }

    /// Removes one change set.
    pub(crate) async fn delete_change_set(&self, row: &ChangeSetRow) -> Result<(), DeployError> {
        let names = [row.name.clone()];
        let removed = self
            .catalog
            .remove_change_sets(&row.stack_name, &names)
            .await;
        removed.map_err(DeployError::store(&row.stack_name))
    }
}

fn check_available(row: &ChangeSetRow) -> Result<(), DeployError> {
    if row.execution == Execution::Available {
        return Ok(());
    }
    Err(DeployError::ChangeSetStatus {
        id: row.id.clone(),
        status: match row.failure {
            Some(_) => "FAILED",
            None => row.execution.name(),
        },
    })
}

fn changes(
    plan: &Plan,
    steps: &[Step],
    rows: &IndexMap<String, ResourceRow>,
) -> Vec<ResourceChange> {
    let mut changes = Vec::new();
    for (id, step) in plan.order.iter().zip(steps) {
        let action = match step {
            Step::Keep => continue,
            Step::Create => Action::Add,
            Step::Update => Action::Modify,
            Step::Replace => Action::Replace,
        };
        let row = rows.get(id);
        changes.push(ResourceChange {
            logical_id: id.clone(),
            physical_id: row.map(|row| row.state.physical_id.clone()),
            kind: plan.resource(id).kind.clone(),
            action,
            properties: row.map_or_else(Vec::new, |row| plan.changed_properties(id, row, rows)),
        });
    }
    for id in plan.left_out(rows) {
        let row = &rows[&id];
        changes.push(ResourceChange {
            logical_id: id,
            physical_id: Some(row.state.physical_id.clone()),
            kind: row.kind.clone(),
            action: Action::Remove,
            properties: Vec::new(),
        });
    }
    changes.sort_by(|left, right| left.logical_id.cmp(&right.logical_id));
    changes
}
