//! The STS API: who calls (`GetCallerIdentity`), and keys that stand for somebody for a while
//! (`AssumeRole`, `GetSessionToken`, `GetFederationToken`).
//!
//! Nothing is kept: temporary keys say themselves whom they stand for and what they are held to, under the
//! gateway's seal. Whether a role lets the caller assume it was decided before a call arrives here.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod input;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use service::{
    Authority, Call, Clock, CredentialIssuer, Failure, Limited, Principal, Reply, Service, Site,
};

use crate::input::{Input, invalid};

/// The service `sts`.
pub struct Sts {
    site: Site,
    issuer: Arc<dyn CredentialIssuer>,
    authority: Arc<dyn Authority>,
    clock: Arc<dyn Clock>,
}

/// Longest session of a role that a role has assumed (role chaining), in seconds.
const CHAINED_SECONDS_MAX: u64 = 3_600;

impl Sts {
    /// Returns the service, whose keys `issuer` hands out for those whom `authority` knows.
    pub fn new(
        site: Site,
        issuer: Arc<dyn CredentialIssuer>,
        authority: Arc<dyn Authority>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            site,
            issuer,
            authority,
            clock,
        }
    }

    fn caller_identity(&self, principal: &Principal) -> Value {
        json!({
            "UserId": self.user_id(principal),
            "Account": &*self.site.account_id,
            "Arn": principal.arn(),
        })
    }

    fn user_id(&self, principal: &Principal) -> String {
        let id = |arn: &str| {
            let id = self.authority.unique_id(arn);
            id.as_deref().unwrap_or("UNKNOWN").to_owned()
        };
        match principal {
            Principal::Root { account } => account.to_string(),
            Principal::Role {
                role_arn,
                session_name,
            } => format!("{}:{session_name}", id(role_arn)),
            Principal::User { user_arn } => id(user_arn),
            Principal::Limited(limited) => match &limited.federated_as {
                Some(name) => format!("{}:{name}", self.site.account_id),
                None => self.user_id(&limited.of),
            },
            Principal::Service { name, .. } => name.to_string(),
            Principal::Anonymous => "anonymous".to_owned(),
        }
    }

    fn assume_role(&self, input: &Input, caller: &Principal) -> Result<Value, Failure> {
        let (role_arn, session_name) = (input.text("RoleArn"), input.text("RoleSessionName"));
        let is_role = vocab::Arn::parse(role_arn)
            .is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"));
        if !is_role {
            return Err(invalid(format!("{role_arn} is invalid")));
        }
        input.session_name("RoleSessionName", "roleSessionName", 64)?;
        let Some(most) = self.authority.role_session_seconds(role_arn) else {
            // Whether a role exists is not told.
            let message = format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                caller.arn()
            );
            return Err(Failure::client("AccessDenied", message).with_status(403));
        };
        let seconds = input.seconds(3_600.min(most), 43_200)?;
        if seconds > most {
            return Err(invalid(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
                    .to_owned(),
            ));
        }
        let chained = match caller {
            Principal::Role { .. } => true,
            Principal::Limited(limited) => matches!(limited.of, Principal::Role { .. }),
            Principal::Root { .. }
            | Principal::User { .. }
            | Principal::Service { .. }
            | Principal::Anonymous => false,
        };
        if chained && seconds > CHAINED_SECONDS_MAX {
            return Err(invalid(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining".to_owned(),
            ));
        }
        let role = Principal::Role {
            role_arn: role_arn.into(),
            session_name: session_name.into(),
        };
        let (policies, policy_arns) = input.session_policies()?;
        let principal = match policies.is_empty() && policy_arns.is_empty() {
            true => role,
            false => self.limited(role, None, policies, policy_arns),
        };
        let mut answer = self.issued(&principal, seconds);
        answer["AssumedRoleUser"] = json!({
            "AssumedRoleId": self.user_id(&principal),
            "Arn": principal.arn(),
        });
        Ok(answer)
    }

    fn session_token(&self, input: &Input, caller: &Principal) -> Result<Value, Failure> {
        refuse_temporary("GetSessionToken", caller)?;
        let most = if caller.is_root() { 3_600 } else { 129_600 };
        let seconds = input.seconds(43_200.min(most), 129_600)?.min(most);
        let session = self.limited(caller.clone(), None, Vec::new(), Vec::new());
        Ok(self.issued(&session, seconds))
    }

    fn federation_token(&self, input: &Input, caller: &Principal) -> Result<Value, Failure> {
        refuse_temporary("GetFederationToken", caller)?;
        input.session_name("Name", "name", 32)?;
        let most = if caller.is_root() { 3_600 } else { 129_600 };
        let seconds = input.seconds(43_200.min(most), 129_600)?.min(most);
        let name = Some(input.text("Name").to_owned());
        let (policies, policy_arns) = input.session_policies()?;
        let session = self.limited(caller.clone(), name, policies, policy_arns);
        let mut answer = self.issued(&session, seconds);
        answer["FederatedUser"] = json!({
            "FederatedUserId": self.user_id(&session),
            "Arn": session.arn(),
        });
        Ok(answer)
    }

    fn limited(
        &self,
        of: Principal,
        federated_as: Option<String>,
        policies: Vec<String>,
        policy_arns: Vec<String>,
    ) -> Principal {
        Principal::Limited(Arc::new(Limited {
            of,
            federated_as,
            policies,
            policy_arns,
            began_at_millis: self.clock.now().as_millis(),
        }))
    }

    fn issued(&self, principal: &Principal, seconds: u64) -> Value {
        let credentials = self.issuer.issue_to(principal, seconds);
        json!({"Credentials": {
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
            "Expiration": credentials.expires_at.to_string(),
        }})
    }
}

/// Temporary keys cannot make others but by assuming a role.
fn refuse_temporary(operation: &str, caller: &Principal) -> Result<(), Failure> {
    match caller {
        Principal::Root { .. } | Principal::User { .. } => Ok(()),
        Principal::Role { .. }
        | Principal::Limited(_)
        | Principal::Service { .. }
        | Principal::Anonymous => {
            let message = format!("Cannot call {operation} with session credentials");
            Err(Failure::client("AccessDenied", message).with_status(403))
        }
    }
}

#[async_trait]
impl Service for Sts {
    fn name(&self) -> &'static str {
        "sts"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let input = Input::of(&call.input)?;
        let output = match &*call.operation {
            "GetCallerIdentity" => self.caller_identity(&call.principal),
            "AssumeRole" => self.assume_role(&input, &call.principal)?,
            "GetSessionToken" => self.session_token(&input, &call.principal)?,
            "GetFederationToken" => self.federation_token(&input, &call.principal)?,
            "GetAccessKeyInfo" => json!({"Account": &*self.site.account_id}),
            // Refusals here say what they are about, and none of them is encoded: no text is one of ours.
            "DecodeAuthorizationMessage" => {
                let message = "Message is not valid";
                return Err(Failure::client(
                    "InvalidAuthorizationMessageException",
                    message,
                ));
            }
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
