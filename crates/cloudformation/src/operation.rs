//! One deployment while it runs: what is about to be done is written down, done, and written down.

use bytes::Bytes;
use cfn_template::Unresolved;
use indexmap::IndexMap;
use serde_json::{Map, Value};
use service::{Clock, Failure};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::catalog::{Catalog, Change, Loaded};
use crate::change_set::ChangeSetRow;
use crate::error::DeployError;
use crate::intervention::Cancelled;
use crate::plan::{Plan, Step, There};
use crate::resource::custom::PHYSICAL_ID;
use crate::resource::{About, NotCreated, Services};
use crate::stack::{
    OnFailure, ResourceRow, ResourceState, STACK_KIND, StackEvent, StackRow, Status, Undo,
};

/// A stack that is being changed, and all that the change needs.
pub(crate) struct Operation {
    pub(crate) services: Services,
    pub(crate) catalog: Catalog,
    pub(crate) clock: std::sync::Arc<dyn Clock>,
    pub(crate) stack: StackRow,
    pub(crate) resources: IndexMap<String, ResourceRow>,
    /// The stack's row as the store has it; `None` for a stack that has none yet.
    pub(crate) row: Option<Bytes>,
    /// Who watches. Nobody may be there any more.
    pub(crate) progress: UnboundedSender<StackEvent>,
    /// Who waits only until the operation is written down.
    pub(crate) begun: Option<oneshot::Sender<String>>,
    /// The change set that is executed, as it is written with the beginning.
    pub(crate) executes: Option<ChangeSetRow>,
    /// Whether it is to be rolled back instead of going on.
    pub(crate) cancelled: std::sync::Arc<Cancelled>,
    /// Whether it waits, before what was replaced goes, for the stack that this one is a resource of.
    pub(crate) is_open_ended: bool,
}

/// Why a step was not done.
pub(crate) enum StepError {
    /// The resource could not be changed: the deployment is rolled back.
    Failed {
        logical_id: String,
        reason: String,
        verb: &'static str,
    },
    /// The stack as a whole cannot be what the template asks for: likewise.
    Refused(String),
    /// What happens cannot be written down: the deployment stops where it is.
    Store(DeployError),
}

impl From<DeployError> for StepError {
    fn from(error: DeployError) -> Self {
        Self::Store(error)
    }
}

impl Operation {
    pub(crate) fn adopt(&mut self, loaded: Loaded) {
        self.services.stack_id.clone_from(&loaded.stack.id);
        self.stack = loaded.stack;
        self.resources = loaded
            .resources
            .into_iter()
            .map(|row| (row.logical_id.clone(), row))
            .collect();
        self.row = Some(loaded.row);
    }

    /// Deploys `plan` and returns the state that the stack came to.
    pub(crate) async fn deploy(
        mut self,
        plan: &Plan,
        template: &str,
        created: bool,
    ) -> Result<StackRow, DeployError> {
        let begun = if created {
            Status::CreateInProgress
        } else {
            Status::UpdateInProgress
        };
        self.begin(plan, template, begun).await?;
        self.tell_begun();
        match self.steps(plan).await {
            Ok(()) => self.complete(created).await?,
            Err(StepError::Store(error)) => return Err(error),
            Err(StepError::Failed {
                logical_id,
                reason,
                verb,
            }) => {
                tracing::warn!(
                    stack = self.stack.name,
                    logical_id,
                    reason,
                    "a deployment failed"
                );
                let text = format!("The following resource(s) failed to {verb}: [{logical_id}]. ");
                self.fail(text, created).await?;
            }
            Err(StepError::Refused(reason)) => self.fail(reason, created).await?,
        }
        Ok(self.stack)
    }

    /// Does what the stack says about a deployment that failed.
    async fn fail(&mut self, reason: String, created: bool) -> Result<(), DeployError> {
        match self.stack.on_failure {
            OnFailure::DoNothing => {
                let failed = if created {
                    Status::CreateFailed
                } else {
                    Status::UpdateFailed
                };
                self.record_stack(failed, Some(reason)).await
            }
            OnFailure::Rollback => self.roll_back(reason).await,
            OnFailure::Delete => {
                self.roll_back(reason).await?;
                if created && self.stack.status == Status::RollbackComplete {
                    self.delete_all().await?;
                }
                Ok(())
            }
        }
    }

    /// Tells whoever waits for it that the operation is under way.
    pub(crate) fn tell_begun(&mut self) {
        if let Some(begun) = self.begun.take() {
            // Whoever waited may have hung up.
            let _ = begun.send(self.stack.id.clone());
        }
    }

