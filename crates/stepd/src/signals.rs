//! Where the functions behind custom resources answer, and whoever a wait condition waits for: they know
//! an address and no key.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cloudformation::{SIGNAL_BYTES_MAX, SIGNALS_PATH, Signals, Taken};
use gateway::{Hosted, HostedRequest};
use http::request::Parts;
use http::{Method, Response, StatusCode};

/// The addresses of answers.
pub struct Answers(pub Arc<Signals>);

#[async_trait]
impl Hosted for Answers {
    fn is_meant(&self, parts: &Parts) -> Option<&'static str> {
        parts
            .uri
            .path()
            .starts_with(SIGNALS_PATH)
            .then_some("cloudformation")
    }

    fn body_bytes_max(&self) -> usize {
        SIGNAL_BYTES_MAX
    }

    async fn answer(&self, request: HostedRequest) -> Response<Bytes> {
        let token = request.parts.uri.path().strip_prefix(SIGNALS_PATH);
        let status = match request.parts.method {
            Method::PUT => match self.0.take(token.unwrap_or_default(), &request.body).await {
                Ok(Taken::Kept) => StatusCode::OK,
                Ok(Taken::Unknown) => StatusCode::FORBIDDEN,
                Ok(Taken::Malformed) => StatusCode::BAD_REQUEST,
                Err(error) => {
                    tracing::error!(%error, "an answer could not be kept");
                    StatusCode::SERVICE_UNAVAILABLE
                }
            },
            _ => StatusCode::METHOD_NOT_ALLOWED,
        };
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        response
    }
}
