//! The decision: explicit denials first, then who must allow.
//!
//! The order is the one that AWS documents for one account. A resource policy that names the caller
//! itself suffices; one that names the role behind a session, or everybody, leaves boundaries and session
//! policies their word; one that names the account leaves the account's policies theirs.

use core::fmt;

use crate::context::Facts;
use crate::document::Policy;
use crate::principal::{Caller, Naming};

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// One ARN; `*` where the action has none.
    Named(&'a str),
    /// Some of those whose ARNs begin so, and it is not known which: of any at all where it is empty. Only
    /// what allows all of them allows it, and what denies one of them denies it.
    Among(&'a str),
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(arn) => f.write_str(arn),
            Self::Among(begin) => write!(f, "{begin}*"),
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// `states:StartExecution`.
    pub action: &'a str,
    /// What it is done to.
    pub resource: Resource<'a>,
    /// What conditions and variables may ask for.
    pub facts: &'a dyn Facts,
}

/// All policies that bear on one request.
#[derive(Clone, Copy, Default)]
pub struct Policies<'a> {
    /// Those of the user and its groups, or of the role.
    pub identity: &'a [&'a Policy],
    /// The permissions boundary, where there is one.
    pub boundary: Option<&'a Policy>,
    /// Those that the session was made with, where it was.
    pub session: Option<&'a [&'a Policy]>,
    /// The resource's own, where it has one.
    pub resource: Option<&'a Policy>,
    /// A role's trust policy, where the role is to be assumed. Without its leave nobody does.
    pub trust: Option<&'a Policy>,
}

/// A kind of policy, as messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Identity-based.
    Identity,
    /// A permissions boundary.
    Boundary,
    /// A session policy.
    Session,
    /// Resource-based.
    Resource,
    /// A role's trust policy.
    Trust,
}

/// Why a request is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A policy of this kind denies it.
    Explicit(Source),
    /// No policy of this kind allows it.
    Implicit(Source),
}

impl Why {
    /// Returns the end of AWS's sentence, from `because` or `with` on.
    pub fn explain(self, action: &str) -> String {
        match self {
            Self::Explicit(source) => format!("with an explicit deny in {}", source.with_article()),
            Self::Implicit(source) => {
                format!("because no {} allows the {action} action", source.noun())
            }
        }
    }
}

impl Source {
    fn noun(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::Resource => "resource-based policy",
            Self::Trust => "role trust policy",
        }
    }

    fn with_article(self) -> &'static str {
        match self {
            Self::Identity => "an identity-based policy",
            Self::Boundary => "a permissions boundary",
            Self::Session => "a session policy",
            Self::Resource => "a resource-based policy",
            Self::Trust => "the role trust policy",
        }
    }
}

/// What comes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may be done.
    Allowed,
    /// It may not.
    Denied(Why),
}

/// What one policy alone says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A statement allows it, and none denies it.
    Allows,
    /// A statement denies it.
    Denies,
    /// None is about it.
    Silent,
}

impl Policy {
    /// Returns what this policy alone says of a request.
    pub fn verdict(&self, request: &Request<'_>) -> Verdict {
        let effects = self.effects(request);
        match (effects.denies, effects.allows) {
            (true, _) => Verdict::Denies,
            (false, Some(_)) => Verdict::Allows,
            (false, None) => Verdict::Silent,
        }
    }
}

/// What policies of one kind come to together.
#[derive(Clone, Copy)]
struct Said {
    denies: bool,
    allows: Option<Naming>,
}

impl Policies<'_> {
    /// Decides on a request.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let all = |policies: &[&Policy]| {
            let mut said = Said {
                denies: false,
                allows: None,
            };
            for policy in policies {
                let effects = policy.effects(request);
                said.denies |= effects.denies;
                said.allows = said.allows.max(effects.allows);
            }
            said
        };
        let identity = all(self.identity);
        let boundary = self.boundary.map(|policy| all(&[policy]));
        let session = self.session.map(all);
        let resource = self.resource.map(|policy| all(&[policy]));
        let trust = self.trust.map(|policy| all(&[policy]));
        let denied = [
            (Source::Identity, Some(identity)),
            (Source::Boundary, boundary),
            (Source::Session, session),
            (Source::Resource, resource),
            (Source::Trust, trust),
        ];
        for (source, said) in denied {
            if said.is_some_and(|said| said.denies) {
                return Decision::Denied(Why::Explicit(source));
            }
        }
        let refused = |source| Decision::Denied(Why::Implicit(source));
        // Whom no identity policy can be about, only the resource's own can let in.
        if matches!(request.caller, Caller::Service { .. } | Caller::Anonymous) {
            let (source, said) = match trust {
                Some(said) => (Source::Trust, Some(said)),
                None => (Source::Resource, resource),
            };
            let allowed = said.is_some_and(|said| said.allows.is_some());
            return if allowed {
                Decision::Allowed
            } else {
                refused(source)
            };
        }
        let granted = match trust {
            Some(Said { allows: None, .. }) => return refused(Source::Trust),
            Some(said) => said.allows,
            None => resource.and_then(|said| said.allows),
        };
        let root = matches!(request.caller, Caller::Root { .. });
        match granted {
            Some(Naming::Itself) => return Decision::Allowed,
            Some(Naming::Role) => {}
            Some(Naming::Account) | None if root => {}
            Some(Naming::Account) | None if identity.allows.is_none() => {
                return refused(Source::Identity);
            }
            Some(Naming::Account) | None => {}
        }
        if boundary.is_some_and(|said| said.allows.is_none()) {
            return refused(Source::Boundary);
        }
        if session.is_some_and(|said| said.allows.is_none()) {
            return refused(Source::Session);
        }
        Decision::Allowed
    }
}
