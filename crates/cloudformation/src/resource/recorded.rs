//! Types that are what their stack says of them and no more: policies and permissions are kept where
//! the enforcement of policies will find them, and there is no call to make.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::{Failure, Site};

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};

/// A recorded type.
pub(super) struct Recorded {
    kind: &'static str,
    properties: &'static [&'static str],
    name_property: &'static str,
    immutable: &'static [&'static str],
    attributes: &'static [&'static str],
    /// What `Ref` gives; `{account}` and `{name}` stand for themselves.
    physical_id: &'static str,
}

pub(super) const RECORDED: &[Recorded] = &[
    Recorded {
        kind: "AWS::Logs::ResourcePolicy",
        properties: &["PolicyDocument", "PolicyName"],
        name_property: "PolicyName",
        immutable: &["PolicyName"],
        attributes: &[],
        physical_id: "{name}",
    },
    // Where AWS writes the logs of all REST APIs: there are none here.
    Recorded {
        kind: "AWS::ApiGateway::Account",
        properties: &["CloudWatchRoleArn"],
        name_property: "",
        immutable: &[],
        attributes: &["Id"],
        physical_id: "{name}",
    },
    Recorded {
        kind: "AWS::CDK::Metadata",
        properties: &["Analytics"],
        name_property: "",
        immutable: &[],
        attributes: &[],
        physical_id: "{name}",
    },
];

/// Longest name that is drawn (IAM quotas).
const NAME_CHARS_MAX: usize = 64;

#[async_trait]
impl ResourceHandler for Recorded {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn properties(&self) -> &'static [&'static str] {
        self.properties
    }

    fn name_property(&self) -> &'static str {
        self.name_property
    }

    fn immutable(&self) -> &'static [&'static str] {
        self.immutable
    }

    fn attributes(&self) -> &'static [&'static str] {
        self.attributes
    }

    fn default_attribute(&self, physical_id: &str, attribute: &str) -> Option<Value> {
        self.has_attribute(attribute).then(|| physical_id.into())
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, NAME_CHARS_MAX)
    }

    fn physical_id(&self, name: &str, _: &Map<String, Value>, site: &Site) -> String {
        let text = self.physical_id.replace("{name}", name);
        text.replace("{account}", &site.account_id)
    }

    async fn exists(&self, _: &Services, _: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn create(
        &self,
        _: &Services,
        _: &str,
        _: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        Ok(properties::object([]).into())
    }

    async fn update(
        &self,
        _: &Services,
        _: &str,
        _: &Map<String, Value>,
        _: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        Ok(Map::new())
    }

    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }
}
