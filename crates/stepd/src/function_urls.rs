//! Function URLs: hosts at which functions answer.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use gateway::{Hosted, HostedRequest};
use http::Response;
use http::request::Parts;
use lambda::{Lambda, URL_BODY_BYTES_MAX, UrlCaller};

/// The hosts of functions.
pub struct FunctionUrls(pub Arc<Lambda>);

#[async_trait]
impl Hosted for FunctionUrls {
    fn is_meant(&self, parts: &Parts) -> Option<&'static str> {
        self.0.is_url(parts).then_some("lambda")
    }

    fn body_bytes_max(&self) -> usize {
        URL_BODY_BYTES_MAX
    }

    async fn answer(&self, request: HostedRequest) -> Response<Bytes> {
        let caller = request.caller.map(|(principal, access_key_id)| UrlCaller {
            principal,
            access_key_id,
        });
        self.0
            .answer_url(
                &request.parts,
                request.body,
                caller,
                request.source,
                request.request_id,
            )
            .await
    }
}
