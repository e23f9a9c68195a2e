//! Ways of the server's own beside those of AWS: `/_stepd/<name>/…`, behind the same signature.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use http::Method;
use service::{Failure, Principal, RequestId};

use crate::keys::SenderKey;

/// What a [`Route`] is asked; the sender is authenticated.
#[derive(Clone, Debug)]
pub struct RouteRequest {
    /// Who asks.
    pub principal: Principal,
    /// What the request is signed with; `None` where it was made in process.
    pub key: Option<SenderKey>,
    /// The HTTP method.
    pub method: Method,
    /// The path behind `/_stepd/<name>/`, as on the wire; empty where there is none.
    pub path: String,
    /// The query, as on the wire, without `?`.
    pub query: String,
    /// The whole body.
    pub body: Bytes,
    /// Given to the caller as `x-amzn-RequestId`.
    pub request_id: RequestId,
}

/// What a [`Route`] answers when it works.
pub enum RouteAnswer {
    /// One JSON document.
    Json(Bytes),
    /// Lines of JSON (`application/x-ndjson`), each sent as soon as it is there.
    ///
    /// The stream is dropped when the caller hangs up.
    Lines(BoxStream<'static, Bytes>),
}

/// One way of the server's own. The scope of its signatures is the service `stepd`.
#[async_trait]
pub trait Route: Send + Sync {
    /// The path segment behind `/_stepd/` that it answers for.
    fn name(&self) -> &'static str;

    /// Most bytes of a request's body.
    fn body_bytes_max(&self) -> usize {
        crate::exchange::BODY_BYTES_MAX
    }

    /// Answers `request`.
    async fn answer(&self, request: RouteRequest) -> Result<RouteAnswer, Failure>;
}
