//! `AWS::StepFunctions::StateMachineAlias`. A deployment that shifts traffic step by step is not
//! built; its alias points to the new version at once.

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::{Failure, Site};

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};

pub(super) struct MachineAlias;

#[async_trait]
impl ResourceHandler for MachineAlias {
    fn kind(&self) -> &'static str {
        "AWS::StepFunctions::StateMachineAlias"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "DeploymentPreference",
            "Description",
            "Name",
            "RoutingConfiguration",
        ]
    }

    fn name_property(&self) -> &'static str {
        "Name"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["Name"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 80)
    }

    /// Which machine it belongs to is only in the properties.
    fn physical_id(&self, name: &str, properties: &Map<String, Value>, _: &Site) -> String {
        let version = properties
            .get("RoutingConfiguration")
            .and_then(|routes| routes.get(0))
            .or_else(|| properties.get("DeploymentPreference"))
            .and_then(|route| route.get("StateMachineVersionArn"))
            .and_then(Value::as_str);
        match version.and_then(|version| version.rsplit_once(':')) {
            Some((machine, _)) => format!("{machine}:{name}"),
            None => name.to_owned(),
        }
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        if !physical_id.starts_with("arn:") {
            return Ok(false);
        }
        let arn = properties::object([("stateMachineAliasArn", physical_id.into())]);
        let found = services.call("states", "DescribeStateMachineAlias", arn);
        match found.await {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == "ResourceNotFound" => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let mut input = settings(given)?;
        input.insert("name".to_owned(), name.into());
        let made = services.call("states", "CreateStateMachineAlias", input);
        let made = made.await?;
        let arn = made.get("stateMachineAliasArn").and_then(Value::as_str);
        let arn = arn.unwrap_or_default().to_owned();
        Ok(Made {
            attributes: properties::object([("Arn", arn.as_str().into())]),
            physical_id: Some(arn),
        })
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        _: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let mut input = settings(after)?;
        input.insert("stateMachineAliasArn".to_owned(), physical_id.into());
        let changed = services.call("states", "UpdateStateMachineAlias", input);
        changed.await.map(|_| Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        if !physical_id.starts_with("arn:") {
            return Ok(());
        }
        let arn = properties::object([("stateMachineAliasArn", physical_id.into())]);
        let absent = "ResourceNotFound";
        services
            .delete("states", "DeleteStateMachineAlias", arn, absent)
            .await
    }
}

fn settings(given: &Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let invalid = |text: &str| Failure::client("ValidationException", text);
    let mut routes = match (
        given.get("RoutingConfiguration"),
        given.get("DeploymentPreference"),
    ) {
        (Some(routes), None) => properties::lower_first(routes),
        (None, Some(preference)) => {
            match preference.get("Type").and_then(Value::as_str) {
                Some("ALL_AT_ONCE" | "LINEAR" | "CANARY") => {}
                _ => {
                    return Err(invalid(
                        "DeploymentPreference needs a Type of ALL_AT_ONCE, LINEAR or CANARY",
                    ));
                }
            }
            let version = preference.get("StateMachineVersionArn");
            json!([{"stateMachineVersionArn": version, "weight": 100}])
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(invalid(
                "Exactly one of RoutingConfiguration and DeploymentPreference must be given",
            ));
        }
    };
    properties::integers(&mut routes, &["weight"]);
    let mut settings = properties::object([("routingConfiguration", routes)]);
    if let Some(description) = given.get("Description") {
        settings.insert("description".to_owned(), description.clone());
    }
    Ok(settings)
}
