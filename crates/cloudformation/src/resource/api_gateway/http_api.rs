//! `AWS::ApiGatewayV2::Api`.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::rest_api::document;
use super::{members, new_id};
use crate::resource::{Made, NotCreated, ResourceHandler, Services, properties};

pub(super) struct HttpApi;

const SETTINGS: [&str; 10] = [
    "Name",
    "Description",
    "Version",
    "ProtocolType",
    "DisableExecuteApiEndpoint",
    "RouteKey",
    "Target",
    "CredentialsArn",
    "RouteSelectionExpression",
    "Tags",
];

async fn input(
    services: &Services,
    given: &Map<String, Value>,
) -> Result<(bool, Map<String, Value>), Failure> {
    if let Some(document) = document(services, given).await? {
        let text = String::from_utf8_lossy(&document).into_owned();
        return Ok((true, properties::object([("body", text.into())])));
    }
    let mut input = Value::Object(members(given, &SETTINGS));
    if let Some(cors) = given.get("CorsConfiguration") {
        input["corsConfiguration"] = properties::lower_first(cors);
    }
    properties::booleans(
        &mut input,
        &["disableExecuteApiEndpoint", "allowCredentials"],
    );
    properties::integers(&mut input, &["maxAge"]);
    match input {
        Value::Object(input) => Ok((false, input)),
        _ => Ok((false, Map::new())),
    }
}

#[async_trait]
impl ResourceHandler for HttpApi {
    fn kind(&self) -> &'static str {
        "AWS::ApiGatewayV2::Api"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "Body",
            "BodyS3Location",
            "CorsConfiguration",
            "CredentialsArn",
            "Description",
            "DisableExecuteApiEndpoint",
            "FailOnWarnings",
            "Name",
            "ProtocolType",
            "RouteKey",
            "RouteSelectionExpression",
            "Tags",
            "Target",
            "Version",
        ]
    }

    fn name_property(&self) -> &'static str {
        ""
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["ProtocolType"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["ApiEndpoint", "ApiId"]
    }

    fn draw_name(&self, _: &str, _: &str) -> String {
        new_id(10)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = properties::object([("apiId", physical_id.into())]);
        match services.call("apigatewayv2", "GetApi", input).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.status == 404 => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        id: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let (_, mut input) = input(services, given).await?;
        input.insert("id".to_owned(), id.into());
        let made = services.call("apigatewayv2", "CreateApi", input).await?;
        let attributes = [
            ("ApiEndpoint", made["apiEndpoint"].clone()),
            ("ApiId", id.into()),
        ];
        Ok(properties::object(attributes).into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        _: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let (whole, mut input) = input(services, after).await?;
        let operation = if whole { "ReimportApi" } else { "UpdateApi" };
        input.insert("apiId".to_owned(), physical_id.into());
        let changed = services.call("apigatewayv2", operation, input);
        changed.await.map(|_| Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([("apiId", physical_id.into())]);
        let absent = "NotFoundException";
        services
            .delete("apigatewayv2", "DeleteApi", input, absent)
            .await
    }
}
