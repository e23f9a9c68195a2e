//! What is kept of a stack: its row, a row for each resource, and its events.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::Principal;
use vocab::Timestamp;

/// The state of a stack or of a resource, in CloudFormation's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum Status {
    ReviewInProgress,
    CreateInProgress,
    CreateFailed,
    CreateComplete,
    RollbackInProgress,
    RollbackFailed,
    RollbackComplete,
    UpdateInProgress,
    UpdateFailed,
    UpdateCompleteCleanupInProgress,
    UpdateComplete,
    UpdateRollbackInProgress,
    UpdateRollbackFailed,
    UpdateRollbackComplete,
    DeleteInProgress,
    DeleteFailed,
    DeleteSkipped,
    DeleteComplete,
}

impl Status {
    /// Returns CloudFormation's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReviewInProgress => "REVIEW_IN_PROGRESS",
            Self::CreateInProgress => "CREATE_IN_PROGRESS",
            Self::CreateFailed => "CREATE_FAILED",
            Self::CreateComplete => "CREATE_COMPLETE",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::RollbackFailed => "ROLLBACK_FAILED",
            Self::RollbackComplete => "ROLLBACK_COMPLETE",
            Self::UpdateInProgress => "UPDATE_IN_PROGRESS",
            Self::UpdateFailed => "UPDATE_FAILED",
            Self::UpdateCompleteCleanupInProgress => "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            Self::UpdateComplete => "UPDATE_COMPLETE",
            Self::UpdateRollbackInProgress => "UPDATE_ROLLBACK_IN_PROGRESS",
            Self::UpdateRollbackFailed => "UPDATE_ROLLBACK_FAILED",
            Self::UpdateRollbackComplete => "UPDATE_ROLLBACK_COMPLETE",
            Self::DeleteInProgress => "DELETE_IN_PROGRESS",
            Self::DeleteFailed => "DELETE_FAILED",
            Self::DeleteSkipped => "DELETE_SKIPPED",
            Self::DeleteComplete => "DELETE_COMPLETE",
        }
    }
}

impl Status {
    /// Says whether somebody works on the stack, or would if the server had not stopped.
    pub(crate) fn is_under_way(self) -> bool {
        self != Self::ReviewInProgress && self.name().ends_with("_IN_PROGRESS")
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The row of a stack. Its parameters may be secrets, so it has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StackRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: Status,
    pub(crate) reason: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Option<Timestamp>,
    /// As whom an operation that was interrupted goes on.
    pub(crate) actor: Actor,
    pub(crate) next_event: u64,
    /// What the deployment says, of which a rollback restores the former.
    pub(crate) contents: Contents,
    pub(crate) before: Option<Contents>,
    /// Resources that the deployment under way leaves out.
    pub(crate) removing: Vec<String>,
    /// Whether the stack may not be deleted.
    #[serde(default)]
    pub(crate) protected: bool,
    /// What becomes of a deployment that fails.
    #[serde(default)]
    pub(crate) on_failure: OnFailure,
    /// The change set that was executed last.
    #[serde(default)]
    pub(crate) change_set_id: Option<String>,
    /// When it was deleted.
    #[serde(default)]
    pub(crate) deleted_at: Option<Timestamp>,
    /// The stack that it is a resource of.
    #[serde(default)]
    pub(crate) parent: Option<Parent>,
}

/// The stack that another one is a resource of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parent {
    pub(crate) id: String,
    /// The stack that is in no other.
    pub(crate) root_id: String,
    /// How many stacks the inner one is in.
    pub(crate) depth: usize,
}

/// What becomes of a deployment that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OnFailure {
    /// It is rolled back.
    #[default]
    Rollback,
    /// It is left as it is.
    DoNothing,
    /// It is rolled back, and a stack that was new is deleted.
    Delete,
}

/// What is said of a stack beside its template and parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Tags, by key.
    pub tags: BTreeMap<String, String>,
    /// `CAPABILITY_IAM` and others, as given.
    pub capabilities: Vec<String>,
    /// The role that AWS would act as; kept, and acted upon once policies are enforced.
    pub role_arn: Option<String>,
    /// `AWS::NotificationARNs`.
    pub notification_arns: Vec<String>,
    /// Whether what a deployment made goes when it is rolled back, whatever its policy says.
    #[serde(default)]
    pub retain_except_on_create: bool,
}

/// What a deployment gave and got, apart from resources.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contents {
    pub(crate) description: Option<String>,
    pub(crate) parameters: BTreeMap<String, String>,
    /// Parameters whose values are shown to nobody.
    pub(crate) no_echo: Vec<String>,
    pub(crate) outputs: Vec<Output>,
    /// The hash of the template's text, which has a row of its own.
    pub(crate) template: String,
    /// The values of all parameters, as texts: given, kept or by default.
    #[serde(default)]
    pub(crate) resolved: BTreeMap<String, String>,
    /// What parameters hold that stand for some of the Parameter Store.
    #[serde(default)]
    pub(crate) fetched: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) settings: Settings,
    /// What it imports from other stacks.
    #[serde(default)]
    pub(crate) imports: Vec<String>,
}

/// An output of a stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// Its logical id.
    pub output_key: String,
    /// What it came to.
    pub output_value: String,
    /// As the template describes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The name under which other stacks import it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_name: Option<String>,
}

