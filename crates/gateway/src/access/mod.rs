//! What a call needs: which actions on which resources, service by service.
//!
//! Each service is one file with one function from an operation and its input to [`Need`]s. What no file
//! knows is needed on `*`, which only a policy for everything allows: where it is not known what a call
//! would touch, nobody is believed to have allowed it.

mod apis;
mod data;
mod facts;
mod heads;
mod identities;
mod members;
mod messaging;
mod objects;
mod tags;
#[cfg(test)]
mod tests;
mod workflows;

use std::borrow::Cow;

use aws_model::schema::Member;
use iam_policy::Resource;
use service::{Call, Site};

pub(crate) use facts::{Origin, RequestFacts};
pub(crate) use heads::Head;
pub(crate) use members::Members;
pub(crate) use objects::{object_needs, tagging_need};
pub(crate) use tags::{Tags, question as tags_question, read as read_tags};

/// One action on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// `states:StartExecution`.
    pub action: Cow<'static, str>,
    /// An ARN, or `*` where the action has none; see [`Self::is_beginning`].
    pub resource: String,
    /// Whether `resource` is the beginning of ARNs of which it is not known which are meant.
    pub is_beginning: bool,
    /// To which service the role that is the resource is passed.
    pub passed_to: Option<&'static str>,
    /// The alias or version by which a state machine is named.
    pub qualifier: Option<String>,
    /// The function to which a mapping leads, where the call says so.
    pub function_arn: Option<String>,
}

impl Need {
    pub fn new(action: impl Into<Cow<'static, str>>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            is_beginning: false,
            passed_to: None,
            qualifier: None,
            function_arn: None,
        }
    }

    /// Returns the need of an action on some of the resources whose ARNs begin so, nobody knows which.
    pub fn on_some(action: impl Into<Cow<'static, str>>, beginning: impl Into<String>) -> Self {
        Self {
            is_beginning: true,
            ..Self::new(action, beginning)
        }
    }

    /// Returns the need of an action on a resource that is not known.
    pub fn on_any(action: impl Into<Cow<'static, str>>) -> Self {
        Self::on_some(action, "")
    }

    /// Returns the needs of an action on each of `resources`; where there are none, it is not known on which.
    pub fn on_each(action: &str, resources: impl IntoIterator<Item = String>) -> Vec<Self> {
        let resources = resources.into_iter();
        let mut needs: Vec<Self> = resources
            .map(|resource| Self::new(action.to_owned(), resource))
            .collect();
        if needs.is_empty() {
            needs.push(Self::on_any(action.to_owned()));
        }
        needs
    }

    /// Returns what policies match.
    pub fn resource(&self) -> Resource<'_> {
        match self.is_beginning {
            true => Resource::Among(&self.resource),
            false => Resource::Named(&self.resource),
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
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Given {
    /// `states.amazonaws.com`.
    pub service: &'static str,
    pub role_arn: String,
    /// What the service will assume it for: the machine, the function, the rule.
    pub source_arn: String,
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

/// Returns the members of a call's input that its operation reads, as far as there is a model that says so.
pub(crate) fn members(call: &Call) -> Members<'_> {
    let all = Members::of(&call.input);
    match modelled(call.service, &call.operation) {
        Some(known) => all.only(known),
        None => all,
    }
}

/// Returns the members of an operation's input; `None` for an operation that no model here has.
fn modelled(service: &str, operation: &str) -> Option<&'static [Member]> {
    use aws_model::{lambda, logs, states};
    let model = match service {
        "states" => states::Operation::from_name(operation)?.model(),
        "lambda" => lambda::Operation::from_name(operation)?.model(),
        "logs" => logs::Operation::from_name(operation)?.model(),
        _ => return None,
    };
    let members = model.input.map(|input| input.members());
    Some(members.unwrap_or_default())
}

