//! What an API is made of, as tables: deployments, stages, resources, routes, integrations.

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::{Failure, Site};

use super::{members, new_id, small};
use crate::resource::{Made, NotCreated, ResourceHandler, Services, properties};
use crate::stack::ResourceState;

/// A type as a table.
pub(super) struct Part {
    kind: &'static str,
    service: &'static str,
    properties: &'static [&'static str],
    immutable: &'static [&'static str],
    /// The length of its id; none where a property names it.
    id_length: usize,
    name_property: &'static str,
    /// The property that names the API, and the member that names the part.
    api: &'static str,
    key: &'static str,
    attribute: &'static str,
    create: &'static str,
    delete: &'static str,
    change: Change,
}

/// How a part changes.
enum Change {
    Never,
    /// By an operation that takes what it is to be.
    To(&'static str),
    /// By an operation that takes what is to be done.
    Patch(&'static str),
}

pub(super) const DEPLOYMENT: Part = Part {
    kind: "AWS::ApiGateway::Deployment",
    service: "apigateway",
    properties: &["Description", "RestApiId", "StageDescription", "StageName"],
    immutable: &["Description", "RestApiId", "StageDescription", "StageName"],
    id_length: 6,
    name_property: "",
    api: "RestApiId",
    key: "deploymentId",
    attribute: "DeploymentId",
    create: "CreateDeployment",
    delete: "DeleteDeployment",
    change: Change::Never,
};

pub(super) const STAGE: Part = Part {
    kind: "AWS::ApiGateway::Stage",
    service: "apigateway",
    properties: &[
        "AccessLogSetting",
        "CacheClusterEnabled",
        "CacheClusterSize",
        "DeploymentId",
        "Description",
        "DocumentationVersion",
        "MethodSettings",
        "RestApiId",
        "StageName",
        "Tags",
        "TracingEnabled",
        "Variables",
    ],
    immutable: &["RestApiId", "StageName"],
    id_length: 0,
    name_property: "StageName",
    api: "RestApiId",
    key: "stageName",
    attribute: "",
    create: "CreateStage",
    delete: "DeleteStage",
    change: Change::Patch("UpdateStage"),
};

pub(super) const RESOURCE: Part = Part {
    kind: "AWS::ApiGateway::Resource",
    service: "apigateway",
    properties: &["ParentId", "PathPart", "RestApiId"],
    immutable: &["ParentId", "PathPart", "RestApiId"],
    id_length: 6,
    name_property: "",
    api: "RestApiId",
    key: "resourceId",
    attribute: "ResourceId",
    create: "CreateResource",
    delete: "DeleteResource",
    change: Change::Never,
};

pub(super) const HTTP_STAGE: Part = Part {
    kind: "AWS::ApiGatewayV2::Stage",
    service: "apigatewayv2",
    properties: &[
        "AccessLogSettings",
        "ApiId",
        "AutoDeploy",
        "DefaultRouteSettings",
        "DeploymentId",
        "Description",
        "RouteSettings",
        "StageName",
        "StageVariables",
        "Tags",
    ],
    immutable: &["ApiId", "StageName"],
    id_length: 0,
    name_property: "StageName",
    api: "ApiId",
    key: "stageName",
    attribute: "",
    create: "CreateStage",
    delete: "DeleteStage",
    change: Change::To("UpdateStage"),
};

pub(super) const ROUTE: Part = Part {
    kind: "AWS::ApiGatewayV2::Route",
    service: "apigatewayv2",
    properties: &[
        "ApiId",
        "ApiKeyRequired",
        "AuthorizationScopes",
        "AuthorizationType",
        "AuthorizerId",
        "OperationName",
        "RouteKey",
        "Target",
    ],
    immutable: &["ApiId"],
    id_length: 7,
    name_property: "",
    api: "ApiId",
    key: "routeId",
    attribute: "RouteId",
    create: "CreateRoute",
    delete: "DeleteRoute",
    change: Change::To("UpdateRoute"),
};

pub(super) const INTEGRATION: Part = Part {
    kind: "AWS::ApiGatewayV2::Integration",
    service: "apigatewayv2",
    properties: &[
        "ApiId",
        "ConnectionType",
        "CredentialsArn",
        "Description",
        "IntegrationMethod",
        "IntegrationSubtype",
        "IntegrationType",
        "IntegrationUri",
        "PayloadFormatVersion",
        "RequestParameters",
        "ResponseParameters",
        "TimeoutInMillis",
    ],
    immutable: &["ApiId"],
    id_length: 7,
    name_property: "",
    api: "ApiId",
    key: "integrationId",
    attribute: "IntegrationId",
    create: "CreateIntegration",
    delete: "DeleteIntegration",
    change: Change::To("UpdateIntegration"),
};

pub(super) const HTTP_DEPLOYMENT: Part = Part {
    kind: "AWS::ApiGatewayV2::Deployment",
    service: "apigatewayv2",
    properties: &["ApiId", "Description", "StageName"],
    immutable: &["ApiId", "Description", "StageName"],
    id_length: 6,
    name_property: "",
    api: "ApiId",
    key: "deploymentId",
    attribute: "DeploymentId",
    create: "CreateDeployment",
    delete: "DeleteDeployment",
    change: Change::Never,
};

impl Part {
    /// Returns properties as the service wants them.
    fn input(&self, given: &Map<String, Value>) -> Map<String, Value> {
        let mut input = Value::Object(members(given, self.properties));
        for (property, member) in [
            ("AccessLogSetting", "accessLogSettings"),
            ("AccessLogSettings", "accessLogSettings"),
            ("DefaultRouteSettings", "defaultRouteSettings"),
        ] {
            if let Some(value) = given.get(property) {
                input[member] = properties::lower_first(value);
            }
        }
        if let Value::Object(input) = &mut input {
            input.remove("accessLogSetting");
            if let Some(Value::Array(_)) = given.get("Tags") {
                input.insert(
                    "tags".to_owned(),
                    properties::tags(given.get("Tags")).into(),
                );
            }
            if let Some(settings) = given.get("MethodSettings") {
                input.insert("methodSettings".to_owned(), method_settings(settings));
            }
            if let Some(Value::Object(routes)) = given.get("RouteSettings") {
                let routes = routes.iter();
                let routes =
                    routes.map(|(key, value)| (key.clone(), properties::lower_first(value)));
                input.insert("routeSettings".to_owned(), Value::Object(routes.collect()));
            }
        }
        let flags = [
            "autoDeploy",
            "tracingEnabled",
            "cacheClusterEnabled",
            "apiKeyRequired",
        ];
        properties::booleans(&mut input, &flags);
        properties::integers(&mut input, &["timeoutInMillis"]);
        for name in ["variables", "stageVariables"] {
            if let Some(Value::Object(variables)) = input.get_mut(name) {
                for value in variables.values_mut() {
                    *value = properties::text(value).into();
                }
            }
        }
        match input {
            Value::Object(input) => input,
            _ => Map::new(),
        }
    }

    fn named(&self, given: &Map<String, Value>, id: &str) -> Map<String, Value> {
        let api = given.get(self.api).cloned().unwrap_or_default();
        let mut named = properties::object([(self.key, id.into())]);
        named.insert(small(self.api), api);
        named
    }
}

/// Returns a list of settings as the service has it: by path and method.
fn method_settings(list: &Value) -> Value {
    let all = list.as_array().into_iter().flatten().map(|one| {
        let text = |name: &str| one.get(name).map(properties::text).unwrap_or_default();
        let path = text("ResourcePath");
        let path = path.trim_start_matches('/').replace('/', "~1");
        let key = format!("{path}/{}", text("HttpMethod"));
        let mut settings = properties::lower_first(one);
        if let Value::Object(settings) = &mut settings {
            settings.remove("resourcePath");
            settings.remove("httpMethod");
        }
        (key, settings)
    });
    Value::Object(all.collect())
}

#[async_trait]
impl ResourceHandler for Part {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn properties(&self) -> &'static [&'static str] {
        self.properties
    }

    /// Two APIs may have stages of one name, so the name is no property that must be free.
    fn name_property(&self) -> &'static str {
        ""
    }

