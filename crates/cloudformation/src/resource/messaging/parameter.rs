//! `AWS::SSM::Parameter`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::Failure;

use crate::resource::{
    Made, NotCreated, ResourceHandler, Services, generated_name, properties, tags,
};

pub(super) struct Parameter;

const MEMBERS: [(&str, &str); 5] = [
    ("AllowedPattern", "AllowedPattern"),
    ("DataType", "DataType"),
    ("Description", "Description"),
    ("Tier", "Tier"),
    ("Type", "Type"),
];

fn attributes(given: &Map<String, Value>) -> Map<String, Value> {
    let value = given.get("Value").map(properties::text).unwrap_or_default();
    let kind = given.get("Type").cloned().unwrap_or_default();
    properties::object([("Type", kind), ("Value", value.into())])
}

#[async_trait]
impl ResourceHandler for Parameter {
    fn kind(&self) -> &'static str {
        "AWS::SSM::Parameter"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "AllowedPattern",
            "DataType",
            "Description",
            "Name",
            "Tags",
            "Tier",
            "Type",
            "Value",
        ]
    }

    fn name_property(&self) -> &'static str {
        "Name"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["Name"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Type", "Value"]
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        format!("CFN-{}", generated_name(stack, logical_id, 200))
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = properties::object([("Name", physical_id.into())]);
        match services.call("ssm", "GetParameter", input).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == "ParameterNotFound" => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let mut input = properties::copy(given, &MEMBERS);
        input.insert("Name".to_owned(), name.into());
        input.insert(
            "Value".to_owned(),
            given.get("Value").map(properties::text).into(),
        );
        let tags: Vec<Value> = properties::tags(given.get("Tags"))
            .into_iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        input.insert("Tags".to_owned(), tags.into());
        services.call("ssm", "PutParameter", input).await?;
        Ok(attributes(given).into())
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let names = [
            "AllowedPattern",
            "DataType",
            "Description",
            "Tier",
            "Type",
            "Value",
        ];
        if properties::differ(before, after, &names) {
            let mut input = properties::copy(after, &MEMBERS);
            input.insert("Name".to_owned(), physical_id.into());
            input.insert(
                "Value".to_owned(),
                after.get("Value").map(properties::text).into(),
            );
            input.insert("Overwrite".to_owned(), true.into());
            services.call("ssm", "PutParameter", input).await?;
        }
        let named = properties::object([
            ("ResourceType", "Parameter".into()),
            ("ResourceId", physical_id.into()),
        ]);
        tags::SSM.change(services, named, before, after).await?;
        Ok(attributes(after))
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([("Name", physical_id.into())]);
        services
            .delete("ssm", "DeleteParameter", input, "ParameterNotFound")
            .await
    }
}
