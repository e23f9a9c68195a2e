//! The facts of a request beside its sender: when, from where, by what, with which tags.

use std::net::IpAddr;

use iam_policy::Facts;
use service::Site;
use vocab::Timestamp;

use super::{Head, Members, Need, Tags, heads};

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The caller's address; `None` for calls inside of the server.
    pub address: Option<IpAddr>,
    /// Whether it was encrypted on its way, or never on a wire.
    pub secure: bool,
    pub user_agent: Option<String>,
}

impl Origin {
    /// Returns the origin of calls that one service makes to another.
    pub fn inside() -> Self {
        Self {
            address: None,
            secure: true,
            user_agent: None,
        }
    }
}

/// The facts of one call for one of its needs.
pub(crate) struct RequestFacts<'a> {
    pub origin: &'a Origin,
    pub now: Timestamp,
    pub site: &'a Site,
    pub need: &'a Need,
    pub members: &'a Members<'a>,
    /// The head of a request to S3 over HTTP.
    pub head: Option<Head<'a>>,
    /// The tags of what the need is on.
    pub tags: &'a Tags,
}

/// Returns the name of the tag that a key asks for, if it is one of a resource's tags.
fn resource_tag<'k>(key: &'k str, action: &str) -> Option<&'k str> {
    let (vendor, rest) = key.split_once(':')?;
    let own = || action.split(':').next() == Some(vendor);
    match vendor {
        "aws" => rest.strip_prefix("resourcetag/"),
        "iam" | "ssm" | "secretsmanager" if own() => rest.strip_prefix("resourcetag/"),
        "s3" if own() => rest.strip_prefix("existingobjecttag/"),
        _ => None,
    }
}

impl Facts for RequestFacts<'_> {
    fn values(&self, key: &str) -> Option<Vec<String>> {
        let one = |value: String| Some(vec![value]);
        match key {
            "aws:currenttime" => one(self.now.to_string()),
            "aws:epochtime" => one((self.now.as_millis() / 1000).to_string()),
            "aws:securetransport" => one(self.origin.secure.to_string()),
            "aws:sourceip" => one(self.origin.address?.to_canonical().to_string()),
            "aws:useragent" => one(self.origin.user_agent.clone()?),
            "aws:requestedregion" => one(self.site.region.to_string()),
            "aws:resourceaccount" => one(self.site.account_id.to_string()),
            "aws:viaawsservice" => one("false".to_owned()),
            "aws:tagkeys" => {
                let keys = self.members.tag_keys();
                (!keys.is_empty()).then_some(keys)
            }
            "iam:passedtoservice" => one(self.need.passed_to?.to_owned()),
            "states:statemachinequalifier" => one(self.need.qualifier.clone()?),
            "states:httpendpoint" => one(self.members.text("HTTPEndpoint")?.into_owned()),
            "states:httpmethod" => one(self.members.text("HTTPMethod")?.into_owned()),
            "lambda:functionarn" => one(self.need.function_arn.clone()?),
            "iam:policyarn" => one(self.members.text("PolicyArn")?.into_owned()),
            "iam:permissionsboundary" => {
                one(self.members.text("PermissionsBoundary")?.into_owned())
            }
            "sts:externalid" => one(self.members.text("ExternalId")?.into_owned()),
            "sts:rolesessionname" => one(self.members.text("RoleSessionName")?.into_owned()),
            other if other.starts_with("s3:") && !other.starts_with("s3:existing") => {
                heads::value(other, self.head, self.members)
            }
            other => {
                if let Some(tag) = resource_tag(other, &self.need.action) {
                    return self
                        .has_tags(other)
                        .then(|| self.tags.value(tag))?
                        .map(|value| vec![value]);
                }
                let tag = other.strip_prefix("aws:requesttag/")?;
                let mut tags = self.members.tags().into_iter();
                let (_, value) = tags.find(|(key, _)| key.eq_ignore_ascii_case(tag))?;
                one(value)
            }
        }
    }

    /// What a service's own keys say of a call is known for those above alone: which rows and columns a call
    /// reads, say, is not looked at.
    fn is_unknown(&self, key: &str) -> bool {
        if resource_tag(key, &self.need.action).is_some() {
            return self.has_tags(key) && *self.tags == Tags::Unknown;
        }
        if key.starts_with("s3:") && self.need.action.starts_with("s3:") {
            return !heads::knows(key, self.head, self.members);
        }
        let of_action = self.need.action.split(':').next();
        let own = key.split_once(':').map(|(service, _)| service);
        own.is_some_and(|own| Some(own) == of_action) && !KNOWN.contains(&key)
    }
}

impl RequestFacts<'_> {
    /// Says whether a key of tags is one that such a resource has: buckets and objects have none of AWS's
    /// own, objects those of S3.
    fn has_tags(&self, key: &str) -> bool {
        !self.need.resource.starts_with("arn:aws:s3:") || key.starts_with("s3:")
    }
}

/// The keys of services that [`RequestFacts::values`] knows: where it has no value for one, the call has none.
const KNOWN: [&str; 9] = [
    "iam:passedtoservice",
    "iam:permissionsboundary",
    "iam:policyarn",
    "lambda:functionarn",
    "states:httpendpoint",
    "states:httpmethod",
    "states:statemachinequalifier",
    "sts:externalid",
    "sts:rolesessionname",
];
