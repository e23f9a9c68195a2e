//! `AWS::Lambda::Url`.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::{Failure, Site};

use super::lambda_alias::function_arn;
use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};

pub(super) struct FunctionUrl;

#[async_trait]
impl ResourceHandler for FunctionUrl {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Url"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "AuthType",
            "Cors",
            "InvokeMode",
            "Qualifier",
            "TargetFunctionArn",
        ]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["Qualifier", "TargetFunctionArn"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["FunctionArn", "FunctionUrl"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    /// A function or an alias has one URL.
    fn physical_id(&self, _: &str, given: &Map<String, Value>, site: &Site) -> String {
        let arn = function_arn(given.get("TargetFunctionArn"), site);
        match given.get("Qualifier").and_then(Value::as_str) {
            Some(qualifier) => format!("{arn}:{qualifier}"),
            None => arn,
        }
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let name = properties::object([("FunctionName", physical_id.into())]);
        match services.call("lambda", "GetFunctionUrlConfig", name).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.status == 404 => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        _: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let arn = self.physical_id("", given, &services.site);
        let made = services.call("lambda", "CreateFunctionUrlConfig", settings(&arn, given));
        let made = made.await?;
        let names = ["FunctionArn", "FunctionUrl"];
        let attributes = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), made.get(*name)?.clone())));
        Ok(attributes.collect::<Map<_, _>>().into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        _: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let mut input = settings(physical_id, after);
        // What a template says no more is not so any more.
        input
            .entry("Cors")
            .or_insert_with(|| Value::Object(Map::new()));
        let changed = services.call("lambda", "UpdateFunctionUrlConfig", input);
        changed.await.map(|_| Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let name = properties::object([("FunctionName", physical_id.into())]);
        let absent = "ResourceNotFoundException";
        services
            .delete("lambda", "DeleteFunctionUrlConfig", name, absent)
            .await
    }
}

fn settings(arn: &str, given: &Map<String, Value>) -> Map<String, Value> {
    let names = ["AuthType", "Cors", "InvokeMode"].map(|name| (name, name));
    let mut settings = Value::Object(properties::copy(given, &names));
    properties::integers(&mut settings, &["MaxAge"]);
    properties::booleans(&mut settings, &["AllowCredentials"]);
    settings["FunctionName"] = arn.into();
    match settings {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
