//! Responses: of what a request led to, and of what went wrong, in AWS's words.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use web_event::json_response;

use crate::answer::Request;
use crate::event;
use crate::integration::{MappedResponse, Mapping, Source};
use crate::template::Scope;

/// Why a request is not answered by what it leads to.
pub(crate) enum Trouble {
    Unauthorized,
    Denied {
        explicit: bool,
    },
    /// The function that authorizes does not work.
    Authorizer,
    /// What AWS says of a signature that does not suffice.
    Refused(String),
    Failed,
    Malformed,
    TimedOut,
    /// No template is for the type of the body.
    Unsupported,
}

/// Returns an error, with the name that its header has.
pub(crate) fn message(status: StatusCode, text: &str, kind: &'static str) -> Response<Bytes> {
    let mut response = json_response(status, json!({"message": text}).to_string());
    if !kind.is_empty() {
        let headers = response.headers_mut();
        headers.insert("x-amzn-errortype", HeaderValue::from_static(kind));
    }
    response
}

pub(crate) fn forbidden() -> Response<Bytes> {
    message(StatusCode::FORBIDDEN, "Forbidden", "ForbiddenException")
}

pub(crate) fn missing_token() -> Response<Bytes> {
    let text = "Missing Authentication Token";
    message(
        StatusCode::FORBIDDEN,
        text,
        "MissingAuthenticationTokenException",
    )
}

impl Trouble {
    /// Returns the response that tells of it, as the kind of API has it.
    pub fn answer(self, http: bool) -> Response<Bytes> {
        let internal = if http {
            "Internal Server Error"
        } else {
            "Internal server error"
        };
        match self {
            Self::Unauthorized => message(
                StatusCode::UNAUTHORIZED,
                "Unauthorized",
                "UnauthorizedException",
            ),
            Self::Denied { .. } | Self::Refused(_) if http => {
                message(StatusCode::FORBIDDEN, "Forbidden", "")
            }
            Self::Denied { explicit } => {
                let end = if explicit {
                    " with an explicit deny"
                } else {
                    ""
                };
                let text = format!("User is not authorized to access this resource{end}");
                refusal(&text)
            }
            Self::Refused(text) if text.is_empty() => missing_token(),
            Self::Refused(text) => refusal(&text),
            Self::Authorizer if http => message(StatusCode::INTERNAL_SERVER_ERROR, internal, ""),
            Self::Authorizer => {
                let body = json!({"message": null}).to_string();
                let mut response = json_response(StatusCode::INTERNAL_SERVER_ERROR, body);
                let kind = HeaderValue::from_static("AuthorizerConfigurationException");
                response.headers_mut().insert("x-amzn-errortype", kind);
                response
            }
            Self::Failed => message(
                StatusCode::INTERNAL_SERVER_ERROR,
                internal,
                "InternalServerErrorException",
            ),
            Self::Malformed if http => message(StatusCode::INTERNAL_SERVER_ERROR, internal, ""),
            Self::Malformed => message(
                StatusCode::BAD_GATEWAY,
                internal,
                "InternalServerErrorException",
            ),
            Self::TimedOut if http => {
                message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", "")
            }
            Self::TimedOut => message(
                StatusCode::GATEWAY_TIMEOUT,
                "Endpoint request timed out",
                "InternalServerErrorException",
            ),
            Self::Unsupported => message(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported Media Type",
                "BadRequestException",
            ),
        }
    }
}

/// AWS writes this one with a capital.
fn refusal(text: &str) -> Response<Bytes> {
    let mut response = json_response(StatusCode::FORBIDDEN, json!({"Message": text}).to_string());
    let kind = HeaderValue::from_static("AccessDeniedException");
    response.headers_mut().insert("x-amzn-errortype", kind);
    response
}

