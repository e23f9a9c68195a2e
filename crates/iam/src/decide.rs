//! The decision on a call: which policies bear on its sender, and what they say.

use std::borrow::Cow;
use std::sync::Arc;

use iam_policy::{Caller, Decision, Facts, Kind, Policies, Policy, Request, Resource, Source, Why};
use service::{Access, Authority, KeyHolder, Limited, Principal};

use crate::Iam;
use crate::compiled::Bearing;
use crate::rows::IdentityKind;

/// What allows everything: the owner's own policy, where a session of the owner is held to others.
const ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// What allows nothing.
const NOTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;

/// Who asks, with all that bears on them.
struct Sender {
    caller: Caller,
    identity: Vec<Arc<Policy>>,
    boundary: Option<Arc<Policy>>,
    session: Option<Vec<Arc<Policy>>>,
    facts: SenderFacts,
}

/// The facts that a sender is known by.
struct SenderFacts {
    arn: String,
    account: Arc<str>,
    kind: &'static str,
    user_id: Option<String>,
    user_name: Option<String>,
    tags: Vec<(String, String)>,
    service: Option<(Arc<str>, Option<Arc<str>>)>,
    began_at_millis: Option<i64>,
}

impl Facts for SenderFacts {
    fn values(&self, key: &str) -> Option<Vec<String>> {
        let value = match key {
            // Who is nobody has neither.
            "aws:principalarn" | "aws:principalaccount" if self.arn.is_empty() => return None,
            "aws:principalarn" if self.service.is_none() => self.arn.clone(),
            "aws:principalaccount" if self.service.is_none() => self.account.to_string(),
            "aws:principaltype" if self.service.is_none() => self.kind.to_owned(),
            "aws:userid" => self.user_id.clone()?,
            "aws:username" => self.user_name.clone()?,
            "aws:principalisawsservice" => self.service.is_some().to_string(),
            "aws:principalservicename" => self.service.as_ref()?.0.to_string(),
            "aws:sourcearn" => self.service.as_ref()?.1.as_ref()?.to_string(),
            "aws:sourceaccount" => {
                self.service.as_ref()?.1.as_ref()?;
                self.account.to_string()
            }
            "aws:tokenissuetime" => {
                vocab::Timestamp::from_millis(self.began_at_millis?).to_string()
            }
            other => {
                let tag = other.strip_prefix("aws:principaltag/")?;
                let found = self.tags.iter();
                let mut found = found.filter(|(key, _)| key.eq_ignore_ascii_case(tag));
                found.next()?.1.clone()
            }
        };
        Some(vec![value])
    }
}

/// The facts of the sender, and then those of the request.
struct Both<'a>(&'a SenderFacts, &'a dyn Facts);

impl Facts for Both<'_> {
    fn values(&self, key: &str) -> Option<Vec<String>> {
        self.0.values(key).or_else(|| self.1.values(key))
    }

    fn is_unknown(&self, key: &str) -> bool {
        self.0.values(key).is_none() && self.1.is_unknown(key)
    }
}

impl Iam {
    fn account_id(&self) -> Arc<str> {
        Arc::clone(&self.account.read().id)
    }

    /// Returns who a principal is; `None` when there is no such user or role any more.
    fn sender(&self, principal: &Principal) -> Option<Sender> {
        match principal {
            Principal::Limited(limited) => self.limited(limited),
            Principal::Anonymous => Some(Sender {
                caller: Caller::Anonymous,
                identity: Vec::new(),
                boundary: None,
                session: None,
                facts: SenderFacts {
                    arn: String::new(),
                    account: self.account_id(),
                    kind: "Anonymous",
                    user_id: Some("anonymous".to_owned()),
                    user_name: None,
                    tags: Vec::new(),
                    service: None,
                    began_at_millis: None,
                },
            }),
            Principal::Service { name, source_arn } => {
                let facts = SenderFacts {
                    arn: name.to_string(),
                    account: self.account_id(),
                    kind: "Service",
                    user_id: None,
                    user_name: None,
                    tags: Vec::new(),
                    service: Some((Arc::clone(name), source_arn.clone())),
                    began_at_millis: None,
                };
                Some(Sender {
                    caller: Caller::Service {
                        name: name.to_string(),
                    },
                    identity: Vec::new(),
                    boundary: None,
                    session: None,
                    facts,
                })
            }
            Principal::Root { account } => {
                let facts = SenderFacts {
                    arn: principal.arn(),
                    account: Arc::clone(account),
                    kind: "Account",
                    user_id: Some(account.to_string()),
                    user_name: None,
                    tags: Vec::new(),
                    service: None,
                    began_at_millis: None,
                };
                Some(Sender {
                    caller: Caller::Root {
                        account: account.to_string(),
                    },
                    identity: self
                        .compiled
                        .text(ALL, Kind::Identity)
                        .into_iter()
                        .collect(),
                    boundary: None,
                    session: None,
                    facts,
                })
            }
            Principal::User { user_arn } => {
                let bearing = self.compiled.bearing(&self.account, user_arn)?;
                let account = self.account_id();
                let caller = Caller::User {
                    account: account.to_string(),
                    arn: user_arn.to_string(),
                };
                let (id, name) = (bearing.id.to_string(), Some(bearing.name.clone()));
                Some(Self::known(
                    &bearing, account, caller, principal, "User", id, name,
                ))
            }
            Principal::Role {
                role_arn,
                session_name,
            } => {
                let bearing = self.compiled.bearing(&self.account, role_arn)?;
                let account = self.account_id();
                let caller = Caller::Role {
                    account: account.to_string(),
                    role_arn: role_arn.to_string(),
                    session_arn: principal.arn(),
                };
                let id = format!("{}:{session_name}", bearing.id);
                let mut sender = Self::known(
                    &bearing,
                    account,
                    caller,
                    principal,
                    "AssumedRole",
                    id,
                    None,
                );
                // Conditions on `aws:PrincipalArn` name the role, not its sessions.
                sender.facts.arn = role_arn.to_string();
                Some(sender)
            }
        }
    }

