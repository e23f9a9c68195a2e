//! A call of a function's URL: a request becomes an event of payload format 2.0, and what the function
//! returns becomes a response (Lambda guide, "Invoking Lambda function URLs").

use std::net::IpAddr;
use std::sync::Arc;

use aws_model::lambda::Cors;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};
use service::{Failure, Principal, RequestId};
use vocab::Timestamp;

use crate::Lambda;
use crate::instance::Event;
use crate::permissions::ResourcePolicy;
use crate::url_event::{self, Asked};
use crate::urls::UrlConfig;

/// Longest body of a request (Lambda quotas).
pub const URL_BODY_BYTES_MAX: usize = 6 << 20;

const FORBIDDEN: &str = "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";

/// Who called a URL, where the call was signed.
pub struct UrlCaller {
    /// Who.
    pub principal: Principal,
    /// By which key.
    pub access_key_id: String,
}

impl Lambda {
    /// Says by the head whether a request is for a function's URL.
    pub fn is_url(&self, parts: &Parts) -> bool {
        url_id(parts).is_some()
    }

    /// Answers a request for a function's URL. Problems are answers.
    pub async fn answer_url(
        &self,
        parts: &Parts,
        body: Bytes,
        caller: Option<UrlCaller>,
        source: Option<IpAddr>,
        request_id: RequestId,
    ) -> Response<Bytes> {
        let id = url_id(parts).unwrap_or_default();
        let config = match self.url_by_id(id).await {
            Ok(Some(config)) => config,
            Ok(None) => return message(StatusCode::FORBIDDEN, FORBIDDEN),
            Err(failure) => return refused(&failure),
        };
        let cors = config.cors.as_ref();
        if let Some(preflight) = cors.and_then(|cors| preflight(cors, parts)) {
            return preflight;
        }
        let allowed = match (&caller, config.signed) {
            (Some(_), true) => true,
            (None, true) => false,
            (_, false) => match self.policy(&config.target()).await {
                Ok(policy) => policy.is_some_and(|policy| is_open(&policy.value)),
                Err(failure) => return refused(&failure),
            },
        };
        let mut response = if allowed {
            self.invoke_url(&config, parts, body, caller, source, request_id)
                .await
        } else {
            message(StatusCode::FORBIDDEN, FORBIDDEN)
        };
        if let Some(cors) = cors {
            share(cors, parts, response.headers_mut());
        }
        response
    }

    async fn invoke_url(
        &self,
        config: &UrlConfig,
        parts: &Parts,
        body: Bytes,
        caller: Option<UrlCaller>,
        source: Option<IpAddr>,
        request_id: RequestId,
    ) -> Response<Bytes> {
        let host = self.url_host(&config.id);
        let domain = host.split(':').next().unwrap_or_default();
        let asked = Asked {
            parts,
            body: &body,
            api_id: &config.id,
            domain,
            account: &self.site.account_id,
            source,
            caller: caller.as_ref().filter(|_| config.signed),
            now: self.clock.now(),
            request_id: request_id.to_string(),
        };
        let target = config.target();
        let event = Event {
            request_id: request_id.to_string(),
            function_arn: Arc::from(target.qualified_arn(&self.site, None)),
            payload: url_event::event(&asked).to_string().into(),
            client_context: None,
            keep_tail: false,
        };
        let version = match self.catalog.resolve(&target).await {
            Ok(Some(version)) => version,
            Ok(None) => return message(StatusCode::FORBIDDEN, FORBIDDEN),
            Err(error) => return refused(&crate::failure::store(&error)),
        };
        match self.invoker.run(&target.name, version, event).await {
            Ok(Some(outcome)) if outcome.failed => bad_gateway(),
            Ok(Some(outcome)) => response_of(&outcome.payload).unwrap_or_else(bad_gateway),
            Ok(None) => message(StatusCode::FORBIDDEN, FORBIDDEN),
            Err(failure) => refused(&failure),
        }
    }
}

/// Returns the id of the URL that a request is for: the beginning of its host.
fn url_id(parts: &Parts) -> Option<&str> {
    let host = parts.uri.host().or_else(|| {
        let host = parts.headers.get(header::HOST)?.to_str().ok()?;
        Some(host.split(':').next().unwrap_or(host))
    })?;
    let (id, rest) = host.split_once('.')?;
    rest.starts_with("lambda-url.").then_some(id)
}

