//! Lambda: a function by its ARN, and `lambda:invoke` with and without a token.

use bytes::Bytes;
use engine_core::{Payload, TaskDescription};
use serde_json::{Map, Value, json};
use service::{Call, Failure, Gate, Principal, Reply, RequestId, Site};

use super::Answer;

/// Calls a function that stands as the task's `Resource`: the result is the function's own output.
pub(super) async fn call_function(
    gate: &dyn Gate,
    arn: &str,
    task: &TaskDescription,
    principal: Principal,
) -> Answer {
    let input = json!({ "FunctionName": arn });
    let payload = Bytes::copy_from_slice(task.parameters.text().as_bytes());
    let request_id = RequestId::random();
    match gate
        .call(invocation(input, payload, principal, request_id))
        .await
    {
        Ok(reply) => match function_error(&reply) {
            Some(failed) => failed,
            None => Answer::returned(result_of(&reply.payload), task.completion),
        },
        Err(failure) => service_error(&failure, request_id),
    }
}

/// Calls `lambda:invoke`: the result is the reply of the Lambda API with `Payload` as JSON.
pub(super) async fn invoke(
    gate: &dyn Gate,
    _: &Site,
    task: &TaskDescription,
    principal: Principal,
) -> Answer {
    let Value::Object(parameters) = task.parameters.value() else {
        return Answer::failed(
            "States.Runtime",
            "The parameters of lambda:invoke must be an object.",
        );
    };
    let mut input = parameters.clone();
    let payload = match input.shift_remove("Payload") {
        Some(payload) => Bytes::from(payload.to_string()),
        None => Bytes::new(),
    };
    // In the API the client context is base64 of JSON; a task may give the JSON itself.
    if let Some(context @ Value::Object(_)) = input.get("ClientContext") {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(context.to_string());
        input.insert("ClientContext".into(), encoded.into());
    }
    let request_id = RequestId::random();
    match gate
        .call(invocation(
            Value::Object(input),
            payload,
            principal,
            request_id,
        ))
        .await
    {
        Ok(reply) => match function_error(&reply) {
            Some(failed) => failed,
            None => Answer::returned(
                Payload::from_value(envelope(&reply, request_id)),
                task.completion,
            ),
        },
        Err(failure) => service_error(&failure, request_id),
    }
}

fn invocation(input: Value, payload: Bytes, principal: Principal, request_id: RequestId) -> Call {
    Call {
        service: "lambda",
        operation: "Invoke".into(),
        input: input.to_string().into(),
        payload,
        principal,
        request_id,
    }
}

/// Returns the function's output: JSON as it came, anything else as a string.
fn result_of(payload: &[u8]) -> Payload {
    let text = String::from_utf8_lossy(payload);
    if text.is_empty() {
        return Payload::from_value(Value::Null);
    }
    Payload::parse(&text)
        .unwrap_or_else(|_| Payload::from_value(Value::String(text.clone().into_owned())))
}

fn member(reply: &Reply, name: &str) -> Option<Value> {
    let output: Map<String, Value> = serde_json::from_slice(&reply.output).ok()?;
    output.get(name).cloned()
}

/// Returns the failure of a function that raised an error: its type is the error, its payload the cause.
fn function_error(reply: &Reply) -> Option<Answer> {
    member(reply, "FunctionError").filter(|error| !error.is_null())?;
    let cause = String::from_utf8_lossy(&reply.payload).into_owned();
    let payload: Option<Value> = serde_json::from_str(&cause).ok();
    let error_type = payload
        .as_ref()
        .and_then(|payload| payload.get("errorType"))
        .and_then(Value::as_str);
    Some(match error_type {
        Some(error) => Answer::failed(error, cause),
        // Recorded by users.
        None => Answer::failed(
            "Lambda.Unknown",
            format!(
                "The cause could not be determined because Lambda did not return an error type. Returned payload: {cause}"
            ),
        ),
    })
}

/// Returns the failure of a call that Lambda refused, in the words of the SDK that Step Functions uses.
fn service_error(failure: &Failure, request_id: RequestId) -> Answer {
    // Recorded: a denied call has its own name; faults of the service are told apart from the caller's.
    let error = match &*failure.code {
        "AccessDeniedException" => "Lambda.AWSLambdaException".to_owned(),
        _ if failure.status >= 500 => "Lambda.ServiceException".to_owned(),
        code => format!("Lambda.{code}"),
    };
    let Failure {
        code,
        message,
        status,
        ..
    } = failure;
    let cause = format!(
        "{message} (Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: {request_id}; Proxy: null)"
    );
    Answer::Failed { error, cause }
}

/// Returns the reply as Step Functions shows it: members in their alphabetical order, with what the SDK
/// knows of the HTTP exchange (as recorded for `lambda:invoke`).
fn envelope(reply: &Reply, request_id: RequestId) -> Value {
    let output: Map<String, Value> = serde_json::from_slice(&reply.output).unwrap_or_default();
    let status = output
        .get("StatusCode")
        .cloned()
        .unwrap_or_else(|| 200.into());
    let version = output
        .get("ExecutedVersion")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let log = output.get("LogResult").and_then(Value::as_str);
    let length = reply.payload.len().to_string();
    let id = request_id.to_string();
    let mut headers: Vec<(&str, String)> = Vec::new();
    if !version.is_empty() {
        headers.push(("X-Amz-Executed-Version", version.to_owned()));
    }
    headers.push(("x-amzn-Remapped-Content-Length", "0".to_owned()));
    headers.push(("Connection", "keep-alive".to_owned()));
    headers.push(("x-amzn-RequestId", id.clone()));
    headers.push(("Content-Length", length));
    headers.push(("Content-Type", "application/json".to_owned()));
    if let Some(log) = log {
        headers.push(("X-Amz-Log-Result", log.to_owned()));
    }
    let all: Map<String, Value> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!([value])))
        .collect();
    let single: Map<String, Value> = headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let mut shown = Map::new();
    if !version.is_empty() {
        shown.insert("ExecutedVersion".into(), version.into());
    }
    if let Some(log) = log {
        shown.insert("LogResult".into(), log.into());
    }
    let payload = if reply.payload.is_empty() {
        Value::from("")
    } else {
        result_of(&reply.payload).value().clone()
    };
    shown.insert("Payload".into(), payload);
    let http = status.as_u64().unwrap_or(200);
    shown.insert(
        "SdkHttpMetadata".into(),
        json!({ "AllHttpHeaders": all, "HttpHeaders": single, "HttpStatusCode": http }),
    );
    shown.insert("SdkResponseMetadata".into(), json!({ "RequestId": id }));
    shown.insert("StatusCode".into(), status);
    Value::Object(shown)
}
