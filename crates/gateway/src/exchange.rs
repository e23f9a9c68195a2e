//! One request and its answer.
//!
//! The order is the point: the head says who claims to ask and what for; the body is read only for a
//! known key and only as far as the operation's limit; nothing in it is looked at before the
//! signature is verified.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_wire::sigv4::{Claim, SignatureError};
use aws_wire::{
    Answer, ErrorAnswer, Protocol, Refusal, Target, encode_error, encode_output,
    encode_query_output, protocol_of,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Body, Frame};
use parking_lot::Mutex;
use serde_json::{Map, json};
use service::{Call, Failure, RequestId};

use crate::access::Origin;
use crate::gateway::Gateway;
use crate::probe::ProbeAnswer;
use crate::room::{Arrival, NoRoom, Room};
use crate::route::{RouteAnswer, RouteRequest};
use crate::server::Peer;
use crate::streaming::{self, PageArrival, StreamedBody};

/// Most bytes of a request's body, where the operation has no limit of its own.
pub(crate) const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Most bytes of a request that carries a function's code (Lambda's own message names the number).
const CODE_BYTES_MAX: usize = 70_167_211;

/// Most bytes of a request that invokes a function, likewise.
const INVOKE_BYTES_MAX: usize = 6_291_556;

/// How long a caller may be silent in the middle of a body.
pub(crate) const BODY_SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long a caller may take for a whole body.
const BODY_SECONDS_MAX: Duration = Duration::from_secs(300);

/// The body of an answer: whole, or pieces that come as they come.
pub(crate) type AnswerBody = Either<Full<Bytes>, StreamedBody>;

/// What a request is refused with, and how to say it.
struct Refused {
    service: Option<&'static str>,
    protocol: Protocol,
    failure: Failure,
}

impl Refused {
    fn new(service: Option<&'static str>, protocol: Protocol, refusal: Refusal) -> Self {
        let Refusal {
            code,
            message,
            status,
        } = refusal;
        Self {
            service,
            protocol,
            failure: Failure {
                code,
                message,
                status,
                fields: Map::new(),
            },
        }
    }
}

/// Answers one request. Never fails: every problem is an answer.
pub(crate) async fn answer<B>(gateway: &Arc<Gateway>, request: Request<B>) -> Response<AnswerBody>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let request_id = RequestId::random();
    let (parts, body) = request.into_parts();
    // Asked first: whatever path such a host is asked for, it is its own.
    if let Some((hosted, signing_name)) = gateway.hosted_for(&parts) {
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        let answered =
            crate::hosted::answer(gateway, &hosted, signing_name, parts, body, request_id);
        let mut response = answered.await;
        tracing::debug!(%method, path = uri.path(), status = response.status().as_u16(), %request_id);
        name_request(response.headers_mut(), request_id);
        return response.map(|body| Either::Left(Full::new(body)));
    }
    // Asked next: buckets may have the names of ways of our own.
    if let Some(service) = streaming::service_of(gateway, &parts) {
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        let response = streaming::answer(gateway, &*service, parts, body, request_id).await;
        tracing::debug!(%method, path = uri.path(), status = response.status().as_u16(), %request_id);
        return response.map(Either::Right);
    }
    if let Some(pages) = gateway.pages_for(&parts) {
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        let arrival = Arc::new(Mutex::new(PageArrival {
            arrival: gateway.page_room.arrival(),
            refused: false,
        }));
        let body = streaming::given_room(body, Arc::clone(&arrival));
        // Its room is held until the answer begins.
        let mut response = pages.answer(Request::from_parts(parts, body)).await;
        if arrival.lock().refused {
            response = no_room_for_a_page();
        }
        tracing::debug!(%method, path = uri.path(), status = response.status().as_u16(), %request_id);
        return response.map(Either::Right);
    }
    let mut response = match parts.uri.path() {
        "/health" if parts.method == Method::GET => health(),
        path if parts.method == Method::GET
            && let Some(probe) = gateway.find_probe(path) =>
        {
            shown(probe.answer().await)
        }
        path => {
            let answered = match path.strip_prefix("/_stepd/") {
                Some(path) => own(gateway, &parts, path, body, request_id).await,
                None => aws(gateway, &parts, body, request_id).await,
            };
            answered.unwrap_or_else(|refused| refusal(&refused, request_id))
        }
    };
    name_request(response.headers_mut(), request_id);
    tracing::debug!(method = %parts.method, path = parts.uri.path(), status = response.status().as_u16(), %request_id);
    response
}

fn name_request(headers: &mut http::HeaderMap, request_id: RequestId) {
    let text = request_id.to_string();
    let id = HeaderValue::from_str(&text).expect("a UUID is made of hexadecimal digits and dashes");
    headers.insert("x-amzn-requestid", id);
}

