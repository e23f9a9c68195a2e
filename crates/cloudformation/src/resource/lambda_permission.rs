//! `AWS::Lambda::Permission` and `AWS::Lambda::LayerVersionPermission`: statements of resource policies.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use crate::stack::ResourceState;

/// A type of statement as a table.
pub(super) struct Statement {
    kind: &'static str,
    properties: &'static [&'static str],
    /// The operations that add and remove a statement.
    operations: (&'static str, &'static str),
    /// What names the resource of the policy, in both operations.
    owner: fn(&Map<String, Value>) -> Map<String, Value>,
}

pub(super) const PERMISSION: Statement = Statement {
    kind: "AWS::Lambda::Permission",
    properties: &[
        "Action",
        "EventSourceToken",
        "FunctionName",
        "FunctionUrlAuthType",
        "InvokedViaFunctionUrl",
        "Principal",
        "PrincipalOrgID",
        "SourceAccount",
        "SourceArn",
    ],
    operations: ("AddPermission", "RemovePermission"),
    owner: |given| properties::copy(given, &[("FunctionName", "FunctionName")]),
};

pub(super) const LAYER_PERMISSION: Statement = Statement {
    kind: "AWS::Lambda::LayerVersionPermission",
    properties: &["Action", "LayerVersionArn", "OrganizationId", "Principal"],
    operations: ("AddLayerVersionPermission", "RemoveLayerVersionPermission"),
    owner: |given| {
        let arn = given.get("LayerVersionArn").and_then(Value::as_str);
        super::layer::named(arn.unwrap_or_default())
    },
};

impl Statement {
    async fn take_back(
        &self,
        services: &Services,
        sid: &str,
        given: &Map<String, Value>,
    ) -> Result<(), Failure> {
        let mut input = (self.owner)(given);
        input.insert("StatementId".to_owned(), sid.into());
        let absent = "ResourceNotFoundException";
        services
            .delete("lambda", self.operations.1, input, absent)
            .await
    }
}

#[async_trait]
impl ResourceHandler for Statement {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn properties(&self) -> &'static [&'static str] {
        self.properties
    }

    fn immutable(&self) -> &'static [&'static str] {
        self.properties
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Id"]
    }

    fn default_attribute(&self, physical_id: &str, attribute: &str) -> Option<Value> {
        self.has_attribute(attribute).then(|| physical_id.into())
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, 64)
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let mut input = given.clone();
        input.remove("LayerVersionArn");
        input.extend((self.owner)(given));
        input.insert("StatementId".to_owned(), name.into());
        if let Some(by_url) = input.get_mut("InvokedViaFunctionUrl") {
            *by_url = (properties::text(by_url) == "true").into();
        }
        if let Some(account) = input.get_mut("SourceAccount") {
            *account = properties::text(account).into();
        }
        if let Some(principal) = input.get_mut("Principal") {
            *principal = properties::text(principal).into();
        }
        services.call("lambda", self.operations.0, input).await?;
        Ok(Map::new().into())
    }

    /// A statement's name does not say whose it is: see `remove`.
    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        match state.properties.as_object() {
            Some(given) => self.take_back(services, &state.physical_id, given).await,
            None => Ok(()),
        }
    }
}
