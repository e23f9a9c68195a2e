//! What a function returns, as a response.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

/// Returns a response that is JSON.
pub fn json_response(status: StatusCode, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Returns the response that a function described, or whose body is what it returned.
pub fn response_of(payload: &[u8]) -> Option<Response<Bytes>> {
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
pub fn is_ours(name: &HeaderName) -> bool {
    [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::TRAILER,
    ]
    .contains(name)
}
