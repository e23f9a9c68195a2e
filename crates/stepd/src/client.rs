//! A client of the server: signed requests to its own ways, as any other caller makes them.

use anyhow::{Context as _, bail};
use aws_wire::sigv4::{Signer, sign};
use http::{Method, Request};
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

    /// Sends a request; returns the answer's body, or what the server said instead.
    pub fn send(&self, method: Method, path: &str, body: Vec<u8>) -> anyhow::Result<ureq::Body> {
        let uri = format!("{}{path}", self.endpoint());
        let request = Request::builder()
            .method(method)
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
            service: SERVICE,
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
        if !parts.status.is_success() {
            let text = body.read_to_string().unwrap_or_default();
            let said: Option<serde_json::Value> = serde_json::from_str(&text).ok();
            let message = said
                .as_ref()
                .and_then(|said| said.get("message").or(said.get("Message")));
            bail!(
                "the server refused: {}",
                message.and_then(|m| m.as_str()).unwrap_or(&text)
            );
        }
        Ok(body)
    }
}
