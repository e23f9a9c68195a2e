//! The facts of a request beside its sender: when, from where, by what, with which tags.

use std::net::IpAddr;

use iam_policy::Facts;
use service::Site;
use vocab::Timestamp;

use super::{Members, Need};

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
            "s3:prefix" => one(self.members.any_text(&["Prefix", "prefix"])?.into_owned()),
            "s3:delimiter" => one(self
                .members
                .any_text(&["Delimiter", "delimiter"])?
                .into_owned()),
            other => {
                let tag = other.strip_prefix("aws:requesttag/")?;
                let mut tags = self.members.tags().into_iter();
                let (_, value) = tags.find(|(key, _)| key.eq_ignore_ascii_case(tag))?;
                one(value)
            }
        }
    }

    /// What a service's own keys say of a call is known for those above alone: which rows and columns a call
    /// reads, say, is not looked at. Nor are the tags of what it is about.
    fn is_unknown(&self, key: &str) -> bool {
        if key.starts_with("aws:resourcetag/") {
            return true;
        }
        let of_action = self.need.action.split(':').next();
        let own = key.split_once(':').map(|(service, _)| service);
        own.is_some_and(|own| Some(own) == of_action) && !KNOWN.contains(&key)
    }
}

/// The keys of services that [`RequestFacts::values`] knows: where it has no value for one, the call has none.
const KNOWN: [&str; 11] = [
    "iam:passedtoservice",
    "iam:permissionsboundary",
    "iam:policyarn",
    "lambda:functionarn",
    "s3:delimiter",
    "s3:prefix",
    "states:httpendpoint",
    "states:httpmethod",
    "states:statemachinequalifier",
    "sts:externalid",
    "sts:rolesessionname",
];
