//! S3 over HTTP: who may ask is settled before, the wire format is `s3s`'s, the operations are ours.
//!
//! `s3s` verifies signatures in all of their forms, as the bytes come in. It is told one key, that of
//! the sender whom the gateway has found, so whatever it verifies is that sender's. The errors are
//! written again, because S3 puts more into them than `s3s` does.

use std::sync::Arc;

use async_trait::async_trait;
use aws_wire::sigv4::SignatureError;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use s3s::host::{S3Host, VirtualHost};
use s3s::service::S3ServiceBuilder;
use s3s::{Body, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, dto};
use serde_json::{Map, Value};
use service::{Failure, RequestId};

use crate::backend::Backend;
use crate::leave::{CallerArn, Leave, OneKey, Refused, Signatory};
use crate::names::AnyName;
use crate::objects::Trailer;
use crate::{S3, failure, old_urls};

impl S3 {
    /// Answers a request, if `signatory` has signed it. Problems are answers, too.
    pub async fn answer(
        &self,
        mut request: Request<Body>,
        signatory: Signatory,
        request_id: RequestId,
    ) -> Response<Body> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        old_urls::spread(&query, request.headers_mut());
        let caller = CallerArn(signatory.arn);
        request.extensions_mut().insert(caller);
        let hosts = Hosts {
            region: self.backend.site.region.to_string(),
        };
        if old_urls::is_old(&query)
            && let Some((_, secret)) = &signatory.key
            && !is_signed_with(&request, &query, &hosts, secret)
        {
            return unsigned(&SignatureError::Mismatch, request_id);
        }
        let told = Told::default();
        let mut builder = S3ServiceBuilder::new(Wire {
            backend: Arc::clone(&self.backend),
            told: Arc::clone(&told),
        });
        builder.set_host(hosts);
        builder.set_validation(AnyName);
        let is_anonymous = signatory.key.is_none();
        builder.set_auth(OneKey(signatory.key));
        builder.set_access(Leave {
            authorize: signatory.authorize,
            is_anonymous,
            backend: Arc::clone(&self.backend),
            told: Arc::clone(&told),
        });
        let answered = builder.build().call(request).await;
        let told = told.lock().take();
        match answered {
            Ok(response) if response.status().is_success() => named(response, request_id),
            Ok(response) => match told {
                Some(failure) => refusal(&failure, request_id),
                None => refusal(&failure_of(response).await, request_id),
            },
            Err(error) => {
                let error: s3s::StdError = error.into();
                refusal(&failure::internal("answering", &error), request_id)
            }
        }
    }
}

/// Says whether a presigned URL of the second version is signed with `secret`.
fn is_signed_with(request: &Request<Body>, query: &str, hosts: &Hosts, secret: &str) -> bool {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let named = host.and_then(|host| hosts.parse_host_header(host).ok());
    let url = old_urls::OldUrl {
        method: request.method(),
        path: request.uri().path(),
        query,
        headers: request.headers(),
        bucket: named.as_ref().and_then(|host| host.bucket()),
    };
    url.is_signed_with(secret)
}

/// Says in S3's words why the sender of a request is not known.
pub fn unsigned(why: &SignatureError, request_id: RequestId) -> Response<Body> {
    let (code, status, message) = match why {
        SignatureError::Missing => ("AccessDenied", 403, known_text("AccessDenied")),
        SignatureError::UnknownKey => ("InvalidAccessKeyId", 403, known_text("InvalidAccessKeyId")),
        SignatureError::ExpiredToken => {
            ("ExpiredToken", 400, Some("The provided token has expired."))
        }
        SignatureError::Mismatch | SignatureError::PayloadForm(_) => (
            "SignatureDoesNotMatch",
            403,
            known_text("SignatureDoesNotMatch"),
        ),
        SignatureError::Incomplete(_) => ("AuthorizationHeaderMalformed", 400, None),
        SignatureError::OutOfScope(text) if text.starts_with("There were headers") => (
            "AccessDenied",
            403,
            Some("There were headers present in the request which were not signed"),
        ),
        SignatureError::OutOfScope(_) => ("AuthorizationHeaderMalformed", 400, None),
    };
    let message = message.map_or_else(
        || format!("The authorization header is malformed; {why}"),
        str::to_owned,
    );
    refusal(
        &Failure::client(code, message).with_status(status),
        request_id,
    )
}

