//! `AWS::StepFunctions::StateMachineVersion`: every change is another version.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use crate::stack::ResourceState;

pub(super) struct MachineVersion;

#[async_trait]
impl ResourceHandler for MachineVersion {
    fn kind(&self) -> &'static str {
        "AWS::StepFunctions::StateMachineVersion"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["Description", "StateMachineArn", "StateMachineRevisionId"]
    }

    fn immutable(&self) -> &'static [&'static str] {
        self.properties()
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 80)
    }

    async fn create(
        &self,
        services: &Services,
        _: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let names = [
            ("StateMachineArn", "stateMachineArn"),
            ("StateMachineRevisionId", "revisionId"),
            ("Description", "description"),
        ];
        let input = properties::copy(given, &names);
        let made = services.call("states", "PublishStateMachineVersion", input);
        let made = made.await?;
        let arn = made.get("stateMachineVersionArn").and_then(Value::as_str);
        let arn = arn.unwrap_or_default().to_owned();
        Ok(Made {
            attributes: properties::object([("Arn", arn.as_str().into())]),
            physical_id: Some(arn),
        })
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        // One whose publication nobody has written down has the name that was drawn for it.
        if !physical_id.starts_with("arn:") {
            return Ok(());
        }
        let arn = properties::object([("stateMachineVersionArn", physical_id.into())]);
        let absent = "ResourceNotFound";
        services
            .delete("states", "DeleteStateMachineVersion", arn, absent)
            .await
    }

    /// The number of the latest version: those that come later are newer.
    async fn known_before(
        &self,
        services: &Services,
        given: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let Some(machine) = given.get("StateMachineArn").and_then(Value::as_str) else {
            return Ok(Map::new());
        };
        let latest = versions(services, machine, 1).await?;
        let latest = latest.first().and_then(|arn| number(arn)).unwrap_or(0);
        Ok(properties::object([(LATEST_BEFORE, latest.into())]))
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        if state.physical_id.starts_with("arn:") {
            return self.delete(services, &state.physical_id).await;
        }
        let Some(before) = state.attributes.get(LATEST_BEFORE).and_then(Value::as_u64) else {
            return Ok(());
        };
        match published_since(services, &state.properties, before).await? {
            Some(arn) => self.delete(services, &arn).await,
            None => Ok(()),
        }
    }
}

/// The attribute that holds the number of the version before. No template can ask for it.
const LATEST_BEFORE: &str = "LatestBefore";
/// Most versions of a machine, which are a page.
const VERSIONS_MAX: u64 = 1_000;

fn number(arn: &str) -> Option<u64> {
    arn.rsplit(':').next()?.parse().ok()
}

/// Returns the latest versions of a machine, the newest first; none of one that is gone.
async fn versions(services: &Services, machine: &str, most: u64) -> Result<Vec<String>, Failure> {
    let input = properties::object([
        ("stateMachineArn", machine.into()),
        ("maxResults", most.into()),
    ]);
    let found = services.call("states", "ListStateMachineVersions", input);
    let found = match found.await {
        Ok(found) => found,
        Err(failure) if failure.code == "StateMachineDoesNotExist" => return Ok(Vec::new()),
        Err(failure) => return Err(failure),
    };
    let items = found.get("stateMachineVersions").and_then(Value::as_array);
    Ok(items
        .into_iter()
        .flatten()
        .filter_map(|item| Some(item.get("stateMachineVersionArn")?.as_str()?.to_owned()))
        .collect())
}

/// Returns the first version after `before` that is as `given` describes it.
async fn published_since(
    services: &Services,
    given: &Value,
    before: u64,
) -> Result<Option<String>, Failure> {
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(machine) = text(given, "StateMachineArn") else {
        return Ok(None);
    };
    let (revision, description) = (
        text(given, "StateMachineRevisionId"),
        text(given, "Description"),
    );
    let newer = versions(services, &machine, VERSIONS_MAX).await?;
    for arn in newer.into_iter().rev() {
        if number(&arn).is_none_or(|number| number <= before) {
            continue;
        }
        let input = properties::object([("stateMachineArn", arn.as_str().into())]);
        let found = services.call("states", "DescribeStateMachine", input);
        let found = match found.await {
            Ok(found) => found,
            Err(failure) if failure.code == "StateMachineDoesNotExist" => continue,
            Err(failure) => return Err(failure),
        };
        let found_revision = text(&found, "revisionId").unwrap_or_else(|| "INITIAL".to_owned());
        let same_revision = revision
            .as_ref()
            .is_none_or(|asked| *asked == found_revision);
        if same_revision && text(&found, "description") == description {
            return Ok(Some(arn));
        }
    }
    Ok(None)
}
