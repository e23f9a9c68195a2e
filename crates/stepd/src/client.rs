//! A client of the server: signed requests, as any other caller makes them.

use std::fmt;

use anyhow::Context as _;
use aws_wire::sigv4::{Signer, sign};
use http::{Method, Request};
use serde_json::Value;
use service::{Clock as _, SystemClock};

use crate::place;

/// The signing name of the server's own ways.
const SERVICE: &str = "stepd";

/// Where the server is and whose keys are used: from the usual `AWS_*` variables.
pub struct Client {
    endpoint: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    agent: ureq::Agent,
}

impl Client {
    /// Returns a client for the environment; the error says which variable is missing.
    pub fn from_environment() -> anyhow::Result<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let needed = |name: &str| {
            variable(name)
                .with_context(|| format!("{name} is not set: try `eval \"$(stepd env)\"`"))
        };
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build();
        Ok(Self {
            endpoint: variable("AWS_ENDPOINT_URL")
                .unwrap_or_else(|| format!("http://{}", place::LISTEN)),
            region: variable("AWS_REGION")
                .or_else(|| variable("AWS_DEFAULT_REGION"))
                .unwrap_or_else(|| "us-east-1".to_owned()),
            access_key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret_access_key: needed("AWS_SECRET_ACCESS_KEY")?,
            session_token: variable("AWS_SESSION_TOKEN"),
            agent: config.into(),
        })
    }

    /// Returns where the server is, without a slash at the end.
    pub fn endpoint(&self) -> &str {
        self.endpoint.trim_end_matches('/')
    }

    /// Sends a request to one of the server's own ways; returns the answer's body, or what the server said
    /// instead.
    pub fn send(&self, method: Method, path: &str, body: Vec<u8>) -> anyhow::Result<ureq::Body> {
        let request = Request::builder().method(method);
        self.exchange(SERVICE, request, path, body)
    }

    /// Calls an action of the Step Functions API, as an AWS SDK does.
    pub fn call(&self, action: &str, input: &Value) -> anyhow::Result<Value> {
        let request = Request::builder()
            .method(Method::POST)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AWSStepFunctions.{action}"));
        let answer = self.exchange("states", request, "/", input.to_string().into())?;
        Ok(serde_json::from_reader(answer.into_reader())?)
    }

    /// Asks one of the server's own ways, JSON for JSON.
    pub fn ask(&self, way: &str, query: &Value) -> anyhow::Result<Value> {
        let path = format!("/_stepd/{way}");
        let answer = self.send(Method::POST, &path, query.to_string().into())?;
        Ok(serde_json::from_reader(answer.into_reader())?)
    }

    fn exchange(
        &self,
        service: &str,
        request: http::request::Builder,
        path: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<ureq::Body> {
        let uri = format!("{}{path}", self.endpoint());
        let request = request
            .uri(&uri)
            .body(())
            .context("the endpoint is not a URL")?;
        let (mut parts, ()) = request.into_parts();
        let host = parts
            .uri
            .authority()
            .map(|authority| authority.as_str().to_owned());
        parts.headers.insert(
            "host",
            host.unwrap_or_default()
                .parse()
                .context("the endpoint has no host")?,
        );
        let signer = Signer {
            access_key_id: &self.access_key_id,
            secret_access_key: &self.secret_access_key,
            session_token: self.session_token.as_deref(),
            region: &self.region,
            service,
        };
        sign(&mut parts, &body, &signer, SystemClock.now())
            .context("the request cannot be signed")?;
        let answer = self.agent.run(Request::from_parts(parts, body));
        let answer = answer.with_context(|| {
            format!(
                "no server answers at {}: is `stepd serve` running?",
                self.endpoint
            )
        })?;
        let (parts, mut body) = answer.into_parts();
        if parts.status.is_success() {
            return Ok(body);
        }
        let text = body.read_to_string().unwrap_or_default();
        Err(Refused::read(&text).into())
    }
}

/// What the server answered instead of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The error's code: `ExecutionDoesNotExist`; empty where the answer has none.
    pub code: String,
    /// What it says.
    pub message: String,
}

impl Refused {
    fn read(text: &str) -> Self {
        let said: Value = serde_json::from_str(text).unwrap_or_default();
        let member = |names: [&str; 2]| names.iter().find_map(|name| said.get(name)?.as_str());
        let code = member(["__type", "code"]).unwrap_or_default();
        Self {
            code: code.rsplit('#').next().unwrap_or(code).to_owned(),
            message: member(["message", "Message"]).unwrap_or(text).to_owned(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server refused: {}", self.message)
    }
}

impl std::error::Error for Refused {}