/// Writes a failure as S3 does.
fn refusal(failure: &Failure, request_id: RequestId) -> Response<Body> {
    let Failure {
        code,
        message,
        status,
        fields,
    } = failure;
    let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if status == StatusCode::NOT_MODIFIED {
        let e_tag = fields
            .get("ETag")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let Ok(e_tag) = HeaderValue::from_str(&format!("\"{e_tag}\"")) {
            response.headers_mut().insert(header::ETAG, e_tag);
        }
        return named(response, request_id);
    }
    let text = error_xml(code, message, fields, request_id);
    *response.body_mut() = Body::from(text);
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    named(response, request_id)
}

fn error_xml(
    code: &str,
    message: &str,
    fields: &Map<String, Value>,
    request_id: RequestId,
) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    let mut element = |name: &str, value: &str| {
        text.push_str(&format!("<{name}>{}</{name}>", escaped(value)));
    };
    element("Code", code);
    element("Message", message);
    for (name, value) in fields {
        element(
            name,
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
                .as_str(),
        );
    }
    element("RequestId", &request_id.to_string());
    element("HostId", &host_id(request_id));
    text.push_str("</Error>");
    text
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // No XML can say these, escaped or not.
            '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Names the request in the headers in which S3 does.
fn named(mut response: Response<Body>, request_id: RequestId) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-amz-request-id", request_id.to_string()),
        ("x-amz-id-2", host_id(request_id)),
    ] {
        let value = HeaderValue::from_str(&value).expect("ids are made of ASCII letters");
        headers.insert(name, value);
    }
    response
}

/// S3's second name of a request; here it says nothing that the first does not.
fn host_id(request_id: RequestId) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(request_id.to_string())
}

/// Reads back an error that `s3s` wrote by itself, and gives it S3's text where it has none.
async fn failure_of(response: Response<Body>) -> Failure {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once(&format!("</{name}>"))?;
        let plain = value
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"");
        Some(plain.replace("&apos;", "'").replace("&amp;", "&"))
    };
    let code = element("Code").unwrap_or_else(|| "InternalError".to_owned());
    let message = known_text(&code)
        .map(str::to_owned)
        .or_else(|| element("Message"));
    Failure::client(code, message.unwrap_or_default()).with_status(status)
}

/// S3's texts for the refusals that are not ours to give.
fn known_text(code: &str) -> Option<&'static str> {
    Some(match code {
        "AccessDenied" => "Access Denied",
        "IncompleteBody" => {
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        }
        "InternalError" => "We encountered an internal error. Please try again.",
        "InvalidAccessKeyId" => "The AWS Access Key Id you provided does not exist in our records.",
        "InvalidURI" => "Couldn't parse the specified URI.",
        "KeyTooLongError" => "Your key is too long",
        "MalformedXML" => {
            "The XML you provided was not well-formed or did not validate against our published schema"
        }
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "MissingContentLength" => "You must provide the Content-Length HTTP header.",
        "RequestTimeTooSkewed" => {
            "The difference between the request time and the current time is too large."
        }
        "SignatureDoesNotMatch" => {
            "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        }
        _ => return None,
    })
}

/// The last failure of an operation, whole, where `s3s` would lose its members.
pub(crate) type Told = Arc<Mutex<Option<Failure>>>;

