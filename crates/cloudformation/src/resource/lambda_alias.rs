//! `AWS::Lambda::Alias`. A deployment that shifts traffic step by step is not built: an alias points to
//! its version at once.

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::{Failure, Site};

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};

pub(super) struct LambdaAlias;

#[async_trait]
impl ResourceHandler for LambdaAlias {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Alias"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "Description",
            "FunctionName",
            "FunctionVersion",
            "Name",
            "ProvisionedConcurrencyConfig",
            "RoutingConfig",
        ]
    }

    fn name_property(&self) -> &'static str {
        "Name"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["FunctionName", "Name"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["AliasArn"]
    }

    fn default_attribute(&self, physical_id: &str, attribute: &str) -> Option<Value> {
        self.has_attribute(attribute).then(|| physical_id.into())
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    fn physical_id(&self, name: &str, given: &Map<String, Value>, site: &Site) -> String {
        format!("{}:{name}", function_arn(given.get("FunctionName"), site))
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        match services
            .call("lambda", "GetAlias", named(physical_id))
            .await
        {
            Ok(_) => Ok(true),
            Err(failure) if failure.status == 404 => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let mut input = settings(given);
        input.insert("Name".to_owned(), name.into());
        input.extend(properties::copy(given, &[("FunctionName", "FunctionName")]));
        let made = services.call("lambda", "CreateAlias", input).await?;
        let arn = made.get("AliasArn").and_then(Value::as_str);
        Ok(Made {
            attributes: Map::new(),
            physical_id: arn.map(str::to_owned),
        })
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        _: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let mut input = settings(after);
        // What a template says no more is not so any more.
        input.entry("Description").or_insert_with(|| "".into());
        input
            .entry("RoutingConfig")
            .or_insert_with(|| json!({"AdditionalVersionWeights": {}}));
        input.extend(named(physical_id));
        let changed = services.call("lambda", "UpdateAlias", input);
        changed.await.map(|_| Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let absent = "ResourceNotFoundException";
        services
            .delete("lambda", "DeleteAlias", named(physical_id), absent)
            .await
    }
}

/// Returns the ARN of the function that a property names by its name or an ARN.
pub(super) fn function_arn(name: Option<&Value>, site: &Site) -> String {
    let name = name.and_then(Value::as_str).unwrap_or_default();
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    let name = name.rsplit("function:").next().unwrap_or(name);
    format!(
        "arn:aws:lambda:{}:{}:function:{name}",
        site.region, site.account_id
    )
}

fn named(physical_id: &str) -> Map<String, Value> {
    let (function, name) = physical_id.rsplit_once(':').unwrap_or((physical_id, ""));
    properties::object([("FunctionName", function.into()), ("Name", name.into())])
}

fn settings(given: &Map<String, Value>) -> Map<String, Value> {
    let names = ["Description", "FunctionVersion"].map(|name| (name, name));
    let mut settings = properties::copy(given, &names);
    if let Some(version) = settings.get_mut("FunctionVersion") {
        *version = properties::text(version).into();
    }
    let routes = given
        .get("RoutingConfig")
        .and_then(|routes| routes.get("AdditionalVersionWeights"))
        .and_then(Value::as_array);
    if let Some(routes) = routes {
        let weight = |route: &Value| {
            let version = properties::text(route.get("FunctionVersion")?);
            let weight = properties::text(route.get("FunctionWeight")?);
            Some((version, Value::from(weight.parse::<f64>().ok()?)))
        };
        let weights: Map<String, Value> = routes.iter().filter_map(weight).collect();
        let routes = json!({"AdditionalVersionWeights": weights});
        settings.insert("RoutingConfig".to_owned(), routes);
    }
    settings
}
