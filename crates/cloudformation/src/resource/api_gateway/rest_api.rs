//! `AWS::ApiGateway::RestApi`.

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use service::Failure;

use super::{members, new_id};
use crate::resource::{Made, NotCreated, ResourceHandler, Services, properties};

pub(super) struct RestApi;

/// Properties that are members of the API itself.
const SETTINGS: [&str; 6] = [
    "Description",
    "BinaryMediaTypes",
    "MinimumCompressionSize",
    "ApiKeySourceType",
    "DisableExecuteApiEndpoint",
    "Name",
];

fn settings(given: &Map<String, Value>) -> Map<String, Value> {
    let mut settings = members(given, &SETTINGS);
    if let Some(source) = settings.remove("apiKeySourceType") {
        settings.insert("apiKeySource".to_owned(), source);
    }
    if let Some(types) = given.get("EndpointConfiguration") {
        settings.insert(
            "endpointConfiguration".to_owned(),
            properties::lower_first(types),
        );
    }
    let tags = properties::tags(given.get("Tags"));
    if !tags.is_empty() {
        settings.insert("tags".to_owned(), tags.into());
    }
    let mut settings = Value::Object(settings);
    properties::integers(&mut settings, &["minimumCompressionSize"]);
    properties::booleans(&mut settings, &["disableExecuteApiEndpoint"]);
    match settings {
        Value::Object(settings) => settings,
        _ => Map::new(),
    }
}

/// Returns the document, from the template or from where it was uploaded.
pub(super) async fn document(
    services: &Services,
    given: &Map<String, Value>,
) -> Result<Option<Bytes>, Failure> {
    if let Some(body) = given.get("Body") {
        return Ok(Some(body.to_string().into()));
    }
    let Some(place) = given.get("BodyS3Location") else {
        return Ok(None);
    };
    let text = |name: &str| place.get(name).map(properties::text).unwrap_or_default();
    services
        .object(&text("Bucket"), &text("Key"))
        .await
        .map(Some)
}

async fn put(services: &Services, id: &str, given: &Map<String, Value>) -> Result<(), Failure> {
    let Some(document) = document(services, given).await? else {
        return Ok(());
    };
    let mode = given
        .get("Mode")
        .map(properties::text)
        .unwrap_or("overwrite".to_owned());
    let input = properties::object([("restApiId", id.into()), ("mode", mode.into())]);
    let sent = services.send("apigateway", "PutRestApi", input, document);
    sent.await.map(drop)
}

#[async_trait]
impl ResourceHandler for RestApi {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::RestApi"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "ApiKeySourceType",
            "BinaryMediaTypes",
            "Body",
            "BodyS3Location",
            "Description",
            "DisableExecuteApiEndpoint",
            "EndpointConfiguration",
            "FailOnWarnings",
            "MinimumCompressionSize",
            "Mode",
            "Name",
            "Parameters",
            "Tags",
        ]
    }

    fn name_property(&self) -> &'static str {
        ""
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["RestApiId", "RootResourceId"]
    }

    fn draw_name(&self, _: &str, _: &str) -> String {
        new_id(10)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = properties::object([("restApiId", physical_id.into())]);
        match services.call("apigateway", "GetRestApi", input).await {
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
        let mut input = settings(given);
        input.insert("id".to_owned(), id.into());
        if !input.contains_key("name") {
            let document = document(services, given).await?.unwrap_or_default();
            let document: Value = serde_json::from_slice(&document).unwrap_or_default();
            let title = document["info"]["title"].as_str();
            let title = title.unwrap_or(&services.about.logical_id);
            input.insert("name".to_owned(), title.into());
        }
        let made = services.call("apigateway", "CreateRestApi", input).await?;
        if let Err(failure) = put(services, id, given).await {
            return Err(NotCreated {
                failure,
                partly: true,
            });
        }
        let attributes = [
            ("RestApiId", id.into()),
            ("RootResourceId", made["rootResourceId"].clone()),
        ];
        Ok(properties::object(attributes).into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        put(services, physical_id, after).await?;
        let (old, new) = (settings(before), settings(after));
        let changed = new
            .iter()
            .filter(|(name, value)| old.get(*name) != Some(*value));
        let changed = changed.map(
            |(name, value)| json!({"op": "replace", "path": format!("/{name}"), "value": value}),
        );
        let gone = old
            .keys()
            .filter(|name| !new.contains_key(*name) && **name != "name");
        let gone = gone.map(|name| json!({"op": "remove", "path": format!("/{name}")}));
        let operations: Vec<Value> = changed.chain(gone).collect();
        if !operations.is_empty() {
            let input = properties::object([
                ("restApiId", physical_id.into()),
                ("patchOperations", operations.into()),
            ]);
            services.call("apigateway", "UpdateRestApi", input).await?;
        }
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([("restApiId", physical_id.into())]);
        let absent = "NotFoundException";
        services
            .delete("apigateway", "DeleteRestApi", input, absent)
            .await
    }
}