    fn known(
        bearing: &Bearing,
        account: Arc<str>,
        caller: Caller,
        principal: &Principal,
        kind: &'static str,
        user_id: String,
        user_name: Option<String>,
    ) -> Sender {
        Sender {
            caller,
            identity: bearing.identity.clone(),
            boundary: bearing.boundary.clone(),
            session: None,
            facts: SenderFacts {
                arn: principal.arn(),
                account,
                kind,
                user_id: Some(user_id),
                user_name,
                tags: bearing.tags.clone(),
                service: None,
                began_at_millis: None,
            },
        }
    }

    /// Returns the sender of a session that is held to policies of its own.
    fn limited(&self, limited: &Limited) -> Option<Sender> {
        let mut sender = self.sender(&limited.of)?;
        let texts = limited.policies.iter();
        let texts = texts.map(|text| self.compiled.text(text, Kind::Identity));
        let arns = limited.policy_arns.iter();
        let arns = arns.map(|arn| self.compiled.managed(&self.account, arn));
        // One that is gone or not understood may have denied something.
        let nothing = || self.compiled.text(NOTHING, Kind::Identity);
        let session: Vec<Arc<Policy>> = texts
            .chain(arns)
            .filter_map(|policy| policy.or_else(nothing))
            .collect();
        sender.facts.began_at_millis = Some(limited.began_at_millis);
        if let Some(name) = &limited.federated_as {
            let account = self.account_id();
            let session_arn = format!("arn:aws:sts::{account}:federated-user/{name}");
            sender.facts.user_id = Some(format!("{account}:{name}"));
            sender.facts.user_name = None;
            sender.facts.kind = "FederatedUser";
            sender.facts.arn.clone_from(&session_arn);
            sender.caller = Caller::Federated {
                account: account.to_string(),
                user_arn: limited.of.arn(),
                session_arn,
            };
            // Without policies a federated session may do nothing of itself.
            sender.session = Some(session);
        } else if !session.is_empty() {
            sender.session = Some(session);
        }
        Some(sender)
    }

    /// Returns the trust policy of the role that an access assumes, if it assumes one.
    fn trust(&self, access: &Access<'_>) -> Result<Option<Arc<Policy>>, ()> {
        if access.action != "sts:AssumeRole" {
            return Ok(None);
        }
        let Resource::Named(role_arn) = access.resource else {
            return Err(());
        };
        let bearing = self.compiled.bearing(&self.account, role_arn).ok_or(())?;
        bearing.trust.clone().map(Some).ok_or(())
    }
}

/// Returns AWS's sentence.
fn sentence(principal: &Principal, access: &Access<'_>, why: Option<Why>) -> String {
    let Access {
        action, resource, ..
    } = access;
    // SQS writes its actions in small letters: `sqs:sendmessage`.
    let action = match action.starts_with("sqs:") {
        true => Cow::Owned(action.to_ascii_lowercase()),
        false => Cow::Borrowed(*action),
    };
    let who = match principal {
        Principal::Service { .. } => principal.arn(),
        _ => format!("User: {}", principal.arn()),
    };
    let mut text = format!("{who} is not authorized to perform: {action} on resource: {resource}");
    if let Some(why) = why {
        text.push(' ');
        text.push_str(&why.explain(&action));
    }
    text
}

