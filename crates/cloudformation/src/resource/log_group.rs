//! `AWS::Logs::LogGroup`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::{Failure, Site};

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties, tags};

pub(super) struct LogGroup;

/// Longest name of a log group (`logGroupName` of the API model).
const NAME_CHARS_MAX: usize = 512;

#[async_trait]
impl ResourceHandler for LogGroup {
    fn kind(&self) -> &'static str {
        "AWS::Logs::LogGroup"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["LogGroupClass", "LogGroupName", "RetentionInDays", "Tags"]
    }

    fn name_property(&self) -> &'static str {
        "LogGroupName"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["LogGroupName", "LogGroupClass"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, NAME_CHARS_MAX)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = properties::object([("logGroupNamePrefix", physical_id.into())]);
        let found = services.call("logs", "DescribeLogGroups", input).await?;
        let groups = found.get("logGroups").and_then(Value::as_array);
        Ok(groups
            .into_iter()
            .flatten()
            .any(|group| group.get("logGroupName") == Some(&Value::from(physical_id))))
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let mut input = properties::object([("logGroupName", name.into())]);
        let tags = properties::tags(given.get("Tags"));
        if !tags.is_empty() {
            input.insert("tags".to_owned(), Value::Object(tags));
        }
        if let Some(class) = given.get("LogGroupClass") {
            input.insert("logGroupClass".to_owned(), class.clone());
        }
        services.call("logs", "CreateLogGroup", input).await?;
        match retain(services, name, given.get("RetentionInDays")).await {
            Ok(()) => Ok(properties::object([("Arn", arn(&services.site, name).into())]).into()),
            Err(failure) => Err(NotCreated {
                failure,
                partly: true,
            }),
        }
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        if properties::differ(before, after, &["RetentionInDays"]) {
            match after.get("RetentionInDays") {
                Some(days) => retain(services, physical_id, Some(days)).await?,
                None => {
                    let input = properties::object([("logGroupName", physical_id.into())]);
                    services
                        .call("logs", "DeleteRetentionPolicy", input)
                        .await?;
                }
            }
        }
        // Tags of the group are those of its ARN without the `:*` that stands for its streams.
        let arn = arn(&services.site, physical_id);
        let named = properties::object([("resourceArn", arn.trim_end_matches(":*").into())]);
        tags::LOGS.change(services, named, before, after).await?;
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([("logGroupName", physical_id.into())]);
        let absent = "ResourceNotFoundException";
        services
            .delete("logs", "DeleteLogGroup", input, absent)
            .await
    }
}

fn arn(site: &Site, name: &str) -> String {
    let Site { region, account_id } = site;
    format!("arn:aws:logs:{region}:{account_id}:log-group:{name}:*")
}

async fn retain(services: &Services, name: &str, days: Option<&Value>) -> Result<(), Failure> {
    let Some(days) = days else { return Ok(()) };
    let mut input = json!({"logGroupName": name, "retentionInDays": days});
    properties::integers(&mut input, &["retentionInDays"]);
    let Value::Object(input) = input else {
        return Ok(());
    };
    services
        .call("logs", "PutRetentionPolicy", input)
        .await
        .map(drop)
}
