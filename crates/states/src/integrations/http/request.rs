//! What a task asks for, read from its parameters, and the request that comes of it and a connection.

use http::{Method, Uri};
use serde_json::{Map, Value};

use super::connection::Added;
use super::form::{self, Lists};

/// Headers that a definition may not set. Names that end in `*` are beginnings.
const FORBIDDEN: [&str; 35] = [
    "a-im",
    "accept-charset",
    "accept-datetime",
    "accept-encoding",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-md5",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authorization",
    "referer",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "warning",
    "x-forwarded-*",
    "x-amz-*",
    "x-amzn-*",
];
pub(in crate::integrations) const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::PATCH,
    Method::OPTIONS,
    Method::HEAD,
];

/// What a task asks for.
pub(super) struct Asked {
    pub(super) endpoint: String,
    pub(super) method: Method,
    pub(super) connection_arn: String,
    headers: Vec<(String, String)>,
    query: Vec<(String, Value)>,
    body: Option<Value>,
    /// The body is a form, with lists in this manner.
    form: Option<Lists>,
}

/// A request.
pub(in crate::integrations) struct Ready {
    pub(in crate::integrations) url: String,
    pub(in crate::integrations) headers: Vec<(String, String)>,
    pub(in crate::integrations) body: Option<String>,
}

impl Asked {
    /// Reads the parameters of a task; the error says what is wrong with them.
    pub(super) fn read(parameters: &Value) -> Result<Self, String> {
        let text = |name: &str| match parameters.get(name) {
            Some(Value::String(text)) => Ok(text.as_str()),
            Some(_) | None => Err(format!(
                "The field '{name}' is required and must be a string."
            )),
        };
        let endpoint = text("ApiEndpoint")?;
        check_endpoint(endpoint)?;
        let asked = text("Method")?;
        let method = METHODS.into_iter().find(|method| method.as_str() == asked);
        let method = method.ok_or_else(|| {
            format!(
                "The method '{asked}' is not one of GET, POST, PUT, DELETE, PATCH, OPTIONS and HEAD."
            )
        })?;
        let connection_arn = ["InvocationConfig", "Authentication"]
            .iter()
            .find_map(|field| parameters.get(field)?.get("ConnectionArn")?.as_str())
            .ok_or("A ConnectionArn is required in InvocationConfig or Authentication.")?;
        let transform = parameters.get("Transform");
        Ok(Self {
            endpoint: endpoint.to_owned(),
            method,
            connection_arn: connection_arn.to_owned(),
            headers: headers(parameters.get("Headers"))?,
            query: query(parameters.get("QueryParameters"))?,
            body: parameters.get("RequestBody").cloned(),
            form: transform.map(encoding).transpose()?.flatten(),
        })
    }

    /// Returns the request with what a connection adds; for eyes that are not to see that, without it.
    pub(super) fn ready(&self, added: &Added, reveal: bool, agent: &str) -> Result<Ready, String> {
        let additions = |list: &[(String, String)]| if reveal { list.to_vec() } else { Vec::new() };
        let body = self.body(added, reveal)?;
        let mut headers: Vec<(String, String)> = self
            .headers
            .iter()
            .filter(|(name, _)| !names(&added.headers, |own| own.eq_ignore_ascii_case(name)))
            .cloned()
            .collect();
        headers.extend(additions(&added.headers));
        let has_type = headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !has_type && body.is_some() {
            let json = "application/json; charset=UTF-8";
            headers.push(("Content-Type".to_owned(), json.to_owned()));
        }
        headers.push(("User-Agent".to_owned(), agent.to_owned()));
        let range = format!("bytes=0-{}", super::client::BODY_BYTES_MAX);
        headers.push(("Range".to_owned(), range));
        let mut query = String::new();
        for (name, value) in &self.query {
            if !names(&added.query, |own| own == name) {
                form::add(&mut query, name, value, Lists::Repeat);
            }
        }
        for (name, value) in additions(&added.query) {
            form::add_pair(&mut query, &name, &value);
        }
        let mut url = self.endpoint.clone();
        if !query.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&query);
        }
        Ok(Ready { url, headers, body })
    }

    fn body(&self, added: &Added, reveal: bool) -> Result<Option<String>, String> {
        let merged = match (&self.body, added.body.is_empty()) {
            (body, true) => body.clone(),
            (Some(Value::Object(_)) | None, false) => {
                let mut members = match &self.body {
                    Some(Value::Object(members)) => members.clone(),
                    _ => Map::new(),
                };
                for (name, value) in &added.body {
                    if reveal {
                        members.insert(name.clone(), value.as_str().into());
                    } else {
                        members.shift_remove(name);
                    }
                }
                Some(Value::Object(members))
            }
            (Some(_), false) => {
                return Err(
                    "The RequestBody is not a JSON object, so the body parameters of the connection cannot be \
                     merged with it."
                        .to_owned(),
                );
            }
        };
        let Some(body) = merged else {
            return Ok(None);
        };
        let Some(lists) = self.form else {
            // A text is sent as it is: it may be in a format of its own.
            return Ok(Some(match body {
                Value::String(text) => text,
                other => other.to_string(),
            }));
        };
        let mut form = String::new();
        match &body {
            Value::Object(members) => {
                for (name, value) in members {
                    form::add(&mut form, name, value, lists);
                }
            }
            Value::String(text) => form = form::encoded(text).to_string(),
            _ => return Err("A RequestBody that is URL_ENCODED must be a JSON object.".to_owned()),
        }
        Ok(Some(form))
    }
}

