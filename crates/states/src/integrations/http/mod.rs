//! `http:invoke`: a call of any HTTP API, as a connection of EventBridge authenticates it.
//!
//! The connection's credentials come through the gate, as the execution's role, and are added to what the
//! definition says; where both say something, the connection's counts. Without TLS, machines of the same
//! network alone are called. Deliberately absent: redirects (an answer of 3xx is an error like 4xx),
//! connections to private APIs through VPC Lattice, and certificates of clients.

pub(super) mod client;
mod connection;
pub(super) mod form;
pub(super) mod request;

use bytes::Bytes;
use engine_core::{Payload, TaskDescription};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Map, Value};
use service::{Call, Gate, Principal, RequestId, Site};

pub(crate) use self::client::Client;
use self::client::{Received, Unanswered};
use self::request::{Asked, Ready};
use super::Answer;

/// What went over the wire, as `TestState` shows it.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) request_headers: String,
    pub(crate) request_body: Option<String>,
    pub(crate) response: Option<Response>,
}

/// What was answered.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: String,
    pub(crate) body: Option<String>,
}

/// Returns the host of an endpoint, with its scheme and port.
pub(crate) fn host_of(endpoint: &str) -> &str {
    let host = endpoint.find("://").map_or(0, |at| at + 3);
    let rest = &endpoint[host..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    &endpoint[..host + end]
}

/// The way to an API for one task.
pub(crate) struct Invocation<'a> {
    pub(crate) gate: &'a dyn Gate,
    pub(crate) site: &'a Site,
    pub(crate) client: &'a Client,
    pub(crate) principal: Principal,
    /// The machine whose role must be allowed to call the endpoint.
    pub(crate) machine_arn: &'a str,
}

impl Invocation<'_> {
    /// Makes the call.
    pub(crate) async fn make(self, task: &TaskDescription) -> Answer {
        self.traced(task, false).await.0
    }

    /// Makes the call; says what went over the wire, with what the connection adds only where it is to be
    /// revealed.
    pub(crate) async fn traced(
        self,
        task: &TaskDescription,
        reveal: bool,
    ) -> (Answer, Option<Exchange>) {
        let asked = match Asked::read(task.parameters.value()) {
            Ok(asked) => asked,
            Err(cause) => return (Answer::failed("States.Runtime", cause), None),
        };
        if let Err(refused) = self.check_allowed(&asked).await {
            return (refused, None);
        }
        let mut exchange = None;
        let mut is_renewed = false;
        loop {
            let added = match self.additions(&asked.connection_arn, is_renewed).await {
                Ok(added) => added,
                Err(failed) => return (failed, exchange),
            };
            let agent = format!("Amazon|StepFunctions|HttpInvoke|{}", self.site.region);
            let (ready, shown) = match (
                asked.ready(&added, true, &agent),
                asked.ready(&added, reveal, &agent),
            ) {
                (Ok(ready), Ok(shown)) => (ready, shown),
                (Err(cause), _) | (_, Err(cause)) => {
                    return (Answer::failed("States.Runtime", cause), exchange);
                }
            };
            let exchange = exchange.insert(sent(&asked, shown));
            let received = match self.client.send(&asked.method, ready).await {
                Ok(received) => received,
                Err(unanswered) => return (failure_of(&unanswered), Some(exchange.clone())),
            };
            // A token may have been taken back before its time.
            if received.status == StatusCode::UNAUTHORIZED && added.can_renew && !is_renewed {
                is_renewed = true;
                continue;
            }
            exchange.response = Some(shown_response(&received));
            return (answer(&asked.method, received), Some(exchange.clone()));
        }
    }

    /// Asks whether the role may call the API at all.
    async fn check_allowed(&self, asked: &Asked) -> Result<(), Answer> {
        let input = serde_json::json!({
            // Of a child of a Distributed Map, the machine that it is part of.
            "stateMachineArn": self.machine_arn.split('/').next(),
            "HTTPEndpoint": asked.endpoint,
            "HTTPMethod": asked.method.as_str(),
        });
        let call = Call {
            service: "states",
            operation: "InvokeHTTPEndpoint".into(),
            input: input.to_string().into(),
            payload: Bytes::new(),
            principal: self.principal.clone(),
            request_id: RequestId::random(),
        };
        self.gate.call(call).await.map(drop).map_err(|failure| {
            if failure.status >= 500 {
                return Answer::failed("States.TaskFailed", failure.message);
            }
            let cause = format!(
                "AWS Step Functions is not authorized to perform states:InvokeHTTPEndpoint on API Endpoint {}. \
                 Ensure that the StateMachine role contains the states:InvokeHTTPEndpoint permission for the \
                 given API Endpoint",
                asked.endpoint
            );
            Answer::failed("States.Http.AccessDenied", cause)
        })
    }
}

