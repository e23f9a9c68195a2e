//! Why a stack was not deployed or deleted, before anything was changed or because the store failed.

use cfn_template::TemplateError;
use service::Failure;
use store::StoreError;

use crate::assets::AssetError;

/// What a deployer answers when it did not begin, or could not write down what it did.
///
/// A deployment that began and failed is no error: its outcome says that it was rolled back.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The template or a parameter is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The request is wrong in another way.
    #[error("{0}")]
    Invalid(String),
    /// The stack is being changed, or is in a state in which it cannot be.
    #[error("Stack:{stack} is in {status} state and can not be {wanted}.")]
    State {
        /// Its id, or its name while it has none.
        stack: String,
        /// The state.
        status: String,
        /// `updated` or `deleted`.
        wanted: &'static str,
    },
    /// There is a stack of this name already.
    #[error("Stack [{0}] already exists")]
    Exists(String),
    /// There are as many stacks as there may be.
    #[error("Limit for stack has been exceeded")]
    TooManyStacks,
    /// The stack would be in more stacks than may be.
    #[error("Limit for nested stacks has been exceeded: a stack may be in at most {0} others")]
    TooDeep(usize),
    /// The stack is what the template asks for.
    #[error("No updates are to be performed.")]
    Unchanged,
    /// The stack has a change set of this name.
    #[error("ChangeSet {0} cannot be created due to a mismatch with existing attribute Template")]
    ChangeSetExists(String),
    /// There is no such change set.
    #[error("ChangeSet [{0}] does not exist")]
    NoChangeSet(String),
    /// The change set cannot be executed.
    #[error("ChangeSet [{id}] cannot be executed in its current status of [{status}]")]
    ChangeSetStatus {
        /// Its id.
        id: String,
        /// Its status.
        status: &'static str,
    },
    /// The template makes what only somebody who says so may make.
    #[error("Requires capabilities : [{0}]")]
    Capabilities(&'static str),
    /// An answer of another service.
    #[error("{0}")]
    Service(Failure),
    /// There is no such stack.
    #[error("Stack with id {0} does not exist")]
    NoStack(String),
    /// Uploaded files are missing.
    #[error("nothing was uploaded for: {}", .0.join(", "))]
    MissingAssets(Vec<String>),
    /// The assets could not be read or written.
    #[error("could not keep the uploaded files")]
    Assets(#[from] AssetError),
    /// The store failed. What was under way is finished or rolled back at the next start.
    #[error("could not keep the state of stack {stack}")]
    Store {
        /// The stack.
        stack: String,
        /// Why.
        source: StoreError,
    },
    /// The task that deployed died.
    #[error("the deployment of stack {0} stopped unexpectedly")]
    Stopped(String),
}

impl DeployError {
    pub(crate) fn store(stack: &str) -> impl FnOnce(StoreError) -> Self {
        let stack = stack.to_owned();
        move |source| Self::Store { stack, source }
    }

    /// Returns the error as CloudFormation answers it.
    pub fn to_failure(&self) -> Failure {
        match self {
            Self::Template(_)
            | Self::Invalid(_)
            | Self::State { .. }
            | Self::NoStack(_)
            | Self::Unchanged
            | Self::MissingAssets(_) => Failure::client("ValidationError", self.to_string()),
            Self::Exists(_) | Self::ChangeSetExists(_) => {
                Failure::client("AlreadyExistsException", self.to_string())
            }
            Self::TooManyStacks | Self::TooDeep(_) => {
                Failure::client("LimitExceededException", self.to_string())
            }
            Self::NoChangeSet(_) => {
                Failure::client("ChangeSetNotFound", self.to_string()).with_status(404)
            }
            Self::ChangeSetStatus { .. } => {
                Failure::client("InvalidChangeSetStatus", self.to_string())
            }
            Self::Capabilities(_) => {
                Failure::client("InsufficientCapabilitiesException", self.to_string())
            }
            Self::Service(failure) => failure.clone(),
            Self::Assets(AssetError::WrongHash { .. } | AssetError::NotAHash) => {
                Failure::client("ValidationError", format!("{self}: {}", root(self)))
            }
            Self::Assets(_) | Self::Store { .. } | Self::Stopped(_) => {
                Failure::internal(self.to_string())
            }
        }
    }
}

fn root(error: &DeployError) -> String {
    std::error::Error::source(error).map_or_else(String::new, ToString::to_string)
}
