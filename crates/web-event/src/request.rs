//! A request as the event that a function gets: payload format 2.0.

use std::net::{IpAddr, Ipv4Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};
use vocab::Timestamp;

/// Who signed a request.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The ARN of who.
    pub arn: String,
    /// By which key.
    pub access_key_id: String,
}

/// A request, with what is known of it.
pub struct Asked<'a> {
    /// Its head.
    pub parts: &'a Parts,
    /// Its body.
    pub body: &'a Bytes,
    /// The id of the URL or the API.
    pub api_id: &'a str,
    /// The host, without a port.
    pub domain: &'a str,
    /// The account of the function.
    pub account: &'a str,
    /// Where it came from.
    pub source: Option<IpAddr>,
    /// Who signed it, where that counts.
    pub caller: Option<&'a Signer>,
    /// `GET /items/{id}`, or `$default`.
    pub route_key: &'a str,
    /// `$default`, or a name.
    pub stage: &'a str,
    /// The path as the function sees it, its percent signs read.
    pub path: String,
    /// `anonymous` for functions' URLs; of APIs it is always the account.
    pub anonymous: bool,
    /// When.
    pub now: Timestamp,
    /// Its id.
    pub request_id: String,
}

/// Returns the event.
pub fn event(asked: &Asked<'_>) -> Value {
    let parts = asked.parts;
    let source = asked.source.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let path = &asked.path;
    let query = parts.uri.query().unwrap_or_default();
    let cookies = cookies(&parts.headers);
    let mut headers = headers(&parts.headers);
    for (name, value) in [
        ("x-forwarded-for", source.to_string()),
        ("x-forwarded-proto", "http".to_owned()),
    ] {
        headers.entry(name).or_insert_with(|| value.into());
    }
    let agent = headers.get("user-agent").cloned().unwrap_or_default();
    let mut context = json!({
        "accountId": if asked.anonymous && asked.caller.is_none() { "anonymous" } else { asked.account },
        "apiId": asked.api_id,
        "domainName": asked.domain,
        "domainPrefix": asked.api_id,
        "http": {
            "method": parts.method.as_str(),
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": source.to_string(),
            "userAgent": agent,
        },
        "requestId": asked.request_id,
        "routeKey": asked.route_key,
        "stage": asked.stage,
        "time": log_time(asked.now),
        "timeEpoch": asked.now.as_millis(),
    });
    if let Some(caller) = asked.caller {
        context["authorizer"] = json!({"iam": {
            "accessKey": caller.access_key_id,
            "accountId": asked.account,
            "callerId": caller.access_key_id,
            "cognitoIdentity": null,
            "principalOrgId": null,
            "userArn": caller.arn,
            "userId": caller.access_key_id,
        }});
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": asked.route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": false,
    });
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    let parameters = parameters(query);
    if !parameters.is_empty() {
        event["queryStringParameters"] = Value::Object(parameters);
    }
    if !asked.body.is_empty() {
        let text = std::str::from_utf8(asked.body)
            .ok()
            .filter(|_| is_text(&parts.headers));
        event["isBase64Encoded"] = text.is_none().into();
        event["body"] = match text {
            Some(text) => text.into(),
            None => STANDARD.encode(asked.body).into(),
        };
    }
    event
}

/// Says whether a body is passed on as text, by its type.
pub fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or("");
    let kind = kind.trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || [
            "application/json",
            "application/javascript",
            "application/xml",
        ]
        .contains(&kind.as_str())
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

/// Returns headers by their names in small letters; several of one name are one, with commas.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut joined = Map::new();
    for name in headers.keys().filter(|name| **name != header::COOKIE) {
        let all: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        joined.insert(name.as_str().to_owned(), all.join(",").into());
    }
    joined
}

/// Returns the cookies of a request, each by itself.
pub fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::COOKIE).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .map(|cookie| cookie.trim().to_owned())
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// Returns the names and values of a query, in order.
pub fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = |text: &str| decoded(&text.replace('+', " "));
            (text(name), text(value))
        })
}

/// Returns the parameters of a query; several of one name are one, with commas.
fn parameters(query: &str) -> Map<String, Value> {
    let mut parameters: Map<String, Value> = Map::new();
    for (name, value) in pairs(query) {
        match parameters.get_mut(&name) {
            Some(Value::String(all)) => {
                all.push(',');
                all.push_str(&value);
            }
            _ => {
                parameters.insert(name, value.into());
            }
        }
    }
    parameters
}

/// Returns `text` with its percent signs read.
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match hex {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Returns a moment as web servers log it: `12/Mar/2020:19:03:58 +0000`.
pub fn log_time(now: Timestamp) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: http::Request<&'static str>, expected: &Value) {
        let (parts, body) = request.into_parts();
        let asked = Asked {
            parts: &parts,
            body: &Bytes::from(body),
            api_id: "id",
            domain: "id.lambda-url.us-east-1.localhost",
            account: "000000000000",
            source: None,
            caller: None,
            route_key: "$default",
            stage: "$default",
            path: decoded(parts.uri.path()),
            anonymous: true,
            now: Timestamp::from_millis(1_583_348_638_390),
            request_id: "r".to_owned(),
        };
        let event = event(&asked);
        for (pointer, value) in expected.as_object().expect("pointers") {
            assert_eq!(event.pointer(pointer), Some(value), "{pointer} of {event}");
        }
    }

    #[test]
    fn requests_become_events() {
        let request = http::Request::builder()
            .method("POST")
            .uri("/my%20path?a=1&a=2&b=x%2Cy&c")
            .header("Content-Type", "application/json; charset=utf-8")
            .header("X-Two", "1")
            .header("X-Two", "2")
            .header("Cookie", "k=v; l=w");
        check(
            request.body("{}").expect("a request"),
            &json!({
                "/version": "2.0",
                "/rawPath": "/my path",
                "/rawQueryString": "a=1&a=2&b=x%2Cy&c",
                "/queryStringParameters": {"a": "1,2", "b": "x,y", "c": ""},
                "/headers/x-two": "1,2",
                "/cookies": ["k=v", "l=w"],
                "/body": "{}",
                "/isBase64Encoded": false,
                "/requestContext/time": "04/Mar/2020:19:03:58 +0000",
                "/requestContext/accountId": "anonymous",
                "/requestContext/http/method": "POST",
            }),
        );
        let request = http::Request::builder().uri("/");
        let form = request.header("Content-Type", "application/x-www-form-urlencoded");
        check(
            form.body("a=b").expect("a request"),
            &json!({"/body": "YT1i", "/isBase64Encoded": true}),
        );
    }
}
