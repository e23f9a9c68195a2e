//! `AWS::StepFunctions::StateMachine`.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::{Failure, Site};

use super::{MIXED_CASE, Made, NotCreated, ResourceHandler, Services, letters, properties, tags};

pub(super) struct StateMachine;

/// How often a machine that is being deleted is looked after.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Longest name of a state machine (`Name` of the API model).
const NAME_CHARS_MAX: usize = 80;

/// The revision of a machine that nobody has updated (PublishStateMachineVersion).
const INITIAL_REVISION: &str = "INITIAL";

#[async_trait]
impl ResourceHandler for StateMachine {
    fn kind(&self) -> &'static str {
        "AWS::StepFunctions::StateMachine"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "Definition",
            "DefinitionS3Location",
            "DefinitionString",
            "DefinitionSubstitutions",
            "LoggingConfiguration",
            "RoleArn",
            "StateMachineName",
            "StateMachineType",
            "Tags",
            "TracingConfiguration",
        ]
    }

    fn name_property(&self) -> &'static str {
        "StateMachineName"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["StateMachineName", "StateMachineType"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "Name", "StateMachineRevisionId"]
    }

    /// Unlike other types, the name does not begin with the stack's.
    fn draw_name(&self, _: &str, logical_id: &str) -> String {
        let end = letters(MIXED_CASE);
        let logical_id = &logical_id[..logical_id.len().min(NAME_CHARS_MAX - end.len() - 1)];
        format!("{logical_id}-{end}")
    }

    fn physical_id(&self, name: &str, _: &Map<String, Value>, site: &Site) -> String {
        format!(
            "arn:aws:states:{}:{}:stateMachine:{name}",
            site.region, site.account_id
        )
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let arn = properties::object([("stateMachineArn", physical_id.into())]);
        match services.call("states", "DescribeStateMachine", arn).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == "StateMachineDoesNotExist" => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        properties: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let mut input = settings(services, properties).await?;
        input.insert("name".to_owned(), name.into());
        if let Some(kind) = properties.get("StateMachineType") {
            input.insert("type".to_owned(), kind.clone());
        }
        if let Some(tags) = properties.get("Tags") {
            input.insert("tags".to_owned(), properties::lower_first(tags));
        }
        let made = services.call("states", "CreateStateMachine", input).await?;
        let arn = self.physical_id(name, properties, &services.site);
        let mut attributes = attributes(&arn, &made);
        let revision = attributes.entry("StateMachineRevisionId");
        revision.or_insert_with(|| INITIAL_REVISION.into());
        Ok(attributes.into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let mut made = Value::Null;
        let others = |properties: &Map<String, Value>| {
            let mut properties = properties.clone();
            properties.shift_remove("Tags");
            properties
        };
        if others(before) != others(after) {
            let mut input = settings(services, after).await?;
            for (name, member, absent) in [
                (
                    "LoggingConfiguration",
                    "loggingConfiguration",
                    serde_json::json!({"level": "OFF"}),
                ),
                (
                    "TracingConfiguration",
                    "tracingConfiguration",
                    serde_json::json!({"enabled": false}),
                ),
            ] {
                if before.contains_key(name) && !after.contains_key(name) {
                    input.insert(member.to_owned(), absent);
                }
            }
            input.insert("stateMachineArn".to_owned(), physical_id.into());
            made = services.call("states", "UpdateStateMachine", input).await?;
        }
        let named = properties::object([("resourceArn", physical_id.into())]);
        tags::STATES.change(services, named, before, after).await?;
        Ok(attributes(physical_id, &made))
    }

    /// A machine that is deleted is there until its executions have ended, and so is its stack.
    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let arn = || properties::object([("stateMachineArn", physical_id.into())]);
        let gone = |failure: &Failure| failure.code == "StateMachineDoesNotExist";
        match services.call("states", "DeleteStateMachine", arn()).await {
            Ok(_) => {}
            Err(failure) if gone(&failure) => return Ok(()),
            Err(failure) => return Err(failure),
        }
        let mut pause = PAUSE_MIN;
        loop {
            match services.call("states", "DescribeStateMachine", arn()).await {
                Ok(machine) if machine.get("status") == Some(&Value::from("DELETING")) => {}
                // One that answers as if nothing had happened has been made again by somebody.
                Ok(_) => return Ok(()),
                Err(failure) if gone(&failure) => return Ok(()),
                Err(failure) => return Err(failure),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

fn attributes(arn: &str, made: &Value) -> Map<String, Value> {
    let name = arn.rsplit(':').next().unwrap_or_default();
    let mut attributes = properties::object([("Arn", arn.into()), ("Name", name.into())]);
    if let Some(revision) = made.get("revisionId") {
        attributes.insert("StateMachineRevisionId".to_owned(), revision.clone());
    }
    attributes
}

/// Returns what creating and updating have in common.
async fn settings(
    services: &Services,
    properties: &Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    let mut input =
        properties::object([("definition", definition(services, properties).await?.into())]);
    if let Some(role) = properties.get("RoleArn") {
        input.insert("roleArn".to_owned(), role.clone());
    }
    for (name, member) in [
        ("LoggingConfiguration", "loggingConfiguration"),
        ("TracingConfiguration", "tracingConfiguration"),
    ] {
        if let Some(configuration) = properties.get(name) {
            let mut configuration = properties::lower_first(configuration);
            properties::booleans(&mut configuration, &["includeExecutionData", "enabled"]);
            input.insert(member.to_owned(), configuration);
        }
    }
    Ok(input)
}

/// Returns the definition's text with the substitutions made.
async fn definition(
    services: &Services,
    properties: &Map<String, Value>,
) -> Result<String, Failure> {
    let invalid = |text: &str| Failure::client("InvalidDefinition", text);
    let mut text = match (
        properties.get("DefinitionString"),
        properties.get("Definition"),
        properties.get("DefinitionS3Location"),
    ) {
        (Some(Value::String(text)), None, None) => text.clone(),
        (None, Some(definition @ Value::Object(_)), None) => definition.to_string(),
        (None, None, Some(location)) => {
            let member = |name: &str| {
                location
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let bytes = services.object(member("Bucket"), member("Key")).await?;
            String::from_utf8(bytes.into()).map_err(|_| invalid("The definition is not UTF-8"))?
        }
        _ => {
            return Err(invalid(
                "Exactly one of DefinitionString, Definition and DefinitionS3Location must be given",
            ));
        }
    };
    if let Some(Value::Object(substitutions)) = properties.get("DefinitionSubstitutions") {
        text = substitute(&text, substitutions);
    }
    if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() {
        return Ok(text);
    }
    // A definition may be YAML. What is neither is for Step Functions to refuse.
    match cfn_template::yaml::parse(&text) {
        Ok(document) if document.value.is_object() => Ok(document.value.to_string()),
        Ok(_) | Err(_) => Ok(text),
    }
}

/// Puts values in the place of `${Name}`. Other names stay: they are not meant for us.
fn substitute(text: &str, substitutions: &Map<String, Value>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        let name = &rest[start + 2..start + length];
        match substitutions.get(name) {
            Some(value) => {
                result.push_str(&rest[..start]);
                result.push_str(&properties::text(value));
                rest = &rest[start + length + 1..];
            }
            None => {
                result.push_str(&rest[..start + 2]);
                rest = &rest[start + 2..];
            }
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn only_known_names_are_substituted() {
        let substitutions = json!({"A": "1", "B": 2});
        let substitutions = substitutions.as_object().expect("an object");
        let cases = [
            ("${A}-${B}", "1-2"),
            ("${Other}${A}", "${Other}1"),
            ("${${A}}", "${1}"),
            ("${A", "${A"),
            ("$A{}", "$A{}"),
        ];
        for (text, expected) in cases {
            assert_eq!(super::substitute(text, substitutions), expected, "{text}");
        }
    }
}
