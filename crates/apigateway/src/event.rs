//! A request as functions see it in payload format 1.0 and of REST APIs, and as mapping templates see it.

use std::net::{IpAddr, Ipv4Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

use crate::answer::Request;

/// Returns headers with capitals as HTTP/1.1 clients write them: `Content-Type`.
fn headers(headers: &HeaderMap) -> Vec<(String, Vec<String>)> {
    let all = headers.keys().map(|name| {
        let parts = name.as_str().split('-').map(|part| {
            let (first, rest) = part.split_at(part.len().min(1));
            format!("{}{rest}", first.to_ascii_uppercase())
        });
        let values = headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        (parts.collect::<Vec<_>>().join("-"), values.collect())
    });
    let mut all: Vec<(String, Vec<String>)> = all.collect();
    all.sort();
    all
}

/// Returns the last value of each name, and all values of each.
fn both(all: Vec<(String, Vec<String>)>) -> (Value, Value) {
    if all.is_empty() {
        return (Value::Null, Value::Null);
    }
    let (mut single, mut multiple) = (Map::new(), Map::new());
    for (name, values) in all {
        let last = values.last().cloned().unwrap_or_default();
        single.insert(name.clone(), last.into());
        multiple.insert(name, values.into());
    }
    (single.into(), multiple.into())
}

fn query(text: &str) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in web_event::pairs(text) {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => all.push((name, vec![value])),
        }
    }
    all
}

/// Returns an object, and null for an empty one.
pub(crate) fn or_null(value: Value) -> Value {
    match &value {
        Value::Object(members) if members.is_empty() => Value::Null,
        _ => value,
    }
}

/// Returns the parameters of the path.
pub(crate) fn path_parameters(request: &Request<'_>) -> Value {
    let all = request.parameters.iter();
    let all = all.map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    Value::Object(all.collect())
}

fn source(request: &Request<'_>) -> IpAddr {
    request.source.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// Returns `requestContext`, which `$context` is too.
pub(crate) fn context(request: &Request<'_>) -> Value {
    let (plan, endpoint) = (request.plan, &request.endpoint);
    let agent = request.parts.headers.get(header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    let caller = request.signer.as_ref();
    let key = caller.map(|caller| caller.access_key_id.as_str());
    let mut context = json!({
        "resourceId": endpoint.resource_id,
        "resourcePath": endpoint.path,
        "httpMethod": request.parts.method.as_str(),
        "extendedRequestId": request.request_id,
        "requestTime": web_event::log_time(request.now),
        "path": request.parts.uri.path(),
        "accountId": request.account,
        "protocol": "HTTP/1.1",
        "stage": plan.stage,
        "domainPrefix": plan.api_id,
        "requestTimeEpoch": request.now.as_millis(),
        "requestId": request.request_id,
        "identity": {
            "cognitoIdentityPoolId": null,
            "accountId": caller.map(|_| request.account),
            "cognitoIdentityId": null,
            "caller": key,
            "sourceIp": source(request).to_string(),
            "principalOrgId": null,
            "accessKey": key,
            "cognitoAuthenticationType": null,
            "cognitoAuthenticationProvider": null,
            "userArn": caller.map(|caller| caller.arn.as_str()),
            "userAgent": agent,
            "user": key,
        },
        "domainName": request.domain,
        "deploymentId": plan.deployment_id,
        "apiId": plan.api_id,
    });
    if let Some(name) = &endpoint.operation_name {
        context["operationName"] = name.as_str().into();
    }
    if !request.authorizer.is_null() {
        context["authorizer"] = request.authorizer.clone();
    }
    context
}

/// Returns the event; `versioned` is that of HTTP APIs.
pub(crate) fn event(request: &Request<'_>, versioned: bool) -> Value {
    let parts = request.parts;
    let mut own = parts.headers.clone();
    for (name, value) in [
        ("x-forwarded-for", source(request).to_string()),
        ("x-forwarded-proto", "http".to_owned()),
    ] {
        if let (false, Ok(value)) = (own.contains_key(name), value.parse()) {
            own.insert(name, value);
        }
    }
    let (headers, multi_headers) = both(headers(&own));
    let (single, multiple) = both(query(parts.uri.query().unwrap_or_default()));
    let (body, encoded) = body(request);
    let path = if versioned {
        parts.uri.path()
    } else {
        request.path
    };
    let mut context = context(request);
    if versioned && let Value::Object(context) = &mut context {
        context.remove("deploymentId");
        context.insert(
            "resourceId".to_owned(),
            request.endpoint.route_key.as_str().into(),
        );
    }
    let mut event = json!({
        "resource": request.endpoint.path,
        "path": web_event::decoded(path),
        "httpMethod": parts.method.as_str(),
        "headers": headers,
        "multiValueHeaders": multi_headers,
        "queryStringParameters": single,
        "multiValueQueryStringParameters": multiple,
        "pathParameters": or_null(path_parameters(request)),
        "stageVariables": or_null(request.plan.variables.clone()),
        "requestContext": context,
        "body": body,
        "isBase64Encoded": encoded,
    });
    if versioned {
        event["version"] = "1.0".into();
    }
    event
}

/// Returns the body as text or in base64, and which.
fn body(request: &Request<'_>) -> (Value, bool) {
    if request.body.is_empty() {
        return (Value::Null, false);
    }
    let headers = &request.parts.headers;
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let is_binary = match request.plan.http {
        true => !web_event::is_text(headers),
        false => is_binary(&request.plan.binary, kind.unwrap_or("application/json")),
    };
    match std::str::from_utf8(request.body) {
        Ok(text) if !is_binary => (text.into(), false),
        // What is no text is none here either; AWS would pass on its ruins.
        Err(_) | Ok(_) => (STANDARD.encode(request.body).into(), true),
    }
}

/// Says whether a type of content is one of `types`.
pub(crate) fn is_binary(types: &[String], kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let family = kind.split('/').next().unwrap_or_default();
    types.iter().any(|one| {
        one == "*/*"
            || one.eq_ignore_ascii_case(kind)
            || one.eq_ignore_ascii_case(&format!("{family}/*"))
    })
}

/// Returns what `$input.params()` is.
pub(crate) fn params(request: &Request<'_>) -> Value {
    let (headers, _) = both(headers(&request.parts.headers));
    let (query, _) = both(query(request.parts.uri.query().unwrap_or_default()));
    let or_empty = |value: Value| if value.is_null() { json!({}) } else { value };
    json!({
        "path": path_parameters(request),
        "querystring": or_empty(query),
        "header": or_empty(headers),
    })
}
