//! Principals: who calls, and whom a resource policy names.

use serde_json::{Map, Value};

use crate::error::Malformed;

/// Who makes a request, with all that a policy may know them by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The account's owner.
    Root {
        /// Twelve digits.
        account: String,
    },
    /// A user.
    User {
        /// Twelve digits.
        account: String,
        /// `arn:aws:iam::…:user/…`.
        arn: String,
    },
    /// A session of a role.
    Role {
        /// Twelve digits.
        account: String,
        /// `arn:aws:iam::…:role/…`.
        role_arn: String,
        /// `arn:aws:sts::…:assumed-role/…`.
        session_arn: String,
    },
    /// A session that a user federated.
    Federated {
        /// Twelve digits.
        account: String,
        /// The user that made the session; the root where the owner did.
        user_arn: String,
        /// `arn:aws:sts::…:federated-user/…`.
        session_arn: String,
    },
    /// A service of AWS: `states.amazonaws.com`.
    Service {
        /// Its name.
        name: String,
    },
    /// Nobody knows who: the request is not signed.
    Anonymous,
}

impl Caller {
    fn account(&self) -> Option<&str> {
        match self {
            Self::Root { account }
            | Self::User { account, .. }
            | Self::Role { account, .. }
            | Self::Federated { account, .. } => Some(account),
            Self::Service { .. } | Self::Anonymous => None,
        }
    }

    /// Returns the ARNs that the caller goes by, the narrowest first.
    fn arns(&self) -> Vec<&str> {
        match self {
            Self::Root { .. } | Self::Service { .. } | Self::Anonymous => Vec::new(),
            Self::User { arn, .. } => vec![arn],
            Self::Role {
                role_arn,
                session_arn,
                ..
            } => vec![session_arn, role_arn],
            Self::Federated {
                user_arn,
                session_arn,
                ..
            } => vec![session_arn, user_arn],
        }
    }
}

/// How directly a policy names a caller. It decides which other policies may still refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Naming {
    /// Its account: the account's own policies decide.
    Account,
    /// Everybody, or the role or user behind a session: boundaries and session policies decide too.
    Role,
    /// The very one.
    Itself,
}

/// Whom a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principals {
    These(Vec<Named>),
    AllBut(Vec<Named>),
}

/// One named principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Everybody,
    Account(String),
    Arn(String),
    Service(String),
    /// A provider of identities, or a canonical user: nobody here is one.
    Stranger,
}

impl Named {
    fn names(&self, caller: &Caller) -> Option<Naming> {
        match self {
            Self::Everybody => Some(Naming::Role),
            Self::Account(account) => match caller {
                Caller::Root { account: own } if own == account => Some(Naming::Itself),
                _ => (caller.account() == Some(account)).then_some(Naming::Account),
            },
            Self::Arn(arn) => match caller.arns().iter().position(|known| known == arn) {
                Some(0) => Some(Naming::Itself),
                Some(_) => Some(Naming::Role),
                None => None,
            },
            Self::Service(name) => matches!(caller, Caller::Service { name: own } if own == name)
                .then_some(Naming::Itself),
            Self::Stranger => None,
        }
    }
}

impl Principals {
    /// Says whether whoever likes is among them.
    pub fn are_everybody(&self) -> bool {
        match self {
            Self::These(named) => named.contains(&Named::Everybody),
            Self::AllBut(_) => true,
        }
    }

    /// Says whether, and how, the statement is about `caller`.
    pub fn name(&self, caller: &Caller) -> Option<Naming> {
        match self {
            Self::These(named) => named.iter().filter_map(|one| one.names(caller)).max(),
            Self::AllBut(named) => {
                // Whoever is to be spared is named with the account and with every ARN it goes by.
                let is_named = |one: Named| named.contains(&one);
                let account = caller
                    .account()
                    .is_none_or(|account| is_named(Named::Account(account.to_owned())));
                let arns = caller.arns();
                let all = arns
                    .iter()
                    .all(|arn| is_named(Named::Arn((*arn).to_owned())));
                let service = match caller {
                    Caller::Service { name } => is_named(Named::Service(name.clone())),
                    _ => true,
                };
                let known = *caller != Caller::Anonymous;
                let spared =
                    named.contains(&Named::Everybody) || (known && account && all && service);
                (!spared).then_some(Naming::Itself)
            }
        }
    }
}

/// Reads `Principal` or `NotPrincipal`.
pub(crate) fn read(value: &Value) -> Result<Vec<Named>, Malformed> {
    match value {
        Value::String(text) if text == "*" => Ok(vec![Named::Everybody]),
        Value::Object(kinds) if !kinds.is_empty() => read_kinds(kinds),
        _ => Err(Malformed::Syntax),
    }
}

fn read_kinds(kinds: &Map<String, Value>) -> Result<Vec<Named>, Malformed> {
    let mut named = Vec::new();
    for (kind, values) in kinds {
        let values = match values {
            Value::String(text) => vec![text.as_str()],
            Value::Array(values) => values
                .iter()
                .map(|value| value.as_str().ok_or(Malformed::Syntax))
                .collect::<Result<_, _>>()?,
            _ => return Err(Malformed::Syntax),
        };
        for value in values {
            let invalid = || Malformed::Principal {
                kind: kind.clone(),
                value: value.to_owned(),
            };
            named.push(match kind.as_str() {
                "AWS" => aws(value).ok_or_else(invalid)?,
                "Service" if is_service(value) => Named::Service(value.to_owned()),
                "Federated" | "CanonicalUser" if !value.is_empty() => Named::Stranger,
                "Service" | "Federated" | "CanonicalUser" => return Err(invalid()),
                _ => return Err(Malformed::Syntax),
            });
        }
    }
    Ok(named)
}

fn aws(value: &str) -> Option<Named> {
    let is_account =
        |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if value == "*" {
        return Some(Named::Everybody);
    }
    if is_account(value) {
        return Some(Named::Account(value.to_owned()));
    }
    let mut parts = value.splitn(6, ':');
    let [arn, _, service, region, account, resource] =
        std::array::from_fn(|_| parts.next().unwrap_or(""));
    // No wildcards: whom a policy lets in is to be read in it.
    if arn != "arn" || !region.is_empty() || !is_account(account) || value.contains(['*', '?']) {
        return None;
    }
    match (service, resource) {
        ("iam", "root") => Some(Named::Account(account.to_owned())),
        ("iam", resource) if resource.starts_with("user/") || resource.starts_with("role/") => {
            Some(Named::Arn(value.to_owned()))
        }
        ("sts", resource)
            if resource.starts_with("assumed-role/") || resource.starts_with("federated-user/") =>
        {
            Some(Named::Arn(value.to_owned()))
        }
        _ => None,
    }
}

fn is_service(value: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    value.contains('.') && value.bytes().all(letter)
}
