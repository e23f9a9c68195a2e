//! Deploys and deletes stacks, one operation a stack at a time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cfn_template::{Surroundings, Template};
use indexmap::IndexMap;
use parking_lot::Mutex;
use service::{Clock, Gate, Principal, Site};
use store::Store;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::assets::{AssetError, Assets};
use crate::catalog::{Catalog, Loaded};
use crate::change_set::Execution;
use crate::error::DeployError;
use crate::intervention::Cancelled;
use crate::operation::Operation;
use crate::parameter_store;
use crate::plan::{Known, Plan, with_former};
use crate::resource::{About, Services};
use crate::signals::Signals;
use crate::stack::{
    Actor, Contents, OnFailure, Parent, Settings, StackEvent, StackRow, StackSummary, Status,
};

/// Longest name of a stack (`StackName` of the API model).
const NAME_CHARS_MAX: usize = 128;
/// Most stacks of an account and region (CloudFormation quotas, "Stacks").
const STACKS_MAX: usize = 2_000;

/// How often a stack is asked for that nobody works on any more, and what lies between.
const CLAIM_TRIES_MAX: usize = 200;
const CLAIM_PAUSE: Duration = Duration::from_millis(5);

/// What a deployer can be told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where uploaded files are kept, under `assets`.
    pub data_dir: PathBuf,
    /// Whether resources of types that are not built are taken as nothing but their names. Without
    /// it, a template that has one is refused.
    pub ignore_unknown: bool,
    /// Where this server is, for addresses at which others answer: `http://127.0.0.1:4566`.
    pub endpoint_url: String,
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
    /// Tags, capabilities and what else is said of a stack.
    pub settings: Settings,
}

/// What a deployment may find where it wants to go.
#[derive(Clone, Debug, Default)]
pub(crate) enum Intent {
    /// Anything, and parameters keep their former values (`stepd deploy`).
    #[default]
    Whatever,
    /// No stack.
    Create {
        on_failure: OnFailure,
        protected: bool,
        /// The stack that it is a resource of.
        parent: Option<Parent>,
    },
    /// A stack.
    Update {
        on_failure: OnFailure,
        /// Whether the stack that it is a resource of says when what was replaced goes.
        by_parent: bool,
    },
    /// A stack, or one that only its change set has made.
    ChangeSet { id: String, on_failure: OnFailure },
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
    pub(crate) catalog: Catalog,
    pub(crate) site: Site,
    pub(crate) clock: Arc<dyn Clock>,
    assets: Assets,
    ignore_unknown: bool,
    signals: Arc<Signals>,
    /// The stacks that are being changed.
    busy: Mutex<BTreeMap<String, Arc<Cancelled>>>,
}

