//! Deploys and deletes stacks, one operation a stack at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use cfn_template::{Surroundings, Template};
use indexmap::IndexMap;
use parking_lot::Mutex;
use service::{Clock, Gate, Principal, Site};
use store::Store;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::assets::{AssetError, Assets};
use crate::catalog::{Catalog, Loaded};
use crate::error::DeployError;
use crate::operation::Operation;
use crate::plan::{Plan, with_former};
use crate::resource::Services;
use crate::stack::{Actor, Contents, ResourceSummary, StackEvent, StackRow, StackSummary, Status};

/// Longest name of a stack (`StackName` of the API model).
const NAME_CHARS_MAX: usize = 128;

/// What a deployer can be told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where uploaded files are kept, under `assets`.
    pub data_dir: PathBuf,
}

/// A template to deploy, with its parameters and uploaded files. Parameters may be secrets.
#[derive(Clone)]
pub struct Deployment {
    /// The stack's name.
    pub stack_name: String,
    /// The template's text.
    pub template: String,
    /// Values of parameters. Others keep their former values, or take their defaults.
    pub parameters: BTreeMap<String, String>,
    /// For each local path in the template, the asset that was uploaded for it.
    pub assets: BTreeMap<String, String>,
}

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The stack is what the template asks for.
    Deployed(StackSummary),
    /// It was already.
    Unchanged(StackSummary),
    /// It could not be, and is what it was before, or as near to that as could be.
    RolledBack(StackSummary),
}

/// Keeps stacks and makes them what their templates say.
pub struct Deployer {
    gate: Arc<dyn Gate>,
    catalog: Catalog,
    site: Site,
    clock: Arc<dyn Clock>,
    assets: Assets,
    /// The stacks that are being changed.
    busy: Mutex<BTreeSet<String>>,
}

/// A stack that nobody else changes as long as this is there.
struct Claim {
    deployer: Arc<Deployer>,
    stack: String,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.deployer.busy.lock().remove(&self.stack);
    }
}

impl Deployer {
    /// Returns a deployer that calls services through `gate`. Call [`Deployer::recover`] once the
    /// gate works.
    pub fn new(
        gate: Arc<dyn Gate>,
        store: Arc<dyn Store>,
        site: Site,
        clock: Arc<dyn Clock>,
        options: &Options,
    ) -> Result<Arc<Self>, AssetError> {
        let assets = Assets::open(&options.data_dir)?;
        let (catalog, busy) = (Catalog::new(store), Mutex::default());
        Ok(Arc::new(Self {
            gate,
            catalog,
            site,
            clock,
            assets,
            busy,
        }))
    }

    /// Returns the uploaded files.
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// Deploys `deployment` as `principal` and tells `progress` of every event. Once this returns
    /// `Ok`, the stack is in the state that it says, durably.
    ///
    /// The deployment goes on when the returned future is dropped. An error means that nothing was
    /// changed, or that the store failed on the way.
    pub async fn deploy(
        self: &Arc<Self>,
        deployment: Deployment,
        principal: Principal,
        progress: UnboundedSender<StackEvent>,
    ) -> Result<Outcome, DeployError> {
        check_name(&deployment.stack_name)?;
        let name = deployment.stack_name.clone();
        let claim = self.claim(&name, "updated").await?;
        let work = async move {
            claim
                .deployer
                .clone()
                .run(claim, deployment, principal, progress)
                .await
        };
        tokio::spawn(work)
            .await
            .map_err(|_| DeployError::Stopped(name))?
    }

