//! What events are made of: who, where, of what type, and which call.

use asl::StateKind;
use minicbor::{Decode, Encode};
use vocab::Timestamp;

use crate::ids::FrameId;
use crate::payload::{Payload, Text};

/// Who an execution is: constant for its life.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Identity {
    /// `arn:aws:states:…:execution:MACHINE:NAME`.
    #[n(0)]
    pub execution_arn: Text,
    /// Its name.
    #[n(1)]
    pub name: Text,
    /// `arn:aws:states:…:stateMachine:MACHINE`.
    #[n(2)]
    pub state_machine_arn: Text,
    /// The machine's name.
    #[n(3)]
    pub state_machine_name: Text,
    /// As whom the execution calls.
    #[n(4)]
    pub role_arn: Text,
    /// The input as it was given.
    #[n(5)]
    pub input: Payload,
    /// When its time is over.
    #[n(6)]
    pub deadline: Timestamp,
    /// The X-Ray header that the start carried.
    #[n(7)]
    pub trace_header: Option<Text>,
    /// The region that the history shows for tasks.
    #[n(8)]
    pub region: Text,
    /// The version that runs, if it was started through one.
    #[n(9)]
    pub version_arn: Option<Text>,
    /// The alias that it was started through.
    #[n(10)]
    pub alias_arn: Option<Text>,
}

/// A variable that was assigned.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Assignment {
    /// Its name, without `$`.
    #[n(0)]
    pub name: Text,
    /// Its value.
    #[n(1)]
    pub value: Payload,
}

/// Where a frame belongs: the root, a branch of a Parallel state or an iteration of a Map state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Scope {
    /// The Parallel or Map state; `None` for the root.
    #[n(0)]
    pub owner: Option<FrameId>,
    /// The number of the branch or the item.
    #[n(1)]
    pub index: u32,
}

impl Scope {
    /// The execution itself.
    pub const ROOT: Self = Self {
        owner: None,
        index: 0,
    };
}

/// The type of a state, as event names begin with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum StateType {
    /// Pass.
    #[n(0)]
    Pass,
    /// Task.
    #[n(1)]
    Task,
    /// Choice.
    #[n(2)]
    Choice,
    /// Wait.
    #[n(3)]
    Wait,
    /// Succeed.
    #[n(4)]
    Succeed,
    /// Fail.
    #[n(5)]
    Fail,
    /// Parallel.
    #[n(6)]
    Parallel,
    /// Map.
    #[n(7)]
    Map,
}

impl StateType {
    /// Returns the word of the `Type` field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::Task => "Task",
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail => "Fail",
            Self::Parallel => "Parallel",
            Self::Map => "Map",
        }
    }
}

impl From<&StateKind> for StateType {
    fn from(kind: &StateKind) -> Self {
        match kind {
            StateKind::Pass(_) => Self::Pass,
            StateKind::Task(_) => Self::Task,
            StateKind::Choice(_) => Self::Choice,
            StateKind::Wait(_) => Self::Wait,
            StateKind::Succeed(_) => Self::Succeed,
            StateKind::Fail(_) => Self::Fail,
            StateKind::Parallel(_) => Self::Parallel,
            StateKind::Map(_) => Self::Map,
        }
    }
}

/// What a task calls, in the words of the history.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum TaskResource {
    /// A function by its ARN: the `LambdaFunction…` events.
    #[n(0)]
    LambdaFunction {
        /// The function's ARN.
        #[n(0)]
        arn: Text,
    },
    /// An activity by its ARN: the `Activity…` events.
    #[n(1)]
    Activity {
        /// The activity's ARN.
        #[n(0)]
        arn: Text,
    },
    /// A service integration: the `Task…` events.
    #[n(2)]
    Integration {
        /// `resourceType`: `lambda`, `sqs`, `aws-sdk:sfn`.
        #[n(0)]
        resource_type: Text,
        /// `resource`: `invoke`, `invoke.waitForTaskToken`.
        #[n(1)]
        resource: Text,
    },
}

/// How long a task's call is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Completion {
    /// The call's answer is the result.
    #[n(0)]
    OnReturn,
    /// Whoever holds the token answers.
    #[n(1)]
    OnToken,
    /// The job that the call began ends.
    #[n(2)]
    OnJob,
}

/// A task's call: all that it takes to carry it out and to show it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct TaskDescription {
    /// What is called.
    #[n(0)]
    pub resource: TaskResource,
    /// With what.
    #[n(1)]
    pub parameters: Payload,
    /// `TimeoutSeconds`, where the definition sets one.
    #[n(2)]
    pub timeout_seconds: Option<u64>,
    /// `HeartbeatSeconds`, where the definition sets one.
    #[n(3)]
    pub heartbeat_seconds: Option<u64>,
    /// The role of `Credentials`, where the definition sets one.
    #[n(4)]
    pub credentials_role_arn: Option<Text>,
    /// What completes the task.
    #[n(5)]
    pub completion: Completion,
}
