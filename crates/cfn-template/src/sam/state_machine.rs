//! `AWS::Serverless::StateMachine`: a state machine and its role.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;

use super::{Expansion, Serverless, policies, s3_uri, tags};

const SAME: [(&str, &str); 6] = [
    ("Definition", "Definition"),
    ("DefinitionSubstitutions", "DefinitionSubstitutions"),
    ("Logging", "LoggingConfiguration"),
    ("Name", "StateMachineName"),
    ("Tracing", "TracingConfiguration"),
    ("Type", "StateMachineType"),
];

pub(super) fn expand(mut machine: Serverless<'_>) -> Result<Expansion, TemplateError> {
    let mut properties = Map::new();
    let has = |name: &str| machine.resource.properties.contains_key(name);
    match (has("Definition"), has("DefinitionUri")) {
        (true, true) => {
            return Err(machine
                .sam("Specify either 'Definition' or 'DefinitionUri' property and not both."));
        }
        (false, false) => {
            return Err(
                machine.sam("Either 'Definition' or 'DefinitionUri' property must be specified.")
            );
        }
        (true, false) | (false, true) => {}
    }
    if let Some(uri) = machine.take("DefinitionUri") {
        properties.insert("DefinitionS3Location".to_owned(), location(&machine, uri)?);
    }
    machine.rename(&mut properties, &SAME);
    if let Some(Value::Object(events)) = machine.take("Events")
        && let Some((name, _)) = events.iter().next()
    {
        return Err(TemplateError::unsupported(format!(
            "The event {name} (of state machine {})",
            machine.id
        )));
    }
    properties.insert(
        "Tags".to_owned(),
        tags("stateMachine:createdBy", machine.take("Tags")),
    );

    let mut made = Vec::new();
    match machine.take("Role") {
        Some(_) if machine.resource.properties.contains_key("Policies") => {
            return Err(
                machine.sam("Specify either 'Role' or 'Policies' (but not both) and try again.")
            );
        }
        Some(role) => {
            properties.insert("RoleArn".to_owned(), role);
        }
        None => {
            let role = policies::role(&mut machine, &policies::STATE_MACHINE)?;
            properties.insert("RoleArn".to_owned(), json!({"Fn::GetAtt": [role.0, "Arn"]}));
            made.push(role);
        }
    }
    made.insert(
        0,
        machine.finish("AWS::StepFunctions::StateMachine", properties)?,
    );
    Ok(made)
}

fn location(machine: &Serverless<'_>, uri: Value) -> Result<Value, TemplateError> {
    match uri {
        Value::Object(location) if location.contains_key("Bucket") && location.contains_key("Key") => {
            Ok(Value::Object(location))
        }
        Value::Object(_) => Err(machine.sam("'DefinitionUri' requires Bucket and Key properties to be specified.")),
        Value::String(uri) => match s3_uri(&uri) {
            Some((bucket, key)) => Ok(json!({"Bucket": bucket, "Key": key})),
            None => Err(machine.sam(format!(
                "'DefinitionUri' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter, and nothing was uploaded for {uri}."
            ))),
        },
        _ => Err(machine.sam("'DefinitionUri' is neither a path nor a location.")),
    }
}
