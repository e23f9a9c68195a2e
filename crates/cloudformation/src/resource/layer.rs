//! `AWS::Lambda::LayerVersion`: every change is another version.

use async_trait::async_trait;
use base64::Engine as _;
use serde_json::{Map, Value, json};
use service::Failure;

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use crate::stack::ResourceState;

pub(super) struct LayerVersion;

/// Longest name that is drawn.
const NAME_CHARS_MAX: usize = 140;

#[async_trait]
impl ResourceHandler for LayerVersion {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::LayerVersion"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "CompatibleArchitectures",
            "CompatibleRuntimes",
            "Content",
            "Description",
            "LayerName",
            "LicenseInfo",
        ]
    }

    /// The name is the layer's, of which this is one version.
    fn immutable(&self) -> &'static [&'static str] {
        self.properties()
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["LayerVersionArn"]
    }

    fn default_attribute(&self, physical_id: &str, attribute: &str) -> Option<Value> {
        self.has_attribute(attribute).then(|| physical_id.into())
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, NAME_CHARS_MAX)
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let same = [
            "CompatibleArchitectures",
            "CompatibleRuntimes",
            "Description",
            "LicenseInfo",
        ];
        let mut input = properties::copy(given, &same.map(|name| (name, name)));
        let name = given.get("LayerName").cloned().unwrap_or(name.into());
        input.insert("LayerName".to_owned(), name);
        let member = |name: &str| given.get("Content")?.get(name)?.as_str();
        let (Some(bucket), Some(key)) = (member("S3Bucket"), member("S3Key")) else {
            let text = "Content requires S3Bucket and S3Key";
            return Err(Failure::client("InvalidParameterValueException", text).into());
        };
        if member("S3ObjectVersion").is_some() {
            let text = "S3ObjectVersion is not supported: there is one version of an object";
            return Err(Failure::client("InvalidParameterValueException", text).into());
        }
        let bytes = services.object(bucket, key).await?;
        let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
        input.insert("Content".to_owned(), json!({"ZipFile": text}));
        let made = services.call("lambda", "PublishLayerVersion", input);
        let made = made.await?;
        let arn = made.get("LayerVersionArn").and_then(Value::as_str);
        Ok(Made {
            attributes: Map::new(),
            physical_id: arn.map(str::to_owned),
        })
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        // One whose publication nobody has written down has the name that was drawn for it.
        if !physical_id.starts_with("arn:") {
            return Ok(());
        }
        let absent = "ResourceNotFoundException";
        services
            .delete("lambda", "DeleteLayerVersion", named(physical_id), absent)
            .await
    }

    async fn known_before(
        &self,
        services: &Services,
        given: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        // A layer whose name is drawn has no version yet.
        let Some(name) = given.get("LayerName").and_then(Value::as_str) else {
            return Ok(Map::new());
        };
        let latest = latest(services, name)
            .await?
            .map_or(0, |(number, _)| number);
        Ok(properties::object([(LATEST_BEFORE, latest.into())]))
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        if state.physical_id.starts_with("arn:") {
            return self.delete(services, &state.physical_id).await;
        }
        let name = state.properties.get("LayerName").and_then(Value::as_str);
        let before = state.attributes.get(LATEST_BEFORE).and_then(Value::as_u64);
        let found = latest(services, name.unwrap_or(&state.physical_id)).await?;
        match found {
            Some((number, arn)) if number > before.unwrap_or(0) => {
                self.delete(services, &arn).await
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The attribute that holds the number of the version before. No template can ask for it.
const LATEST_BEFORE: &str = "LatestBefore";

/// Returns the number and the ARN of a layer's latest version.
async fn latest(services: &Services, layer: &str) -> Result<Option<(u64, String)>, Failure> {
    let input = properties::object([("LayerName", layer.into()), ("MaxItems", 1.into())]);
    let found = services.call("lambda", "ListLayerVersions", input).await?;
    let latest = found.pointer("/LayerVersions/0");
    Ok(latest.and_then(|latest| {
        let arn = latest.get("LayerVersionArn")?.as_str()?;
        Some((latest.get("Version")?.as_u64()?, arn.to_owned()))
    }))
}

/// Returns the members that name the version of a layer.
pub(super) fn named(arn: &str) -> Map<String, Value> {
    let (layer, number) = arn.rsplit_once(':').unwrap_or((arn, ""));
    let number = number.parse::<u64>().unwrap_or_default();
    properties::object([
        ("LayerName", layer.into()),
        ("VersionNumber", number.into()),
    ])
}
