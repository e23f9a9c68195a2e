//! What a page asks for: `POST /console/api/OPERATION` is that call of Step Functions, as whoever is
//! signed in; `counts` is several of them.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use service::{Call, Failure, Reply, RequestId};

use crate::session::Session;
use crate::{Body, Console, whole};

/// Longest name of an operation.
const NAME_BYTES_MAX: usize = 64;

pub(crate) async fn answer(
    console: &Arc<Console>,
    session: &Session,
    operation: &str,
    input: Bytes,
) -> Result<Response<Body>, Failure> {
    let output = if operation == "counts" {
        console.counts.answer(console, session, &input).await?
    } else {
        call(console, session, operation, input).await?.output
    };
    Ok(whole(StatusCode::OK, "application/json", output))
}

/// Makes one call through the gateway, which asks whether the principal may.
pub(crate) async fn call(
    console: &Console,
    session: &Session,
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
        principal: session.principal.clone(),
        request_id: RequestId::random(),
    };
    console.gate.call(call).await
}