fn sent(asked: &Asked, shown: Ready) -> Exchange {
    let headers: Vec<String> = shown
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    Exchange {
        method: asked.method.to_string(),
        url: shown.url,
        request_headers: format!("[{}]", headers.join(", ")),
        request_body: shown.body,
        response: None,
    }
}

fn shown_response(received: &Received) -> Response {
    let headers: Vec<String> = received
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let body = String::from_utf8(received.body.to_vec()).ok();
    Response {
        status: received.status.as_u16(),
        reason: reason(received.status).to_owned(),
        headers: format!("[{}]", headers.join(", ")),
        body: body.filter(|body| !body.is_empty()),
    }
}

fn failure_of(unanswered: &Unanswered) -> Answer {
    match unanswered {
        Unanswered::Refused(cause) => Answer::failed("States.Runtime", cause.clone()),
        Unanswered::TimedOut => Answer::failed("States.Http.Socket", "HTTP request timed out."),
        Unanswered::Broken(why) => {
            Answer::failed("States.Http.Socket", format!("HTTP request failed: {why}"))
        }
    }
}

/// Returns the words for a status. AWS's table has none for 418.
pub(super) fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::IM_A_TEAPOT => "",
        status => status.canonical_reason().unwrap_or_default(),
    }
}

/// Returns what an answer means for the task: of an error, nothing but the status is told.
fn answer(method: &Method, received: Received) -> Answer {
    let Received {
        status,
        headers,
        body,
        is_cut,
    } = received;
    if !status.is_success() {
        let error = format!("States.Http.StatusCode.{}", status.as_u16());
        return Answer::failed(error, reason(status));
    }
    // Of a body that is cut there may be nothing at all: its first piece was too long.
    if is_cut {
        let cause = format!(
            "The response of the HTTP endpoint is longer than {} bytes.",
            client::BODY_BYTES_MAX
        );
        return Answer::failed("States.DataLimitExceeded", cause);
    }
    let mut shown = Map::new();
    shown.insert("Headers".into(), all_values(&headers));
    let is_empty = body.is_empty() || *method == Method::HEAD;
    if !is_empty {
        match body_of(&headers, &body) {
            Ok(body) => drop(shown.insert("ResponseBody".into(), body)),
            Err(cause) => return Answer::failed("States.Runtime", cause),
        }
    }
    shown.insert("StatusCode".into(), status.as_u16().into());
    shown.insert("StatusText".into(), reason(status).into());
    Answer::Succeeded(Payload::from_value(Value::Object(shown)))
}

/// Returns the values of each header, as a list.
fn all_values(headers: &HeaderMap) -> Value {
    let mut shown = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        shown.insert(name.as_str().to_owned(), values.collect());
    }
    Value::Object(shown)
}

/// Returns a body: JSON where it says that it is, and text otherwise.
fn body_of(headers: &HeaderMap, body: &[u8]) -> Result<Value, String> {
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().split(';').next();
    let content_type = content_type.unwrap_or_default().trim().to_ascii_lowercase();
    let is_binary = ["image/", "video/", "audio/"]
        .iter()
        .any(|kind| content_type.starts_with(kind));
    if is_binary || content_type == "application/octet-stream" {
        return Err(format!(
            "Unsupported response content-type '{content_type}'. Please see documentation for list of \
             unsupported content-types."
        ));
    }
    let text = std::str::from_utf8(body)
        .map_err(|_| "The response of the HTTP endpoint is not valid text.".to_owned())?;
    let is_json = content_type == "application/json" || content_type.ends_with("+json");
    let parsed = if is_json {
        // Bounded in depth like every payload.
        Payload::parse(text).ok()
    } else {
        None
    };
    Ok(parsed.map_or_else(|| text.into(), |payload| payload.value().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_cut_is_no_result() {
        for (body, is_cut, succeeds) in [("", true, false), ("x", true, false), ("", false, true)] {
            let received = Received {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                body: Bytes::from_static(body.as_bytes()),
                is_cut,
            };
            let answer = answer(&Method::GET, received);
            let is_success = matches!(answer, Answer::Succeeded(_));
            assert_eq!(is_success, succeeds, "{body:?}, {is_cut}");
        }
    }
}
