//! What a page asks for: `POST /console/api/OPERATION` is that call of Step Functions, as whoever is
//! signed in. Names in small letters are the console's own, made of such calls.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use service::{Call, Failure, Principal, Reply, RequestId};

use crate::session::Session;
use crate::{Body, Console, answer_links, tasks, whole};

/// What AWS has no answer to for executions of EXPRESS machines, and the server has.
const LOOKS: [&str; 4] = [
    "DescribeExecution",
    "DescribeStateMachineForExecution",
    "GetExecutionHistory",
    "ListExecutions",
];

/// How the API refuses them, once the caller may ask.
const OF_EXPRESS: [&str; 2] = ["InvalidArn", "StateMachineTypeNotSupported"];

/// Longest name of an operation.
const NAME_BYTES_MAX: usize = 64;

pub(crate) async fn answer(
    console: &Arc<Console>,
    session: &Session,
    operation: &str,
    input: Bytes,
) -> Result<Response<Body>, Failure> {
    let who = &session.principal;
    let output = match operation {
        "counts" => console.counts.answer(console, who, &input).await?,
        "tasks" => tasks::list(console, who, input).await?,
        "claim" => tasks::claim(console, who, &input).await?,
        "answers" => tasks::answers(console, who, input).await?,
        "answer" => {
            let (task, said) = (tasks::parse(&input)?, tasks::parse(&input)?);
            tasks::answer(console, who, &task, said, "inbox").await?
        }
        "answer-link" => answer_links::make(console, who, &input).await?,
        operation => call(console, who, operation, input).await?.output,
    };
    Ok(whole(StatusCode::OK, "application/json", output))
}

/// Makes one call through the gateway, which asks whether the principal may.
pub(crate) async fn call(
    console: &Console,
    principal: &Principal,
    operation: &str,
    input: impl Into<Bytes>,
) -> Result<Reply, Failure> {
    let named = operation.len() <= NAME_BYTES_MAX
        && operation.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !named {
        let message = "The path names no operation.";
        return Err(Failure::client("UnknownOperationException", message).with_status(404));
    }
    let input = input.into();
    let call = Call {
        service: "states",
        operation: operation.to_owned().into(),
        input: input.clone(),
        payload: Bytes::new(),
        principal: principal.clone(),
        request_id: RequestId::random(),
    };
    match console.gate.call(call).await {
        Err(failure)
            if LOOKS.contains(&operation) && OF_EXPRESS.contains(&failure.code.as_ref()) =>
        {
            let question = look(operation, &input);
            let output = console.ways.ask("look", principal.clone(), question);
            Ok(Reply {
                output: output.await?,
                payload: Bytes::new(),
            })
        }
        answered => answered,
    }
}

/// What `/_stepd/look` is asked: an operation and its input.
fn look(operation: &str, input: &[u8]) -> Bytes {
    let input: Value = serde_json::from_slice(input).unwrap_or_default();
    json!({"operation": operation, "input": input})
        .to_string()
        .into()
}
