//! What the journal keeps of a task's call.

use minicbor::{Decode, Encode};

use crate::payload::{Payload, Text};

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
