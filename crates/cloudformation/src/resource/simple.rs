//! The shape that most types share: a call that makes, one that deletes, one that tells whether it is
//! there, and properties that are members under another name. A type of this shape is a table.

use async_trait::async_trait;
use serde_json::{Map, Value};
use service::{Failure, Site};

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties, tags};

/// A type of resource as a table. In texts, `{name}`, `{region}` and `{account}` stand for themselves.
pub(super) struct Simple {
    pub(super) kind: &'static str,
    pub(super) service: &'static str,
    pub(super) properties: &'static [&'static str],
    pub(super) name_property: &'static str,
    pub(super) name_chars_max: usize,
    /// Whether names that are drawn have small letters alone.
    pub(super) small_letters: bool,
    pub(super) immutable: &'static [&'static str],
    /// Whether its tags change in the service, and not in the stack's row alone.
    pub(super) tagged: bool,
    /// What `Fn::GetAtt` gives: names, and the same names with their texts.
    pub(super) attribute_names: &'static [&'static str],
    pub(super) attributes: &'static [(&'static str, &'static str)],
    /// What `Ref` gives.
    pub(super) physical_id: &'static str,
    /// The member that names the resource when it is asked about or deleted.
    pub(super) key: &'static str,
    /// The operation that asks, and the code that says that there is none.
    pub(super) describe: (&'static str, &'static str),
    /// The operation that makes, the member that has the name, and other members by their property.
    pub(super) create: (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
    ),
    /// What else a new resource is told that no property says.
    pub(super) also: fn(&Site) -> Map<String, Value>,
    pub(super) delete: &'static str,
}

/// Adds nothing.
pub(super) fn nothing(_: &Site) -> Map<String, Value> {
    Map::new()
}

impl Simple {
    fn written(&self, text: &str, name: &str, site: &Site) -> String {
        text.replace("{name}", name)
            .replace("{region}", &site.region)
            .replace("{account}", &site.account_id)
    }
}

#[async_trait]
impl ResourceHandler for Simple {
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
        self.attribute_names
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        let name = generated_name(stack, logical_id, self.name_chars_max);
        if self.small_letters {
            name.to_ascii_lowercase()
        } else {
            name
        }
    }

    fn physical_id(&self, name: &str, _: &Map<String, Value>, site: &Site) -> String {
        self.written(self.physical_id, name, site)
    }

    async fn exists(&self, services: &Services, physical_id: &str) -> Result<bool, Failure> {
        let (operation, absent) = self.describe;
        let input = properties::object([(self.key, physical_id.into())]);
        match services.call(self.service, operation, input).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == absent || failure.status == 404 => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let (operation, name_member, members) = self.create;
        let mut input = properties::copy(given, members);
        input.insert(name_member.to_owned(), name.into());
        input.extend((self.also)(&services.site));
        if let Some(Value::Array(tags)) = input.get_mut("tags") {
            for tag in tags {
                *tag = properties::lower_first(tag);
            }
        }
        services.call(self.service, operation, input).await?;
        let attributes = self.attributes.iter().map(|(attribute, text)| {
            let value = self.written(text, name, &services.site);
            ((*attribute).to_owned(), Value::String(value))
        });
        Ok(attributes.collect::<Map<_, _>>().into())
    }

    /// What may change without another resource is only written down, but for tags.
    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        if self.tagged {
            let named = properties::object([("resourceArn", physical_id.into())]);
            tags::STATES.change(services, named, before, after).await?;
        }
        Ok(Map::new())
    }

    async fn delete(&self, services: &Services, physical_id: &str) -> Result<(), Failure> {
        let input = properties::object([(self.key, physical_id.into())]);
        let (_, absent) = self.describe;
        services
            .delete(self.service, self.delete, input, absent)
            .await
    }
}
