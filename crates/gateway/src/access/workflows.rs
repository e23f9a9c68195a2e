//! Step Functions and Lambda.

use super::{Members, Need, Place};

/// Returns what a call of Step Functions needs.
pub(super) fn states(
    operation: &str,
    members: &Members<'_>,
    place: Place<'_>,
    asked: Option<String>,
) -> Vec<Need> {
    let action = format!("states:{operation}");
    let mut needs = Vec::with_capacity(2);
    let resource = match operation {
        "CreateStateMachine" => members
            .text("name")
            .map(|name| place.arn("states", &format!("stateMachine:{name}"))),
        "CreateActivity" => members
            .text("name")
            .map(|name| place.arn("states", &format!("activity:{name}"))),
        "CreateStateMachineAlias" => members
            .value("routingConfiguration")
            .and_then(|routes| Some(routes[0]["stateMachineVersionArn"].as_str()?.to_owned())),
        "SendTaskSuccess" | "SendTaskFailure" | "SendTaskHeartbeat" => asked,
        "ListStateMachines" | "ListActivities" | "TestState" | "ValidateStateMachineDefinition" => {
            None
        }
        _ => members
            .any_text(&[
                "stateMachineArn",
                "executionArn",
                "activityArn",
                "mapRunArn",
                "resourceArn",
                "stateMachineVersionArn",
                "stateMachineAliasArn",
            ])
            .map(|arn| arn.into_owned()),
    };
    let mut need = Need::new(action, resource.unwrap_or_else(|| "*".to_owned()));
    // A version or an alias is its machine, and by which name it was called a key of conditions.
    let mut parts = need.resource.splitn(8, ':');
    if parts.clone().nth(5) == Some("stateMachine") {
        let machine: Vec<&str> = parts.by_ref().take(7).collect();
        let machine = machine.join(":");
        need.qualifier = parts.next().map(str::to_owned);
        need.resource = machine;
    }
    needs.push(need);
    let gives = ["CreateStateMachine", "UpdateStateMachine", "TestState"];
    if gives.contains(&operation)
        && let Some(role) = members.text("roleArn")
    {
        needs.push(Need::pass_role(&role, "states.amazonaws.com"));
    }
    needs
}

/// Returns what a call of Lambda needs.
pub(super) fn lambda(operation: &str, members: &Members<'_>, place: Place<'_>) -> Vec<Need> {
    let action = match operation {
        "Invoke" | "InvokeWithResponseStream" => "lambda:InvokeFunction".into(),
        other => format!("lambda:{other}"),
    };
    let resource = match operation {
        "ListFunctions"
        | "ListLayers"
        | "GetAccountSettings"
        | "CreateEventSourceMapping"
        | "ListEventSourceMappings" => None,
        "ListTags" | "TagResource" | "UntagResource" => {
            members.text("Resource").map(|arn| arn.into_owned())
        }
        _ => None
            .or_else(|| {
                let function = members.text("FunctionName")?;
                let qualifier = match operation {
                    "Invoke" | "InvokeWithResponseStream" => members.text("Qualifier"),
                    _ => None,
                };
                Some(function_arn(&function, qualifier.as_deref(), place))
            })
            .or_else(|| {
                let layer = members.text("LayerName")?;
                let version = members.value("VersionNumber");
                let version = version.map(|version| version.to_string().replace('"', ""));
                let version = version.map(|version| format!(":{version}"));
                let layer = format!("layer:{layer}{}", version.unwrap_or_default());
                Some(place.arn("lambda", &layer))
            })
            .or_else(|| {
                let id = members.text("UUID")?;
                Some(place.arn("lambda", &format!("event-source-mapping:{id}")))
            }),
    };
    let mut needs = vec![Need::new(
        action,
        resource.unwrap_or_else(|| "*".to_owned()),
    )];
    let gives = ["CreateFunction", "UpdateFunctionConfiguration"];
    if gives.contains(&operation)
        && let Some(role) = members.text("Role")
    {
        needs.push(Need::pass_role(&role, "lambda.amazonaws.com"));
    }
    needs
}

/// Returns the ARN of a function that is called by its name, by a part of its ARN, or by all of it.
fn function_arn(written: &str, qualifier: Option<&str>, place: Place<'_>) -> String {
    let (arn, rest) = match written.split_once("function:") {
        // `ACCOUNT:function:NAME` or the whole.
        Some((before, rest)) => (before.starts_with("arn:").then_some(before), rest),
        None => (None, written),
    };
    let (name, own) = match rest.split_once(':') {
        Some((name, own)) => (name, Some(own)),
        None => (rest, None),
    };
    let qualifier = own.or(qualifier);
    let name = match qualifier {
        Some(qualifier) => format!("{name}:{qualifier}"),
        None => name.to_owned(),
    };
    match arn {
        Some(before) => format!("{before}function:{name}"),
        None => place.arn("lambda", &format!("function:{name}")),
    }
}