    async fn run(
        self: Arc<Self>,
        claim: Claim,
        mut deployment: Deployment,
        principal: Principal,
        progress: UnboundedSender<StackEvent>,
    ) -> Result<Outcome, DeployError> {
        let name = &claim.stack;
        let mut operation = self.operation(name, &principal, progress).await?;
        if let Some(loaded) = self.load(name).await? {
            let status = loaded.stack.status;
            let rolled_back = status == Status::RollbackComplete;
            operation.adopt(loaded);
            if rolled_back {
                // A stack whose first deployment was rolled back is nothing but its name. AWS wants
                // it deleted by hand; here the next deployment begins anew.
                let fresh = self.new_stack(name, &principal, operation.stack.next_event);
                operation.stack = StackRow {
                    id: operation.stack.id.clone(),
                    ..fresh
                };
                operation.resources = IndexMap::new();
            } else if !can_update(status) {
                let stack = operation.stack.id.clone();
                return Err(DeployError::State {
                    stack,
                    status: status.to_string(),
                    wanted: "updated",
                });
            }
        }
        operation.stack.actor = Actor::from(&principal);
        let template = Template::parse(&deployment.template)?;
        let former = &operation.stack.contents.parameters;
        deployment.parameters = with_former(deployment.parameters, former, &template);
        self.check_assets(&deployment).await?;
        let plan = Plan::new(&deployment, self.surroundings(&operation.stack))?;
        let first = operation.row.is_none() || operation.stack.status == Status::CreateInProgress;
        let steps = plan.steps(&operation.resources, &operation.stack.contents)?;
        if !first && steps.is_none() {
            return Ok(Outcome::Unchanged(operation.stack.summary()));
        }
        let stack = operation.deploy(&plan, &deployment.template, first).await?;
        Ok(match stack.status {
            Status::CreateComplete | Status::UpdateComplete => Outcome::Deployed(stack.summary()),
            _ => Outcome::RolledBack(stack.summary()),
        })
    }

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
        let work = async move {
            let deployer = claim.deployer.clone();
            let Some(loaded) = deployer.load(&claim.stack).await? else {
                return Ok(None);
            };
            if loaded.stack.status.name().ends_with("_IN_PROGRESS")
                && loaded.stack.status != Status::DeleteInProgress
            {
                let status = loaded.stack.status.to_string();
                return Err(DeployError::State {
                    stack: loaded.stack.id,
                    status,
                    wanted: "deleted",
                });
            }
            let mut operation = deployer
                .operation(&claim.stack, &principal, progress)
                .await?;
            operation.adopt(loaded);
            operation.stack.actor = Actor::from(&principal);
            Ok(Some(operation.delete().await?.summary()))
        };
        tokio::spawn(work)
            .await
            .map_err(|_| DeployError::Stopped(name.to_owned()))?
    }

    /// Takes up what was under way when the server stopped: a deployment is rolled back, a cleaning
    /// up, a rollback or a deletion is finished. Returns the stacks that were taken up.
    ///
    /// Call it once, before deployments are accepted.
    pub async fn recover(self: &Arc<Self>) -> Result<Vec<StackSummary>, DeployError> {
        let stacks = self
            .catalog
            .stacks()
            .await
            .map_err(DeployError::store("(all)"))?;
        let mut recovered = Vec::new();
        for stack in stacks
            .into_iter()
            .filter(|stack| stack.status.name().ends_with("_IN_PROGRESS"))
        {
            tracing::warn!(
                stack = stack.name,
                status = stack.status.name(),
                "an interrupted operation is taken up"
            );
            let claim = self.claim(&stack.name, "updated").await?;
            let (progress, _) = unbounded_channel();
            let Some(loaded) = self.load(&stack.name).await? else {
                continue;
            };
            let principal = Principal::from(&stack.actor);
            let mut operation = self.operation(&stack.name, &principal, progress).await?;
            operation.adopt(loaded);
            let stack = match stack.status {
                Status::DeleteInProgress => operation.delete().await?,
                Status::UpdateCompleteCleanupInProgress => {
                    operation.clean_up().await?;
                    operation.settle(Status::UpdateComplete).await?;
                    operation.stack
                }
                _ => {
                    operation
                        .roll_back(
                            "The server stopped while the stack was being deployed. ".to_owned(),
                        )
                        .await?;
                    operation.stack
                }
            };
            recovered.push(stack.summary());
            drop(claim);
        }
        Ok(recovered)
    }

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

    async fn load(&self, name: &str) -> Result<Option<Loaded>, DeployError> {
        self.catalog
            .load(name)
            .await
            .map_err(DeployError::store(name))
    }

    /// Makes sure that nobody else changes the stack.
    async fn claim(
        self: &Arc<Self>,
        name: &str,
        wanted: &'static str,
    ) -> Result<Claim, DeployError> {
        let free = self.busy.lock().insert(name.to_owned());
        if free {
            return Ok(Claim {
                deployer: self.clone(),
                stack: name.to_owned(),
            });
        }
        let loaded = self.load(name).await?;
        let (stack, status) = match loaded {
            Some(loaded) => (loaded.stack.id, loaded.stack.status),
            None => (name.to_owned(), Status::CreateInProgress),
        };
        Err(DeployError::State {
            stack,
            status: status.to_string(),
            wanted,
        })
    }

    /// Returns an operation on a stack that is not there yet.
    async fn operation(
        &self,
        name: &str,
        principal: &Principal,
        progress: UnboundedSender<StackEvent>,
    ) -> Result<Operation, DeployError> {
        let earlier = self
            .catalog
            .events(name)
            .await
            .map_err(DeployError::store(name))?
            .len() as u64;
        Ok(Operation {
            services: Services {
                gate: self.gate.clone(),
                site: self.site.clone(),
                assets: self.assets.clone(),
                principal: principal.clone(),
            },
            catalog: self.catalog.clone(),
            clock: self.clock.clone(),
            stack: self.new_stack(name, principal, earlier),
            resources: IndexMap::new(),
            row: None,
            progress,
        })
    }

    fn new_stack(&self, name: &str, principal: &Principal, next_event: u64) -> StackRow {
        let Site { region, account_id } = &self.site;
        let id = uuid::Uuid::new_v4();
        StackRow {
            id: format!("arn:aws:cloudformation:{region}:{account_id}:stack/{name}/{id}"),
            name: name.to_owned(),
            status: Status::CreateInProgress,
            reason: None,
            created_at: self.clock.now(),
            updated_at: None,
            actor: Actor::from(principal),
            next_event,
            contents: Contents::default(),
            before: None,
            removing: Vec::new(),
        }
    }

    fn surroundings(&self, stack: &StackRow) -> Surroundings {
        Surroundings {
            account_id: self.site.account_id.to_string(),
            region: self.site.region.to_string(),
            stack_name: stack.name.clone(),
            stack_id: stack.id.clone(),
            notification_arns: Vec::new(),
        }
    }

    async fn check_assets(&self, deployment: &Deployment) -> Result<(), DeployError> {
        let mut missing = Vec::new();
        for (path, sha256) in &deployment.assets {
            if !self.assets.has(sha256).await? {
                missing.push(path.clone());
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(DeployError::MissingAssets(missing))
        }
    }
}

/// Says whether a stack in this state can be deployed to.
fn can_update(status: Status) -> bool {
    matches!(
        status,
        Status::CreateComplete | Status::UpdateComplete | Status::UpdateRollbackComplete
    )
}

/// Checks a stack's name as the API model does: `[a-zA-Z][-a-zA-Z0-9]*`, at most 128.
fn check_name(name: &str) -> Result<(), DeployError> {
    let legal = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if legal && name.len() <= NAME_CHARS_MAX {
        return Ok(());
    }
    Err(DeployError::Invalid(format!(
        "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
    )))
}
