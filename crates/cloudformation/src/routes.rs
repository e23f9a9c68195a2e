//! The front for the command line: upload files, deploy, look, delete.
//!
//! It is mounted behind the gateway's signature check, which puts the caller's
//! [`service::Principal`] into the request's extensions; a request without one is refused. A
//! deployment answers with one JSON object a line: an event each, and at last how it ended.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Extension, Json, Router};
use bytes::Bytes;
use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Failure, Principal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::deployer::{Deployer, Deployment, Outcome};
use crate::error::DeployError;
use crate::stack::{StackEvent, StackSummary};

/// Largest uploaded file: Lambda's limit of an unpacked deployment package, with room.
const ASSET_BYTES_MAX: usize = 300 * 1024 * 1024;
/// Largest deployment request: the longest template and as much again.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Returns the routes under `/_stepd`.
pub fn routes(deployer: Arc<Deployer>) -> Router {
    let asset = put(put_asset).layer(DefaultBodyLimit::max(ASSET_BYTES_MAX));
    Router::new()
        .route("/_stepd/assets/{sha256}", asset)
        .route("/_stepd/assets", post(missing_assets))
        .route(
            "/_stepd/stacks/{name}/deploy",
            post(deploy).layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX)),
        )
        .route("/_stepd/stacks/{name}/events", get(events))
        .route("/_stepd/stacks/{name}", get(stack).delete(delete_stack))
        .route("/_stepd/stacks", get(stacks))
        .layer(middleware::from_fn(authenticated))
        .with_state(deployer)
}

async fn authenticated(request: Request, next: Next) -> Response {
    if request.extensions().get::<Principal>().is_some() {
        return next.run(request).await;
    }
    let text = "the request carries no valid signature";
    Refusal(Failure::client("MissingAuthenticationToken", text).with_status(403)).into_response()
}

/// A failure as an answer: its status, and an object with `code` and `message`.
struct Refusal(Failure);

impl From<DeployError> for Refusal {
    fn from(error: DeployError) -> Self {
        let mut failure = error.to_failure();
        if failure.status >= 500 {
            tracing::error!(error = ?error, "a request of the deployer failed");
        }
        if matches!(error, DeployError::NoStack(_)) {
            failure.status = 404;
        }
        Self(failure)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (
            status,
            Json(json!({"code": self.0.code, "message": self.0.message})),
        )
            .into_response()
    }
}

async fn put_asset(
    State(deployer): State<Arc<Deployer>>,
    Path(sha256): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    deployer
        .assets()
        .put(&sha256, body)
        .await
        .map_err(DeployError::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Files that somebody wants to upload, by hash.
#[derive(Deserialize)]
struct Wanted {
    sha256: Vec<String>,
}

/// Says which of these files are not there, so that no other is sent.
async fn missing_assets(
    State(deployer): State<Arc<Deployer>>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let Wanted { sha256 } = read(&body)?;
    let mut missing = Vec::new();
    for hash in sha256 {
        if !deployer
            .assets()
            .has(&hash)
            .await
            .map_err(DeployError::from)?
        {
            missing.push(hash);
        }
    }
    Ok(Json(json!({"missing": missing})))
}

/// Reads a request, whatever it calls its type.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let read = serde_json::from_slice(body);
    read.map_err(|error| {
        Refusal(Failure::client(
            "ValidationError",
            format!("The request is not understood: {error}"),
        ))
    })
}

/// What is to be deployed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeployRequest {
    template: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    assets: BTreeMap<String, String>,
}

async fn deploy(
    State(deployer): State<Arc<Deployer>>,
    Path(stack_name): Path<String>,
    Extension(principal): Extension<Principal>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let DeployRequest {
        template,
        parameters,
        assets,
    } = read(&body)?;
    let deployment = Deployment {
        stack_name,
        template,
        parameters,
        assets,
        settings: crate::stack::Settings::default(),
    };
    let (progress, events) = unbounded_channel();
    let work = async move {
        match deployer.deploy(deployment, principal, progress).await {
            Ok(Outcome::Deployed(stack)) => last_line("deployed", &stack),
            Ok(Outcome::Unchanged(stack)) => last_line("unchanged", &stack),
            Ok(Outcome::RolledBack(stack)) => last_line("failed", &stack),
            Err(error) => refused_line(error),
        }
    };
    Ok(lines(events, work))
}

async fn delete_stack(
    State(deployer): State<Arc<Deployer>>,
    Path(name): Path<String>,
    Extension(principal): Extension<Principal>,
) -> Response {
    let (progress, events) = unbounded_channel();
    let work = async move {
        match deployer.delete(&name, principal, progress).await {
            Ok(Some(stack)) if stack.stack_status == crate::Status::DeleteComplete => {
                last_line("deleted", &stack)
            }
            Ok(Some(stack)) => last_line("failed", &stack),
            Ok(None) => refused_line(DeployError::NoStack(name)),
            Err(error) => refused_line(error),
        }
    };
    lines(events, work)
}

/// The last line: `result` is `deployed`, `unchanged`, `deleted`, `failed` or `refused`.
#[derive(Serialize)]
struct LastLine<'a> {
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<&'a StackSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

fn last_line(result: &'static str, stack: &StackSummary) -> Bytes {
    line(&LastLine {
        result,
        stack: Some(stack),
        code: None,
        message: stack.stack_status_reason.clone(),
    })
}

fn refused_line(error: DeployError) -> Bytes {
    let Refusal(failure) = error.into();
    let (code, message) = (Some(failure.code.into_owned()), Some(failure.message));
    line(&LastLine {
        result: "refused",
        stack: None,
        code,
        message,
    })
}

fn line(value: &impl Serialize) -> Bytes {
    let mut line = serde_json::to_vec(value).expect("lines are made of plain values");
    line.push(b'\n');
    line.into()
}

/// Answers with a line an event as they come, and the line that `work` ends with.
fn lines(
    events: UnboundedReceiver<StackEvent>,
    work: impl Future<Output = Bytes> + Send + 'static,
) -> Response {
    let events = futures::stream::unfold(events, |mut events| async move {
        let event = events.recv().await?;
        Some((line(&json!({"event": event})), events))
    });
    // The sender goes with the work, so the events end before its last line is due.
    let work = tokio::spawn(work);
    let last = futures::stream::once(async move {
        work.await
            .unwrap_or_else(|_| refused_line(DeployError::Stopped(String::new())))
    });
    let body = Body::from_stream(events.chain(last).map(Ok::<_, Infallible>));
    let mut response = Response::new(body);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    response
}

async fn stacks(State(deployer): State<Arc<Deployer>>) -> Result<Json<Value>, Refusal> {
    Ok(Json(json!({"stacks": deployer.stacks().await?})))
}

async fn stack(
    State(deployer): State<Arc<Deployer>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let (stack, resources) = deployer.stack(&name).await?;
    Ok(Json(json!({"stack": stack, "resources": resources})))
}

async fn events(
    State(deployer): State<Arc<Deployer>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(json!({"events": deployer.events(&name).await?})))
}
