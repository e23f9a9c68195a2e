//! Services that speak a wire format of their own and whose bodies do not fit into memory: S3.
//!
//! The gateway finds the sender and the service by the request's head, as always. The body is not
//! there yet, and in S3's forms it is signed piece by piece, so the service verifies the signature
//! while it reads, with the one key that it is given. Nothing is done for a request before that.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use aws_wire::sigv4::{Claim, SignatureError};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, Request, Response, header};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use service::{Failure, Principal, RequestId};
use tokio::time::Sleep;

use crate::exchange::{BODY_SILENCE_MAX, origin_of};
use crate::gateway::Gateway;
use crate::room::Arrival;

/// A body that comes or goes piece by piece.
pub type StreamedBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// What a request to S3 asks for.
#[derive(Clone, Copy)]
pub struct ObjectCall<'a> {
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
pub type Leave =
    Arc<dyn for<'a> Fn(ObjectCall<'a>) -> BoxFuture<'a, Result<(), Box<Failure>>> + Send + Sync>;

/// A request whose sender is known by the key, and whose signature is still to be verified.
pub struct StreamedRequest {
    /// As it came.
    pub request: Request<StreamedBody>,
    /// The key that the request claims to be signed with, and what it must have been signed with; no other may
    /// be accepted. `None` where it is not signed: then it may be for what is open to everybody.
    pub key: Option<(String, String)>,
    /// The sender's ARN.
    pub arn: String,
    /// To be asked once the signature is verified.
    pub leave: Leave,
    /// Given to the caller.
    pub request_id: RequestId,
}

/// A service that answers whole HTTP requests.
#[async_trait]
pub trait StreamingService: Send + Sync {
    /// The name that signatures are scoped to.
    fn signing_name(&self) -> &'static str;

    /// Says whether a request that nobody has signed may be for the service, by its path.
    fn is_open(&self, _path: &str) -> bool {
        false
    }

    /// Verifies and answers `request`. Problems are answers.
    async fn answer(&self, request: StreamedRequest) -> Response<StreamedBody>;

    /// Says that the sender of a request is not known, in the service's words.
    fn refuse(&self, why: &SignatureError, request_id: RequestId) -> Response<StreamedBody>;
}

/// Returns the streaming service that a request is for, if it is for one.
pub(crate) fn service_of(gateway: &Gateway, parts: &Parts) -> Option<Arc<dyn StreamingService>> {
    let text = |name: header::HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let (authorization, query) = (
        text(header::AUTHORIZATION),
        parts.uri.query().unwrap_or_default(),
    );
    let old_url = is_old_url(parts);
    gateway.find_streaming(|service| {
        let name = service.signing_name();
        if old_url {
            return name == "s3";
        }
        let scoped = format!("/{name}/aws4_request");
        let in_query = format!("%2F{name}%2Faws4_request");
        match authorization {
            Some(authorization) => authorization.contains(&scoped),
            None if query.contains("X-Amz-Algorithm") => {
                query.contains(&in_query) || query.contains(&scoped)
            }
            // Nobody else is asked under such a name, and others than S3 are not asked at random paths.
            None => {
                text(header::HOST).is_some_and(|host| {
                    let host = host.split(':').next().unwrap_or_default();
                    host.ends_with(&format!(".{name}.localhost"))
                        || host == format!("{name}.localhost")
                }) || (service.is_open(parts.uri.path())
                    && gateway.pages_for(parts).is_none()
                    && gateway.find_probe(parts.uri.path()).is_none())
            }
        }
    })
}

/// Lets a streaming service answer.
pub(crate) async fn answer<B>(
    gateway: &Arc<Gateway>,
    service: &dyn StreamingService,
    parts: Parts,
    body: B,
    request_id: RequestId,
) -> Response<StreamedBody>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (key, principal) = match sender(gateway, service, &parts) {
        Ok(sender) => sender,
        Err(why) => return service.refuse(&why, request_id),
    };
    let arn = principal.arn();
    let leave: Leave = {
        let gateway = Arc::clone(gateway);
        let sender = Arc::new((principal, origin_of(&parts)));
        Arc::new(move |call| {
            let (gateway, sender) = (Arc::clone(&gateway), Arc::clone(&sender));
            Box::pin(async move { gateway.admit_object(&sender.0, &sender.1, &call).await })
        })
    };
    let request = Request::from_parts(parts, awaited(body));
    service
        .answer(StreamedRequest {
            request,
            key,
            arn,
            leave,
            request_id,
        })
        .await
}

