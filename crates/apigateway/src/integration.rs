//! What a route leads to, read once: a function, an action of a service, or an answer made up.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use crate::rest_import::text_of;
use crate::template::Template;

/// What a route leads to.
#[derive(Clone, Debug)]
pub(crate) struct Integration {
    pub target: Target,
    /// As whom it is called; nobody where the API itself calls.
    pub credentials: Option<String>,
    pub timeout: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A function that sees the whole request. Its ARN may name stage variables.
    Proxy { arn: String, format: Format },
    /// A function or a service that sees what a template makes of the request.
    Mapped { backend: Backend, mapping: Mapping },
    /// Nothing: the mapping says what is answered.
    Mock(Mapping),
}

/// How a function sees a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// As REST APIs say it.
    Rest,
    /// 1.0 of HTTP APIs.
    One,
    /// 2.0 of HTTP APIs.
    Two,
}

#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Function {
        arn: String,
        /// `Event`, where nobody waits for it.
        is_event: bool,
    },
    Action {
        service: &'static str,
        operation: String,
    },
}

/// What is made of a request and of what came back.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    /// Templates by content type.
    pub request: BTreeMap<String, Template>,
    /// Whether a body that no template is for goes on as it is.
    pub passes: bool,
    pub responses: Vec<MappedResponse>,
}

#[derive(Clone, Debug)]
pub(crate) struct MappedResponse {
    pub status: u16,
    /// Which answers it is for; none for all the others.
    pub pattern: Option<Regex>,
    pub headers: Vec<(String, Source)>,
    pub templates: BTreeMap<String, Template>,
}

/// Where a header of a response comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Literal(String),
    Body(String),
}

/// Services whose actions can be called, with JSON.
const ACTIONS: [&str; 6] = [
    "states",
    "dynamodb",
    "events",
    "ssm",
    "secretsmanager",
    "logs",
];

/// Longest that a REST API and an HTTP API wait.
const REST_MILLIS_MAX: u64 = 29_000;
const HTTP_MILLIS_MAX: u64 = 30_000;

impl Integration {
    /// Reads an integration of a REST API. The error names what is not supported.
    pub fn of_rest(shown: &Value) -> Result<Self, String> {
        let (kind, uri) = (text_of(&shown["type"]), text_of(&shown["uri"]));
        if shown["responseTransferMode"] == "STREAM" {
            return Err("the response transfer mode STREAM".to_owned());
        }
        if shown["connectionType"] == "VPC_LINK" {
            return Err("the connection type VPC_LINK".to_owned());
        }
        let target = match kind.as_str() {
            "AWS_PROXY" => Target::Proxy {
                arn: function_of(&uri)
                    .ok_or_else(|| format!("the integration AWS_PROXY of '{uri}'"))?,
                format: Format::Rest,
            },
            "AWS" => {
                let is_event = parameters(shown)?;
                let backend = match (function_of(&uri), action_of(&uri)) {
                    (Some(arn), _) => Backend::Function { arn, is_event },
                    (None, Some((service, operation))) => Backend::Action { service, operation },
                    (None, None) => return Err(format!("the integration AWS of '{uri}'")),
                };
                Target::Mapped {
                    backend,
                    mapping: Mapping::read(shown)?,
                }
            }
            "MOCK" => Target::Mock(Mapping::read(shown)?),
            other => return Err(format!("the integration type {other}")),
        };
        let millis = shown["timeoutInMillis"].as_u64().unwrap_or(REST_MILLIS_MAX);
        Ok(Self {
            target,
            credentials: shown["credentials"].as_str().map(str::to_owned),
            timeout: Duration::from_millis(millis.min(REST_MILLIS_MAX)),
        })
    }

    /// Reads an integration of an HTTP API.
    pub fn of_http(shown: &Value) -> Result<Self, String> {
        let (kind, uri) = (
            text_of(&shown["integrationType"]),
            text_of(&shown["integrationUri"]),
        );
        if kind != "AWS_PROXY" {
            return Err(format!("the integration type {kind}"));
        }
        if let Some(subtype) = shown["integrationSubtype"].as_str() {
            return Err(format!("the integration subtype {subtype}"));
        }
        for member in ["requestParameters", "responseParameters"] {
            if shown[member]
                .as_object()
                .is_some_and(|given| !given.is_empty())
            {
                return Err(format!("{member} of an integration"));
            }
        }
        let plain = uri.starts_with("arn:aws:lambda:").then(|| uri.clone());
        let arn = function_of(&uri).or(plain);
        let arn = arn.ok_or_else(|| format!("the integration AWS_PROXY of '{uri}'"))?;
        let format = match text_of(&shown["payloadFormatVersion"]).as_str() {
            "1.0" => Format::One,
            "2.0" => Format::Two,
            other => return Err(format!("the payload format version '{other}'")),
        };
        let millis = shown["timeoutInMillis"].as_u64().unwrap_or(HTTP_MILLIS_MAX);
        Ok(Self {
            target: Target::Proxy { arn, format },
            credentials: shown["credentialsArn"].as_str().map(str::to_owned),
            timeout: Duration::from_millis(millis.min(HTTP_MILLIS_MAX)),
        })
    }
}

