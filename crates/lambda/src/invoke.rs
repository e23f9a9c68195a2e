//! Invoke: checks the call, runs the event or keeps it for later, and shapes the answer.

use std::sync::Arc;

use aws_model::lambda::{InvocationType, InvokeInput, LogType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use service::{Call, Failure, Reply};

use crate::aliases::version_text;
use crate::configure::parse_input;
use crate::failure::{self, EVENT_PAYLOAD_BYTES_MAX, SYNC_PAYLOAD_BYTES_MAX};
use crate::instance::Event;
use crate::name::{FunctionName, LATEST, Qualifier};
use crate::{Lambda, catalog::Stored};

/// Longest client context, in base64 (`ClientContext` of the API).
const CLIENT_CONTEXT_CHARS_MAX: usize = 3583;

impl Lambda {
    pub(crate) async fn invoke(&self, call: Call) -> Result<Reply, Failure> {
        let input: InvokeInput = parse_input(&call.input)?;
        let kind = input
            .invocation_type
            .unwrap_or(InvocationType::RequestResponse);
        let keep_tail = input.log_type == Some(LogType::Tail);
        let limit = if kind == InvocationType::Event {
            EVENT_PAYLOAD_BYTES_MAX
        } else {
            SYNC_PAYLOAD_BYTES_MAX
        };
        if call.payload.len() > limit {
            return Err(failure::request_too_large(limit, "InvokeFunction"));
        }
        let payload = check_payload(call.payload)?;
        let client_context = input
            .client_context
            .as_deref()
            .map(decode_client_context)
            .transpose()?;
        let name =
            FunctionName::parse(&input.function_name, input.qualifier.as_deref(), &self.site)?;
        let missing = || failure::function_not_found(&name.qualified_arn(&self.site, Some(LATEST)));
        let store = |error| failure::store(&error);
        let version = self.catalog.resolve(&name).await.map_err(store)?;
        let version = version.ok_or_else(missing)?;
        let event = Event {
            request_id: call.request_id.to_string(),
            function_arn: Arc::from(name.qualified_arn(&self.site, None)),
            payload,
            client_context,
            keep_tail: keep_tail && kind == InvocationType::RequestResponse,
        };
        if kind != InvocationType::RequestResponse {
            let row = self.catalog.row(&name.name, version).await;
            let row = row.map_err(store)?;
            if row.is_none() {
                return Err(missing());
            }
        }
        match kind {
            InvocationType::DryRun => Ok(reply(204, Map::new(), Bytes::new())),
            InvocationType::Event => {
                self.events
                    .accept(&name, event)
                    .await
                    .map_err(|error| failure::store(&error))?;
                Ok(reply(202, Map::new(), Bytes::new()))
            }
            InvocationType::RequestResponse => {
                let outcome = self
                    .invoker
                    .run(&name.name, version, event)
                    .await?
                    .ok_or_else(missing)?;
                let mut members = Map::new();
                if outcome.failed {
                    members.insert("FunctionError".to_owned(), "Unhandled".into());
                }
                if let Some(tail) = outcome.log_tail {
                    members.insert("LogResult".to_owned(), STANDARD.encode(tail).into());
                }
                members.insert("ExecutedVersion".to_owned(), version_text(version).into());
                Ok(reply(200, members, outcome.payload))
            }
        }
    }

    /// Returns the version that `text` and `qualifier` name and its row; fails as the Get operations do.
    pub(crate) async fn find(
        &self,
        text: &str,
        qualifier: Option<&str>,
    ) -> Result<(FunctionName, Stored), Failure> {
        self.find_named(FunctionName::parse(text, qualifier, &self.site)?)
            .await
    }

    /// Returns the function that `text` names, as it is now. An operation that changes it has no use for
    /// another version.
    pub(crate) async fn find_latest(&self, text: &str) -> Result<(FunctionName, Stored), Failure> {
        let name = FunctionName::parse(text, None, &self.site)?;
        if name.which() != Qualifier::Latest {
            return Err(failure::function_not_found(
                &name.qualified_arn(&self.site, None),
            ));
        }
        self.find_named(name).await
    }

    pub(crate) async fn find_named(
        &self,
        name: FunctionName,
    ) -> Result<(FunctionName, Stored), Failure> {
        let store = |error| failure::store(&error);
        let stored = match self.catalog.resolve(&name).await.map_err(store)? {
            Some(version) => self.catalog.get(&name.name, version).await.map_err(store)?,
            None => None,
        };
        match stored {
            Some(stored) => Ok((name, stored)),
            None => Err(failure::function_not_found(
                &name.qualified_arn(&self.site, None),
            )),
        }
    }
}

fn reply(status: u16, mut members: Map<String, Value>, payload: Bytes) -> Reply {
    members.insert("StatusCode".to_owned(), status.into());
    Reply {
        output: Value::Object(members).to_string().into(),
        payload,
    }
}

/// A call without a body is one with an empty event.
fn check_payload(payload: Bytes) -> Result<Bytes, Failure> {
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<IgnoredAny>(&payload) {
        Ok(IgnoredAny) if std::str::from_utf8(&payload).is_ok() => Ok(payload),
        Ok(IgnoredAny) => Err(not_json("Invalid UTF-8")),
        Err(error) => Err(not_json(&error.to_string())),
    }
}

fn not_json(detail: &str) -> Failure {
    let message = format!(
        "Could not parse request body into json: Could not parse payload into json: {detail}"
    );
    failure::invalid_request_content(&message)
}

/// Returns the JSON of a client context in ASCII, as a header can carry it.
fn decode_client_context(text: &str) -> Result<String, Failure> {
    let invalid = || {
        failure::invalid_request_content(
            "Client context must be a valid Base64-encoded JSON object.",
        )
    };
    if text.len() > CLIENT_CONTEXT_CHARS_MAX {
        return Err(failure::invalid_request_content(
            "Client context must be no more than 3583 bytes.",
        ));
    }
    let bytes = STANDARD.decode(text).map_err(|_| invalid())?;
    let value: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    let mut ascii = String::with_capacity(bytes.len());
    for unit in Value::Object(value).to_string().encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => ascii.push(byte as char),
            _ => ascii.push_str(&format!("\\u{unit:04x}")),
        }
    }
    Ok(ascii)
}
