//! What a call needs: which actions on which resources, service by service.
//!
//! Each service is one file with one function from an operation and its input to [`Need`]s. What no file
//! knows is needed on `*`, which only a policy for everything allows: where it is not known what a call
//! would touch, nobody is believed to have allowed it.

mod data;
mod facts;
mod identities;
mod members;
mod messaging;
mod objects;
mod workflows;

use std::borrow::Cow;

use service::{Call, Site};

pub(crate) use facts::{Origin, RequestFacts};
pub(crate) use members::Members;
pub(crate) use objects::object_needs;

/// One action on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// `states:StartExecution`.
    pub action: Cow<'static, str>,
    /// An ARN, or `*`.
    pub resource: String,
    /// To which service the role that is the resource is passed.
    pub passed_to: Option<&'static str>,
    /// The alias or version by which a state machine is named.
    pub qualifier: Option<String>,
}

impl Need {
    pub fn new(action: impl Into<Cow<'static, str>>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            passed_to: None,
            qualifier: None,
        }
    }

    /// Returns the need to pass a role to a service.
    pub fn pass_role(role_arn: &str, service: &'static str) -> Self {
        Self {
            passed_to: Some(service),
            ..Self::new("iam:PassRole", role_arn)
        }
    }
}

/// A role that a call gives to a service, which must be able to assume it.
pub(crate) struct Given {
    /// `states.amazonaws.com`.
    pub service: &'static str,
    pub role_arn: String,
}

/// Where resources are whose ARNs are put together.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub region: &'a str,
    pub account: &'a str,
}

impl<'a> Place<'a> {
    pub fn of(site: &'a Site) -> Self {
        Self {
            region: &site.region,
            account: &site.account_id,
        }
    }

    /// Returns `arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE`; what is an ARN already stays it.
    pub fn arn(self, service: &str, resource: &str) -> String {
        if resource.starts_with("arn:") {
            return resource.to_owned();
        }
        let (region, account) = (self.region, self.account);
        format!("arn:aws:{service}:{region}:{account}:{resource}")
    }
}

/// Returns what a call needs. `asked` is the resource that the service itself says the call is about.
pub(crate) fn needs(
    call: &Call,
    members: &Members<'_>,
    site: &Site,
    asked: Option<String>,
) -> Vec<Need> {
    let place = Place::of(site);
    let operation = &*call.operation;
    match call.service {
        "states" => workflows::states(operation, members, place, asked),
        "lambda" => workflows::lambda(operation, members, place),
        "dynamodb" => data::dynamodb(operation, members, place),
        "logs" => data::logs(operation, members, place),
        "s3" => objects::needs(operation, members),
        "cloudformation" => identities::cloudformation(operation, members, place),
        "iam" => identities::iam(operation, members, place),
        "sts" => identities::sts(operation, members, place),
        other => messaging::needs(other, operation, members, place),
    }
}

/// Says whether a call is of a kind that hands a role to a service.
pub(crate) fn gives(call: &Call) -> bool {
    matches!(
        (call.service, &*call.operation),
        ("states", "CreateStateMachine" | "UpdateStateMachine")
            | ("lambda", "CreateFunction" | "UpdateFunctionConfiguration")
    )
}

/// Returns the role that a call hands to a service, if it hands one over.
pub(crate) fn given(call: &Call, members: &Members<'_>) -> Option<Given> {
    let (service, member) = match (call.service, &*call.operation) {
        ("states", "CreateStateMachine" | "UpdateStateMachine") => {
            ("states.amazonaws.com", "roleArn")
        }
        ("lambda", "CreateFunction" | "UpdateFunctionConfiguration") => {
            ("lambda.amazonaws.com", "Role")
        }
        _ => return None,
    };
    let role_arn = members.text(member)?.into_owned();
    let is_role = vocab::Arn::parse(&role_arn)
        .is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"));
    is_role.then_some(Given { service, role_arn })
}

/// Says whether the resource of an operation is known by the service alone: a token says nothing to us.
pub(crate) fn is_asked_for(call: &Call) -> bool {
    call.service == "states" && call.operation.starts_with("SendTask")
}
