//! The STS API: who calls (`GetCallerIdentity`), and keys that stand for a role for a while
//! (`AssumeRole`).
//!
//! Nothing is kept: temporary keys say themselves whom they stand for, under the gateway's seal.
//! Whether a role lets the caller assume it is for the day on which policies are enforced.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::{Call, CredentialIssuer, Failure, Principal, Reply, Service, Site};
use sha2::{Digest, Sha256};

/// Longest ARN of a role (AssumeRole).
const ROLE_ARN_CHARS_MAX: usize = 2_048;
/// How long a role that assumes a role may.
const CHAINED_SECONDS_MAX: u64 = 3_600;

/// The service `sts`.
pub struct Sts {
    site: Site,
    issuer: Arc<dyn CredentialIssuer>,
}

impl Sts {
    /// Returns the service, whose keys `issuer` hands out.
    pub fn new(site: Site, issuer: Arc<dyn CredentialIssuer>) -> Self {
        Self { site, issuer }
    }

    fn caller_identity(&self, principal: &Principal) -> Value {
        let user = match principal {
            Principal::Root { account } => account.to_string(),
            Principal::Role {
                role_arn,
                session_name,
            } => format!("{}:{session_name}", role_id(role_arn)),
        };
        json!({
            "UserId": user,
            "Account": &*self.site.account_id,
            "Arn": principal.arn(),
        })
    }

    fn assume_role(
        &self,
        input: &Map<String, Value>,
        caller: &Principal,
    ) -> Result<Value, Failure> {
        let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
        let (role_arn, session_name) = (text("RoleArn"), text("RoleSessionName"));
        let is_role = vocab::Arn::parse(role_arn)
            .is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"));
        if !is_role || role_arn.len() > ROLE_ARN_CHARS_MAX {
            return Err(invalid(format!("{role_arn} is invalid")));
        }
        if vocab::Arn::parse(role_arn).is_none_or(|arn| arn.account != &*self.site.account_id) {
            let message = format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                caller.arn()
            );
            return Err(Failure::client("AccessDenied", message).with_status(403));
        }
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@-_".contains(&byte);
        if !(2..=64).contains(&session_name.len()) || !session_name.bytes().all(letter) {
            return Err(invalid(format!(
                "1 validation error detected: Value '{session_name}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
            )));
        }
        let seconds = match text("DurationSeconds") {
            "" => 3600,
            text => text
                .parse()
                .ok()
                .filter(|seconds| (900..=43_200).contains(seconds))
                .ok_or_else(|| invalid(format!("1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200")))?,
        };
        // "Role chaining limits your role session to a maximum of one hour" (AssumeRole).
        if matches!(caller, Principal::Role { .. }) && seconds > CHAINED_SECONDS_MAX {
            return Err(invalid(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            ));
        }
        // A session that could do less than its role would have to be held to that.
        for name in ["Policy", "PolicyArns"] {
            if input.contains_key(name) {
                let message = format!("{name} of AssumeRole is not served here yet");
                return Err(Failure::client("NotImplemented", message).with_status(501));
            }
        }
        let credentials = self.issuer.issue(role_arn, session_name, seconds);
        let principal = Principal::Role {
            role_arn: role_arn.into(),
            session_name: session_name.into(),
        };
        Ok(json!({
            "AssumedRoleUser": {
                "AssumedRoleId": format!("{}:{session_name}", role_id(role_arn)),
                "Arn": principal.arn(),
            },
            "Credentials": {
                "AccessKeyId": credentials.access_key_id,
                "SecretAccessKey": credentials.secret_access_key,
                "SessionToken": credentials.session_token,
                "Expiration": credentials.expires_at.to_string(),
            },
        }))
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::client("ValidationError", message)
}

/// Returns a role's unique id: the same for the same role, as long as there is nobody who draws one.
fn role_id(role_arn: &str) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = Sha256::digest(role_arn);
    let end = digest
        .iter()
        .take(17)
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    "AROA".chars().chain(end).collect()
}