/// Answers a request to a service of AWS.
async fn aws<B>(
    gateway: &Gateway,
    parts: &Parts,
    body: B,
    request_id: RequestId,
) -> Result<Response<AnswerBody>, Box<Refused>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let unsigned = |error: SignatureError, protocol| {
        Box::new(Refused::new(None, protocol, error.refusal(protocol)))
    };
    let claim = Claim::read(parts).map_err(|error| unsigned(error, protocol_of(parts, None)))?;
    let target = Target::recognize(parts, Some(&claim));
    let (protocol, signing_name, limit) = match &target {
        Ok(target) => (
            target.protocol,
            signing_name(target.service),
            body_bytes_max(target),
        ),
        Err(unknown) => (unknown.protocol, &*claim.scope.service, BODY_BYTES_MAX),
    };
    let sender = gateway
        .sender(&claim, signing_name)
        .map_err(|error| unsigned(error, protocol))?;
    let operation = target.as_ref().map_or("", |target| target.operation);
    let (body, room) = read(&gateway.room, body, parts, limit, operation)
        .await
        .map_err(|refusal| Box::new(Refused::new(None, protocol, refusal)))?;
    gateway
        .verify(&sender, &claim, parts, &body)
        .map_err(|error| unsigned(error, protocol))?;
    let target = target.map_err(|unknown| {
        Box::new(Refused::new(
            unknown.service,
            unknown.protocol,
            unknown.refusal,
        ))
    })?;
    let service = Some(target.service);
    let decoded = target
        .decode(parts, body)
        .map_err(|refusal| Box::new(Refused::new(service, protocol, refusal)))?;
    let _room = held_on(room, limit);
    let call = Call {
        service: target.service,
        operation: decoded.operation.into(),
        input: decoded.input,
        payload: decoded.payload,
        principal: sender.principal,
        request_id,
    };
    let origin = origin_of(parts);
    let reply = gateway.call_from(call, &origin).await.map_err(|failure| {
        Box::new(Refused {
            service,
            protocol,
            failure,
        })
    })?;
    if protocol == Protocol::Query {
        let (operation, id) = (decoded.operation, request_id.to_string());
        let answer = encode_query_output(target.service, operation, &reply.output, &id);
        return Ok(response(answer));
    }
    Ok(response(encode_output(
        protocol,
        target.model,
        reply.output,
        reply.payload,
    )))
}

/// Answers a request to one of the server's own ways.
async fn own<B>(
    gateway: &Gateway,
    parts: &Parts,
    path: &str,
    body: B,
    request_id: RequestId,
) -> Result<Response<AnswerBody>, Box<Refused>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let protocol = Protocol::RestJson;
    let unsigned =
        |error: SignatureError| Box::new(Refused::new(None, protocol, error.refusal(protocol)));
    let refused = |failure| {
        Box::new(Refused {
            service: None,
            protocol,
            failure,
        })
    };
    let (name, path) = path.split_once('/').unwrap_or((path, ""));
    let claim = Claim::read(parts).map_err(unsigned)?;
    let sender = gateway.sender(&claim, "stepd").map_err(unsigned)?;
    let route = gateway.find_route(name);
    let limit = route
        .as_ref()
        .map_or(BODY_BYTES_MAX, |route| route.body_bytes_max());
    let (body, room) = read(&gateway.room, body, parts, limit, name)
        .await
        .map_err(|refusal| Box::new(Refused::new(None, protocol, refusal)))?;
    gateway
        .verify(&sender, &claim, parts, &body)
        .map_err(unsigned)?;
    let Some(route) = route else {
        let message = format!("There is nothing at /_stepd/{name}");
        return Err(refused(
            Failure::client("UnknownOperationException", message).with_status(404),
        ));
    };
    let _room = held_on(room, limit);
    let request = RouteRequest {
        principal: sender.principal,
        key: Some(sender.key),
        method: parts.method.clone(),
        path: path.to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body,
        request_id,
    };
    let origin = origin_of(parts);
    let answered = gateway.ask(&*route, request, &origin).await;
    match answered.map_err(refused)? {
        RouteAnswer::Json(body) => Ok(encoded("application/json", Either::Left(Full::new(body)))),
        RouteAnswer::Lines(lines) => {
            let frames = lines.map(|line| Ok(Frame::data(line)));
            let body = StreamBody::new(frames).boxed_unsync();
            Ok(encoded("application/x-ndjson", Either::Right(body)))
        }
    }
}

/// Returns where a request came from, as the listener and its head say.
pub(crate) fn origin_of(parts: &Parts) -> Origin {
    let peer = parts.extensions.get::<Peer>();
    let agent = parts.headers.get(header::USER_AGENT);
    Origin {
        address: peer.map(|peer| peer.address),
        secure: peer.is_some_and(|peer| peer.secure),
        user_agent: agent
            .and_then(|agent| agent.to_str().ok())
            .map(str::to_owned),
    }
}

