//! `AWS::Lambda::Version`: every change is another version.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use crate::stack::ResourceState;

pub(super) struct LambdaVersion;

#[async_trait]
impl ResourceHandler for LambdaVersion {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Version"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "CodeSha256",
            "Description",
            "FunctionName",
            "ProvisionedConcurrencyConfig",
        ]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["CodeSha256", "Description", "FunctionName"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["FunctionArn", "Version"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    async fn create(
        &self,
        services: &Services,
        _: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let before = numbers(services, given).await?;
        let names = ["CodeSha256", "Description", "FunctionName"].map(|name| (name, name));
        let input = properties::copy(given, &names);
        let made = services.call("lambda", "PublishVersion", input).await?;
        let number = made.get("Version").and_then(Value::as_str);
        let number = number.unwrap_or_default().to_owned();
        // Lambda gives the last version again where nothing has changed; it is somebody else's.
        if number.parse().is_ok_and(|number| before.contains(&number)) {
            let text = format!(
                "A version for this Lambda function exists ( {number} ). Modify the function to create a new version."
            );
            return Err(Failure::client("AlreadyExists", text).into());
        }
        let arn = made.get("FunctionArn").and_then(Value::as_str);
        let arn = arn.unwrap_or_default().to_owned();
        Ok(Made {
            attributes: properties::object([
                ("FunctionArn", arn.as_str().into()),
                ("Version", number.into()),
            ]),
            physical_id: Some(arn),
        })
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        // One whose publication nobody has written down has the name that was drawn for it.
        if !physical_id.starts_with("arn:") {
            return Ok(());
        }
        let input = properties::object([("FunctionName", physical_id.into())]);
        let absent = "ResourceNotFoundException";
        services
            .delete("lambda", "DeleteFunction", input, absent)
            .await
    }

    /// The number of the latest version: those that come later are newer.
    async fn known_before(
        &self,
        services: &Services,
        given: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let latest = numbers(services, given).await?.into_iter().max();
        Ok(properties::object([(
            LATEST_BEFORE,
            latest.unwrap_or(0).into(),
        )]))
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        if state.physical_id.starts_with("arn:") {
            return self.delete(services, &state.physical_id).await;
        }
        let (Some(before), Some(given)) = (
            state.attributes.get(LATEST_BEFORE).and_then(Value::as_u64),
            state.properties.as_object(),
        ) else {
            return Ok(());
        };
        // Whoever else publishes meanwhile does so after a change, which is another version.
        let published = numbers(services, given).await?;
        let Some(number) = published
            .into_iter()
            .filter(|number| *number > before)
            .min()
        else {
            return Ok(());
        };
        let mut input = properties::copy(given, &[("FunctionName", "FunctionName")]);
        input.insert("Qualifier".to_owned(), number.to_string().into());
        let absent = "ResourceNotFoundException";
        services
            .delete("lambda", "DeleteFunction", input, absent)
            .await
    }
}

/// The attribute that holds the number of the version before. No template can ask for it.
const LATEST_BEFORE: &str = "LatestBefore";

/// Returns the numbers of a function's versions; none of one that is gone.
async fn numbers(services: &Services, given: &Map<String, Value>) -> Result<Vec<u64>, Failure> {
    let mut numbers = Vec::new();
    let mut marker = None;
    loop {
        let mut input = properties::copy(given, &[("FunctionName", "FunctionName")]);
        input.extend(marker.map(|marker| ("Marker".to_owned(), marker)));
        let page = services.call("lambda", "ListVersionsByFunction", input);
        let mut page = match page.await {
            Ok(page) => page,
            Err(failure) if failure.status == 404 => return Ok(numbers),
            Err(failure) => return Err(failure),
        };
        let versions = page.get("Versions").and_then(Value::as_array);
        numbers.extend(
            versions
                .into_iter()
                .flatten()
                .filter_map(|version| version.get("Version")?.as_str()?.parse::<u64>().ok()),
        );
        match page.get_mut("NextMarker").map(Value::take) {
            Some(next) if !next.is_null() => marker = Some(next),
            Some(_) | None => return Ok(numbers),
        }
    }
}
