//! `AWS::SecretsManager::Secret`.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use crate::resource::{
    Made, NotCreated, ResourceHandler, Services, generated_name, properties, tags,
};

pub(super) struct Secret;

/// Returns the value of a secret: as it is given, or drawn.
async fn value(services: &Services, given: &Map<String, Value>) -> Result<Option<Value>, Failure> {
    if let Some(text) = given.get("SecretString") {
        return Ok(Some(properties::text(text).into()));
    }
    let Some(Value::Object(how)) = given.get("GenerateSecretString") else {
        return Ok(None);
    };
    let mut input = Value::Object(how.clone());
    properties::integers(&mut input, &["PasswordLength"]);
    properties::booleans(
        &mut input,
        &[
            "ExcludeLowercase",
            "ExcludeNumbers",
            "ExcludePunctuation",
            "ExcludeUppercase",
            "IncludeSpace",
            "RequireEachIncludedType",
        ],
    );
    let input = input.as_object().cloned().unwrap_or_default();
    let drawn = services
        .call("secretsmanager", "GetRandomPassword", input)
        .await?;
    let password = drawn["RandomPassword"].clone();
    let (template, key) = (
        how.get("SecretStringTemplate"),
        how.get("GenerateStringKey"),
    );
    let (Some(template), Some(key)) = (template, key) else {
        return Ok(Some(password));
    };
    let mut filled: Map<String, Value> = serde_json::from_str(&properties::text(template))
        .map_err(|_| Failure::client("InvalidRequest", "SecretStringTemplate is no JSON object"))?;
    filled.insert(properties::text(key), password);
    Ok(Some(Value::Object(filled).to_string().into()))
}

#[async_trait]
impl ResourceHandler for Secret {
    fn kind(&self) -> &'static str {
        "AWS::SecretsManager::Secret"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[
            "Description",
            "GenerateSecretString",
            "KmsKeyId",
            "Name",
            "SecretString",
            "Tags",
        ]
    }

    fn name_property(&self) -> &'static str {
        "Name"
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["Name"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Id"]
    }

    fn default_attribute(&self, physical_id: &str, _: &str) -> Option<Value> {
        Some(physical_id.into())
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 200)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let input = properties::object([("SecretId", physical_id.into())]);
        match services
            .call("secretsmanager", "DescribeSecret", input)
            .await
        {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == "ResourceNotFoundException" => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let names = ["Description", "KmsKeyId", "Tags"].map(|name| (name, name));
        let mut input = properties::copy(given, &names);
        input.insert("Name".to_owned(), name.into());
        if let Some(value) = value(services, given).await? {
            input.insert("SecretString".to_owned(), value);
        }
        let made = services
            .call("secretsmanager", "CreateSecret", input)
            .await?;
        let arn = made.get("ARN").and_then(Value::as_str).map(str::to_owned);
        Ok(Made {
            attributes: properties::object([("Id", arn.clone().into())]),
            physical_id: arn,
        })
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let names = ["Description", "KmsKeyId"].map(|name| (name, name));
        let mut input = properties::copy(after, &names);
        input.insert("SecretId".to_owned(), physical_id.into());
        if properties::differ(before, after, &["SecretString", "GenerateSecretString"])
            && let Some(value) = value(services, after).await?
        {
            input.insert("SecretString".to_owned(), value);
        }
        services
            .call("secretsmanager", "UpdateSecret", input)
            .await?;
        let named = properties::object([("SecretId", physical_id.into())]);
        tags::SECRETS_MANAGER
            .change(services, named, before, after)
            .await?;
        Ok(Map::new())
    }

    /// CloudFormation leaves no window.
    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([
            ("SecretId", physical_id.into()),
            ("ForceDeleteWithoutRecovery", true.into()),
        ]);
        let absent = "ResourceNotFoundException";
        services
            .delete("secretsmanager", "DeleteSecret", input, absent)
            .await
    }
}