/// Says whether everybody may call a URL that nobody signs for.
fn is_open(policy: &ResourcePolicy) -> bool {
    policy.statements.iter().any(|statement| {
        let action = statement["Action"].as_str().unwrap_or_default();
        let kind = statement.pointer("/Condition/StringEquals/lambda:FunctionUrlAuthType");
        statement["Effect"] == "Allow"
            && (statement["Principal"] == "*" || statement["Principal"]["AWS"] == "*")
            && matches!(action, "lambda:InvokeFunctionUrl" | "lambda:*" | "*")
            && kind.is_none_or(|kind| kind == "NONE")
    })
}

fn json_response(status: StatusCode, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn message(status: StatusCode, text: &str) -> Response<Bytes> {
    json_response(status, json!({"Message": text}).to_string())
}

fn bad_gateway() -> Response<Bytes> {
    json_response(StatusCode::BAD_GATEWAY, "Internal Server Error".to_owned())
}

fn refused(failure: &Failure) -> Response<Bytes> {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::BAD_GATEWAY);
    message(status, &failure.message)
}

/// Returns the response that a function described, or whose body is what it returned.
fn response_of(payload: &[u8]) -> Option<Response<Bytes>> {
    let value: Value = serde_json::from_slice(payload).ok()?;
    let Some(status) = value.get("statusCode") else {
        let text = String::from_utf8_lossy(payload).into_owned();
        return Some(json_response(StatusCode::OK, text));
    };
    let status = match status {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    let body = match value.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if value.get("isBase64Encoded") == Some(&Value::Bool(true)) => {
            STANDARD.decode(text).ok()?.into()
        }
        Some(Value::String(text)) => text.clone().into(),
        Some(other) => other.to_string().into(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    let headers = response.headers_mut();
    let given = value.get("headers").and_then(Value::as_object);
    for (name, value) in given.into_iter().flatten() {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        if is_ours(&name) {
            continue;
        }
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        headers.append(name, HeaderValue::try_from(text).ok()?);
    }
    if !headers.contains_key(header::CONTENT_TYPE) {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
    let cookies = value.get("cookies").and_then(Value::as_array);
    for cookie in cookies.into_iter().flatten().filter_map(Value::as_str) {
        headers.append(header::SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    Some(response)
}

/// Headers that the connection has, not the function.
fn is_ours(name: &HeaderName) -> bool {
    [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::TRAILER,
    ]
    .contains(name)
}

fn origin(parts: &Parts) -> Option<&str> {
    parts.headers.get(header::ORIGIN)?.to_str().ok()
}

fn permits(list: Option<&Vec<String>>, value: &str) -> bool {
    let mut all = list.into_iter().flatten();
    all.any(|one| one == "*" || one.eq_ignore_ascii_case(value))
}

/// Answers the question of a browser whether its page may call; the function does not see it.
fn preflight(cors: &Cors, parts: &Parts) -> Option<Response<Bytes>> {
    let asks = parts.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let asks = asks
        .to_str()
        .ok()
        .filter(|_| parts.method == Method::OPTIONS)?;
    let origin = origin(parts)?;
    let mut response = Response::new(Bytes::new());
    if permits(cors.allow_origins.as_ref(), origin) && permits(cors.allow_methods.as_ref(), asks) {
        let headers = response.headers_mut();
        share(cors, parts, headers);
        let lists = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, &cors.allow_methods),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, &cors.allow_headers),
        ];
        for (name, list) in lists {
            let text = list.as_ref().map(|list| list.join(","));
            let value = text.and_then(|text| HeaderValue::try_from(text).ok());
            headers.extend(value.map(|value| (name, value)));
        }
        if let Some(seconds) = cors.max_age {
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
        }
    }
    Some(response)
}

/// Adds that the page that asks may read the answer.
fn share(cors: &Cors, parts: &Parts, headers: &mut HeaderMap) {
    let Some(origin) = origin(parts).filter(|origin| permits(cors.allow_origins.as_ref(), origin))
    else {
        return;
    };
    let credentials = cors.allow_credentials == Some(true);
    let everybody = cors.allow_origins.iter().flatten().any(|one| one == "*");
    let shown = if everybody && !credentials {
        "*"
    } else {
        origin
    };
    if let Ok(value) = HeaderValue::from_str(shown) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
    }
    if shown != "*" {
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    if credentials {
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
    let exposed = cors.expose_headers.as_ref().map(|list| list.join(","));
    if let Some(value) = exposed.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, value);
    }
}

/// Returns a moment as web servers log it: `12/Mar/2020:19:03:58 +0000`.
pub(crate) fn log_time(now: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = now.to_string();
    let month: usize = text[5..7].parse().unwrap_or(1);
    let month = MONTHS[(month - 1).min(11)];
    format!(
        "{}/{month}/{}:{} +0000",
        &text[8..10],
        &text[..4],
        &text[11..19]
    )
}
