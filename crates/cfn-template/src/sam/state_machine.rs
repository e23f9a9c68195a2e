//! `AWS::Serverless::StateMachine`: a state machine, its role, its versions and what starts it.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;
use crate::template::Policy;

use super::events::{Target, TargetKind};
use super::policies::Role;
use super::{
    Expansion, Serverless, events, get_attribute, is_function, location, members, python_json,
    reference, retained, tags,
};

const SAME: [(&str, &str); 5] = [
    ("DefinitionSubstitutions", "DefinitionSubstitutions"),
    ("Logging", "LoggingConfiguration"),
    ("Name", "StateMachineName"),
    ("Tracing", "TracingConfiguration"),
    ("Type", "StateMachineType"),
];

pub(super) fn expand(
    mut machine: Serverless<'_>,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let id = machine.id.to_owned();
    let mut properties = Map::new();
    let (definition, uri) = (machine.take("Definition"), machine.take("DefinitionUri"));
    machine.rename(&mut properties, &SAME);
    match (definition, uri) {
        (Some(_), Some(_)) => {
            return Err(machine
                .sam("Specify either 'Definition' or 'DefinitionUri' property and not both."));
        }
        (None, None) => {
            return Err(
                machine.sam("Either 'Definition' or 'DefinitionUri' property must be specified.")
            );
        }
        (Some(definition), None) => inline(definition, &mut properties),
        (None, Some(uri)) => {
            let names = ["Bucket", "Key", "Version"];
            let location = location(&machine, "DefinitionUri", uri, names)?;
            properties.insert("DefinitionS3Location".to_owned(), location);
        }
    }
    let tags = tags("stateMachine:createdBy", machine.get("Tags"));
    machine.take("Tags");
    properties.insert("Tags".to_owned(), tags.clone());
    let target = publish(&mut machine, expanded)?;

    let traced = properties
        .get("TracingConfiguration")
        .and_then(|tracing| tracing.get("Enabled"))
        == Some(&Value::Bool(true));
    let mut role = Role::of("states.amazonaws.com");
    let events = machine.take("Events");
    match machine.take("Role") {
        Some(_) if machine.get("Policies").is_some() => {
            return Err(
                machine.sam("Specify either 'Role' or 'Policies' (but not both) and try again.")
            );
        }
        Some(own) => {
            properties.insert("RoleArn".to_owned(), own);
            machine.take("RolePath");
        }
        None => {
            let tracing = traced.then(|| Value::from("AWSXrayWriteOnlyAccess"));
            role.grant(&mut machine, tracing)?;
            let role_id = format!("{id}Role");
            properties.insert("RoleArn".to_owned(), get_attribute(&role_id, "Arn"));
            let role = role.finish(&mut machine, tags);
            expanded.add(role_id, role)?;
        }
    }
    if let Some(Value::Object(events)) = events {
        // A machine's events bring nothing to its own role.
        let mut nobody = Role::of("");
        events::expand(&machine, &target, events, &mut nobody, expanded)?;
    }
    machine.take("PermissionsBoundary");
    let machine = machine.finish("AWS::StepFunctions::StateMachine", properties)?;
    expanded.add(id, machine)
}

/// Writes a definition as text. What the template computes in it becomes a substitution.
fn inline(mut definition: Value, properties: &mut Map<String, Value>) {
    let mut computed = Vec::new();
    replace_computed(&mut definition, &mut computed);
    if !computed.is_empty() {
        let substitutions = properties
            .entry("DefinitionSubstitutions")
            .or_insert_with(|| json!({}));
        if let Value::Object(substitutions) = substitutions {
            for (index, value) in computed.into_iter().enumerate() {
                substitutions.insert(format!("definition_substitution_{}", index + 1), value);
            }
        }
    }
    let lines = python_json::lines(&definition);
    properties.insert(
        "DefinitionString".to_owned(),
        json!({"Fn::Join": ["\n", lines]}),
    );
}

/// Members are visited by name. The recursion is as deep as the text was nested, which has a limit.
fn replace_computed(value: &mut Value, computed: &mut Vec<Value>) {
    let children: Vec<&mut Value> = match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter_mut().collect();
            members.sort_by(|left, right| left.0.cmp(right.0));
            members.into_iter().map(|(_, member)| member).collect()
        }
        Value::Array(items) => items.iter_mut().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
    };
    for child in children {
        let is_computed = match &*child {
            Value::Object(entries) => is_function(entries),
            Value::String(text) => text.starts_with("{{resolve:") && text.ends_with("}}"),
            _ => false,
        };
        if is_computed {
            computed.push(child.take());
            *child = format!("${{definition_substitution_{}}}", computed.len()).into();
        } else {
            replace_computed(child, computed);
        }
    }
}

/// Takes what `AutoPublishAlias` is about, and returns what events start.
fn publish(
    machine: &mut Serverless<'_>,
    expanded: &mut Expansion,
) -> Result<Target, TemplateError> {
    let id = machine.id;
    let (alias, preference) = (
        machine.take("AutoPublishAlias"),
        machine.take("DeploymentPreference"),
    );
    let by_alias = machine.take("UseAliasAsEventTarget") == Some(Value::Bool(true));
    let target = |arn: Value| Target {
        name: arn.clone(),
        arn,
        kind: TargetKind::StateMachine,
    };
    let Some(alias) = alias else {
        let needy = [
            ("UseAliasAsEventTarget", by_alias),
            ("DeploymentPreference", preference.is_some()),
        ];
        return match needy.into_iter().find(|(_, given)| *given) {
            None => Ok(target(reference(id))),
            Some((name, _)) => Err(machine.sam(format!(
                "'{name}' requires 'AutoPublishAlias' property to be specified."
            ))),
        };
    };
    let Some(name) = alias.as_str() else {
        return Err(machine.sam("Property 'AutoPublishAlias' should be a string."));
    };
    let (version_id, alias_id) = (format!("{id}Version"), format!("{id}Alias{name}"));
    let version = members(json!({
        "StateMachineArn": reference(id),
        "StateMachineRevisionId": get_attribute(id, "StateMachineRevisionId"),
    }));
    let version = machine.companion("AWS::StepFunctions::StateMachineVersion", version);
    let mut version = retained(version);
    version.update_replace_policy = version.update_replace_policy.or(Some(Policy::Retain));
    expanded.add(version_id.clone(), version)?;
    let mut preference = preference.unwrap_or_else(|| json!({"Type": "ALL_AT_ONCE"}));
    if let Value::Object(preference) = &mut preference {
        preference.insert("StateMachineVersionArn".to_owned(), reference(&version_id));
    }
    let properties = members(json!({"Name": name, "DeploymentPreference": preference}));
    let alias = machine.companion("AWS::StepFunctions::StateMachineAlias", properties);
    expanded.add(alias_id.clone(), alias)?;
    Ok(target(reference(if by_alias { &alias_id } else { id })))
}
