//! What a page asks for: `POST /console/api/OPERATION` is that call of Step Functions, as whoever is
//! signed in. Names in small letters are the console's own, made of such calls.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use service::{Call, Failure, Principal, Reply, RequestId};

use crate::session::Session;
use crate::{Body, Console, answer_links, tasks, whole};

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
    let call = Call {
        service: "states",
        operation: operation.to_owned().into(),
        input: input.into(),
        payload: Bytes::new(),
        principal: principal.clone(),
        request_id: RequestId::random(),
    };
    console.gate.call(call).await
}
