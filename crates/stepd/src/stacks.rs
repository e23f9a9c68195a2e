//! The deployer's ways, mounted on the gateway: `/_stepd/stacks/…` and `/_stepd/assets/…`.

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use futures::StreamExt as _;
use gateway::{Route, RouteAnswer, RouteRequest};
use http::{Request, header};
use serde_json::Value;
use service::Failure;
use tower::ServiceExt as _;

/// Longest answer that is not a stream.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// One first segment of the deployer's paths.
pub struct StackRoute {
    /// `stacks` or `assets`.
    pub name: &'static str,
    /// The deployer's router, which knows the whole paths.
    pub router: Router,
    /// Most bytes of a request.
    pub body_bytes_max: usize,
}

#[async_trait]
impl Route for StackRoute {
    fn name(&self) -> &'static str {
        self.name
    }

    fn body_bytes_max(&self) -> usize {
        self.body_bytes_max
    }

    async fn answer(&self, request: RouteRequest) -> Result<RouteAnswer, Failure> {
        let RouteRequest {
            principal,
            method,
            path,
            query,
            body,
            ..
        } = request;
        let slash = if path.is_empty() { "" } else { "/" };
        let uri = format!("/_stepd/{}{slash}{path}?{query}", self.name);
        let asked = Request::builder()
            .method(method)
            .uri(uri)
            .extension(principal)
            .body(Body::from(body));
        let asked =
            asked.map_err(|_| Failure::client("ValidationException", "The path is not a path."))?;
        let Ok(answer) = self.router.clone().oneshot(asked).await;
        let (parts, body) = answer.into_parts();
        let lines = parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "application/x-ndjson");
        if parts.status.is_success() && lines {
            // A stream that breaks off ends: the last line, which says how it went, is then missing.
            let lines = body
                .into_data_stream()
                .take_while(|line| std::future::ready(line.is_ok()));
            return Ok(RouteAnswer::Lines(
                lines
                    .filter_map(|line| std::future::ready(line.ok()))
                    .boxed(),
            ));
        }
        let body = to_bytes(body, ANSWER_BYTES_MAX)
            .await
            .map_err(|_| Failure::internal("The answer broke off."))?;
        if parts.status.is_success() {
            Ok(RouteAnswer::Json(body))
        } else {
            Err(refusal(parts.status.as_u16(), &body))
        }
    }
}

/// Returns the failure that the router wrote.
fn refusal(status: u16, body: &Bytes) -> Failure {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| said.get(name)?.as_str())
            .map(str::to_owned)
    };
    let code = member(["code", "__type"]).unwrap_or_else(|| "ValidationError".to_owned());
    let message = member(["message", "Message"])
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    Failure::client(code, message).with_status(status)
}
