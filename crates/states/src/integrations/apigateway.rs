//! `apigateway:invoke`: a call of an API of API Gateway, by its endpoint, stage and path.
//!
//! Deliberately absent: calls that are signed (`AuthType` `IAM_ROLE` and `RESOURCE_POLICY`); an API that
//! wants them is somebody else's, and the role's credentials are good here alone.

use engine_core::{Payload, TaskDescription};
use http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use super::Answer;
use super::http::client::{BODY_BYTES_MAX, Client, Received, Unanswered};
use super::http::form;
use super::http::reason;
use super::http::request::{METHODS, Ready};

/// Makes the call.
pub(super) async fn invoke(client: &Client, task: &TaskDescription) -> Answer {
    let (method, ready) = match request(task.parameters.value()) {
        Ok(request) => request,
        Err(cause) => return Answer::failed("States.Runtime", cause),
    };
    match client.send(&method, ready).await {
        Ok(received) => answer(task, received),
        Err(Unanswered::Refused(cause)) => Answer::failed("States.Runtime", cause),
        Err(Unanswered::TimedOut) => {
            Answer::failed("States.TaskFailed", "The API did not answer in time.")
        }
        Err(Unanswered::Broken(why)) => Answer::failed(
            "States.TaskFailed",
            format!("The call of the API failed: {why}"),
        ),
    }
}

fn request(parameters: &Value) -> Result<(Method, Ready), String> {
    let text = |name: &str| match parameters.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(format!("The field '{name}' must be a string.")),
    };
    let required = |name: &str| {
        text(name)?.ok_or_else(|| format!("The field '{name}' is required but was missing"))
    };
    let asked = required("Method")?;
    let method = METHODS.into_iter().find(|method| method.as_str() == asked);
    let method = method.ok_or_else(|| {
        format!(
            "The method '{asked}' is not one of GET, POST, PUT, DELETE, PATCH, OPTIONS and HEAD."
        )
    })?;
    match text("AuthType")? {
        None | Some("NO_AUTH") => {}
        Some(other) => {
            return Err(format!(
                "stepd does not support the AuthType '{other}' of apigateway:invoke."
            ));
        }
    }
    let mut url = endpoint(required("ApiEndpoint")?)?;
    for name in ["Stage", "Path"] {
        let part = text(name)?.unwrap_or_default().trim_start_matches('/');
        if !part.is_empty() {
            url.push('/');
            url.push_str(part);
        }
    }
    let mut query = String::new();
    for (name, value) in pairs(parameters.get("QueryParameters")) {
        form::add_pair(&mut query, name, value);
    }
    if !query.is_empty() {
        url.push('?');
        url.push_str(&query);
    }
    let mut headers: Vec<(String, String)> = pairs(parameters.get("Headers"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let keeps_nulls = parameters.get("AllowNullValues") == Some(&Value::Bool(true));
    let body = match parameters.get("RequestBody") {
        None | Some(Value::Null) => None,
        Some(body) if keeps_nulls => Some(body.to_string()),
        Some(body) => Some(without_nulls(body).to_string()),
    };
    let has_type = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if body.is_some() && !has_type {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    Ok((method, Ready { url, headers, body }))
}

/// Returns an endpoint with its scheme: AWS's is a host name alone.
fn endpoint(given: &str) -> Result<String, String> {
    let given = given.trim_end_matches('/');
    let url = if given.contains("://") {
        given.to_owned()
    } else {
        format!("https://{given}")
    };
    let is_plain = !given.contains(['@', '?', '#']) && url.starts_with("http");
    if is_plain {
        Ok(url)
    } else {
        Err(format!(
            "The ApiEndpoint '{given}' is not the host name of an API."
        ))
    }
}

/// Returns the names and values of an object of lists, whose form was checked before the task began.
fn pairs(given: Option<&Value>) -> impl Iterator<Item = (&str, &str)> {
    let members = given.and_then(Value::as_object).into_iter().flatten();
    members.flat_map(|(name, values)| {
        let values = values.as_array().into_iter().flatten();
        values.filter_map(move |value| Some((name.as_str(), value.as_str()?)))
    })
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                kept.map(|(name, value)| (name.clone(), without_nulls(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// Returns what an answer means for the task: an error is named by its status, its cause is what it says.
fn answer(task: &TaskDescription, received: Received) -> Answer {
    let Received {
        status,
        headers,
        body,
        is_cut,
    } = received;
    if is_cut {
        let cause = format!("The response of the API is longer than {BODY_BYTES_MAX} bytes.");
        return Answer::failed("States.DataLimitExceeded", cause);
    }
    let text = String::from_utf8_lossy(&body);
    if !status.is_success() {
        let error = format!("ApiGateway.{}", status.as_u16());
        let cause = if text.is_empty() {
            reason(status).into()
        } else {
            text
        };
        return Answer::failed(error, cause);
    }
    let mut shown = Map::new();
    shown.insert("Headers".to_owned(), shown_headers(&headers));
    if !text.is_empty() {
        let content_type = headers.get(header::CONTENT_TYPE);
        let is_json =
            content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
        // Bounded in depth like every payload.
        let parsed = if is_json {
            Payload::parse(&text).ok()
        } else {
            None
        };
        let body = parsed.map_or_else(|| text.into(), |payload| payload.value().clone());
        shown.insert("ResponseBody".to_owned(), body);
    }
    shown.insert("StatusCode".to_owned(), status.as_u16().into());
    shown.insert("StatusText".to_owned(), reason(status).into());
    Answer::returned(Payload::from_value(Value::Object(shown)), task.completion)
}

/// Returns headers in the order of the alphabet, with capitals as in `Content-Type`.
fn shown_headers(headers: &HeaderMap) -> Value {
    let mut names: Vec<_> = headers.keys().collect();
    names.sort_unstable_by_key(|name| name.as_str());
    let entry = |name: &http::HeaderName| {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let parts: Vec<String> = name.as_str().split('-').map(super::capitalized).collect();
        (parts.join("-"), values.collect())
    };
    Value::Object(names.into_iter().map(entry).collect())
}
