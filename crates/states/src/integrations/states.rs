//! Step Functions: `states:startExecution`, whose task may wait for the end of what it starts.

use aws_model::states::Operation;
use bytes::Bytes;
use engine_core::{Payload, TaskDescription};
use serde_json::{Map, Value};
use service::{Call, Failure, Gate, Principal, RequestId, Site};

use super::exchange::{Exchange, FirstSdk};
use super::{Answer, capitalized};

const SDK: FirstSdk = FirstSdk {
    prefix: "StepFunctions",
    service: "AWSStepFunctions",
    general: "AWSStepFunctionsException",
};

/// Calls `states:startExecution`, with whatever pattern: who waits is told by the shell.
pub(super) async fn start_execution(
    gate: &dyn Gate,
    _: &Site,
    task: &TaskDescription,
    principal: Principal,
) -> Answer {
    let input = match input_of(&task.parameters) {
        Ok(input) => input,
        Err(cause) => return Answer::failed("States.Runtime", cause),
    };
    let request_id = RequestId::random();
    let called = gate
        .call(call("StartExecution", &input, principal, request_id))
        .await;
    match called {
        Ok(reply) => {
            let output: Map<String, Value> =
                serde_json::from_slice(&reply.output).unwrap_or_default();
            let mut shown = shown_members(output);
            let exchange = Exchange {
                content_type: "application/x-amz-json-1.0",
                content_length: reply.output.len(),
                request_id,
                server: false,
            };
            exchange.add_to(&mut shown);
            Answer::returned(Payload::from_value(Value::Object(shown)), task.completion)
        }
        Err(failure) => refused(&failure, "StartExecution", request_id),
    }
}

/// Returns the API's input for a task's parameters. An input of any form is made the text that the API
/// takes; `null` says nothing (recorded).
fn input_of(parameters: &Payload) -> Result<Value, String> {
    let Value::Object(parameters) = parameters.value() else {
        return Err("The parameters of states:startExecution must be an object.".to_owned());
    };
    let mut input = Map::new();
    for (name, value) in parameters {
        let member = match name.as_str() {
            "StateMachineArn" => "stateMachineArn",
            "Name" => "name",
            "Input" => "input",
            "TraceHeader" => "traceHeader",
            other => {
                return Err(format!(
                    "The field '{other}' is not supported by states:startExecution."
                ));
            }
        };
        let value = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        input.insert(member.into(), value.into());
    }
    Ok(Value::Object(input))
}

fn refused(failure: &Failure, operation: &str, request_id: RequestId) -> Answer {
    SDK.refused(failure, request_id, |code| {
        let operation = Operation::from_name(operation);
        operation.is_some_and(|operation| {
            let errors = operation.model().errors;
            errors.iter().any(|error| error.code == code)
        })
    })
}

fn call(
    operation: &'static str,
    input: &Value,
    principal: Principal,
    request_id: RequestId,
) -> Call {
    Call {
        service: "states",
        operation: operation.into(),
        input: input.to_string().into(),
        payload: Bytes::new(),
        principal,
        request_id,
    }
}

/// How the execution is that a task waits for.
pub(crate) enum Described {
    /// It has not ended.
    Running,
    /// It cannot be said now.
    Unavailable,
    /// It succeeded: the task's result.
    Succeeded(Payload),
    /// It ended otherwise, or cannot be described: the task's failure.
    Failed {
        /// As `ErrorEquals` names it.
        error: String,
        /// For people.
        cause: String,
    },
}

/// Describes an execution for the task that waits for it; `parsed` has its input and output as JSON.
/// Whatever a nested execution's own error is, its task has failed with `States.TaskFailed`, and the
/// description is the cause (measured by users of AWS, also that nothing in it is parsed).
pub(crate) async fn describe(
    gate: &dyn Gate,
    execution_arn: &str,
    parsed: bool,
    principal: Principal,
) -> Described {
    let request_id = RequestId::random();
    let input = serde_json::json!({ "executionArn": execution_arn });
    let called = gate
        .call(call("DescribeExecution", &input, principal, request_id))
        .await;
    let reply = match called {
        Ok(reply) => reply,
        Err(failure) if failure.status >= 500 => return Described::Unavailable,
        Err(failure) => {
            return match refused(&failure, "DescribeExecution", request_id) {
                Answer::Failed { error, cause } => Described::Failed { error, cause },
                Answer::Succeeded(_) | Answer::Submitted(_) => Described::Unavailable,
            };
        }
    };
    let Ok(output) = serde_json::from_slice::<Map<String, Value>>(&reply.output) else {
        return Described::Unavailable;
    };
    let status = output.get("status").and_then(Value::as_str).unwrap_or("");
    if status == "RUNNING" {
        return Described::Running;
    }
    let succeeded = status == "SUCCEEDED";
    let mut shown = shown_members(output);
    if !succeeded {
        return Described::Failed {
            error: "States.TaskFailed".into(),
            cause: Value::Object(shown).to_string(),
        };
    }
    if parsed {
        for name in ["Input", "Output"] {
            if let Some(Value::String(text)) = shown.get(name)
                && let Ok(value) = serde_json::from_str(text)
            {
                shown.insert(name.into(), value);
            }
        }
    }
    Described::Succeeded(Payload::from_value(Value::Object(shown)))
}

/// Stops an execution that nobody waits for any more; one that has ended is as good as stopped.
pub(crate) async fn stop(
    gate: &dyn Gate,
    execution_arn: &str,
    principal: Principal,
) -> Result<(), Failure> {
    let input = serde_json::json!({ "executionArn": execution_arn });
    let stopped = gate
        .call(call(
            "StopExecution",
            &input,
            principal,
            RequestId::random(),
        ))
        .await;
    match stopped {
        Err(failure) if failure.status >= 500 => Err(failure),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Returns members as the first SDK shows them: capitalized, in the order of the alphabet, moments in
/// milliseconds.
fn shown_members(members: Map<String, Value>) -> Map<String, Value> {
    let mut shown: Map<String, Value> = members
        .into_iter()
        .map(|(name, value)| {
            let value = match value {
                Value::Object(inner) => Value::Object(shown_members(inner)),
                Value::Number(seconds) if name.ends_with("Date") => millis(&seconds),
                other => other,
            };
            (capitalized(&name), value)
        })
        .collect();
    shown.sort_keys();
    shown
}

fn millis(seconds: &serde_json::Number) -> Value {
    let seconds = seconds.as_f64().unwrap_or_default();
    Value::from((seconds * 1000.0).round() as i64)
}
