//! The transform `AWS::Serverless-2016-10-31`: plain CloudFormation out of SAM's resources.
//!
//! One file a resource type. A property that is not in a type's table is refused with its name:
//! nothing that a template asks for is dropped in silence. Logical ids stay what they are, so that
//! `Ref` and `Fn::GetAtt` mean the same before and after.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::template::{Resource, Template};

mod function;
mod globals;
mod policies;
mod policy_templates;
mod simple_table;
mod state_machine;

/// Replaces every `AWS::Serverless::…` resource by what it stands for. A template that does not
/// name the transform stays as it is.
pub fn transform(template: &mut Template) -> Result<(), TemplateError> {
    if !template.serverless {
        return Ok(());
    }
    globals::check(&template.globals)?;
    let mut expanded = IndexMap::with_capacity(template.resources.len() * 2);
    for (id, mut resource) in std::mem::take(&mut template.resources) {
        let Some(kind) = resource
            .kind
            .strip_prefix("AWS::Serverless::")
            .map(str::to_owned)
        else {
            expanded.insert(id, resource);
            continue;
        };
        globals::merge(&template.globals, &kind, &mut resource.properties);
        let serverless = Serverless { id: &id, resource };
        let results = match kind.as_str() {
            "Function" => function::expand(serverless)?,
            "StateMachine" => state_machine::expand(serverless)?,
            "SimpleTable" => simple_table::expand(serverless)?,
            _ => {
                return Err(TemplateError::Unsupported {
                    what: format!("The resource type AWS::Serverless::{kind} (of resource {id})"),
                    at: template.place(&format!("/Resources/{id}")),
                });
            }
        };
        for (id, resource) in results {
            if expanded.contains_key(&id) {
                return Err(TemplateError::sam(
                    &id,
                    "The transform makes a resource of this name, which is taken.",
                ));
            }
            expanded.insert(id, resource);
        }
    }
    template.resources = expanded;
    template.globals = Map::new();
    template.serverless = false;
    Ok(())
}

/// What a serverless resource becomes: itself under its own id, and what it needs.
type Expansion = Vec<(String, Resource)>;

/// A serverless resource whose globals are merged. Its properties are taken out one by one; what is
/// left over nobody understood.
struct Serverless<'a> {
    id: &'a str,
    resource: Resource,
}

impl Serverless<'_> {
    fn take(&mut self, property: &str) -> Option<Value> {
        self.resource.properties.shift_remove(property)
    }

    fn sam(&self, detail: impl Into<String>) -> TemplateError {
        TemplateError::sam(self.id, detail)
    }

    /// Moves properties from SAM's names to CloudFormation's.
    fn rename(&mut self, into: &mut Map<String, Value>, names: &[(&str, &str)]) {
        for (from, to) in names {
            if let Some(value) = self.take(from) {
                into.insert((*to).to_owned(), value);
            }
        }
    }

    /// Returns the resource as CloudFormation's `kind`; an error when a property is left over.
    fn finish(
        mut self,
        kind: &str,
        properties: Map<String, Value>,
    ) -> Result<(String, Resource), TemplateError> {
        if let Some(left_over) = self.resource.properties.keys().next() {
            let what = format!(
                "The property {left_over} (of {} {})",
                self.resource.kind, self.id
            );
            return Err(TemplateError::unsupported(what));
        }
        kind.clone_into(&mut self.resource.kind);
        self.resource.properties = properties;
        Ok((self.id.to_owned(), self.resource))
    }

    /// Returns a resource that comes with this one and goes with it.
    fn companion(&self, kind: &str, properties: Map<String, Value>) -> Resource {
        Resource {
            kind: kind.to_owned(),
            properties,
            condition: self.resource.condition.clone(),
            deletion_policy: self.resource.deletion_policy,
            update_replace_policy: self.resource.update_replace_policy,
            ..Resource::default()
        }
    }
}

/// Returns SAM's map of tags as CloudFormation's list, after the tag that says who made it.
fn tags(created_by: &str, own: Option<Value>) -> Value {
    let tag = |(key, value): (String, Value)| serde_json::json!({"Key": key, "Value": value});
    let mut tags = vec![tag((created_by.to_owned(), Value::from("SAM")))];
    if let Some(Value::Object(own)) = own {
        tags.extend(own.into_iter().map(tag));
    }
    Value::Array(tags)
}

/// Splits `s3://bucket/key`.
fn s3_uri(uri: &str) -> Option<(&str, &str)> {
    uri.strip_prefix("s3://")?
        .split_once('/')
        .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
}
