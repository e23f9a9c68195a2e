//! What a Task can call: one service a file.
//!
//! An integration turns a task's parameters into a call through the gate, as the execution's role, and
//! the reply into the result that Step Functions shows. To add one: a file here and a line in [`call`].

mod apigateway;
pub(crate) mod asking;
mod aws_sdk;
mod credentials;
mod dynamodb;
mod events;
mod exchange;
pub(crate) mod http;
mod lambda;
mod optimized;
mod sns;
mod sqs;
pub(crate) mod states;

use std::sync::Arc;

use engine_core::{Completion, Payload, TaskDescription, TaskResource};
use service::{Gate, Principal, Site};

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// The task's result.
    Succeeded(Payload),
    /// The call returned; the task goes on waiting.
    Submitted(Payload),
    /// The task failed.
    Failed {
        /// As `ErrorEquals` names it.
        error: String,
        /// For people.
        cause: String,
    },
}

impl Answer {
    /// Returns what a call that returned `output` means for a task that `completion` completes.
    fn returned(output: Payload, completion: Completion) -> Self {
        match completion {
            Completion::OnReturn => Self::Succeeded(output),
            Completion::OnToken | Completion::OnJob => Self::Submitted(output),
        }
    }

    fn failed(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::Failed {
            error: error.into(),
            cause: cause.into(),
        }
    }
}

/// Makes the call that `task` describes.
pub(crate) async fn call(
    gate: &dyn Gate,
    site: &Site,
    client: &http::Client,
    task: &TaskDescription,
    principal: Principal,
) -> Answer {
    let principal = match credentials::assumed(gate, task, principal).await {
        Ok(principal) => principal,
        Err(answer) => return answer,
    };
    match &task.resource {
        TaskResource::LambdaFunction { arn } => {
            lambda::call_function(gate, arn, task, principal).await
        }
        TaskResource::Integration {
            resource_type,
            resource,
        } => match (&**resource_type, action(resource)) {
            ("lambda", "invoke") => lambda::invoke(gate, site, task, principal).await,
            ("states", "startExecution") => {
                states::start_execution(gate, site, task, principal).await
            }
            ("dynamodb", "getItem") => dynamodb::call(gate, "GetItem", task, principal).await,
            ("dynamodb", "putItem") => dynamodb::call(gate, "PutItem", task, principal).await,
            ("dynamodb", "updateItem") => dynamodb::call(gate, "UpdateItem", task, principal).await,
            ("dynamodb", "deleteItem") => dynamodb::call(gate, "DeleteItem", task, principal).await,
            ("sqs", "sendMessage") => sqs::send_message(gate, task, principal).await,
            ("sns", "publish") => sns::publish(gate, task, principal).await,
            ("events", "putEvents") => events::put_events(gate, task, principal).await,
            ("apigateway", "invoke") => apigateway::invoke(client, task).await,
            ("http", "invoke") => {
                let invocation = http::Invocation {
                    gate,
                    site,
                    client,
                    principal,
                };
                invocation.make(task).await
            }
            (service, action) => match service.strip_prefix("aws-sdk:") {
                Some(name) => aws_sdk::call(gate, name, action, task, principal).await,
                None => not_built(&format!("the service integration '{service}:{action}'")),
            },
        },
        // Workers take these; the dispatcher does not meet them.
        TaskResource::Activity { arn } => Answer::failed(
            "States.Runtime",
            format!("The activity '{arn}' is polled, not called."),
        ),
    }
}

/// Returns the name under which calls wait for one another: the function, the host, or the service.
pub(crate) fn target(task: &TaskDescription) -> Arc<str> {
    match &task.resource {
        TaskResource::LambdaFunction { arn } | TaskResource::Activity { arn } => (**arn).into(),
        TaskResource::Integration { resource_type, .. } => {
            let text = |name: &str| task.parameters.value().get(name)?.as_str();
            let found = match &**resource_type {
                "apigateway" | "http" => text("ApiEndpoint").map(http::host_of),
                _ => text("FunctionName"),
            };
            found.unwrap_or(resource_type).into()
        }
    }
}

/// Returns the action of `sendMessage.waitForTaskToken`.
fn action(resource: &str) -> &str {
    resource
        .split_once('.')
        .map_or(resource, |(action, _)| action)
}

fn not_built(what: &str) -> Answer {
    Answer::failed(
        "States.Runtime",
        format!("stepd does not support {what} yet."),
    )
}

/// Returns a member's name as Step Functions shows it: with a capital first letter.
pub(crate) fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