pub(crate) fn tell(told: &Told, failure: Failure) -> S3Error {
    let code = S3ErrorCode::from_bytes(failure.code.as_bytes());
    let code = code.unwrap_or(S3ErrorCode::InternalError);
    let mut error = S3Error::with_message(code, failure.message.clone());
    error.set_status_code(
        StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    );
    *told.lock() = Some(failure);
    error
}

/// `bucket.localhost`, `bucket.s3.localhost`, `bucket.s3.REGION.localhost` and `bucket.127.0.0.1` name
/// a bucket; every other host is the server, and the bucket is in the path.
struct Hosts {
    region: String,
}

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let server = VirtualHost::new(host);
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) | None => host,
        };
        let Some(name) = name
            .strip_suffix(".localhost")
            .or_else(|| name.strip_suffix(".127.0.0.1"))
        else {
            return Ok(server);
        };
        let regional = format!(".s3.{}", self.region);
        let bucket = name
            .strip_suffix(&regional)
            .or_else(|| name.strip_suffix(".s3"))
            .unwrap_or(name);
        if bucket == "s3" || bucket.strip_prefix("s3.") == Some(&self.region) {
            return Ok(server);
        }
        Ok(server.with_bucket(bucket))
    }
}

/// What `s3s` calls for one request.
struct Wire {
    backend: Arc<Backend>,
    told: Told,
}

impl Wire {
    /// Runs an operation to its end, even if the caller goes away: what is half done is never left.
    async fn run<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> S3Result<S3Response<T>> {
        match crate::operations::to_the_end(operation).await {
            Ok(output) => Ok(S3Response::new(output)),
            Err(failure) => Err(tell(&self.told, failure)),
        }
    }
}

/// Returns the ARN of who asks.
fn caller<T>(request: &mut S3Request<T>) -> String {
    let caller = request.extensions.remove::<CallerArn>();
    caller.map(|CallerArn(arn)| arn).unwrap_or_default()
}

/// Returns the keys that the sender may not delete.
fn refused<T>(request: &mut S3Request<T>) -> Vec<dto::Error> {
    let refused = request.extensions.remove::<Refused>();
    refused.unwrap_or_default().0
}

/// Returns which checksums the request says to come behind its body.
fn trailer<T>(request: &mut S3Request<T>) -> Trailer {
    Trailer {
        algorithms: trailer_algorithms(&request.headers),
        headers: request.trailing_headers.take(),
    }
}

fn trailer_algorithms(headers: &HeaderMap) -> Vec<String> {
    let announced = headers.get_all("x-amz-trailer").into_iter();
    let names = announced
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let algorithm = |name: &str| {
        name.trim()
            .to_ascii_lowercase()
            .strip_prefix("x-amz-checksum-")
            .map(str::to_owned)
    };
    names.filter_map(algorithm).collect()
}

/// Hands requests on to the operation of the same name.
macro_rules! wire {
    ($($method:ident: $input:ident => $output:ident $(, $trailer:ident)?;)*) => {
        #[async_trait]
        impl s3s::S3 for Wire {
            $(async fn $method(
                &self,
                request: S3Request<dto::$input>,
            ) -> S3Result<S3Response<dto::$output>> {
                #[allow(unused_mut)]
                let mut request = request;
                let backend = Arc::clone(&self.backend);
                $(let $trailer = $trailer(&mut request);)?
                self.run(async move { backend.$method(request.input $(, $trailer)?).await }).await
            })*
        }
    };
}

