//! S3, mounted on the gateway: requests of the one in the types of the other.

use std::sync::Arc;

use async_trait::async_trait;
use aws_wire::sigv4::SignatureError;
use gateway::{ObjectCall, StreamedBody, StreamedRequest, StreamingService};
use http::Response;
use http_body_util::BodyExt as _;
use s3::{S3, Signatory};
use service::RequestId;

/// S3 over HTTP.
pub struct Objects(pub Arc<S3>);

#[async_trait]
impl StreamingService for Objects {
    fn signing_name(&self) -> &'static str {
        "s3"
    }

    fn is_open(&self, path: &str) -> bool {
        let path = path.strip_prefix('/').unwrap_or(path);
        self.0.is_open(path.split('/').next().unwrap_or(path))
    }

    async fn answer(&self, request: StreamedRequest) -> Response<StreamedBody> {
        let StreamedRequest {
            request,
            key,
            arn,
            leave,
            request_id,
        } = request;
        let signatory = Signatory {
            key,
            arn,
            authorize: Arc::new(move |asking| {
                leave(ObjectCall {
                    operation: asking.operation,
                    bucket: asking.bucket,
                    key: asking.key,
                    source: asking.source,
                    query: asking.query,
                    headers: asking.headers,
                })
            }),
        };
        let request = request.map(s3::Body::http_body_unsync);
        let response = self.0.answer(request, signatory, request_id).await;
        response.map(|body| body.boxed_unsync())
    }

    fn refuse(&self, why: &SignatureError, request_id: RequestId) -> Response<StreamedBody> {
        s3::unsigned(why, request_id).map(|body| body.boxed_unsync())
    }
}