/// Returns what a function described in format 1.0.
pub(crate) fn proxied(request: &Request<'_>, payload: &[u8]) -> Option<Response<Bytes>> {
    let value: Value = serde_json::from_slice(payload).ok()?;
    let status = match value.get("statusCode")? {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    let headers = |member: &str| match value.get(member) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Object(given)) => {
            let mut all = Vec::new();
            for (name, given) in given {
                let name = HeaderName::try_from(name.as_str()).ok()?;
                let values = given
                    .as_array()
                    .map_or(std::slice::from_ref(given), Vec::as_slice);
                for value in values {
                    let text = crate::rest_import::text_of(value);
                    all.push((name.clone(), HeaderValue::try_from(text).ok()?));
                }
            }
            Some(all)
        }
        Some(_) => None,
    };
    let (single, multiple) = (headers("headers")?, headers("multiValueHeaders")?);
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    let said = response.headers_mut();
    let ours = |name: &HeaderName| web_event::is_ours(name);
    for (name, value) in multiple.iter().filter(|(name, _)| !ours(name)) {
        said.append(name, value.clone());
    }
    for (name, value) in single.into_iter().filter(|(name, _)| !ours(name)) {
        // One that is in both is said once for all its values.
        if !multiple.iter().any(|(known, _)| *known == name) {
            said.insert(name, value);
        }
    }
    if !said.contains_key(header::CONTENT_TYPE) {
        let kind = if request.plan.http {
            "text/plain;charset=UTF-8"
        } else {
            "application/json"
        };
        said.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    let encoded = value.get("isBase64Encoded") == Some(&Value::Bool(true));
    *response.body_mut() = match value.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if encoded && is_wanted(request, response.headers()) => {
            STANDARD.decode(text).ok()?.into()
        }
        Some(Value::String(text)) => text.clone().into(),
        Some(_) => return None,
    };
    Some(response)
}

/// Says whether a body that is in base64 is wanted as the bytes that it means.
fn is_wanted(request: &Request<'_>, said: &http::HeaderMap) -> bool {
    if request.plan.http {
        return true;
    }
    let text = |value: Option<&HeaderValue>| {
        value
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let accepted = text(request.parts.headers.get(header::ACCEPT));
    let first = accepted
        .as_deref()
        .and_then(|accept| accept.split(',').next());
    let kind = text(said.get(header::CONTENT_TYPE));
    [first, kind.as_deref()]
        .into_iter()
        .flatten()
        .any(|kind| event::is_binary(&request.plan.binary, kind))
}

/// Returns what a mapping makes of a request.
pub(crate) fn mapped(request: &Request<'_>, mapping: &Mapping) -> Result<String, Trouble> {
    let kind = request.parts.headers.get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("application/json");
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let body = String::from_utf8_lossy(request.body);
    match mapping.request.get(&kind) {
        Some(template) => Ok(template.expand(&Scope {
            body: &body,
            params: &event::params(request),
            context: &event::context(request),
            stage_variables: &request.plan.variables,
        })),
        None if mapping.passes => Ok(body.into_owned()),
        None => Err(Trouble::Unsupported),
    }
}

/// Returns the response that a mapping makes of what came back.
pub(crate) fn returned(
    request: &Request<'_>,
    mapped: &MappedResponse,
    body: &str,
) -> Result<Response<Bytes>, Trouble> {
    let template = mapped.templates.get("application/json");
    let text = match template.or_else(|| mapped.templates.values().next()) {
        Some(template) => template.expand(&Scope {
            body,
            params: &event::params(request),
            context: &event::context(request),
            stage_variables: &request.plan.variables,
        }),
        None => body.to_owned(),
    };
    let status = StatusCode::from_u16(mapped.status).map_err(|_| Trouble::Failed)?;
    let mut response = json_response(status, text);
    for (name, source) in &mapped.headers {
        let value = match source {
            Source::Literal(text) => text.clone(),
            Source::Body(path) => {
                let body: Value = serde_json::from_str(body).unwrap_or_default();
                let path = jsonpath::JsonPath::parse(path).map_err(|_| Trouble::Failed)?;
                let Ok(found) = path.evaluate(&body) else {
                    continue;
                };
                crate::rest_import::text_of(&found)
            }
        };
        let name = HeaderName::try_from(name.as_str()).map_err(|_| Trouble::Failed)?;
        let value = HeaderValue::try_from(value).map_err(|_| Trouble::Failed)?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}