/// A key with its secret.
type Key = (String, String);

/// Returns a request's sender and what it is to be signed with. What has no signature at all comes from nobody.
fn sender(
    gateway: &Gateway,
    service: &dyn StreamingService,
    parts: &Parts,
) -> Result<(Option<Key>, Principal), SignatureError> {
    let query = parts.uri.query().unwrap_or_default();
    let signs = |name: &str| parameter(query, name).is_some();
    if !parts.headers.contains_key(header::AUTHORIZATION)
        && ![
            "X-Amz-Algorithm",
            "X-Amz-Signature",
            "X-Amz-Credential",
            OLD_KEY,
            "Signature",
        ]
        .into_iter()
        .any(signs)
    {
        return Ok((None, Principal::Anonymous));
    }
    if is_old_url(parts) {
        let id = parameter(query, OLD_KEY).unwrap_or_default();
        let token = parameter(query, "x-amz-security-token");
        let sender = gateway.holder(&id, token.as_deref())?;
        let secret = gateway.secret(&sender, &id);
        return Ok((Some((id, secret)), sender.principal));
    }
    let claim = Claim::read(parts)?;
    let sender = gateway.sender(&claim, service.signing_name())?;
    claim.check_signed_headers(&parts.headers)?;
    let secret = gateway.secret(&sender, &claim.access_key_id);
    let key = (claim.access_key_id.to_string(), secret);
    Ok((Some(key), sender.principal))
}

/// Names the key in presigned URLs of the second version of signatures. boto3 and the first version
/// of the AWS command line still make them in `us-east-1`.
const OLD_KEY: &str = "AWSAccessKeyId";

/// Says whether a request comes by such a URL. They are S3's alone, and have no scope.
fn is_old_url(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    !parts.headers.contains_key(header::AUTHORIZATION)
        && parameter(query, OLD_KEY).is_some()
        && parameter(query, "Signature").is_some()
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(known, _)| *known == name)?;
    let decoded = percent_encoding::percent_decode_str(value)
        .decode_utf8()
        .ok()?;
    Some(decoded.into_owned())
}

/// Returns `body`, broken off when its sender is silent for too long.
pub(crate) fn awaited<B>(body: B) -> StreamedBody
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    Awaited {
        body,
        patience: None,
        arrival: None,
    }
    .boxed_unsync()
}

/// Returns `body`, likewise, and broken off when there is no room for more of it or it is too slow.
///
/// Its room is that of `arrival`, which says afterwards whether there was none.
pub(crate) fn given_room<B>(body: B, arrival: Arc<Mutex<PageArrival>>) -> StreamedBody
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    Awaited {
        body,
        patience: None,
        arrival: Some(arrival),
    }
    .boxed_unsync()
}

/// The body of a request to pages, which others read.
pub(crate) struct PageArrival {
    pub arrival: Arrival,
    pub refused: bool,
}

/// A body whose sender may not be silent for too long.
struct Awaited<B> {
    body: B,
    patience: Option<Pin<Box<Sleep>>>,
    arrival: Option<Arc<Mutex<PageArrival>>>,
}

impl<B> Body for Awaited<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.patience = None;
            if let (Some(arrival), Some(Ok(frame))) = (&self.arrival, &frame) {
                let mut shared = arrival.lock();
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if shared.arrival.grow(bytes).is_err() {
                    shared.refused = true;
                    return Poll::Ready(Some(Err("there is no room for the body".into())));
                }
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let this = &mut *self;
        let patience = this.patience.get_or_insert_with(|| {
            let shared = this.arrival.as_ref();
            let left = shared.map_or(BODY_SILENCE_MAX, |shared| shared.lock().arrival.patience());
            Box::pin(tokio::time::sleep(left))
        });
        match patience.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err("the body did not arrive in time".into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
