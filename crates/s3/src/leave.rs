//! Who may have what over HTTP: the sender whom the gateway has found, and those who have not signed where a
//! bucket is open to them. `s3s` asks here once it has verified the signature.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use http::HeaderMap;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};
use service::Failure;

use crate::backend::Backend;
use crate::failure;
use crate::wire::{Told, tell};

/// What a request asks for.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The operation's name.
    pub operation: &'a str,
    /// The bucket, where there is one.
    pub bucket: Option<&'a str>,
    /// The key, where there is one.
    pub key: Option<&'a str>,
    /// What is copied.
    pub source: Option<&'a str>,
    /// The query of the request's URL.
    pub query: &'a str,
    /// The request's headers.
    pub headers: &'a HeaderMap,
}

/// Asks whether the sender may have what a request asks for.
pub type Authorize =
    Arc<dyn for<'a> Fn(Asking<'a>) -> BoxFuture<'a, Result<(), Box<Failure>>> + Send + Sync>;

/// Who says to have signed a request: a sender with a key that is good at the moment, or nobody.
pub struct Signatory {
    /// The key's id, as the request has it, and what the signature must have been made with; `None` where
    /// nobody has signed.
    pub key: Option<(String, String)>,
    /// The sender's ARN.
    pub arn: String,
    /// Asked once the signature is verified.
    pub authorize: Authorize,
}

/// The sender's ARN, which goes with a request to its operation.
#[derive(Clone)]
pub(crate) struct CallerArn(pub String);

/// Keys of a request to delete several that the sender may not delete.
#[derive(Clone, Default)]
pub(crate) struct Refused(pub Vec<dto::Error>);

/// The key of the one sender; none of one who has not signed.
pub(crate) struct OneKey(pub Option<(String, String)>);

#[async_trait]
impl S3Auth for OneKey {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        // A request can name keys in several places; only the one that the gateway read counts.
        match &self.0 {
            Some((id, secret)) if access_key == id => Ok(SecretKey::from(secret.as_str())),
            Some(_) | None => Err(S3Error::new(S3ErrorCode::InvalidAccessKeyId)),
        }
    }
}

/// Lets those through who may: who has signed, and others where a bucket is open to them.
pub(crate) struct Leave {
    pub authorize: Authorize,
    pub is_anonymous: bool,
    pub backend: Arc<Backend>,
    pub told: Told,
}

impl Leave {
    /// Says whether a request is what it was taken for, and may be for the bucket at all.
    fn is_plausible(&self, is_signed: bool, bucket: Option<&str>) -> bool {
        if !self.is_anonymous {
            return is_signed;
        }
        let rules = bucket.and_then(|bucket| self.backend.rules_of(bucket));
        !is_signed && rules.is_some_and(|rules| rules.are_open())
    }
}

#[async_trait]
impl S3Access for Leave {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let path = context.s3_path();
        let bucket = path.get_bucket_name();
        if !self.is_plausible(context.credentials().is_some(), bucket) {
            return Err(tell(&self.told, failure::access_denied()));
        }
        let operation = context.s3_op().name();
        if operation == "DeleteObjects" {
            // Each key by itself, once the body is read.
            return Ok(());
        }
        let headers = context.headers();
        let source = headers.get("x-amz-copy-source");
        let asking = Asking {
            operation,
            bucket,
            key: path.as_object().map(|(_, key)| key),
            source: source.and_then(|source| source.to_str().ok()),
            query: context.uri().query().unwrap_or_default(),
            headers,
        };
        let leave = (self.authorize)(asking).await;
        leave.map_err(|failure| tell(&self.told, *failure))
    }

    async fn delete_objects(
        &self,
        request: &mut S3Request<dto::DeleteObjectsInput>,
    ) -> S3Result<()> {
        let (mut allowed, mut refused) = (Vec::new(), Vec::new());
        for object in std::mem::take(&mut request.input.delete.objects) {
            let asking = Asking {
                operation: "DeleteObject",
                bucket: Some(&request.input.bucket),
                key: Some(&object.key),
                source: None,
                query: request.uri.query().unwrap_or_default(),
                headers: &request.headers,
            };
            match (self.authorize)(asking).await {
                Ok(()) => allowed.push(object),
                Err(failure) => refused.push(dto::Error {
                    code: Some(failure.code.into_owned()),
                    key: Some(object.key),
                    message: Some(failure.message),
                    version_id: object.version_id,
                }),
            }
        }
        request.input.delete.objects = allowed;
        request.extensions.insert(Refused(refused));
        Ok(())
    }
}
