//! Pages for browsers, which cannot sign: whoever serves them knows their visitors by other means, and
//! calls services through the gate like everybody.

use async_trait::async_trait;
use http::request::Parts;
use http::{Request, Response};

use crate::streaming::StreamedBody;

/// Serves pages, and answers what they ask.
#[async_trait]
pub trait Pages: Send + Sync {
    /// Says by the head whether a request is for the pages. None that carries a signature is.
    fn is_meant(&self, parts: &Parts) -> bool;

    /// Answers `request`. Problems are answers.
    ///
    /// The body breaks off where there is no room for more of it; the gateway says so then, whatever is answered.
    /// Its room is held until this returns. Whoever reads it limits it.
    async fn answer(&self, request: Request<StreamedBody>) -> Response<StreamedBody>;
}