/// Who deploys, as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Actor {
    Root {
        account: Arc<str>,
    },
    Role {
        role_arn: Arc<str>,
        session_name: Arc<str>,
    },
    /// Anybody else.
    Other(Principal),
}

impl From<&Principal> for Actor {
    fn from(principal: &Principal) -> Self {
        match principal {
            Principal::Root { account } => Self::Root {
                account: account.clone(),
            },
            Principal::Role {
                role_arn,
                session_name,
            } => Self::Role {
                role_arn: role_arn.clone(),
                session_name: session_name.clone(),
            },
            other => Self::Other(other.clone()),
        }
    }
}

impl From<&Actor> for Principal {
    fn from(actor: &Actor) -> Self {
        match actor {
            Actor::Root { account } => Self::Root {
                account: account.clone(),
            },
            Actor::Role {
                role_arn,
                session_name,
            } => Self::Role {
                role_arn: role_arn.clone(),
                session_name: session_name.clone(),
            },
            Actor::Other(other) => other.clone(),
        }
    }
}

/// The row of a resource. Its properties may hold secrets, so it has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ResourceRow {
    pub(crate) logical_id: String,
    pub(crate) kind: String,
    pub(crate) status: Status,
    pub(crate) reason: Option<String>,
    pub(crate) updated_at: Timestamp,
    pub(crate) state: ResourceState,
    /// What a rollback does about the deployment under way.
    pub(crate) undo: Option<Undo>,
}

/// What a resource is: enough to update, restore or delete it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ResourceState {
    pub(crate) physical_id: String,
    /// As resolved: what the service was told.
    pub(crate) properties: Value,
    /// What `Fn::GetAtt` gives.
    pub(crate) attributes: Map<String, Value>,
    /// Its place in the order of creation; deleting goes backwards.
    pub(crate) position: usize,
    pub(crate) retain: bool,
    pub(crate) retain_replaced: bool,
    /// Whether it goes with the rollback of the deployment that made it, although it would stay.
    #[serde(default)]
    pub(crate) except_on_create: bool,
}

/// How a change of a resource is undone.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Undo {
    /// It was made, or is being made.
    Delete,
    /// It was changed in place, or is being changed.
    Restore(ResourceState),
    /// Another was made in its place, or is being made; the former is still there.
    Reinstate(ResourceState),
}

/// An event of a stack, as CloudFormation shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StackEvent {
    /// Unique.
    pub event_id: String,
    /// The stack's id.
    pub stack_id: String,
    /// The stack's name.
    pub stack_name: String,
    /// The resource; the stack itself under its name.
    pub logical_resource_id: String,
    /// Empty as long as there is none.
    pub physical_resource_id: String,
    /// `AWS::Lambda::Function`, `AWS::CloudFormation::Stack`, …
    pub resource_type: String,
    /// What came about.
    pub resource_status: Status,
    /// Why, where there is more to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_status_reason: Option<String>,
    /// When.
    pub timestamp: Timestamp,
}

/// The type under which a stack appears among its own events.
pub(crate) const STACK_KIND: &str = "AWS::CloudFormation::Stack";

/// A stack as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StackSummary {
    /// Its ARN.
    pub stack_id: String,
    /// Its name.
    pub stack_name: String,
    /// Its state.
    pub stack_status: Status,
    /// Why it is in that state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_status_reason: Option<String>,
    /// The template's description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was first deployed.
    pub creation_time: Timestamp,
    /// When it was last deployed after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated_time: Option<Timestamp>,
    /// Parameters with their values; `****` for those with `NoEcho`.
    pub parameters: BTreeMap<String, String>,
    /// Outputs, in the template's order.
    pub outputs: Vec<Output>,
}

/// A resource as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceSummary {
    /// Its name in the template.
    pub logical_resource_id: String,
    /// Its name in its service.
    pub physical_resource_id: String,
    /// Its type.
    pub resource_type: String,
    /// Its state.
    pub resource_status: Status,
    /// Why it is in that state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_status_reason: Option<String>,
    /// When that came about.
    pub timestamp: Timestamp,
}

impl StackRow {
    pub(crate) fn summary(&self) -> StackSummary {
        let shown = |(name, value): (&String, &String)| {
            let hidden = self.contents.no_echo.contains(name);
            (
                name.clone(),
                if hidden {
                    "****".to_owned()
                } else {
                    value.clone()
                },
            )
        };
        StackSummary {
            stack_id: self.id.clone(),
            stack_name: self.name.clone(),
            stack_status: self.status,
            stack_status_reason: self.reason.clone(),
            description: self.contents.description.clone(),
            creation_time: self.created_at,
            last_updated_time: self.updated_at,
            parameters: self.contents.parameters.iter().map(shown).collect(),
            outputs: self.contents.outputs.clone(),
        }
    }
}

impl ResourceRow {
    pub(crate) fn summary(&self) -> ResourceSummary {
        ResourceSummary {
            logical_resource_id: self.logical_id.clone(),
            physical_resource_id: self.state.physical_id.clone(),
            resource_type: self.kind.clone(),
            resource_status: self.status,
            resource_status_reason: self.reason.clone(),
            timestamp: self.updated_at,
        }
    }
}
