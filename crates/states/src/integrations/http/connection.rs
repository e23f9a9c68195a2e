//! What a connection adds to a request: EventBridge is asked for it as the execution's role.

use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use service::{Call, RequestId};

use super::client::{Received, Unanswered};
use super::form;
use super::request::Ready;
use super::{Answer, Invocation};

/// Most tokens that are remembered.
const TOKENS_MAX: usize = 1_000;
/// How long a token counts whose end was not said.
const TOKEN_SECONDS: u64 = 300;
/// Longest time that a token is remembered, whatever its server says of it.
const TOKEN_SECONDS_MAX: u64 = 86_400;
/// A token is not used any more so long before its end.
const TOKEN_MARGIN: Duration = Duration::from_secs(10);

/// What is added to a request.
#[derive(Default)]
pub(super) struct Added {
    pub(super) headers: Vec<(String, String)>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Vec<(String, String)>,
    /// It holds a token that was given before, and may be refused by now.
    pub(super) can_renew: bool,
}

/// A token that an authorization server gave.
pub(crate) struct Token {
    value: String,
    /// What it was asked with: another secret, another token.
    asked_with: Value,
    until: Instant,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    authorization_type: String,
    auth_parameters: Value,
}

impl Invocation<'_> {
    /// Returns what the connection `arn` adds; with `renew`, a token that is remembered does not count.
    pub(super) async fn additions(&self, arn: &str, renew: bool) -> Result<Added, Answer> {
        let Credentials {
            authorization_type,
            auth_parameters: parameters,
        } = self.credentials(arn).await?;
        let text = |structure: &str, name: &str| {
            let value = parameters.get(structure).and_then(|found| found.get(name));
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let mut added = Added::default();
        match &*authorization_type {
            "BASIC" => {
                let own = |name| text("BasicAuthParameters", name);
                let pair = format!("{}:{}", own("Username"), own("Password"));
                let pair = base64::engine::general_purpose::STANDARD.encode(pair);
                added
                    .headers
                    .push(("Authorization".into(), format!("Basic {pair}")));
            }
            "API_KEY" => {
                let own = |name| text("ApiKeyAuthParameters", name);
                added.headers.push((own("ApiKeyName"), own("ApiKeyValue")));
            }
            _ => {
                let oauth = parameters.get("OAuthParameters");
                let (token, is_old) = self
                    .token(arn, oauth.unwrap_or(&Value::Null), renew)
                    .await?;
                added
                    .headers
                    .push(("Authorization".into(), format!("Bearer {token}")));
                added.can_renew = is_old;
            }
        }
        if let Some(http) = parameters.get("InvocationHttpParameters") {
            added.headers.extend(list(http, "HeaderParameters"));
            added.query.extend(list(http, "QueryStringParameters"));
            added.body.extend(list(http, "BodyParameters"));
        }
        Ok(added)
    }

    async fn credentials(&self, arn: &str) -> Result<Credentials, Answer> {
        let input = serde_json::json!({ "ConnectionArn": arn });
        let call = Call {
            service: "events",
            operation: "RetrieveConnectionCredentials".into(),
            input: input.to_string().into(),
            payload: Bytes::new(),
            principal: self.principal.clone(),
            request_id: RequestId::random(),
        };
        let reply = self.gate.call(call).await.map_err(|failure| {
            let error = match &*failure.code {
                "ResourceNotFoundException" => "ResourceNotFound",
                "AccessDeniedException" => "AccessDenied",
                _ => "InternalError",
            };
            connection_error(error, failure.message)
        })?;
        serde_json::from_slice(&reply.output)
            .map_err(|_| connection_error("InternalError", "The connection cannot be read."))
    }

    /// Returns a token, and whether it was remembered.
    async fn token(&self, arn: &str, oauth: &Value, renew: bool) -> Result<(String, bool), Answer> {
        if !renew {
            let tokens = self.client.tokens.lock();
            if let Some(token) = tokens.get(arn)
                && token.asked_with == *oauth
                && token.until > Instant::now()
            {
                return Ok((token.value.clone(), true));
            }
        }
        let (value, seconds) = self.ask_for_token(oauth).await?;
        let lasts = Duration::from_secs(seconds).saturating_sub(TOKEN_MARGIN);
        let token = Token {
            value: value.clone(),
            asked_with: oauth.clone(),
            until: Instant::now() + lasts,
        };
        let mut tokens = self.client.tokens.lock();
        if tokens.len() >= TOKENS_MAX {
            tokens.clear();
        }
        tokens.insert(arn.to_owned(), token);
        Ok((value, false))
    }

    async fn ask_for_token(&self, oauth: &Value) -> Result<(String, u64), Answer> {
        let text =
            |found: Option<&Value>| found.and_then(Value::as_str).unwrap_or_default().to_owned();
        let client = oauth.get("ClientParameters");
        let of_client = |name: &str| text(client.and_then(|client| client.get(name)));
        let http = oauth.get("OAuthHttpParameters").unwrap_or(&Value::Null);
        let mut fields = vec![
            ("grant_type".to_owned(), "client_credentials".to_owned()),
            ("client_id".to_owned(), of_client("ClientID")),
            ("client_secret".to_owned(), of_client("ClientSecret")),
        ];
        for (name, value) in list(http, "BodyParameters") {
            fields.retain(|(known, _)| *known != name);
            fields.push((name, value));
        }
        let as_form = |fields: &[(String, String)]| {
            let mut text = String::new();
            for (name, value) in fields {
                form::add_pair(&mut text, name, value);
            }
            text
        };
        let method = match &*text(oauth.get("HttpMethod")) {
            "GET" => Method::GET,
            "PUT" => Method::PUT,
            _ => Method::POST,
        };
        let mut query = list(http, "QueryStringParameters");
        let mut headers = list(http, "HeaderParameters");
        let body = if method == Method::GET {
            query.extend(fields);
            None
        } else {
            let form = "application/x-www-form-urlencoded".to_owned();
            headers.push(("Content-Type".to_owned(), form));
            Some(as_form(&fields))
        };
        let mut url = text(oauth.get("AuthorizationEndpoint"));
        if !query.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&as_form(&query));
        }
        let refused = |why: String| {
            let cause =
                format!("The authorization endpoint of the connection gave no token: {why}");
            connection_error("InvalidConnectionState", cause)
        };
        let ready = Ready { url, headers, body };
        match self.client.send(&method, ready).await {
            Ok(received) => token_of(&received).map_err(refused),
            Err(Unanswered::TimedOut) => Err(refused("it did not answer.".to_owned())),
            Err(Unanswered::Refused(why) | Unanswered::Broken(why)) => Err(refused(why)),
        }
    }
}

