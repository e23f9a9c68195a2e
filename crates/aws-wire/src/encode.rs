//! Answers to bytes, in each protocol.

use aws_model::schema::{Location, ModelledError};
use aws_model::{OperationModel, Protocol, lambda, states};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

use crate::{query_error, query_sqs};

/// An answer on its way to the caller.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers; never a request's id, which the listener adds to every answer.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// An error as services and the gateway say it.
#[derive(Clone, Copy, Debug)]
pub struct ErrorAnswer<'a> {
    /// The service that was called, where one is known.
    pub service: Option<&'a str>,
    /// The code as clients match it.
    pub code: &'a str,
    /// The text; left out where it is empty.
    pub message: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// Further members.
    pub fields: &'a Map<String, Value>,
}

/// Encodes the output of an operation of the query protocol that worked.
pub fn encode_query_output(
    service: &str,
    operation: &str,
    output: &[u8],
    request_id: &str,
) -> Answer {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(header::CONTENT_TYPE, content_type(Protocol::Query));
    Answer {
        status: StatusCode::OK,
        headers,
        body: crate::query::write(service, operation, output, request_id),
    }
}

/// Encodes the output of an operation that worked. `output` is a JSON object with the model's names,
/// `payload` the raw member that is the body.
pub fn encode_output(
    protocol: Protocol,
    model: Option<&OperationModel>,
    output: Bytes,
    payload: Bytes,
) -> Answer {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(header::CONTENT_TYPE, content_type(protocol));
    let status = model
        .and_then(|model| StatusCode::from_u16(model.status).ok())
        .unwrap_or(StatusCode::OK);
    let body = match () {
        () if status == StatusCode::NO_CONTENT && payload.is_empty() => Bytes::new(),
        () if output.is_empty() => Bytes::from_static(b"{}"),
        () => output,
    };
    let members = model
        .and_then(|model| model.output)
        .map_or(&[][..], |shape| shape.members());
    if members
        .iter()
        .all(|member| member.location == Location::Body)
    {
        return Answer {
            status,
            headers,
            body,
        };
    }
    let mut answer = Answer {
        status,
        headers,
        body: payload,
    };
    let Ok(mut values) = serde_json::from_slice::<Map<String, Value>>(&body) else {
        return answer;
    };
    for member in members {
        match member.location {
            Location::Header(name) => {
                let value = values
                    .remove(member.name)
                    .and_then(|value| header_value(&value));
                answer
                    .headers
                    .extend(value.map(|value| (HeaderName::from_static(name), value)));
            }
            Location::StatusCode => {
                let status = values.remove(member.name).and_then(|value| value.as_u64());
                let status = status.and_then(|status| StatusCode::from_u16(status as u16).ok());
                answer.status = status.unwrap_or(answer.status);
            }
            Location::Body | Location::Path(_) | Location::Query(_) | Location::Payload => {}
        }
    }
    if !members
        .iter()
        .any(|member| member.location == Location::Payload)
    {
        answer.body = Value::Object(values).to_string().into();
    }
    if answer.status == StatusCode::NO_CONTENT {
        answer.body = Bytes::new();
    }
    answer
}

