//! Hosts of the users' own: names below the server's at which something of theirs answers, such as a
//! function's URL. A request may carry a signature; then it is verified like every other.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use aws_wire::sigv4::{Claim, SignatureError};
use aws_wire::{Protocol, Refusal};
use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode, header};
use hyper::body::Body;
use service::{Principal, RequestId};

use crate::exchange;
use crate::gateway::Gateway;
use crate::room::Arrival;
use crate::server::Peer;

/// A request for a host of the users' own.
pub struct HostedRequest {
    /// Its head.
    pub parts: Parts,
    /// Its whole body.
    pub body: Bytes,
    /// Who signed it, and with which key.
    pub caller: Option<(Principal, String)>,
    /// Where it comes from.
    pub source: Option<IpAddr>,
    /// Given to the caller as `x-amzn-RequestId`.
    pub request_id: RequestId,
}

/// Answers for hosts of the users' own.
#[async_trait]
pub trait Hosted: Send + Sync {
    /// Returns the service whose name signatures have, if a request is for one of the hosts.
    fn is_meant(&self, parts: &Parts) -> Option<&'static str>;

    /// Most bytes of a request's body.
    fn body_bytes_max(&self) -> usize;

    /// Answers `request`. Problems are answers.
    async fn answer(&self, request: HostedRequest) -> Response<Bytes>;
}

/// Verifies a request for a host of the users' own as far as it is signed, and has it answered.
pub(crate) async fn answer<B>(
    gateway: &Gateway,
    hosted: &Arc<dyn Hosted>,
    signing_name: &'static str,
    parts: Parts,
    body: B,
    request_id: RequestId,
) -> Response<Bytes>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let limit = hosted.body_bytes_max();
    let (caller, body, room) = match verified(gateway, signing_name, &parts, body, limit).await {
        Ok(verified) => verified,
        Err(refusal) => return refused(refusal),
    };
    let _room = exchange::held_on(room, limit);
    let source = parts.extensions.get::<Peer>().map(|peer| peer.address);
    hosted
        .answer(HostedRequest {
            parts,
            body,
            caller,
            source,
            request_id,
        })
        .await
}

/// Returns who signed a request, if somebody did, and its body.
async fn verified<B>(
    gateway: &Gateway,
    signing_name: &'static str,
    parts: &Parts,
    body: B,
    limit: usize,
) -> Result<(Option<(Principal, String)>, Bytes, Arrival), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let unsigned = |error: SignatureError| error.refusal(Protocol::RestJson);
    let signed = parts
        .headers
        .get(header::AUTHORIZATION)
        .is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256"));
    if !signed {
        // Anybody may send it: what the signed are kept is not theirs.
        let room = &gateway.page_room;
        let (body, room) = exchange::read(room, body, parts, limit, signing_name).await?;
        return Ok((None, body, room));
    }
    let claim = Claim::read(parts).map_err(unsigned)?;
    let sender = gateway.sender(&claim, signing_name).map_err(unsigned)?;
    let (body, room) = exchange::read(&gateway.room, body, parts, limit, signing_name).await?;
    gateway
        .verify(&sender, &claim, parts, &body)
        .map_err(unsigned)?;
    let caller = (sender.principal, claim.access_key_id.to_string());
    Ok((Some(caller), body, room))
}

fn refused(refusal: Refusal) -> Response<Bytes> {
    let text = serde_json::json!({"Message": refusal.message}).to_string();
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::FORBIDDEN);
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
