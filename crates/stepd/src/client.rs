//! A client of the server: signed requests, as any other caller makes them.

use std::fmt;

use anyhow::Context as _;
use aws_wire::sigv4::{Signer, sign};
use http::{Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use service::{Clock as _, SystemClock};

use crate::login::{Kind, ProfileFile};
use crate::{place, xml};

/// The signing name of the server's own ways.
const SERVICE: &str = "stepd";

/// Keys that requests are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key's id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// The token of temporary keys.
    pub session_token: Option<String>,
}

/// Where the server is and whose keys are used.
#[derive(Clone)]
pub struct Client {
    endpoint: String,
    region: String,
    credentials: Credentials,
    agent: ureq::Agent,
}

impl Client {
    /// Returns a client of the server at `endpoint`.
    pub fn new(endpoint: String, region: String, credentials: Credentials) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build();
        Self {
            endpoint,
            region,
            credentials,
            agent: config.into(),
        }
    }

    /// Returns a client for the environment: the usual `AWS_*` variables, or the profile that `AWS_PROFILE`
    /// names and `stepd login` wrote. The error says what is missing.
    pub fn from_environment() -> anyhow::Result<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = variable("AWS_ENDPOINT_URL");
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let Some(access_key_id) = variable("AWS_ACCESS_KEY_ID") else {
            let profile = variable("AWS_PROFILE").context(
                "AWS_ACCESS_KEY_ID is not set, nor AWS_PROFILE: try `eval \"$(stepd env)\"` or `stepd login`",
            )?;
            return Self::of_profile(&profile, endpoint, region);
        };
        let secret_access_key = variable("AWS_SECRET_ACCESS_KEY")
            .context("AWS_SECRET_ACCESS_KEY is not set: try `eval \"$(stepd env)\"`")?;
        let credentials = Credentials {
            access_key_id,
            secret_access_key,
            session_token: variable("AWS_SESSION_TOKEN"),
        };
        Ok(Self::new(
            endpoint.unwrap_or_else(|| format!("http://{}", place::LISTEN)),
            region.unwrap_or_else(|| place::REGION.to_owned()),
            credentials,
        ))
    }

    fn of_profile(
        profile: &str,
        endpoint: Option<String>,
        region: Option<String>,
    ) -> anyhow::Result<Self> {
        let config = ProfileFile::read(Kind::Config, Kind::Config.path()?)?;
        let keys = ProfileFile::read(Kind::Credentials, Kind::Credentials.path()?)?;
        let said = |file: &ProfileFile, name: &str| {
            file.get(profile, name).with_context(|| {
                format!(
                    "the profile {profile} in {} has no {name}: `stepd login` writes one that has",
                    file.path().display()
                )
            })
        };
        let credentials = Credentials {
            access_key_id: said(&keys, "aws_access_key_id")?,
            secret_access_key: said(&keys, "aws_secret_access_key")?,
            session_token: keys.get(profile, "aws_session_token"),
        };
        // A profile without an address is one of AWS's own.
        let endpoint = endpoint.map_or_else(|| said(&config, "endpoint_url"), Ok)?;
        let region = region.or_else(|| config.get(profile, "region"));
        let region = region.unwrap_or_else(|| place::REGION.to_owned());
        let client = Self::new(endpoint, region, credentials);
        match config.get(profile, "role_arn") {
            Some(role) => client.assume(&role),
            None => Ok(client),
        }
    }

    /// Returns the same with other keys.
    pub fn with(&self, credentials: Credentials) -> Self {
        Self {
            credentials,
            ..self.clone()
        }
    }

    /// Returns the same at another address, in another region.
    pub fn at(self, endpoint: Option<String>, region: Option<String>) -> Self {
        Self {
            endpoint: endpoint.unwrap_or(self.endpoint),
            region: region.unwrap_or(self.region),
            ..self
        }
    }

    /// Returns the same as a session of the role with this ARN.
    pub fn assume(&self, role: &str) -> anyhow::Result<Self> {
        let asked = [("RoleArn", role), ("RoleSessionName", "stepd")];
        let answer = self.query("sts", "AssumeRole", &asked);
        let answer = answer.with_context(|| format!("{role} cannot be assumed"))?;
        let said = |name: &str| answer["Credentials"][name].as_str().map(str::to_owned);
        Ok(self.with(Credentials {
            access_key_id: said("AccessKeyId").unwrap_or_default(),
            secret_access_key: said("SecretAccessKey").unwrap_or_default(),
            session_token: said("SessionToken"),
        }))
    }

    /// Returns the keys that requests are signed with.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns where calls go.
    pub fn region(&self) -> &str {
        &self.region
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

    /// Calls an action of a service that speaks the query protocol; returns its result.
    pub fn query(
        &self,
        service: &str,
        action: &str,
        members: &[(&str, &str)],
    ) -> anyhow::Result<Value> {
        let version = match service {
            "iam" => "2010-05-08",
            _ => "2011-06-15",
        };
        let body = [("Action", action), ("Version", version)]
            .iter()
            .chain(members)
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect::<Vec<_>>()
            .join("&");
        let request = Request::builder()
            .method(Method::POST)
            .header("content-type", "application/x-www-form-urlencoded");
        let mut answer = self.exchange(service, request, "/", body.into())?;
        let mut answer = xml::read(&answer.read_to_string()?)?;
        Ok(answer[format!("{action}Result")].take())
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
            access_key_id: &self.credentials.access_key_id,
            secret_access_key: &self.credentials.secret_access_key,
            session_token: self.credentials.session_token.as_deref(),
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
        if let Ok(said) = xml::read(text) {
            let error = &said["Error"];
            return Self {
                code: error["Code"].as_str().unwrap_or_default().to_owned(),
                message: error["Message"].as_str().unwrap_or(text).to_owned(),
            };
        }
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