fn header_value(value: &Value) -> Option<HeaderValue> {
    match value {
        Value::String(text) => HeaderValue::from_str(text).ok(),
        Value::Number(number) => HeaderValue::from_str(&number.to_string()).ok(),
        Value::Bool(flag) => Some(HeaderValue::from_static(if *flag {
            "true"
        } else {
            "false"
        })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Encodes an error.
pub fn encode_error(protocol: Protocol, error: &ErrorAnswer<'_>, request_id: &str) -> Answer {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(header::CONTENT_TYPE, content_type(protocol));
    let body = match protocol {
        Protocol::Json10 | Protocol::Json11 => match query_error::both(error.service, error.code) {
            Some((kind, old)) => {
                let fault = if error.status < 500 {
                    "Sender"
                } else {
                    "Receiver"
                };
                let value = HeaderValue::from_str(&format!("{old};{fault}"));
                let value = value.unwrap_or(HeaderValue::from_static("InternalFailure;Receiver"));
                headers.insert(HeaderName::from_static("x-amzn-query-error"), value);
                json_body(error, Some(&kind))
            }
            None => json_body(error, Some(&qualified(error))),
        },
        Protocol::RestJson => {
            let code = HeaderValue::from_str(error.code)
                .unwrap_or(HeaderValue::from_static("InternalFailure"));
            headers.insert(HeaderName::from_static("x-amzn-errortype"), code);
            json_body(error, None)
        }
        Protocol::Query => format!(
            "<ErrorResponse{}><Error><Type>{}</Type>{}</Error><RequestId>{request_id}</RequestId></ErrorResponse>",
            match error.service {
                Some("sqs") => format!(" xmlns=\"{}\"", query_sqs::SPACE),
                Some(_) | None => String::new(),
            },
            if error.status < 500 {
                "Sender"
            } else {
                "Receiver"
            },
            xml_members(&ErrorAnswer {
                code: query_error::query_code(error.service.unwrap_or_default(), error.code),
                ..*error
            }),
        ),
        Protocol::RestXml => {
            let members = xml_members(error);
            format!(
                "<?xml version=\"1.0\"?><Error>{members}<RequestId>{request_id}</RequestId></Error>"
            )
        }
    };
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Answer {
        status,
        headers,
        body: body.into(),
    }
}

fn content_type(protocol: Protocol) -> HeaderValue {
    HeaderValue::from_static(match protocol {
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        Protocol::RestJson => "application/json",
        Protocol::Query => "text/xml",
        Protocol::RestXml => "application/xml",
    })
}

fn modelled(error: &ErrorAnswer<'_>) -> Option<&'static ModelledError> {
    let all = match error.service {
        Some("states") => states::error::ALL,
        Some("lambda") => lambda::error::ALL,
        Some(_) | None => return None,
    };
    all.iter().find(|known| known.code == error.code).copied()
}

/// Returns the code with the namespace that AWS puts before it; clients strip it.
fn qualified(error: &ErrorAnswer<'_>) -> String {
    let namespace = match error.service {
        // The constraints of the model are checked before the service sees anything.
        _ if error.message.contains(" detected: Value") => "com.amazon.coral.validate",
        Some("states") if modelled(error).is_some() => "com.amazonaws.swf.service.v2.model",
        Some("dynamodb") if !is_common(error.code) => "com.amazonaws.dynamodb.v20120810",
        Some(_) | None => "com.amazon.coral.service",
    };
    format!("{namespace}#{}", error.code)
}

/// Says whether a code is one of those that every service may answer.
fn is_common(code: &str) -> bool {
    matches!(
        code,
        "AccessDeniedException"
            | "ExpiredTokenException"
            | "IncompleteSignatureException"
            | "InternalFailure"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "SerializationException"
            | "UnknownOperationException"
            | "UnrecognizedClientException"
    )
}

fn json_body(error: &ErrorAnswer<'_>, kind: Option<&str>) -> String {
    let mut body = Map::new();
    if let Some(kind) = kind {
        body.insert("__type".to_owned(), kind.into());
    }
    let modelled = modelled(error);
    if modelled.is_some_and(|modelled| modelled.typed) {
        let fault = if error.status < 500 {
            "User"
        } else {
            "Service"
        };
        body.insert("Type".to_owned(), fault.into());
    }
    if !error.message.is_empty() {
        let name = modelled.map_or("message", |modelled| modelled.message);
        body.insert(name.to_owned(), error.message.into());
    }
    body.extend(
        error
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    Value::Object(body).to_string()
}

fn xml_members(error: &ErrorAnswer<'_>) -> String {
    let mut text = format!("<Code>{}</Code><Message>", error.code);
    for letter in error.message.chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            // XML 1.0 has no form for the other control characters.
            letter if letter.is_control() => text.push(' '),
            letter => text.push(letter),
        }
    }
    text.push_str("</Message>");
    text
}
