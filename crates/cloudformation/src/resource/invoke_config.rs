//! `AWS::Lambda::EventInvokeConfig`.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::{Failure, Site};

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};

pub(super) struct InvokeConfig;

#[async_trait]
impl ResourceHandler for InvokeConfig {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::EventInvokeConfig"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "DestinationConfig",
            "FunctionName",
            "MaximumEventAgeInSeconds",
            "MaximumRetryAttempts",
            "Qualifier",
        ]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["FunctionName", "Qualifier"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &[]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    fn physical_id(&self, _: &str, given: &Map<String, Value>, _: &Site) -> String {
        let text = |name: &str| given.get(name).map(properties::text).unwrap_or_default();
        format!("{}|{}", text("FunctionName"), text("Qualifier"))
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = named(physical_id);
        let found = services.call("lambda", "GetFunctionEventInvokeConfig", input);
        match found.await {
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
        put(services, given).await?;
        Ok(Map::new().into())
    }

    async fn update(
        &self,
        services: &Services,
        _: &str,
        _: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        put(services, after).await?;
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let (operation, absent) = (
            "DeleteFunctionEventInvokeConfig",
            "ResourceNotFoundException",
        );
        services
            .delete("lambda", operation, named(physical_id), absent)
            .await
    }
}

async fn put(services: &Services, given: &Map<String, Value>) -> Result<(), Failure> {
    let mut input = Value::Object(given.clone());
    properties::integers(
        &mut input,
        &["MaximumEventAgeInSeconds", "MaximumRetryAttempts"],
    );
    let Value::Object(input) = input else {
        return Ok(());
    };
    let put = services.call("lambda", "PutFunctionEventInvokeConfig", input);
    put.await.map(|_| ())
}

fn named(physical_id: &str) -> Map<String, Value> {
    let (function, qualifier) = physical_id.rsplit_once('|').unwrap_or((physical_id, ""));
    properties::object([
        ("FunctionName", function.into()),
        ("Qualifier", qualifier.into()),
    ])
}