/// Reads a token and how many seconds it counts.
fn token_of(received: &Received) -> Result<(String, u64), String> {
    #[derive(Deserialize)]
    struct Given {
        access_token: String,
        #[serde(default)]
        expires_in: Value,
    }
    if !received.status.is_success() {
        return Err(format!("it answered {}.", received.status.as_u16()));
    }
    // What it said instead is not told: it may be secret.
    let given: Given = serde_json::from_slice(&received.body)
        .map_err(|_| "it answered no access_token.".to_owned())?;
    Ok((given.access_token, seconds_of(&given.expires_in)))
}

/// Returns how long a token counts. Some servers say it as text, or as a fraction; what is no number says
/// nothing.
fn seconds_of(expires_in: &Value) -> u64 {
    let seconds = match expires_in {
        Value::String(text) => text.trim().parse().ok(),
        said => said.as_f64(),
    };
    // Of a float that is too large or below zero, the cast takes the nearest number that there is.
    let seconds = seconds.map_or(TOKEN_SECONDS, |seconds: f64| seconds as u64);
    seconds.min(TOKEN_SECONDS_MAX)
}

fn list(http: &Value, name: &str) -> Vec<(String, String)> {
    let items = http.get(name).and_then(Value::as_array);
    let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
    let pair = |item: &Value| Some((text(item, "Key")?, text(item, "Value").unwrap_or_default()));
    items.into_iter().flatten().filter_map(pair).collect()
}

fn connection_error(error: &str, cause: impl Into<String>) -> Answer {
    Answer::failed(format!("Events.ConnectionResource.{error}"), cause)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_counts_as_long_as_its_server_says_within_a_day() {
        for (expires_in, seconds) in [
            (json!(3600), 3600),
            (json!(3599.5), 3599),
            (json!("3600"), 3600),
            (json!(u64::MAX), 86_400),
            (json!("1e300"), 86_400),
            (json!(-1), 0),
            (json!("soon"), 300),
            (json!(null), 300),
            (json!({}), 300),
        ] {
            assert_eq!(seconds_of(&expires_in), seconds, "{expires_in}");
        }
    }
}