fn names(list: &[(String, String)], is_it: impl Fn(&str) -> bool) -> bool {
    list.iter().any(|(name, _)| is_it(name))
}

fn check_endpoint(endpoint: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("The ApiEndpoint '{endpoint}' {why}."));
    let Ok(uri) = endpoint.parse::<Uri>() else {
        return wrong("is not a URL");
    };
    if !matches!(uri.scheme_str(), Some("https" | "http")) {
        return wrong("is not a URL of https");
    }
    match uri.authority() {
        None => wrong("has no host"),
        Some(authority) if authority.as_str().contains('@') => wrong("has a user in it"),
        Some(_) => Ok(()),
    }
}

fn headers(given: Option<&Value>) -> Result<Vec<(String, String)>, String> {
    let members = match given {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(_) => return Err("The field 'Headers' must be a JSON object.".to_owned()),
    };
    let mut headers = Vec::with_capacity(members.len());
    for (name, value) in members {
        let small = name.to_ascii_lowercase();
        let is_forbidden = FORBIDDEN
            .iter()
            .any(|forbidden| match forbidden.strip_suffix('*') {
                Some(beginning) => small.starts_with(beginning),
                None => small == *forbidden,
            });
        if is_forbidden {
            return Err(format!(
                "The header '{name}' cannot be set by an HTTP task."
            ));
        }
        let values = match value {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        for value in values {
            let Value::String(value) = value else {
                return Err(format!(
                    "The header '{name}' must be a string or an array of strings."
                ));
            };
            headers.push((name.clone(), value.clone()));
        }
    }
    Ok(headers)
}

fn query(given: Option<&Value>) -> Result<Vec<(String, Value)>, String> {
    let wrong =
        || "The field 'QueryParameters' must be a JSON object, an array or a string.".to_owned();
    match given {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(members)) => Ok(members.clone().into_iter().collect()),
        Some(Value::String(text)) => Ok(pairs(text)),
        Some(Value::Array(items)) => {
            let mut query = Vec::new();
            for item in items {
                match item {
                    Value::String(text) => query.extend(pairs(text)),
                    Value::Object(members) => query.extend(members.clone()),
                    _ => return Err(wrong()),
                }
            }
            Ok(query)
        }
        Some(_) => Err(wrong()),
    }
}

/// Reads `a=b&c=d`, which is not encoded yet.
fn pairs(text: &str) -> Vec<(String, Value)> {
    let parts = text.trim_start_matches('?').split('&');
    let parts = parts.filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.to_owned(), value.into())
        })
        .collect()
}

fn encoding(transform: &Value) -> Result<Option<Lists>, String> {
    match transform.get("RequestBodyEncoding").and_then(Value::as_str) {
        None | Some("NONE") => return Ok(None),
        Some("URL_ENCODED") => {}
        Some(other) => {
            return Err(format!(
                "The RequestBodyEncoding '{other}' is not NONE or URL_ENCODED."
            ));
        }
    }
    let options = transform.get("RequestEncodingOptions");
    match options.and_then(|options| options.get("ArrayFormat")?.as_str()) {
        None | Some("INDICES") => Ok(Some(Lists::Indices)),
        Some("REPEAT") => Ok(Some(Lists::Repeat)),
        Some("COMMAS") => Ok(Some(Lists::Commas)),
        Some("BRACKETS") => Ok(Some(Lists::Brackets)),
        Some(other) => Err(format!(
            "The ArrayFormat '{other}' is not INDICES, REPEAT, COMMAS or BRACKETS."
        )),
    }
}
