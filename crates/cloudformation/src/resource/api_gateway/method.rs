//! `AWS::ApiGateway::Method`, with its integration and what both answer.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::{members, new_id};
use crate::resource::{Made, NotCreated, ResourceHandler, Services, properties};
use crate::stack::ResourceState;

pub(super) struct Method;

/// Returns what names the method.
fn place(given: &Map<String, Value>) -> Map<String, Value> {
    members(given, &["RestApiId", "ResourceId", "HttpMethod"])
}

async fn put(services: &Services, given: &Map<String, Value>) -> Result<(), Failure> {
    let mut input = Value::Object(place(given));
    let names = [
        "AuthorizationType",
        "AuthorizerId",
        "ApiKeyRequired",
        "OperationName",
        "RequestParameters",
    ];
    for (name, value) in members(given, &names) {
        input[name] = value;
    }
    properties::booleans(&mut input, &["apiKeyRequired"]);
    services
        .call("apigateway", "PutMethod", object(input))
        .await?;
    for response in given
        .get("MethodResponses")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        respond(services, "PutMethodResponse", given, response).await?;
    }
    let Some(Value::Object(integration)) = given.get("Integration") else {
        return Ok(());
    };
    let mut input = Value::Object(place(given));
    let names = [
        "Type",
        "Uri",
        "Credentials",
        "ConnectionType",
        "ContentHandling",
        "IntegrationHttpMethod",
        "PassthroughBehavior",
        "RequestTemplates",
        "RequestParameters",
        "TimeoutInMillis",
        "CacheNamespace",
        "CacheKeyParameters",
    ];
    for (name, value) in members(integration, &names) {
        input[name] = value;
    }
    properties::integers(&mut input, &["timeoutInMillis"]);
    services
        .call("apigateway", "PutIntegration", object(input))
        .await?;
    for response in integration
        .get("IntegrationResponses")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        respond(services, "PutIntegrationResponse", given, response).await?;
    }
    Ok(())
}

async fn respond(
    services: &Services,
    operation: &'static str,
    given: &Map<String, Value>,
    response: &Value,
) -> Result<(), Failure> {
    let mut input = place(given);
    if let Value::Object(response) = response {
        let names = [
            "StatusCode",
            "SelectionPattern",
            "ResponseParameters",
            "ResponseTemplates",
            "ContentHandling",
        ];
        input.extend(members(response, &names));
    }
    services
        .call("apigateway", operation, input)
        .await
        .map(drop)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[async_trait]
impl ResourceHandler for Method {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Method"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "ApiKeyRequired",
            "AuthorizationType",
            "AuthorizerId",
            "HttpMethod",
            "Integration",
            "MethodResponses",
            "OperationName",
            "RequestParameters",
            "ResourceId",
            "RestApiId",
        ]
    }

    fn name_property(&self) -> &'static str {
        ""
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["HttpMethod", "ResourceId", "RestApiId"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &[]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        let end = new_id(12).to_ascii_uppercase();
        let stack: String = stack.chars().take(5).collect();
        let logical_id: String = logical_id.chars().take(5).collect();
        format!("{stack}-{logical_id}-{end}")
    }

    async fn exists(&self, _: &Services, _: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn create(
        &self,
        services: &Services,
        _: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        match put(services, given).await {
            Ok(()) => Ok(Map::new().into()),
            Err(failure) => Err(NotCreated {
                failure,
                partly: true,
            }),
        }
    }

    async fn update(
        &self,
        services: &Services,
        _: &str,
        _: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        put(services, after).await.map(|()| Map::new())
    }

    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        let input = state.properties.as_object().map(place).unwrap_or_default();
        let absent = "NotFoundException";
        services
            .delete("apigateway", "DeleteMethod", input, absent)
            .await
    }
}
