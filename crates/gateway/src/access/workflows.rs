//! Step Functions and Lambda.

use super::{Members, Need, Place, modelled};

/// The members by which inputs of Step Functions name what they are about. Those that an operation does not read
/// are gone before they are looked at, so that several are all meant.
const ARNS: [&str; 7] = [
    "stateMachineArn",
    "executionArn",
    "activityArn",
    "mapRunArn",
    "resourceArn",
    "stateMachineVersionArn",
    "stateMachineAliasArn",
];

/// Returns what a call of Step Functions needs.
pub(super) fn states(
    operation: &str,
    members: &Members<'_>,
    place: Place<'_>,
    asked: Vec<Option<String>>,
) -> Vec<Need> {
    let action = format!("states:{operation}");
    let named = |kind: &str| {
        let name = members.text("name")?;
        Some(place.arn("states", &format!("{kind}:{name}")))
    };
    let resources: Vec<String> = match operation {
        "CreateStateMachine" => named("stateMachine").into_iter().collect(),
        "CreateActivity" => named("activity").into_iter().collect(),
        "CreateStateMachineAlias" => {
            let routes = members.value("routingConfiguration");
            let routes = routes.as_ref().and_then(|routes| routes.as_array());
            let arns = routes.into_iter().flatten();
            let arns = arns.filter_map(|route| route["stateMachineVersionArn"].as_str());
            arns.map(str::to_owned).collect()
        }
        "SendTaskSuccess" | "SendTaskFailure" | "SendTaskHeartbeat" => {
            asked.into_iter().flatten().collect()
        }
        "ListStateMachines" | "ListActivities" | "TestState" | "ValidateStateMachineDefinition" => {
            vec!["*".to_owned()]
        }
        // Not of the API: asked by executions alone.
        "InvokeHTTPEndpoint" => {
            let machine = members.text("stateMachineArn");
            machine.into_iter().map(|arn| arn.into_owned()).collect()
        }
        _ if modelled("states", operation).is_some() => {
            let arns = ARNS.iter().filter_map(|member| members.text(member));
            arns.map(|arn| arn.into_owned()).collect()
        }
        _ => Vec::new(),
    };
    let mut needs = Need::on_each(&action, resources);
    for need in &mut needs {
        of_machine(need);
    }
    // Routes of an alias are versions of one machine, or a mistake.
    needs.dedup();
    let gives = ["CreateStateMachine", "UpdateStateMachine", "TestState"];
    if gives.contains(&operation)
        && let Some(role) = members.text("roleArn")
    {
        needs.push(Need::pass_role(&role, "states.amazonaws.com"));
    }
    if operation == "TestState"
        && members.value("revealSecrets") == Some(serde_json::Value::Bool(true))
    {
        needs.push(Need::new("states:RevealSecrets", "*"));
    }
    needs
}

/// Makes of the need of a version or an alias that of its machine; by which name it was called is a key of
/// conditions.
fn of_machine(need: &mut Need) {
    let mut parts = need.resource.splitn(8, ':');
    if parts.clone().nth(5) != Some("stateMachine") {
        return;
    }
    let machine: Vec<&str> = parts.by_ref().take(7).collect();
    let machine = machine.join(":");
    need.qualifier = parts.next().map(str::to_owned);
    need.resource = machine;
}

/// Returns what a call of Lambda needs.
pub(super) fn lambda(operation: &str, members: &Members<'_>, place: Place<'_>) -> Vec<Need> {
    let action = match operation {
        "Invoke" | "InvokeWithResponseStream" => "lambda:InvokeFunction".to_owned(),
        other => format!("lambda:{other}"),
    };
    let function = |qualifier: Option<&str>| {
        let function = members.text("FunctionName")?;
        Some(function_arn(&function, qualifier, place))
    };
    let resource = match operation {
        "ListFunctions"
        | "ListLayers"
        | "GetAccountSettings"
        | "CreateEventSourceMapping"
        | "ListEventSourceMappings" => Some("*".to_owned()),
        "GetEventSourceMapping" | "UpdateEventSourceMapping" | "DeleteEventSourceMapping" => {
            let id = members.text("UUID");
            id.map(|id| place.arn("lambda", &format!("event-source-mapping:{id}")))
        }
        "ListTags" | "TagResource" | "UntagResource" => {
            members.text("Resource").map(|arn| arn.into_owned())
        }
        "GetLayerVersionByArn" => members.text("Arn").map(|arn| arn.into_owned()),
        "Invoke" | "InvokeWithResponseStream" => function(members.text("Qualifier").as_deref()),
        "InvokeFunctionUrl" => function(None),
        // No input of a model names both a function and a layer.
        _ if modelled("lambda", operation).is_some() => function(None).or_else(|| {
            let layer = members.text("LayerName")?;
            let version = members.value("VersionNumber");
            let version = version.map(|version| version.to_string().replace('"', ""));
            let version = version.map(|version| format!(":{version}"));
            let layer = format!("layer:{layer}{}", version.unwrap_or_default());
            Some(place.arn("lambda", &layer))
        }),
        _ => None,
    };
    let mut needs = Need::on_each(&action, resource);
    if let "CreateEventSourceMapping" | "UpdateEventSourceMapping" = operation {
        needs[0].function_arn = function(None);
    }
    let gives = ["CreateFunction", "UpdateFunctionConfiguration"];
    if gives.contains(&operation)
        && let Some(role) = members.text("Role")
    {
        needs.push(Need::pass_role(&role, "lambda.amazonaws.com"));
    }
    needs
}

/// Returns the ARN of a function that is called by its name, by a part of its ARN, or by all of it.
pub(super) fn function_arn(written: &str, qualifier: Option<&str>, place: Place<'_>) -> String {
    // `ACCOUNT:function:NAME` or the whole; `my-function:1` is a name that ends so.
    let parted = written.split_once("function:");
    let parted = parted.filter(|(before, _)| before.is_empty() || before.ends_with(':'));
    let (arn, rest) = match parted {
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