fn signing_name(service: &'static str) -> &'static str {
    aws_model::catalog::service(service).map_or(service, |entry| entry.signing_name)
}

fn body_bytes_max(target: &Target) -> usize {
    match (target.service, target.operation) {
        ("lambda", "CreateFunction" | "UpdateFunctionCode" | "PublishLayerVersion") => {
            CODE_BYTES_MAX
        }
        ("lambda", "Invoke") => INVOKE_BYTES_MAX,
        _ => BODY_BYTES_MAX,
    }
}

/// Returns the room that is held during the call itself: that of the largest, which are stored soon.
///
/// Other calls may take long, and their number and what they are given is what the services limit.
pub(crate) fn held_on(room: Arrival, limit: usize) -> Option<Arrival> {
    (limit > BODY_BYTES_MAX).then_some(room)
}

/// Reads a body of at most `limit` bytes, in time and as far as there is room, which comes with it.
pub(crate) async fn read<B>(
    room: &Room,
    body: B,
    parts: &Parts,
    limit: usize,
    operation: &str,
) -> Result<(Bytes, Arrival), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let declared = parts.headers.get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|value| value.to_str().ok()?.parse().ok());
    let mut arrival = room.arrival();
    let read = pieces(body, declared.unwrap_or(0), limit, &mut arrival);
    let problem = match tokio::time::timeout(BODY_SECONDS_MAX, read).await {
        Ok(Ok(body)) => return Ok((body, arrival)),
        Ok(Err(problem)) => problem,
        Err(_) => BodyProblem::Late,
    };
    let (code, message, status) = match problem {
        BodyProblem::TooLarge => {
            let message =
                format!("Request must be smaller than {limit} bytes for the {operation} operation");
            ("RequestEntityTooLargeException", message, 413)
        }
        BodyProblem::Late => (
            "RequestTimeout",
            "The body did not arrive in time".to_owned(),
            408,
        ),
        BodyProblem::Broken => (
            "IncompleteBody",
            "The body ended before its length".to_owned(),
            400,
        ),
        BodyProblem::NoRoom => (NoRoom::CODE, NoRoom::MESSAGE.to_owned(), 503),
    };
    Err(Refusal {
        code: code.into(),
        message,
        status,
    })
}

enum BodyProblem {
    TooLarge,
    Late,
    Broken,
    NoRoom,
}

async fn pieces<B>(
    mut body: B,
    declared: usize,
    limit: usize,
    arrival: &mut Arrival,
) -> Result<Bytes, BodyProblem>
where
    B: Body<Data = Bytes> + Unpin,
{
    if declared > limit {
        return Err(BodyProblem::TooLarge);
    }
    // Most bodies are one piece, and that is passed on as it is.
    let (mut first, mut whole) = (Bytes::new(), BytesMut::new());
    loop {
        let frame = tokio::time::timeout(arrival.patience(), body.frame()).await;
        let Some(frame) = frame.map_err(|_| BodyProblem::Late)? else {
            break;
        };
        let Ok(piece) = frame.map_err(|_| BodyProblem::Broken)?.into_data() else {
            continue;
        };
        if first.len() + whole.len() + piece.len() > limit {
            return Err(BodyProblem::TooLarge);
        }
        arrival
            .grow(piece.len())
            .map_err(|NoRoom| BodyProblem::NoRoom)?;
        if whole.is_empty() && first.is_empty() {
            first = piece;
            continue;
        }
        if !first.is_empty() {
            // It grows with what is there: what is declared is not believed before.
            whole.reserve(first.len() + piece.len());
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(if whole.is_empty() {
        first
    } else {
        whole.freeze()
    })
}

fn no_room_for_a_page() -> Response<StreamedBody> {
    let text = json!({"__type": NoRoom::CODE, "message": NoRoom::MESSAGE}).to_string();
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONNECTION, "close"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn shown(page: ProbeAnswer) -> Response<AnswerBody> {
    let mut response = encoded(page.content_type, Either::Left(Full::new(page.body)));
    *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or_default();
    response
}

fn health() -> Response<AnswerBody> {
    encoded(
        "application/json",
        Either::Left(Full::new(Bytes::from_static(br#"{"status":"ok"}"#))),
    )
}

fn encoded(content_type: &'static str, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn refusal(refused: &Refused, request_id: RequestId) -> Response<AnswerBody> {
    let Failure {
        code,
        message,
        status,
        fields,
    } = &refused.failure;
    let error = ErrorAnswer {
        service: refused.service,
        code,
        message,
        status: *status,
        fields,
    };
    let mut response = response(encode_error(
        refused.protocol,
        &error,
        &request_id.to_string(),
    ));
    let unread = [
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    if unread.contains(&response.status()) {
        // The rest of the body is not read, so the connection is of no further use.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn response(answer: Answer) -> Response<AnswerBody> {
    let mut response = Response::new(Either::Left(Full::new(answer.body)));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}