/// Returns the function that an API calls by this URI.
pub(crate) fn function_of(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once(":lambda:path/")?;
    let (_, rest) = rest.split_once("/functions/")?;
    Some(rest.strip_suffix("/invocations")?.to_owned())
}

fn action_of(uri: &str) -> Option<(&'static str, String)> {
    let rest = uri.strip_prefix("arn:aws:apigateway:")?;
    let (_, rest) = rest.split_once(':')?;
    let (service, operation) = rest.split_once(":action/")?;
    let service = ACTIONS.into_iter().find(|known| *known == service)?;
    Some((service, operation.to_owned()))
}

/// Says whether a function is only told, and refuses every other mapping of parameters.
fn parameters(shown: &Value) -> Result<bool, String> {
    let mut is_event = false;
    for (name, value) in shown["requestParameters"].as_object().into_iter().flatten() {
        match name.strip_prefix("integration.request.header.") {
            Some("X-Amz-Invocation-Type") => is_event = value == "'Event'",
            Some("Content-Type" | "X-Amz-Target") => {}
            _ => return Err(format!("the request parameter '{name}' of an integration")),
        }
    }
    Ok(is_event)
}

impl Mapping {
    fn read(shown: &Value) -> Result<Self, String> {
        let mut responses = Vec::new();
        for response in shown["integrationResponses"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.values())
        {
            responses.push(MappedResponse::read(response)?);
        }
        // What is for all the others comes last.
        responses.sort_by_key(|response| response.pattern.is_none());
        Ok(Self {
            request: templates(&shown["requestTemplates"])?,
            passes: match shown["passthroughBehavior"].as_str() {
                Some("NEVER") => false,
                Some("WHEN_NO_TEMPLATES") => shown["requestTemplates"]
                    .as_object()
                    .is_none_or(|all| all.is_empty()),
                _ => true,
            },
            responses,
        })
    }

    /// Returns the response for what came back, by its status or the message of its error.
    pub fn response(&self, sign: &str) -> Option<&MappedResponse> {
        let fits = |response: &&MappedResponse| {
            response
                .pattern
                .as_ref()
                .is_none_or(|pattern| pattern.is_match(sign))
        };
        self.responses.iter().find(fits)
    }
}

fn templates(given: &Value) -> Result<BTreeMap<String, Template>, String> {
    let all = given.as_object().into_iter().flatten();
    all.map(|(kind, text)| {
        let text = text.as_str().unwrap_or_default();
        Ok((kind.to_ascii_lowercase(), Template::parse(text)?))
    })
    .collect()
}

impl MappedResponse {
    fn read(shown: &Value) -> Result<Self, String> {
        let pattern = shown["selectionPattern"]
            .as_str()
            .filter(|pattern| !pattern.is_empty());
        let pattern = pattern.map(|pattern| {
            Regex::new(&format!("^(?:{pattern})$"))
                .map_err(|_| format!("the selection pattern '{pattern}'"))
        });
        let mut headers = Vec::new();
        for (name, value) in shown["responseParameters"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let header = name.strip_prefix("method.response.header.");
            let value = value.as_str().unwrap_or_default();
            let literal = value
                .strip_prefix('\'')
                .and_then(|value| value.strip_suffix('\''));
            let source = match (literal, value.strip_prefix("integration.response.body.")) {
                (Some(literal), _) => Source::Literal(literal.to_owned()),
                (None, Some(path)) => Source::Body(format!("$.{path}")),
                (None, None) => return Err(format!("the response parameter '{value}'")),
            };
            let header = header.ok_or_else(|| format!("the response parameter '{name}'"))?;
            headers.push((header.to_owned(), source));
        }
        Ok(Self {
            status: text_of(&shown["statusCode"])
                .parse()
                .map_err(|_| "a status code that is no number".to_owned())?,
            pattern: pattern.transpose()?,
            headers,
            templates: templates(&shown["responseTemplates"])?,
        })
    }
}
