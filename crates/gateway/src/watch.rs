//! The decision before a call: its sender, what it needs, what the authority says, and how a refusal is put.
//!
//! The account's owner may do everything, so nothing of such a call is looked at but the roles that it
//! hands to services: those must be able to assume them whoever asks.

use std::sync::Arc;

use service::{Access, Authority, Call, Failure, Principal, RequestId, Service, Site};
use vocab::Timestamp;

use crate::access::{
    self, Given, Head, Members, Need, Origin, RequestFacts, Tags, object_needs, tagging_need,
};
use crate::streaming::ObjectCall;

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

/// What bears on a need beside the policies of its sender.
#[derive(Default)]
struct Bearing<'a> {
    /// The resource's own policy.
    policy: Option<&'a str>,
    /// The head of a request to S3 over HTTP.
    head: Option<Head<'a>>,
    tags: &'a Tags,
}

impl Default for &Tags {
    fn default() -> Self {
        &Tags::Unknown
    }
}

/// What the owner of a bucket may do with its policy whatever it says, so that nobody is locked out for ever.
const OWNERS_OWN: [&str; 3] = [
    "s3:DeleteBucketPolicy",
    "s3:GetBucketPolicy",
    "s3:PutBucketPolicy",
];

/// Says in S3's words that those who have not signed may not.
pub(crate) fn nobody() -> Failure {
    Failure::client("AccessDenied", "Access Denied").with_status(403)
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
        // The policy of a bucket binds its owner, too.
        let is_bound = !call.principal.is_root() || call.service == "s3";
        if !is_bound && !access::gives(call) {
            return Ok(());
        }
        let members = access::members(call);
        if is_bound {
            let mut asked_for = Vec::new();
            for question in access::questions(call, &members) {
                asked_for.push(match service {
                    Some(service) => service.resource_of(&question).await,
                    None => None,
                });
            }
            for mut need in access::needs(call, &members, &self.site, asked_for) {
                self.complete(&mut need);
                self.judge(&asked, &need, &members, None, service).await?;
            }
        }
        let mut given = access::given(call, &members, &self.site).into_iter();
        given.try_for_each(|given| self.trusted(&given))
    }

    /// Says whether an operation of S3 over HTTP may be carried out. Who has not signed is looked at even where
    /// nobody else is.
    pub async fn admit_object(
        &self,
        asked: &Asked<'_>,
        call: &ObjectCall<'_>,
        service: Option<&Arc<dyn Service>>,
    ) -> Result<(), Box<Failure>> {
        if self.enforcement == Enforcement::Off && *asked.principal != Principal::Anonymous {
            return Ok(());
        }
        let members = Members::default();
        let head = Head {
            query: call.query,
            headers: call.headers,
        };
        let mut needs = object_needs(call.operation, call.bucket, call.key, call.source);
        if call.headers.contains_key("x-amz-tagging") {
            needs.extend(tagging_need(call.bucket, call.key));
        }
        for need in needs {
            self.judge(asked, &need, &members, Some(head), service)
                .await?;
        }
        Ok(())
    }

    /// Looks up what bears on a need, and decides.
    async fn judge(
        &self,
        asked: &Asked<'_>,
        need: &Need,
        members: &Members<'_>,
        head: Option<Head<'_>>,
        service: Option<&Arc<dyn Service>>,
    ) -> Result<(), Box<Failure>> {
        let policy = match service {
            // A bucket's policy is about all that is in it; others are asked by their whole ARN.
            Some(service) if !need.is_beginning || asked.service == "s3" => {
                service.resource_policy(&need.resource).await
            }
            _ => None,
        };
        let policy = policy.as_deref();
        let is_root = asked.principal.is_root();
        if is_root && (policy.is_none() || OWNERS_OWN.contains(&&*need.action)) {
            return Ok(());
        }
        let tags = match self.authority.asks_for_tags(asked.principal, policy) {
            true => self.tags(need, service).await,
            false => Tags::default(),
        };
        let bearing = Bearing {
            policy,
            head,
            tags: &tags,
        };
        self.decide(asked, need, members, &bearing)
    }

    /// Returns the tags of what a need is on, from `service` where it has it.
    async fn tags(&self, need: &Need, service: Option<&Arc<dyn Service>>) -> Tags {
        if need.resource.starts_with("arn:aws:iam:") && !need.is_beginning {
            return Tags::Known(self.authority.tags(&need.resource));
        }
        let (Some((of, operation, input)), Some(service)) = (access::tags_question(need), service)
        else {
            return Tags::Unknown;
        };
        if of != service.name() {
            return Tags::Unknown;
        }
        let call = Call {
            service: service.name(),
            operation: operation.into(),
            input: input.to_string().into(),
            payload: bytes::Bytes::new(),
            principal: Principal::Root {
                account: Arc::clone(&self.site.account_id),
            },
            request_id: RequestId::random(),
        };
        match service.call(call).await {
            Ok(reply) => Tags::Known(access::read_tags(&reply.output)),
            // What is not there has none.
            Err(failure) if failure.status < 500 => Tags::Known(Vec::new()),
            Err(_) => Tags::Unknown,
        }
    }

    /// Says whether one of the server's own ways may be asked.
    pub fn admit_own(&self, asked: &Asked<'_>, name: &str) -> Result<(), Box<Failure>> {
        if self.enforcement == Enforcement::Off || asked.principal.is_root() {
            return Ok(());
        }
        let need = Need::new(format!("stepd:{name}"), "*");
        self.decide(asked, &need, &Members::default(), &Bearing::default())
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
        bearing: &Bearing<'_>,
    ) -> Result<(), Box<Failure>> {
        let facts = RequestFacts {
            origin: asked.origin,
            now: asked.now,
            site: &self.site,
            need,
            members,
            head: bearing.head,
            tags: bearing.tags,
        };
        let access = Access {
            action: &need.action,
            resource: need.resource(),
            facts: &facts,
            resource_policy: bearing.policy,
        };
        let Err(sentence) = self.authority.authorize(asked.principal, &access) else {
            self.authority.used(asked.principal, &access);
            return Ok(());
        };
        if *asked.principal == Principal::Anonymous {
            tracing::debug!(target: "iam", service = asked.service, "refused: {sentence}");
            return Err(Box::new(nobody()));
        }
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
            "apigateway.amazonaws.com" => Failure::client(
                "BadRequestException",
                format!(
                    "API Gateway does not have permission to assume the provided role {role_arn}"
                ),
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