    fn immutable(&self) -> &'static [&'static str] {
        self.immutable
    }

    fn attributes(&self) -> &'static [&'static str] {
        match self.attribute {
            "DeploymentId" => &["DeploymentId"],
            "ResourceId" => &["ResourceId"],
            "RouteId" => &["RouteId"],
            "IntegrationId" => &["IntegrationId"],
            _ => &[],
        }
    }

    fn default_attribute(&self, physical_id: &str, attribute: &str) -> Option<Value> {
        self.has_attribute(attribute).then(|| physical_id.into())
    }

    fn draw_name(&self, _: &str, _: &str) -> String {
        new_id(self.id_length)
    }

    fn physical_id(&self, name: &str, given: &Map<String, Value>, _: &Site) -> String {
        match given.get(self.name_property) {
            Some(name) => properties::text(name),
            None if self.name_property.is_empty() => name.to_owned(),
            None => "$default".to_owned(),
        }
    }

    async fn exists(&self, _: &Services, _: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn create(
        &self,
        services: &Services,
        id: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let mut input = self.input(given);
        if self.id_length > 0 {
            input.insert("id".to_owned(), id.into());
        }
        services.call(self.service, self.create, input).await?;
        Ok(Map::new().into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let (old, new) = (self.input(before), self.input(after));
        let mut input = self.named(after, physical_id);
        let operation = match self.change {
            Change::Never => return Ok(Map::new()),
            Change::To(operation) => {
                input.extend(new);
                operation
            }
            Change::Patch(operation) => {
                let changed = new
                    .iter()
                    .filter(|(name, value)| old.get(*name) != Some(*value));
                let changed = changed.map(
                    |(name, value)| json!({"op": "replace", "path": format!("/{name}"), "value": value}),
                );
                let gone = old.keys().filter(|name| !new.contains_key(*name));
                let gone = gone.map(|name| json!({"op": "remove", "path": format!("/{name}")}));
                let all: Vec<Value> = changed.chain(gone).collect();
                input.insert("patchOperations".to_owned(), all.into());
                operation
            }
        };
        let changed = services.call(self.service, operation, input);
        changed.await.map(|_| Map::new())
    }

    /// An id does not say whose it is: see `remove`.
    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        let Some(given) = state.properties.as_object() else {
            return Ok(());
        };
        let absent = "NotFoundException";
        // A deployment takes the stage along that it made, unless another one has it now.
        if let Some(stage) = given
            .get("StageName")
            .filter(|_| self.key == "deploymentId")
        {
            let mut input = self.named(given, &state.physical_id);
            input.remove("deploymentId");
            input.insert("stageName".to_owned(), stage.clone());
            let found = services.call(self.service, "GetStage", input.clone()).await;
            if found.is_ok_and(|found| found["deploymentId"] == state.physical_id) {
                services
                    .delete(self.service, "DeleteStage", input, absent)
                    .await?;
            }
        }
        let input = self.named(given, &state.physical_id);
        services
            .delete(self.service, self.delete, input, absent)
            .await
    }
}
