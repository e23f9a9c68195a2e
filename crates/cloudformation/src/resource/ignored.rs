//! A type that nobody handles, where the server was told to take such resources for their names: what
//! refers to one gets a name or an ARN that leads nowhere.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::Failure;

use super::{Made, NotCreated, ResourceHandler, Services, generated_name};

pub(super) struct Ignored;

const NAME_CHARS_MAX: usize = 64;

#[async_trait]
impl ResourceHandler for Ignored {
    fn kind(&self) -> &'static str {
        "Ignored"
    }

    fn properties(&self) -> &'static [&'static str] {
        &[]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &[]
    }

    fn accepts(&self, _: &str) -> bool {
        true
    }

    fn has_attribute(&self, _: &str) -> bool {
        true
    }

    fn default_attribute(&self, physical_id: &str, attribute: &str) -> Option<Value> {
        let value = if attribute.ends_with("Arn") {
            format!("arn:aws:ignored:::{physical_id}")
        } else {
            format!("{physical_id}.{attribute}")
        };
        Some(value.into())
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, NAME_CHARS_MAX)
    }

    async fn create(
        &self,
        _: &Services,
        _: &str,
        _: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        Ok(Map::new().into())
    }

    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }
}
