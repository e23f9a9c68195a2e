//! Services that stepd does not serve, served by somebody else: AWS itself, or another emulator.
//!
//! `--forward sqs=https://sqs.eu-central-1.amazonaws.com` sends every call of SQS there, a task's as well as a
//! client's, signed with the keys in the server's own `AWS_*` variables. Only services that speak JSON: what
//! is forwarded is what was said. Deliberately absent: retries; who calls decides on them.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use aws_model::catalog;
use aws_model::schema::{Protocol, ServiceEntry};
use aws_wire::sigv4::{Signer, sign};
use http::{Request, header};
use serde_json::Value;
use service::{Call, Clock as _, Failure, Reply, Service, SystemClock};
use tokio::sync::Semaphore;

/// How long until somebody must have taken the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call may take: longer than the longest poll that a service offers.
const CALL_TIMEOUT: Duration = Duration::from_secs(75);
/// Most calls at once.
const CALLS_MAX: usize = 64;
/// Longest answer that is taken.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// A service and where its calls go: `SERVICE=URL`.
#[derive(Clone, Debug)]
pub struct Forward {
    service: &'static ServiceEntry,
    url: String,
}

impl FromStr for Forward {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, url) = text.split_once('=').ok_or("say SERVICE=URL")?;
        let service = catalog::service(name).ok_or_else(|| {
            let known: Vec<&str> = catalog::SERVICES
                .iter()
                .map(|entry| entry.service)
                .collect();
            format!(
                "there is no service '{name}'; there are {}",
                known.join(", ")
            )
        })?;
        if service.service == "states" {
            return Err("stepd is Step Functions itself".into());
        }
        if content_type(service.protocol).is_none() {
            return Err(format!(
                "'{name}' does not speak JSON, and cannot be forwarded yet"
            ));
        }
        let uri: http::Uri = url.parse().map_err(|_| format!("'{url}' is not a URL"))?;
        if uri.authority().is_none() || !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(format!("'{url}' is not a URL of http or https"));
        }
        let url = url.to_owned();
        Ok(Self { service, url })
    }
}

/// Returns what a body of the protocol is called; `None` where it is not JSON as it is.
fn content_type(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Json10 => Some("application/x-amz-json-1.0"),
        Protocol::Json11 => Some("application/x-amz-json-1.1"),
        Protocol::RestJson | Protocol::Query | Protocol::RestXml => None,
    }
}

/// What forwarded calls are signed with.
pub struct Keys {
    region: String,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl Keys {
    /// Returns the keys of the environment; the error says which variable is missing.
    pub fn from_environment(region: &str) -> anyhow::Result<Arc<Self>> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let needed = |name: &str| {
            variable(name).with_context(|| {
                format!("{name} is not set; calls that are forwarded are signed with it")
            })
        };
        Ok(Arc::new(Self {
            region: region.to_owned(),
            access_key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret_access_key: needed("AWS_SECRET_ACCESS_KEY")?,
            session_token: variable("AWS_SESSION_TOKEN"),
        }))
    }
}

/// A service that somebody else serves.
pub struct Forwarded {
    to: Forward,
    keys: Arc<Keys>,
    agent: ureq::Agent,
    /// A call takes a thread, and the threads are for all services.
    room: Semaphore,
}

impl Forwarded {
    /// Returns the service.
    pub fn new(to: Forward, keys: Arc<Keys>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(CALL_TIMEOUT))
            .build();
        let agent = config.into();
        let room = Semaphore::new(CALLS_MAX);
        Self {
            to,
            keys,
            agent,
            room,
        }
    }

    /// Returns the signed request of a call.
    fn request(&self, call: &Call) -> anyhow::Result<Request<Vec<u8>>> {
        let entry = self.to.service;
        let request = Request::post(&self.to.url)
            .header(
                header::CONTENT_TYPE,
                content_type(entry.protocol).context("the service speaks JSON")?,
            )
            .header(
                "x-amz-target",
                format!("{}.{}", entry.target_prefix, call.operation),
            )
            .body(())?;
        let (mut parts, ()) = request.into_parts();
        let host = parts.uri.authority().context("the URL has a host")?;
        let host = host.as_str().parse()?;
        parts.headers.insert(header::HOST, host);
        let keys = &*self.keys;
        let signer = Signer {
            access_key_id: &keys.access_key_id,
            secret_access_key: &keys.secret_access_key,
            session_token: keys.session_token.as_deref(),
            region: &keys.region,
            service: entry.signing_name,
        };
        let body = call.input.to_vec();
        sign(&mut parts, &body, &signer, SystemClock.now())?;
        Ok(Request::from_parts(parts, body))
    }
}

#[async_trait]
impl Service for Forwarded {
    fn name(&self) -> &'static str {
        self.to.service.service
    }

    /// What it comes to is somebody else's.
    fn waits(&self, _operation: &str) -> bool {
        true
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let name = self.to.service.service;
        let request = self.request(&call).map_err(|error| {
            tracing::error!(service = name, error = %format!("{error:#}"), "a call cannot be forwarded");
            Failure::internal("The call cannot be forwarded.")
        })?;
        let agent = self.agent.clone();
        let _room = self.room.acquire().await;
        let sent = tokio::task::spawn_blocking(move || {
            let (parts, mut body) = agent.run(request)?.into_parts();
            let body = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
            Ok::<_, ureq::Error>((parts.status, body))
        });
        match sent.await {
            Ok(Ok((status, body))) if status.is_success() => Ok(Reply {
                output: if body.is_empty() {
                    "{}".into()
                } else {
                    body.into()
                },
                ..Reply::default()
            }),
            Ok(Ok((status, body))) => Err(refusal(status.as_u16(), &body)),
            Ok(Err(error)) => {
                tracing::warn!(service = name, %error, "a forwarded call was not answered");
                let message = format!("{name} was not reached where its calls are forwarded to.");
                Err(Failure::client("ServiceUnavailable", message).with_status(503))
            }
            Err(_) => Err(Failure::internal("The forwarded call ended unexpectedly.")),
        }
    }
}

/// Reads what a service said no with.
fn refusal(status: u16, body: &[u8]) -> Failure {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| said.get(*name)?.as_str());
        found.map(str::to_owned)
    };
    let code = text(["__type", "code"]).unwrap_or_else(|| "UnknownError".into());
    // com.amazonaws.sqs#QueueDoesNotExist
    let code = code.rsplit('#').next().unwrap_or_default().to_owned();
    let message = text(["message", "Message"]).unwrap_or_default();
    Failure::client(code, message).with_status(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_cannot_be_forwarded() {
        for (text, told) in [
            ("sqs=http://127.0.0.1:1", ""),
            ("sqs", "say SERVICE=URL"),
            ("sqs=nowhere", "'nowhere' is not a URL of http or https"),
            ("states=http://a", "stepd is Step Functions itself"),
            (
                "sns=http://a",
                "'sns' does not speak JSON, and cannot be forwarded yet",
            ),
        ] {
            let read = text.parse::<Forward>();
            assert_eq!(read.err().unwrap_or_default(), told, "{text}");
        }
    }

    #[test]
    fn a_refusal_is_the_services_own() {
        let body = br#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no queue"}"#;
        let expected = Failure::client("QueueDoesNotExist", "no queue");
        assert_eq!(refusal(400, body), expected);
        let broken = Failure::client("UnknownError", "").with_status(502);
        assert_eq!(refusal(502, b"<html>"), broken);
    }
}