wire! {
    create_bucket: CreateBucketInput => CreateBucketOutput;
    delete_bucket: DeleteBucketInput => DeleteBucketOutput;
    head_bucket: HeadBucketInput => HeadBucketOutput;
    list_buckets: ListBucketsInput => ListBucketsOutput;
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput;
    get_bucket_versioning: GetBucketVersioningInput => GetBucketVersioningOutput;
    put_bucket_policy: PutBucketPolicyInput => PutBucketPolicyOutput, caller;
    get_bucket_policy: GetBucketPolicyInput => GetBucketPolicyOutput;
    delete_bucket_policy: DeleteBucketPolicyInput => DeleteBucketPolicyOutput;
    get_bucket_policy_status: GetBucketPolicyStatusInput => GetBucketPolicyStatusOutput;
    put_public_access_block: PutPublicAccessBlockInput => PutPublicAccessBlockOutput;
    get_public_access_block: GetPublicAccessBlockInput => GetPublicAccessBlockOutput;
    delete_public_access_block: DeletePublicAccessBlockInput => DeletePublicAccessBlockOutput;
    put_bucket_tagging: PutBucketTaggingInput => PutBucketTaggingOutput;
    get_bucket_tagging: GetBucketTaggingInput => GetBucketTaggingOutput;
    delete_bucket_tagging: DeleteBucketTaggingInput => DeleteBucketTaggingOutput;
    put_object: PutObjectInput => PutObjectOutput, trailer;
    get_object: GetObjectInput => GetObjectOutput;
    head_object: HeadObjectInput => HeadObjectOutput;
    delete_object: DeleteObjectInput => DeleteObjectOutput;
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput, refused;
    copy_object: CopyObjectInput => CopyObjectOutput;
    get_object_attributes: GetObjectAttributesInput => GetObjectAttributesOutput;
    get_object_tagging: GetObjectTaggingInput => GetObjectTaggingOutput;
    put_object_tagging: PutObjectTaggingInput => PutObjectTaggingOutput;
    delete_object_tagging: DeleteObjectTaggingInput => DeleteObjectTaggingOutput;
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput;
    upload_part: UploadPartInput => UploadPartOutput, trailer;
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput;
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput;
    list_parts: ListPartsInput => ListPartsOutput;
    list_multipart_uploads: ListMultipartUploadsInput => ListMultipartUploadsOutput;
    list_objects: ListObjectsInput => ListObjectsOutput;
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output;
    get_bucket_accelerate_configuration: GetBucketAccelerateConfigurationInput => GetBucketAccelerateConfigurationOutput;
    get_bucket_acl: GetBucketAclInput => GetBucketAclOutput;
    get_bucket_cors: GetBucketCorsInput => GetBucketCorsOutput;
    get_bucket_encryption: GetBucketEncryptionInput => GetBucketEncryptionOutput;
    get_bucket_lifecycle_configuration: GetBucketLifecycleConfigurationInput => GetBucketLifecycleConfigurationOutput;
    get_bucket_logging: GetBucketLoggingInput => GetBucketLoggingOutput;
    get_bucket_notification_configuration: GetBucketNotificationConfigurationInput => GetBucketNotificationConfigurationOutput;
    get_bucket_ownership_controls: GetBucketOwnershipControlsInput => GetBucketOwnershipControlsOutput;
    get_bucket_replication: GetBucketReplicationInput => GetBucketReplicationOutput;
    get_bucket_request_payment: GetBucketRequestPaymentInput => GetBucketRequestPaymentOutput;
    get_bucket_website: GetBucketWebsiteInput => GetBucketWebsiteOutput;
    get_object_lock_configuration: GetObjectLockConfigurationInput => GetObjectLockConfigurationOutput;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_below_localhost_name_buckets() {
        let hosts = Hosts {
            region: "us-east-1".to_owned(),
        };
        for (host, bucket) in [
            ("localhost:4566", None),
            ("s3.localhost:4566", None),
            ("s3.us-east-1.localhost", None),
            ("things.localhost:4566", Some("things")),
            ("things.s3.localhost", Some("things")),
            ("my.things.s3.us-east-1.localhost:1", Some("my.things")),
            ("things.127.0.0.1:4566", Some("things")),
            ("stepd.example:4566", None),
        ] {
            let found = hosts.parse_host_header(host).expect("any host is fine");
            assert_eq!(found.bucket(), bucket, "{host}");
        }
    }
}