#[async_trait]
impl Service for Sts {
    fn name(&self) -> &'static str {
        "sts"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let input: Map<String, Value> = serde_json::from_slice(&call.input)
            .map_err(|error| invalid(format!("The request is not understood: {error}")))?;
        let output = match &*call.operation {
            "GetCallerIdentity" => self.caller_identity(&call.principal),
            "AssumeRole" => self.assume_role(&input, &call.principal)?,
            other => {
                let message = format!("sts:{other} is not served here yet");
                return Err(Failure::client("NotImplemented", message).with_status(501));
            }
        };
        Ok(Reply {
            output: output.to_string().into(),
            ..Reply::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::{RequestId, TemporaryCredentials};
    use vocab::Timestamp;

    struct Issuer;

    impl CredentialIssuer for Issuer {
        fn issue(&self, role_arn: &str, session_name: &str, seconds: u64) -> TemporaryCredentials {
            TemporaryCredentials {
                access_key_id: format!("{role_arn} {session_name}"),
                secret_access_key: "secret".to_owned(),
                session_token: "token".to_owned(),
                expires_at: Timestamp::from_millis(0).plus_seconds(seconds),
            }
        }
    }

    #[tokio::test]
    async fn calls_are_answered() {
        let site = Site {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        };
        let sts = Sts::new(site, Arc::new(Issuer));
        let root = Principal::Root {
            account: "000000000000".into(),
        };
        let role_arn = "arn:aws:iam::000000000000:role/path/worker";
        let role = Principal::Role {
            role_arn: role_arn.into(),
            session_name: "s".into(),
        };
        let id = role_id(role_arn);
        let assume = |more: Value| {
            let mut input = json!({"RoleArn": role_arn, "RoleSessionName": "me"});
            input
                .as_object_mut()
                .expect("an object")
                .extend(more.as_object().expect("an object").clone());
            input
        };
        let cases = [
            (
                &root,
                "GetCallerIdentity",
                json!({}),
                "arn:aws:iam::000000000000:root",
            ),
            (
                &role,
                "GetCallerIdentity",
                json!({}),
                "arn:aws:sts::000000000000:assumed-role/worker/s",
            ),
            (&role, "GetCallerIdentity", json!({}), id.as_str()),
            (
                &root,
                "AssumeRole",
                assume(json!({})),
                "1970-01-01T01:00:00",
            ),
            (
                &root,
                "AssumeRole",
                assume(json!({"DurationSeconds": "900"})),
                "1970-01-01T00:15:00",
            ),
            (
                &root,
                "AssumeRole",
                assume(json!({"DurationSeconds": "1"})),
                "between 900 and 43200",
            ),
            (
                &root,
                "AssumeRole",
                assume(json!({"Policy": "{}"})),
                "Policy of AssumeRole is not served",
            ),
            (
                &root,
                "AssumeRole",
                assume(json!({"RoleArn": "x"})),
                "x is invalid",
            ),
            (
                &root,
                "AssumeRole",
                assume(json!({"RoleArn": "arn:aws:iam::999999999999:role/x"})),
                "AccessDenied: User: arn:aws:iam::000000000000:root is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::999999999999:role/x",
            ),
            (
                &role,
                "AssumeRole",
                assume(json!({"DurationSeconds": "3601"})),
                "exceeds the 1 hour session limit",
            ),
            (
                &root,
                "AssumeRole",
                assume(json!({"RoleSessionName": "a b"})),
                "'roleSessionName' failed",
            ),
            (
                &root,
                "GetSessionToken",
                json!({}),
                "sts:GetSessionToken is not served here yet",
            ),
        ];
        for (principal, operation, input, part) in cases {
            let call = Call {
                service: "sts",
                operation: operation.into(),
                input: input.to_string().into(),
                payload: Default::default(),
                principal: principal.clone(),
                request_id: RequestId::random(),
            };
            let answer = match sts.call(call).await {
                Ok(reply) => String::from_utf8_lossy(&reply.output).into_owned(),
                Err(failure) => failure.to_string(),
            };
            assert!(answer.contains(part), "{operation} {input}: {answer}");
        }
    }
}