    /// Writes down that the deployment has begun, with what a rollback restores.
    async fn begin(
        &mut self,
        plan: &Plan,
        template: &str,
        status: Status,
    ) -> Result<(), DeployError> {
        let outputs = self.stack.contents.outputs.clone();
        let mut contents = plan.contents.clone();
        contents.outputs = outputs;
        self.stack.before = Some(std::mem::replace(&mut self.stack.contents, contents));
        self.stack.removing = plan.left_out(&self.resources);
        if status == Status::UpdateInProgress {
            self.stack.updated_at = Some(self.clock.now());
        }
        let event = self.stack_event(status, Some("User Initiated".to_owned()));
        let mut change = Change::of(&self.stack).template(&self.stack.contents.template, template);
        if let Some(executed) = self.executes.take() {
            change = change.change_set(&executed);
        }
        self.commit(change.event(self.stack.next_event - 1, &event), event)
            .await
    }

    async fn steps(&mut self, plan: &Plan) -> Result<(), StepError> {
        for (position, id) in plan.order.iter().enumerate() {
            if self.cancelled.is_set() {
                return Err(StepError::Refused("Update cancelled by user. ".to_owned()));
            }
            let there = There::now(plan, &self.resources);
            let step = match plan.properties(id, &there) {
                Ok(properties) => plan
                    .step(id, self.resources.get(id), &properties)
                    .map(|step| (properties, step))
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error.into_error().to_string()),
            };
            let (properties, step) = match step {
                Ok(step) => step,
                Err(reason) => return self.refuse_step(plan, id, reason).await,
            };
            match step {
                Step::Keep => self.keep(plan, id, position),
                Step::Create => self.create(plan, id, position, properties, None).await?,
                Step::Replace => {
                    let former = self.resources[id].state.clone();
                    self.create(plan, id, position, properties, Some(former))
                        .await?;
                }
                Step::Update => self.update(plan, id, position, properties).await?,
            }
        }
        let there = There::now(plan, &self.resources);
        let outputs = plan
            .outputs(&there)
            .map_err(|error| failed("Outputs", &error))?;
        if let Some(reason) = self.export_taken(&outputs).await? {
            return Err(StepError::Refused(format!("{reason} ")));
        }
        if let Some(reason) = self.export_in_use(&outputs).await? {
            return Err(StepError::Refused(format!("{reason} ")));
        }
        self.stack.contents.outputs = outputs;
        Ok(())
    }

    /// A resource that stays may still have moved in the order, or got another policy. It is written
    /// with the end of the deployment.
    fn keep(&mut self, plan: &Plan, id: &str, position: usize) {
        let resource = plan.resource(id);
        if let Some(row) = self.resources.get_mut(id) {
            row.state.position = position;
            row.state.retain = resource.is_retained();
            row.state.retain_replaced = resource.is_retained_when_replaced();
            row.state.except_on_create = resource.is_undone();
        }
    }

    /// Makes a resource: a new one, or another in the place of `former`.
    async fn create(
        &mut self,
        plan: &Plan,
        id: &str,
        position: usize,
        properties: Map<String, Value>,
        former: Option<ResourceState>,
    ) -> Result<(), StepError> {
        let (resource, handler) = (plan.resource(id), plan.handler(id));
        let verb = if former.is_some() { "update" } else { "create" };
        let (doing, done, not_done) = match former {
            None => (
                Status::CreateInProgress,
                Status::CreateComplete,
                Status::CreateFailed,
            ),
            Some(_) => (
                Status::UpdateInProgress,
                Status::UpdateComplete,
                Status::UpdateFailed,
            ),
        };
        let reason = former.is_some().then(|| {
            "Requested update requires the creation of a new physical resource; hence creating one.".to_owned()
        });
        let there = There::now(plan, &self.resources);
        let policy = plan.creation_policy(id, &there);
        self.services.about = About {
            logical_id: id.to_owned(),
            kind: resource.kind.clone(),
            known: Map::new(),
            creation_policy: policy.map_err(|error| failed(id, &error))?,
            is_restored: false,
        };
        // What references lead to may be a name. The row keeps the reference.
        let told = match self.services.dereferenced(&properties).await {
            Ok(told) => told,
            Err(failure) => {
                let reason = reason_of(handler.kind(), &failure);
                return self
                    .refuse(id, handler.kind(), not_done, verb, reason)
                    .await;
            }
        };
        let given = told.get(handler.name_property()).and_then(Value::as_str);
        let name = given.map_or_else(|| handler.draw_name(&self.stack.name, id), str::to_owned);
        let physical_id = handler.physical_id(&name, &told, &self.services.site);
        // Asked before anything is written: what somebody else has made must never be taken for
        // ours when a deployment is rolled back.
        let known = match handler.exists(&self.services, &physical_id).await {
            Ok(false) => match handler.known_before(&self.services, &told).await {
                Ok(known) => Ok(known),
                Err(failure) => Err(reason_of(handler.kind(), &failure)),
            },
            Ok(true) => Err(format!("{physical_id} already exists")),
            Err(failure) => Err(reason_of(handler.kind(), &failure)),
        };
        let attributes = match known {
            Ok(known) => known,
            Err(reason) => {
                return self
                    .refuse(id, handler.kind(), not_done, verb, reason)
                    .await;
            }
        };
        self.services.about.known.clone_from(&attributes);
        let restored = former.clone();
        let row = ResourceRow {
            logical_id: id.to_owned(),
            kind: resource.kind.clone(),
            status: doing,
            reason: None,
            updated_at: self.clock.now(),
            state: ResourceState {
                physical_id,
                properties: Value::Object(properties),
                attributes,
                position,
                retain: resource.is_retained(),
                retain_replaced: resource.is_retained_when_replaced(),
                except_on_create: resource.is_undone(),
            },
            undo: Some(former.map_or(Undo::Delete, Undo::Reinstate)),
        };
        self.resources.insert(id.to_owned(), row);
        self.record(id, doing, reason).await?;
        let made = async {
            let made = handler.create(&self.services, &name, &told);
            if !handler.is_waiting() {
                return made.await;
            }
            tokio::select! {
                made = made => made,
                () = self.cancelled.set_once() => Err(NotCreated {
                    failure: Failure::client("Cancelled", "Resource creation cancelled"),
                    partly: true,
                }),
            }
        };
        match made.await {
            Ok(made) => {
                let state = &mut self.row_mut(id).state;
                state.attributes = made.attributes;
                state.physical_id = made
                    .physical_id
                    .unwrap_or(std::mem::take(&mut state.physical_id));
                Ok(self.record(id, done, None).await?)
            }
            Err(not_created) => {
                let reason = reason_of(handler.kind(), &not_created.failure);
                if !not_created.partly {
                    // Nothing was made, so there is nothing to delete.
                    let row = self.row_mut(id);
                    row.undo = None;
                    if let Some(former) = restored {
                        row.state = former;
                    }
                }
                self.record(id, not_done, Some(reason.clone())).await?;
                Err(StepError::Failed {
                    logical_id: id.to_owned(),
                    reason,
                    verb,
                })
            }
        }
    }

    /// Writes that a resource was not touched, because what the template says of it means nothing.
    async fn refuse_step(
        &mut self,
        plan: &Plan,
        id: &str,
        reason: String,
    ) -> Result<(), StepError> {
        let kind = plan.handler(id).kind();
        match self.resources.get(id) {
            None => {
                self.refuse(id, kind, Status::CreateFailed, "create", reason)
                    .await
            }
            Some(row) => {
                let physical_id = row.state.physical_id.clone();
                let told = Some(reason.clone());
                self.tell(id, &physical_id, kind, Status::UpdateFailed, told)
                    .await?;
                Err(StepError::Failed {
                    logical_id: id.to_owned(),
                    reason,
                    verb: "update",
                })
            }
        }
    }

    /// Writes that a resource was not made, of which there is no row, and returns the failure of its step.
    async fn refuse(
        &mut self,
        id: &str,
        kind: &str,
        not_done: Status,
        verb: &'static str,
        reason: String,
    ) -> Result<(), StepError> {
        let event = self.event(id, "", kind, not_done, Some(reason.clone()));
        let change = Change::of(&self.stack).event(self.stack.next_event - 1, &event);
        self.commit(change, event).await?;
        Err(StepError::Failed {
            logical_id: id.to_owned(),
            reason,
            verb,
        })
    }

    /// Changes a resource in place.
    async fn update(
        &mut self,
        plan: &Plan,
        id: &str,
        position: usize,
        properties: Map<String, Value>,
    ) -> Result<(), StepError> {
        let handler = plan.handler(id);
        let former = self.resources[id].state.clone();
        self.keep(plan, id, position);
        let row = self.row_mut(id);
        row.undo = Some(Undo::Restore(former.clone()));
        row.state.properties = Value::Object(properties.clone());
        self.record(id, Status::UpdateInProgress, None).await?;
        self.services.about = About {
            logical_id: id.to_owned(),
            kind: self.resources[id].kind.clone(),
            ..About::default()
        };
        let none = Map::new();
        let before = former.properties.as_object().unwrap_or(&none);
        let changed = async {
            let before = self.services.dereferenced(before).await?;
            let told = self.services.dereferenced(&properties).await?;
            let id = &former.physical_id;
            handler.update(&self.services, id, &before, &told).await
        };
        match changed.await {
            Ok(mut attributes) => {
                let other = attributes.shift_remove(PHYSICAL_ID);
                let row = self.row_mut(id);
                row.state.attributes.extend(attributes);
                if let Some(Value::String(other)) = other {
                    // It has made another in the place of the former, which is cleaned up.
                    row.undo = Some(Undo::Reinstate(former.clone()));
                    row.state.physical_id = other;
                }
                Ok(self.record(id, Status::UpdateComplete, None).await?)
            }
            Err(failure) => {
                let reason = reason_of(handler.kind(), &failure);
                self.record(id, Status::UpdateFailed, Some(reason.clone()))
                    .await?;
                Err(StepError::Failed {
                    logical_id: id.to_owned(),
                    reason,
                    verb: "update",
                })
            }
        }
    }

    pub(crate) fn row_mut(&mut self, id: &str) -> &mut ResourceRow {
        self.resources
            .get_mut(id)
            .expect("the resource was looked up or inserted before")
    }

    /// Writes the row of `id` in a new state, with the event that says so.
    pub(crate) async fn record(
        &mut self,
        id: &str,
        status: Status,
        reason: Option<String>,
    ) -> Result<(), DeployError> {
        let now = self.clock.now();
        let row = self.row_mut(id);
        row.status = status;
        row.reason.clone_from(&reason);
        row.updated_at = now;
        let (physical_id, kind) = (row.state.physical_id.clone(), row.kind.clone());
        let event = self.event(id, &physical_id, &kind, status, reason);
        let change = Change::of(&self.stack).resource(&self.resources[id]);
        self.commit(change.event(self.stack.next_event - 1, &event), event)
            .await
    }

    /// Writes the stack in a new state, with the event that says so.
    pub(crate) async fn record_stack(
        &mut self,
        status: Status,
        reason: Option<String>,
    ) -> Result<(), DeployError> {
        let event = self.stack_event(status, reason);
        self.commit(
            Change::of(&self.stack).event(self.stack.next_event - 1, &event),
            event,
        )
        .await
    }

    /// Puts the stack into a new state, in memory, and returns the event that says so.
    pub(crate) fn stack_event(&mut self, status: Status, reason: Option<String>) -> StackEvent {
        self.stack.status = status;
        self.stack.reason.clone_from(&reason);
        let (name, id) = (self.stack.name.clone(), self.stack.id.clone());
        self.event(&name, &id, STACK_KIND, status, reason)
    }

    /// Returns a new event, which takes the stack's next number.
    pub(crate) fn event(
        &mut self,
        logical_id: &str,
        physical_id: &str,
        kind: &str,
        status: Status,
        reason: Option<String>,
    ) -> StackEvent {
        self.stack.next_event += 1;
        StackEvent {
            event_id: uuid::Uuid::new_v4().to_string(),
            stack_id: self.stack.id.clone(),
            stack_name: self.stack.name.clone(),
            logical_resource_id: logical_id.to_owned(),
            physical_resource_id: physical_id.to_owned(),
            resource_type: kind.to_owned(),
            resource_status: status,
            resource_status_reason: reason,
            timestamp: self.clock.now(),
        }
    }

    /// Commits `change` and then tells whoever watches.
    pub(crate) async fn commit(
        &mut self,
        change: Change,
        event: StackEvent,
    ) -> Result<(), DeployError> {
        let committed = self.catalog.commit(self.row.as_ref(), change).await;
        self.row = Some(committed.map_err(DeployError::store(&self.stack.name))?);
        // Whoever watched may have hung up; the deployment goes on.
        let _ = self.progress.send(event);
        Ok(())
    }
}

fn failed(logical_id: &str, error: &Unresolved) -> StepError {
    let reason = error.clone().into_error().to_string();
    StepError::Failed {
        logical_id: logical_id.to_owned(),
        reason,
        verb: "create",
    }
}

/// Returns what CloudFormation says when a service refuses.
pub(crate) fn reason_of(kind: &str, failure: &Failure) -> String {
    let service = kind.split("::").nth(1).unwrap_or(kind);
    format!(
        "Resource handler returned message: \"{} (Service: {service}, Status Code: {}, Error Code: {})\"",
        failure.message, failure.status, failure.code
    )
}