/// Returns what a call needs. `asked` are the answers to its [`questions`].
pub(crate) fn needs(
    call: &Call,
    members: &Members<'_>,
    site: &Site,
    asked: Vec<Option<String>>,
) -> Vec<Need> {
    let place = Place::of(site);
    let operation = &*call.operation;
    match call.service {
        "states" => workflows::states(operation, members, place, asked),
        "lambda" => workflows::lambda(operation, members, place),
        "dynamodb" => data::dynamodb(operation, members, place),
        "logs" => data::logs(operation, members, place),
        "s3" => objects::needs(operation, members),
        // Whatever it leads to is asked for by itself.
        "cloudcontrolapi" => vec![Need::new(format!("cloudformation:{operation}"), "*")],
        "cloudformation" => identities::cloudformation(operation, members, place, asked),
        "iam" => identities::iam(operation, members, place, &call.principal),
        "sts" => identities::sts(operation, members, place),
        "secretsmanager" => messaging::secrets(operation, members, place, asked),
        "apigateway" | "apigatewayv2" | "execute-api" => apis::needs(call, members, place),
        other => messaging::needs(other, operation, members, place),
    }
}

/// Says whether a call is of a kind that hands a role to a service.
pub(crate) fn gives(call: &Call) -> bool {
    matches!(
        (call.service, &*call.operation),
        ("states", "CreateStateMachine" | "UpdateStateMachine")
            | ("lambda", "CreateFunction" | "UpdateFunctionConfiguration")
            | ("events", "PutTargets")
            | ("scheduler", "CreateSchedule" | "UpdateSchedule")
            | (
                "apigateway",
                "PutRestApi" | "ImportRestApi" | "PutIntegration"
            )
            | (
                "apigatewayv2",
                "CreateApi"
                    | "ImportApi"
                    | "ReimportApi"
                    | "CreateIntegration"
                    | "UpdateIntegration"
                    | "CreateAuthorizer"
                    | "UpdateAuthorizer"
            )
    )
}

/// Returns the roles that a call hands to a service.
pub(crate) fn given(call: &Call, members: &Members<'_>, site: &Site) -> Vec<Given> {
    if !gives(call) {
        return Vec::new();
    }
    let (place, operation) = (Place::of(site), &*call.operation);
    let one = |member: &str| members.text(member).map(Cow::into_owned);
    let (service, source_arn, roles): (_, Option<String>, Vec<String>) = match call.service {
        "states" => {
            let name = one("name").map(|name| place.arn("states", &format!("stateMachine:{name}")));
            let machine = one("stateMachineArn").or(name);
            (
                "states.amazonaws.com",
                machine,
                one("roleArn").into_iter().collect(),
            )
        }
        "lambda" => {
            let function = one("FunctionName");
            let function = function.map(|name| workflows::function_arn(&name, None, place));
            (
                "lambda.amazonaws.com",
                function,
                one("Role").into_iter().collect(),
            )
        }
        "apigateway" | "apigatewayv2" => ("apigateway.amazonaws.com", None, apis::roles(call)),
        "events" => {
            let rule = messaging::rule(members, "Rule", place);
            let roles = messaging::roles("events", operation, members);
            ("events.amazonaws.com", rule, roles)
        }
        _ => {
            let group = messaging::group(members);
            let group = place.arn("scheduler", &format!("schedule-group/{group}"));
            let roles = messaging::roles("scheduler", operation, members);
            ("scheduler.amazonaws.com", Some(group), roles)
        }
    };
    let source_arn = source_arn.unwrap_or_default();
    let is_role = |role: &String| {
        vocab::Arn::parse(role)
            .is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"))
    };
    let given = |role_arn| Given {
        service,
        role_arn,
        source_arn: source_arn.clone(),
    };
    roles.into_iter().filter(is_role).map(given).collect()
}

/// Returns the calls about which the service must be asked what they are about, because it alone knows: a token
/// says nothing to us, a secret's ARN ends in letters that its name does not have, and a change set's ARN does not
/// name its stack.
pub(crate) fn questions(call: &Call, members: &Members<'_>) -> Vec<Call> {
    match (call.service, &*call.operation) {
        ("states", operation) if operation.starts_with("SendTask") => vec![call.clone()],
        ("secretsmanager", operation) => {
            let ids = messaging::secret_ids(operation, members).into_iter();
            let question = |id: String| Call {
                operation: "DescribeSecret".into(),
                input: serde_json::json!({"SecretId": id}).to_string().into(),
                payload: Default::default(),
                service: call.service,
                principal: call.principal.clone(),
                request_id: call.request_id,
            };
            ids.map(question).collect()
        }
        ("cloudformation", operation) if identities::names_change_set_alone(operation, members) => {
            vec![call.clone()]
        }
        _ => Vec::new(),
    }
}
