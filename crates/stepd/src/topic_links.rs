//! What those are led to who are told by a topic and have no key: the certificate of its signatures, and the links
//! that confirm and end a subscription.

use std::sync::Arc;

use async_trait::async_trait;
use aws_wire::{Answer, ErrorAnswer, Protocol, encode_error, encode_query_output};
use bytes::Bytes;
use gateway::{Hosted, HostedRequest};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Map, Value};
use service::{Failure, Members};
use sns::Sns;

/// Most bytes of a request's body: these have none.
const BODY_BYTES_MAX: usize = 1 << 10;
/// How the file of a certificate is called.
const CERTIFICATE: (&str, &str) = ("/SimpleNotificationService-", ".pem");
/// What a link may do.
const ACTIONS: [&str; 2] = ["ConfirmSubscription", "Unsubscribe"];

/// The certificate and the links.
pub struct TopicLinks(pub Arc<Sns>);

fn is_certificate(path: &str) -> bool {
    path.starts_with(CERTIFICATE.0) && path.ends_with(CERTIFICATE.1)
}

/// Returns the members of a query.
fn members(parts: &Parts) -> Map<String, Value> {
    let query = parts.uri.query().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let text = |text: &str| {
        let text = percent_encoding::percent_decode_str(text);
        text.decode_utf8_lossy().into_owned()
    };
    pairs
        .map(|(name, value)| (text(name), text(value).into()))
        .collect()
}

/// Returns what a link does; `None` for what is signed or no link.
fn action(parts: &Parts) -> Option<String> {
    let members = members(parts);
    let action = members.get("Action")?.as_str()?;
    let signed = parts.headers.contains_key(header::AUTHORIZATION)
        || members.contains_key("X-Amz-Signature");
    let is_link = parts.method == Method::GET && parts.uri.path() == "/";
    (is_link && !signed && ACTIONS.contains(&action)).then(|| action.to_owned())
}

#[async_trait]
impl Hosted for TopicLinks {
    fn is_meant(&self, parts: &Parts) -> Option<&'static str> {
        let meant = is_certificate(parts.uri.path()) || action(parts).is_some();
        meant.then_some("sns")
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    async fn answer(&self, request: HostedRequest) -> Response<Bytes> {
        let id = request.request_id.to_string();
        let parts = &request.parts;
        let answered = match action(parts) {
            Some(action) => {
                let input = Members(members(parts));
                let done = self.0.follow(&action, &input).await;
                done.map(|output| match output {
                    Value::Null => encode_query_output("sns", &action, b"", &id),
                    output => {
                        encode_query_output("sns", &action, output.to_string().as_bytes(), &id)
                    }
                })
            }
            None => {
                let name = parts.uri.path().trim_start_matches('/');
                match self.0.certificate(name).await {
                    Ok(Some(pem)) => return certificate(pem),
                    Ok(None) => Err(Failure::client("NotFound", "There is no such certificate")
                        .with_status(404)),
                    Err(failure) => Err(failure),
                }
            }
        };
        let answer = answered.unwrap_or_else(|failure| refused(&failure, &id));
        let mut response = Response::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        response
    }
}

fn certificate(pem: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(pem));
    *response.status_mut() = StatusCode::OK;
    let kind = HeaderValue::from_static("application/x-pem-file");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn refused(failure: &Failure, id: &str) -> Answer {
    let error = ErrorAnswer {
        service: Some("sns"),
        code: &failure.code,
        message: &failure.message,
        status: failure.status,
        fields: &failure.fields,
    };
    encode_error(Protocol::Query, &error, id)
}
