//! What operations are given: names, times, session policies.

use iam_policy::{Kind, Policy};
use serde_json::{Map, Value};
use service::Failure;

/// Most characters of a session policy, and most managed policies of a session (STS quotas).
const POLICY_CHARS_MAX: usize = 2_048;
const POLICY_ARNS_MAX: usize = 10;

/// The members of an input.
pub(crate) struct Input(Map<String, Value>);

/// Returns the error of an input that does not do.
pub(crate) fn invalid(message: String) -> Failure {
    Failure::client("ValidationError", message)
}

impl Input {
    pub fn of(bytes: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(bytes)
            .map(Self)
            .map_err(|error| invalid(format!("The request is not understood: {error}")))
    }

    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Fails where a member is no name of a session.
    pub fn session_name(&self, name: &str, member: &str, most: usize) -> Result<(), Failure> {
        let text = self.text(name);
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        if (2..=most).contains(&text.len()) && text.bytes().all(letter) {
            return Ok(());
        }
        Err(invalid(format!(
            "1 validation error detected: Value '{text}' at '{member}' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
        )))
    }

    /// Returns `DurationSeconds`.
    pub fn seconds(&self, default: u64, most: u64) -> Result<u64, Failure> {
        let text = match self.0.get("DurationSeconds") {
            None | Some(Value::Null) => return Ok(default),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let bound = match text.parse::<u64>() {
            Ok(seconds) if seconds < 900 => "greater than or equal to 900".to_owned(),
            Ok(seconds) if seconds > most => format!("less than or equal to {most}"),
            Ok(seconds) => return Ok(seconds),
            Err(_) => {
                let message = format!("{text} is no number of seconds");
                return Err(Failure::client("MalformedInput", message));
            }
        };
        Err(invalid(format!(
            "1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: Member must have value {bound}"
        )))
    }

    /// Returns the documents and the ARNs of the policies that a session is held to.
    pub fn session_policies(&self) -> Result<(Vec<String>, Vec<String>), Failure> {
        let document = self.text("Policy");
        let mut policies = Vec::new();
        if !document.is_empty() {
            Policy::parse(document, Kind::Identity)
                .map_err(|error| Failure::client("MalformedPolicyDocument", error.to_string()))?;
            if document.len() > POLICY_CHARS_MAX {
                return Err(invalid(format!(
                    "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to {POLICY_CHARS_MAX}"
                )));
            }
            policies.push(document.to_owned());
        }
        let arns = self.0.get("PolicyArns").and_then(Value::as_array);
        let arns: Vec<String> = arns
            .into_iter()
            .flatten()
            .filter_map(|given| given["arn"].as_str().or_else(|| given.as_str()))
            .map(str::to_owned)
            .collect();
        if arns.len() > POLICY_ARNS_MAX {
            return Err(invalid(format!(
                "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to {POLICY_ARNS_MAX}"
            )));
        }
        Ok((policies, arns))
    }
}
