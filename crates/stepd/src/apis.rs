//! APIs of API Gateway: the hosts at which they answer.

use std::sync::Arc;

use apigateway::{ApiGateway, Asked, BODY_BYTES_MAX, Caller};
use async_trait::async_trait;
use bytes::Bytes;
use gateway::{Hosted, HostedRequest};
use http::Response;
use http::request::Parts;

/// The hosts of APIs.
pub struct ApiHosts(pub Arc<ApiGateway>);

#[async_trait]
impl Hosted for ApiHosts {
    fn is_meant(&self, parts: &Parts) -> Option<&'static str> {
        self.0.is_host(parts).then_some("execute-api")
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    async fn answer(&self, request: HostedRequest) -> Response<Bytes> {
        let caller = request.caller.map(|(principal, access_key_id)| Caller {
            principal,
            access_key_id,
        });
        let asked = Asked {
            parts: request.parts,
            body: request.body,
            caller,
            source: request.source,
            request_id: request.request_id,
        };
        self.0.answer(asked).await
    }
}
