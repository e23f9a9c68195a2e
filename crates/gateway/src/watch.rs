//! The decision before a call: its sender, what it needs, what the authority says, and how a refusal is put.
//!
//! The account's owner may do everything, so nothing of such a call is looked at but the roles that it
//! hands to services: those must be able to assume them whoever asks.

use std::sync::Arc;

use service::{Access, Authority, Call, Failure, Principal, Service, Site};
use vocab::Timestamp;

use crate::access::{self, Given, Members, Need, Origin, RequestFacts, object_needs};

/// What becomes of a call that policies do not allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Enforcement {
    /// It is refused.
    #[default]
    Enforce,
    /// It is made, and the server's log says what would have been refused.
    Audit,
    /// It is made.
    Off,
}

/// Who is asked, and how strictly.
pub(crate) struct Watch {
    pub authority: Arc<dyn Authority>,
    pub enforcement: Enforcement,
    pub site: Site,
}

/// A call that is looked at.
pub(crate) struct Asked<'a> {
    pub principal: &'a Principal,
    pub service: &'static str,
    pub origin: &'a Origin,
    pub now: Timestamp,
}

impl Watch {
    /// Says whether a call may be made.
    pub async fn admit(
        &self,
        call: &Call,
        origin: &Origin,
        now: Timestamp,
        service: Option<&Arc<dyn Service>>,
    ) -> Result<(), Box<Failure>> {
        if self.enforcement == Enforcement::Off {
            return Ok(());
        }
        let asked = Asked {
            principal: &call.principal,
            service: call.service,
            origin,
            now,
        };
        let gives = access::gives(call);
        if call.principal.is_root() && !gives {
            return Ok(());
        }
        let members = access::members(call);
        if !call.principal.is_root() {
            let mut asked_for = Vec::new();
            for question in access::questions(call, &members) {
                asked_for.push(match service {
                    Some(service) => service.resource_of(&question).await,
                    None => None,
                });
            }
            for mut need in access::needs(call, &members, &self.site, asked_for) {
                self.complete(&mut need);
                let policy = match service {
                    Some(service) if !need.is_beginning => {
                        service.resource_policy(&need.resource).await
                    }
                    _ => None,
                };
                self.decide(&asked, &need, &members, policy.as_deref())?;
            }
        }
        let mut given = access::given(call, &members, &self.site).into_iter();
        given.try_for_each(|given| self.trusted(&given))
    }

    /// Says whether an operation of S3 over HTTP may be carried out.
    pub fn admit_object(
        &self,
        asked: &Asked<'_>,
        operation: &str,
        bucket: Option<&str>,
        key: Option<&str>,
        source: Option<&str>,
    ) -> Result<(), Box<Failure>> {
        if self.enforcement == Enforcement::Off || asked.principal.is_root() {
            return Ok(());
        }
        let members = Members::default();
        for need in object_needs(operation, bucket, key, source) {
            self.decide(asked, &need, &members, None)?;
        }
        Ok(())
    }

    /// Says whether one of the server's own ways may be asked.
    pub fn admit_own(&self, asked: &Asked<'_>, name: &str) -> Result<(), Box<Failure>> {
        if self.enforcement == Enforcement::Off || asked.principal.is_root() {
            return Ok(());
        }
        let need = Need::new(format!("stepd:{name}"), "*");
        self.decide(asked, &need, &Members::default(), None)
    }

    /// Puts the real ARN of a user, group or role in place of one whose path the call did not say.
    fn complete(&self, need: &mut Need) {
        if need.action.starts_with("iam:")
            && let Some(arn) = self.authority.full_arn(&need.resource)
        {
            need.resource = arn;
        }
    }

    fn decide(
        &self,
        asked: &Asked<'_>,
        need: &Need,
        members: &Members<'_>,
        resource_policy: Option<&str>,
    ) -> Result<(), Box<Failure>> {
        let facts = RequestFacts {
            origin: asked.origin,
            now: asked.now,
            site: &self.site,
            need,
            members,
        };
        let access = Access {
            action: &need.action,
            resource: need.resource(),
            facts: &facts,
            resource_policy,
        };
        let Err(sentence) = self.authority.authorize(asked.principal, &access) else {
            self.authority.used(asked.principal, &access);
            return Ok(());
        };
        if self.enforcement == Enforcement::Audit {
            tracing::warn!(target: "iam", service = asked.service, "would be refused: {sentence}");
            self.authority.used(asked.principal, &access);
            return Ok(());
        }
        tracing::debug!(target: "iam", service = asked.service, "refused: {sentence}");
        Err(Box::new(denial(asked.service, sentence, need)))
    }

    /// Says whether the service that a role is given to may assume it.
    fn trusted(&self, given: &Given) -> Result<(), Box<Failure>> {
        let Given {
            service,
            role_arn,
            source_arn,
        } = given;
        let regional = service.replacen('.', &format!(".{}.", self.site.region), 1);
        let authority = &self.authority;
        let may = |name: &str| authority.may_assume(name, role_arn, source_arn);
        if may(service) || may(&regional) {
            return Ok(());
        }
        if self.enforcement == Enforcement::Audit {
            tracing::warn!(target: "iam", "would be refused: {service} may not assume {role_arn}");
            return Ok(());
        }
        Err(Box::new(match *service {
            "lambda.amazonaws.com" => Failure::client(
                "InvalidParameterValueException",
                "The role defined for the function cannot be assumed by Lambda.",
            )
            .with_field("Type", "User"),
            "events.amazonaws.com" => Failure::client(
                "ValidationException",
                format!("Provided role '{role_arn}' cannot be assumed by principal '{service}'."),
            ),
            "scheduler.amazonaws.com" => Failure::client(
                "ValidationException",
                "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
            ),
            _ => Failure::client(
                "AccessDeniedException",
                "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role.",
            ),
        }))
    }
}

/// Returns the refusal in the form of the service's protocol.
fn denial(service: &str, sentence: String, need: &Need) -> Failure {
    let (code, status) = match service {
        "states" | "dynamodb" | "logs" | "events" | "ssm" | "secretsmanager" | "kms" => {
            ("AccessDeniedException", 400)
        }
        "sns" => ("AuthorizationError", 403),
        "iam" | "sts" | "cloudformation" | "s3" | "sqs" => ("AccessDenied", 403),
        _ => ("AccessDeniedException", 403),
    };
    // S3 alone puts the resource into quotes.
    let sentence = match service {
        "s3" => {
            let resource = need.resource();
            let plain = format!("on resource: {resource}");
            sentence.replacen(&plain, &format!("on resource: \"{resource}\""), 1)
        }
        _ => sentence,
    };
    Failure::client(code, sentence).with_status(status)
}