impl Authority for Iam {
    fn key_holder(&self, id: &str) -> Option<KeyHolder> {
        let account = self.account.read();
        let user = account.key_user(id)?;
        let key = user.keys.iter().find(|key| key.id == id)?;
        Some(KeyHolder {
            principal: Principal::User {
                user_arn: account.arn(user).into(),
            },
            active: key.active,
        })
    }

    fn authorize(&self, principal: &Principal, access: &Access<'_>) -> Result<(), String> {
        let refused = |why| Err(sentence(principal, access, why));
        let Some(sender) = self.sender(principal) else {
            // The user or role is gone: nothing allows it anything.
            return refused(Some(Why::Implicit(Source::Identity)));
        };
        let Ok(trust) = self.trust(access) else {
            return refused(None);
        };
        let resource = match access.resource_policy {
            None => None,
            Some(document) => match self.compiled.text(document, Kind::Resource) {
                Some(policy) => Some(policy),
                None => self.compiled.text(NOTHING, Kind::Identity),
            },
        };
        let identity: Vec<&Policy> = sender.identity.iter().map(|policy| &**policy).collect();
        let session: Option<Vec<&Policy>> = sender
            .session
            .as_ref()
            .map(|policies| policies.iter().map(|policy| &**policy).collect());
        let policies = Policies {
            identity: &identity,
            boundary: sender.boundary.as_deref(),
            session: session.as_deref(),
            resource: resource.as_deref(),
            trust: trust.as_deref(),
        };
        let request = Request {
            caller: &sender.caller,
            action: access.action,
            resource: access.resource,
            facts: &Both(&sender.facts, access.facts),
        };
        match policies.decide(&request) {
            Decision::Allowed => Ok(()),
            // STS does not say why.
            Decision::Denied(_) if trust.is_some() => refused(None),
            Decision::Denied(why) => refused(Some(why)),
        }
    }

    fn asks_for_tags(&self, principal: &Principal, resource_policy: Option<&str>) -> bool {
        let resource = resource_policy.and_then(|text| self.compiled.text(text, Kind::Resource));
        if resource.is_some_and(|policy| policy.asks_for_tags()) {
            return true;
        }
        let Some(sender) = self.sender(principal) else {
            return false;
        };
        let session = sender.session.iter().flatten();
        let mut policies = sender
            .identity
            .iter()
            .chain(&sender.boundary)
            .chain(session);
        policies.any(|policy| policy.asks_for_tags())
    }

    fn may_assume(&self, service: &str, role_arn: &str, source_arn: &str) -> bool {
        let principal = Principal::Service {
            name: service.into(),
            source_arn: (!source_arn.is_empty()).then(|| source_arn.into()),
        };
        let Some(sender) = self.sender(&principal) else {
            return false;
        };
        let Some(bearing) = self.compiled.bearing(&self.account, role_arn) else {
            return false;
        };
        let policies = Policies {
            trust: bearing.trust.as_deref(),
            ..Policies::default()
        };
        let request = Request {
            caller: &sender.caller,
            action: "sts:AssumeRole",
            resource: Resource::Named(role_arn),
            facts: &sender.facts,
        };
        policies.decide(&request) == Decision::Allowed
    }

    fn role_session_seconds(&self, role_arn: &str) -> Option<u64> {
        let account = self.account.read();
        let role = account.by_arn(role_arn)?;
        role.role.as_ref().map(|role| role.session_seconds_max)
    }

    fn full_arn(&self, arn: &str) -> Option<String> {
        let account = self.account.read();
        account.by_name_in(arn)
    }

    fn used(&self, principal: &Principal, access: &Access<'_>) {
        let who = match principal {
            Principal::Role { role_arn, .. } => role_arn,
            Principal::User { user_arn } => user_arn,
            // What a limited session does is not all that its role needs.
            Principal::Limited(_)
            | Principal::Root { .. }
            | Principal::Service { .. }
            | Principal::Anonymous => return,
        };
        let resource = access.resource.to_string();
        self.uses.note(who, access.action, &resource);
    }

    fn unique_id(&self, arn: &str) -> Option<Arc<str>> {
        let account = self.account.read();
        account.by_arn(arn).map(|found| found.id.as_str().into())
    }

    fn tags(&self, arn: &str) -> Vec<(String, String)> {
        let account = self.account.read();
        let found = account.by_arn(arn);
        found
            .filter(|identity| identity.kind != IdentityKind::Group)
            .map(|identity| identity.tags.clone())
            .unwrap_or_default()
    }
}
