//! Who makes a call. Policies are matched against it in the gateway, nowhere else.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Who makes a call, already authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Principal {
    /// The account's owner: the root access key.
    Root {
        /// Twelve digits.
        account: Arc<str>,
    },
    /// A session of a role: a function, an execution, a person who assumed it.
    Role {
        /// The role, `arn:aws:iam::…:role/…`.
        role_arn: Arc<str>,
        /// The session's name: the function's name, or letters that the engine draws.
        session_name: Arc<str>,
    },
    /// A user, by an access key of its own.
    User {
        /// `arn:aws:iam::…:user/…`.
        user_arn: Arc<str>,
    },
    /// A session that may do less than whose it is.
    Limited(Arc<Limited>),
    /// A service of AWS that does what somebody configured: a rule that starts an execution.
    Service {
        /// `events.amazonaws.com`.
        name: Arc<str>,
        /// On whose behalf: the ARN of the rule, the topic, the bucket.
        source_arn: Option<Arc<str>>,
    },
    /// Nobody: a request that is not signed, to what is open to everybody.
    Anonymous,
}

/// What a session is held to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limited {
    /// Whose session it is: a role's, a user's or the owner's. Never a limited one itself.
    pub of: Principal,
    /// The name under which a user federated somebody (`GetFederationToken`).
    pub federated_as: Option<String>,
    /// Documents of session policies.
    pub policies: Vec<String>,
    /// ARNs of managed policies that are session policies.
    pub policy_arns: Vec<String>,
    /// When the session began, in milliseconds since 1970.
    pub began_at_millis: i64,
}

impl Principal {
    /// Returns the ARN that AWS prints for the caller (`GetCallerIdentity`).
    pub fn arn(&self) -> String {
        match self {
            Self::Root { account } => format!("arn:aws:iam::{account}:root"),
            Self::Role {
                role_arn,
                session_name,
            } => {
                let account = vocab::Arn::parse(role_arn).map_or("", |arn| arn.account);
                let role = role_arn.rsplit('/').next().unwrap_or(role_arn);
                format!("arn:aws:sts::{account}:assumed-role/{role}/{session_name}")
            }
            Self::User { user_arn } => user_arn.to_string(),
            Self::Limited(limited) => match &limited.federated_as {
                Some(name) => {
                    let of = limited.of.arn();
                    let account = vocab::Arn::parse(&of).map_or("", |arn| arn.account);
                    format!("arn:aws:sts::{account}:federated-user/{name}")
                }
                None => limited.of.arn(),
            },
            Self::Service { name, .. } => name.to_string(),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }

    /// Says whether this is the account's owner, held to nothing.
    pub fn is_root(&self) -> bool {
        matches!(self, Self::Root { .. })
    }
}