/// A stack that nobody else changes as long as this is there.
pub(crate) struct Claim {
    deployer: Arc<Deployer>,
    pub(crate) stack: String,
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
        let signals = Signals::new(store.clone(), options.endpoint_url.clone());
        let (catalog, busy) = (Catalog::new(store), Mutex::default());
        Ok(Arc::new(Self {
            gate,
            catalog,
            site,
            clock,
            assets,
            ignore_unknown: options.ignore_unknown,
            signals: Arc::new(signals),
            busy,
        }))
    }

    /// Returns the way to the other services.
    pub(crate) fn gate(&self) -> &dyn Gate {
        &*self.gate
    }

    /// Lets resources stay behind when their stack, which could not be deleted before, goes.
    pub(crate) async fn retain(&self, name: &str, ids: &[String]) -> Result<(), DeployError> {
        let Some(loaded) = self.load(name).await? else {
            return Ok(());
        };
        if loaded.stack.status != Status::DeleteFailed {
            let text = format!(
                "Invalid operation on stack [{}]. RetainResources may only be used on a stack in DELETE_FAILED state.",
                loaded.stack.id
            );
            return Err(DeployError::Invalid(text));
        }
        let mut change = crate::catalog::Change::of(&loaded.stack);
        for mut row in loaded.resources {
            if ids.contains(&row.logical_id) {
                row.state.retain = true;
                change = change.resource(&row);
            }
        }
        let written = self.catalog.commit(Some(&loaded.row), change).await;
        written.map(drop).map_err(DeployError::store(name))
    }

    /// Returns where answers come to resources that wait for some.
    pub fn signals(&self) -> &Arc<Signals> {
        &self.signals
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
        let deployer = self.clone();
        let work = deployer.run(
            claim,
            deployment,
            principal,
            progress,
            (Intent::Whatever, None),
        );
        tokio::spawn(work)
            .await
            .map_err(|_| DeployError::Stopped(name))?
    }

    /// Begins to deploy `deployment`. Once this returns the stack's id, the deployment is written
    /// down and goes on by itself; [`DeployError::Unchanged`] says that there is nothing to do.
    pub(crate) async fn start(
        self: &Arc<Self>,
        deployment: Deployment,
        principal: Principal,
        intent: Intent,
    ) -> Result<String, DeployError> {
        check_name(&deployment.stack_name)?;
        let name = deployment.stack_name.clone();
        if matches!(intent, Intent::Create { .. }) && self.load(&name).await?.is_some() {
            return Err(DeployError::Exists(name));
        }
        let claim = self.claim(&name, "updated").await?;
        let (begun, told) = oneshot::channel();
        let (progress, _) = unbounded_channel();
        let deployer = self.clone();
        let work = deployer.run(
            claim,
            deployment,
            principal,
            progress,
            (intent, Some(begun)),
        );
        let work = tokio::spawn(work);
        if let Ok(stack_id) = told.await {
            return Ok(stack_id);
        }
        match work.await.map_err(|_| DeployError::Stopped(name))?? {
            Outcome::Unchanged(_) => Err(DeployError::Unchanged),
            Outcome::Deployed(stack) | Outcome::RolledBack(stack) => Ok(stack.stack_id),
        }
    }

    async fn run(
        self: Arc<Self>,
        claim: Claim,
        deployment: Deployment,
        principal: Principal,
        progress: UnboundedSender<StackEvent>,
        (intent, begun): (Intent, Option<oneshot::Sender<String>>),
    ) -> Result<Outcome, DeployError> {
        let name = claim.stack.clone();
        let mut operation = self.operation(&name, &principal, progress).await?;
        operation.begun = begun;
        let loaded = self.load(&name).await?;
        let first = self.adopt(&mut operation, loaded, &intent)?;
        operation.stack.actor = Actor::from(&principal);
        operation.is_open_ended = matches!(
            intent,
            Intent::Update {
                by_parent: true,
                ..
            }
        );
        let (plan, deployment) = self.plan(&operation, deployment, &intent).await?;
        let steps = plan.steps(&operation.resources, &operation.stack.contents)?;
        if let Intent::ChangeSet { id, .. } = &intent {
            operation.executes = Some(self.executable(&name, id).await?);
        }
        if !first && steps.is_none() {
            // The stack has become what the change set wants by another way.
            if let Some(mut executed) = operation.executes.take() {
                executed.execution = Execution::ExecuteComplete;
                self.put_change_set(&executed).await?;
            }
            return Ok(Outcome::Unchanged(operation.stack.summary()));
        }
        let stack = operation.deploy(&plan, &deployment.template, first).await?;
        if let Intent::ChangeSet { id, .. } = &intent {
            self.settle_change_set(&stack, id).await?;
        }
        drop(claim);
        Ok(match stack.status {
            Status::CreateComplete
            | Status::UpdateComplete
            | Status::UpdateCompleteCleanupInProgress => Outcome::Deployed(stack.summary()),
            _ => Outcome::RolledBack(stack.summary()),
        })
    }

    /// Takes over what there is of a stack, if the intent allows it, and says whether the stack is
    /// to be made.
    pub(crate) fn adopt(
        &self,
        operation: &mut Operation,
        loaded: Option<Loaded>,
        intent: &Intent,
    ) -> Result<bool, DeployError> {
        let name = operation.stack.name.clone();
        let on_failure = match intent {
            Intent::Whatever => OnFailure::Rollback,
            Intent::Create { on_failure, .. }
            | Intent::Update { on_failure, .. }
            | Intent::ChangeSet { on_failure, .. } => *on_failure,
        };
        let Some(loaded) = loaded else {
            if let Intent::Create {
                protected, parent, ..
            } = intent
            {
                operation.stack.protected = *protected;
                operation.stack.parent.clone_from(parent);
            } else if !matches!(intent, Intent::Whatever) {
                return Err(DeployError::Invalid(format!(
                    "Stack [{name}] does not exist"
                )));
            }
            operation.stack.on_failure = on_failure;
            return Ok(true);
        };
        if matches!(intent, Intent::Create { .. }) {
            return Err(DeployError::Exists(name));
        }
        let status = loaded.stack.status;
        operation.adopt(loaded);
        operation.stack.on_failure = on_failure;
        if let Intent::ChangeSet { id, .. } = intent {
            operation.stack.change_set_id = Some(id.clone());
        }
        match (status, intent) {
            (Status::ReviewInProgress, Intent::ChangeSet { .. } | Intent::Whatever) => {
                operation.stack.status = Status::CreateInProgress;
                Ok(true)
            }
            // A stack whose first deployment was rolled back is nothing but its name. AWS wants
            // it deleted by hand; `stepd deploy` begins anew.
            (Status::RollbackComplete, Intent::Whatever) => {
                let principal = operation.services.principal.clone();
                let fresh = self.new_stack(&name, &principal, operation.stack.next_event);
                operation.stack = StackRow {
                    id: operation.stack.id.clone(),
                    ..fresh
                };
                operation.resources = IndexMap::new();
                Ok(true)
            }
            (status, _) if can_update(status) => Ok(false),
            (status, _) => Err(DeployError::State {
                stack: operation.stack.id.clone(),
                status: status.to_string(),
                wanted: "updated",
            }),
        }
    }

    /// Works out what `deployment` asks of the stack.
    pub(crate) async fn plan(
        &self,
        operation: &Operation,
        mut deployment: Deployment,
        intent: &Intent,
    ) -> Result<(Plan, Deployment), DeployError> {
        let stack = &operation.stack;
        let template = Template::parse(&deployment.template)?;
        if matches!(intent, Intent::Whatever) {
            let former = &stack.contents.parameters;
            deployment.parameters = with_former(deployment.parameters, former, &template);
            deployment.settings = stack.contents.settings.clone();
        }
        self.check_assets(&deployment).await?;
        let given = &deployment.parameters;
        let fetched = parameter_store::fetch(&operation.services, &template, given).await?;
        let stacks = self.catalog.stacks().await;
        let stacks = stacks.map_err(DeployError::store(&stack.name))?;
        if stacks.len() >= STACKS_MAX && !stacks.iter().any(|other| other.id == stack.id) {
            return Err(DeployError::TooManyStacks);
        }
        let exports = stacks
            .into_iter()
            .filter(|other| other.id != stack.id)
            .flat_map(|other| other.contents.outputs)
            .filter_map(|output| Some((output.export_name?, output.output_value)))
            .collect();
        let mut surroundings = self.surroundings(stack);
        surroundings
            .notification_arns
            .clone_from(&deployment.settings.notification_arns);
        let known = Known {
            surroundings,
            exports,
            fetched,
        };
        let plan = Plan::new(&deployment, known, self.ignore_unknown)?;
        Ok((plan, deployment))
    }

    pub(crate) async fn load(&self, name: &str) -> Result<Option<Loaded>, DeployError> {
        self.catalog
            .load(name)
            .await
            .map_err(DeployError::store(name))
    }

    /// Notes that somebody works on the stack, unless somebody does already.
    fn begin_work(&self, name: &str) -> bool {
        let mut busy = self.busy.lock();
        let free = !busy.contains_key(name);
        if free {
            busy.insert(name.to_owned(), Arc::default());
        }
        free
    }

    /// Returns how the work on the stack `name` is cancelled, if there is some.
    pub(crate) fn under_way(&self, name: &str) -> Option<Arc<Cancelled>> {
        self.busy.lock().get(name).cloned()
    }

    /// Makes sure that nobody else changes the stack.
    pub(crate) async fn claim(
        self: &Arc<Self>,
        name: &str,
        wanted: &'static str,
    ) -> Result<Claim, DeployError> {
        let mut tries = 0;
        let (stack, status) = loop {
            if self.begin_work(name) {
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
            // Whoever has written the end holds the stack for a moment longer.
            if status.is_under_way() || tries >= CLAIM_TRIES_MAX {
                break (stack, status);
            }
            tries += 1;
            tokio::time::sleep(CLAIM_PAUSE).await;
        };
        Err(DeployError::State {
            stack,
            status: status.to_string(),
            wanted,
        })
    }

    /// Returns an operation on a stack that is not there yet.
    pub(crate) async fn operation(
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
        let stack = self.new_stack(name, principal, earlier);
        Ok(Operation {
            services: Services {
                gate: self.gate.clone(),
                site: self.site.clone(),
                assets: self.assets.clone(),
                principal: principal.clone(),
                stack_id: stack.id.clone(),
                signals: self.signals.clone(),
                about: About::default(),
            },
            catalog: self.catalog.clone(),
            clock: self.clock.clone(),
            stack,
            resources: IndexMap::new(),
            row: None,
            progress,
            begun: None,
            executes: None,
            cancelled: self.under_way(name).unwrap_or_default(),
            is_open_ended: false,
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
            protected: false,
            on_failure: OnFailure::Rollback,
            change_set_id: None,
            deleted_at: None,
            parent: None,
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
pub(crate) fn check_name(name: &str) -> Result<(), DeployError> {
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
