//! The Task state.

use crate::api_gateway::unsupported_headers;
use crate::definition::{Count, Resource, ResourceKind, Task};
use crate::parse::fields::Fields;
use crate::parse::workflow::{SECONDS_MAX, Siblings};
use crate::parse::{MachineType, UnknownAction, assign, flow, resource, retry, state};
use crate::query::{Allowed, Miss, Template};

pub(crate) fn task(
    (machine_type, unknown_action): (MachineType, UnknownAction),
    fields: &Fields<'_>,
    siblings: &Siblings<'_>,
) -> Option<Task> {
    let transition = state::transition(fields, siblings);
    let flow = flow::full(fields);
    let timeout = seconds(fields, "TimeoutSeconds", "TimeoutSecondsPath");
    let heartbeat = seconds(fields, "HeartbeatSeconds", "HeartbeatSecondsPath");
    if let (Some(Count::Literal(timeout)), Some(Count::Literal(heartbeat))) = (&timeout, &heartbeat)
        && heartbeat >= timeout
    {
        fields.refuse_field(
            "HeartbeatSeconds",
            "HeartbeatSeconds must be smaller than TimeoutSeconds",
        );
    }
    let credentials = credentials(fields);
    let assign = assign::assign_reading(fields, flow::RESULT);
    let (retry, catch) = (retry::retry(fields), retry::catch(fields, siblings));
    let has_resource = fields.require(&["Resource"]);
    let resource = if has_resource {
        resource::resource(machine_type, unknown_action, fields)
    } else {
        None
    };
    check_headers(fields, resource.as_ref());
    Some(Task {
        resource: resource?,
        flow,
        timeout,
        heartbeat,
        credentials,
        assign,
        retry,
        catch,
        transition: transition?,
    })
}

fn seconds(fields: &Fields<'_>, literal: &'static str, path: &'static str) -> Option<Count> {
    if let Some(expression) = fields.expression(literal) {
        return expression.map(Count::Expression);
    }
    if fields.at_most_one(&[literal, path])? == literal {
        return fields.integer(literal, 1..=SECONDS_MAX).map(Count::Literal);
    }
    fields
        .path(path, Allowed::Context, Miss::Invalid)
        .map(Count::Path)
}

/// Reports headers that cannot be sent to an API of API Gateway.
fn check_headers(fields: &Fields<'_>, resource: Option<&Resource>) {
    let kind = resource.map(|resource| &resource.kind);
    if !matches!(kind, Some(ResourceKind::Integration { service, .. }) if &**service == "apigateway")
    {
        return;
    }
    for name in ["Parameters", "Arguments"] {
        let headers = fields
            .get(name)
            .and_then(|given| given.get("Headers")?.as_object());
        if let Some(message) = headers.and_then(unsupported_headers) {
            fields.refuse_field(name, message);
        }
    }
}

fn credentials(fields: &Fields<'_>) -> Option<Template> {
    check_credentials(fields);
    fields.template("Credentials")
}

/// Reports `Credentials` that name no role.
pub(crate) fn check_credentials(fields: &Fields<'_>) {
    let Some(credentials) = fields.object("Credentials") else {
        return;
    };
    if !credentials.has("RoleArn") && !credentials.has("RoleArn.$") {
        credentials.refuse("The field 'RoleArn' is required but was missing");
    }
    credentials.text("RoleArn");
}
