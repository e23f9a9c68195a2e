//! The transform `AWS::Serverless-2016-10-31`: plain CloudFormation out of SAM's resources.
//!
//! One file a resource type. A property that is not in a type's table is refused with its name:
//! nothing that a template asks for is dropped in silence. Logical ids of what is made, and the
//! order of lists, are AWS's own: a stack that was made there is the same stack here.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use crate::error::TemplateError;
use crate::template::{Policy, Resource, Template};

mod api_events;
mod apis;
mod bucket_events;
mod events;
mod function;
mod globals;
mod http_api;
mod layer;
mod names;
mod openapi;
mod policies;
mod policy_templates;
mod propagation;
mod python_json;
mod rest_api;
mod rules;
mod simple_table;
mod state_machine;
mod versions;

/// Replaces every `AWS::Serverless::…` resource by what it stands for. A template that does not
/// name the transform stays as it is. `given` are the values of parameters: what decides whether a
/// new version of a function is due may be one of them.
pub fn transform(
    template: &mut Template,
    given: &BTreeMap<String, String>,
) -> Result<(), TemplateError> {
    if !template.serverless {
        return Ok(());
    }
    globals::check(&template.globals)?;
    let names = names::Names::of(template, given);
    let mut expanded = Expansion {
        apis: apis::Drafts::of(template)?,
        ..Expansion::default()
    };
    for (id, mut resource) in std::mem::take(&mut template.resources) {
        let Some(kind) = resource
            .kind
            .strip_prefix("AWS::Serverless::")
            .map(str::to_owned)
        else {
            expanded.add(id, resource)?;
            continue;
        };
        globals::merge(&template.globals, &kind, &mut resource);
        let (before, propagated) = (
            expanded.resources.len(),
            propagation::take(&kind, &mut resource),
        );
        let serverless = Serverless {
            id: &id,
            resource,
            names: &names,
        };
        match kind.as_str() {
            "Function" => function::expand(serverless, &mut expanded)?,
            "StateMachine" => state_machine::expand(serverless, &mut expanded)?,
            "SimpleTable" => simple_table::expand(serverless, &mut expanded)?,
            "LayerVersion" => layer::expand(serverless, &mut expanded)?,
            _ => {
                return Err(TemplateError::Unsupported {
                    what: format!("The resource type AWS::Serverless::{kind} (of resource {id})"),
                    at: template.place(&format!("/Resources/{id}")),
                });
            }
        }
        if let Some(tags) = propagated {
            propagation::carry_out(&tags, expanded.resources.values_mut().skip(before));
        }
    }
    for finished in std::mem::take(&mut expanded.apis).finished() {
        let (id, draft) = finished?;
        match draft.resource.kind.as_str() {
            "AWS::Serverless::Api" => rest_api::expand(&id, draft, &names, &mut expanded)?,
            _ => http_api::expand(&id, draft, &names, &mut expanded)?,
        }
    }
    for notification in std::mem::take(&mut expanded.notifications) {
        notification.write(&mut expanded.resources)?;
    }
    template.resources = expanded.resources;
    names::rename(template, &expanded.renamed);
    template.globals = Map::new();
    template.serverless = false;
    Ok(())
}

/// What the resources of a template become.
#[derive(Default)]
struct Expansion {
    resources: IndexMap<String, Resource>,
    /// What `Ref`, `Fn::GetAtt` and `Fn::Sub` call by another name from now on: `Layer`, `Function.Alias`.
    renamed: BTreeMap<String, String>,
    /// What buckets are to tell functions.
    notifications: Vec<bucket_events::Notification>,
    /// The APIs that events add routes to.
    apis: apis::Drafts,
}

impl Expansion {
    fn add(&mut self, id: String, resource: Resource) -> Result<(), TemplateError> {
        if self.resources.contains_key(&id) {
            let text = "The transform makes a resource of this name, which is taken.";
            return Err(TemplateError::sam(&id, text));
        }
        self.resources.insert(id, resource);
        Ok(())
    }
}

/// A serverless resource whose globals are merged. Its properties are taken out one by one; what is
/// left over nobody understood.
struct Serverless<'a> {
    id: &'a str,
    resource: Resource,
    names: &'a names::Names,
}

impl Serverless<'_> {
    fn take(&mut self, property: &str) -> Option<Value> {
        self.resource.properties.shift_remove(property)
    }

    fn get(&self, property: &str) -> Option<&Value> {
        self.resource.properties.get(property)
    }

    fn sam(&self, detail: impl Into<String>) -> TemplateError {
        TemplateError::sam(self.id, detail)
    }

    /// Returns `PermissionsBoundary`, which every role of the resource has.
    fn boundary(&self) -> Option<Value> {
        self.get("PermissionsBoundary").cloned()
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
    ) -> Result<Resource, TemplateError> {
        if let Some(left_over) = self.resource.properties.keys().next() {
            let what = format!(
                "The property {left_over} (of {} {})",
                self.resource.kind, self.id
            );
            return Err(TemplateError::unsupported(what));
        }
        kind.clone_into(&mut self.resource.kind);
        self.resource.properties = properties;
        Ok(self.resource)
    }

    /// Returns a resource that comes with this one and goes with it.
    fn companion(&self, kind: &str, properties: Map<String, Value>) -> Resource {
        companion(&self.resource, kind, properties)
    }
}

fn companion(of: &Resource, kind: &str, properties: Map<String, Value>) -> Resource {
    Resource {
        kind: kind.to_owned(),
        properties,
        condition: of.condition.clone(),
        deletion_policy: of.deletion_policy,
        update_replace_policy: of.update_replace_policy,
        ..Resource::default()
    }
}

/// Returns the members of a JSON object that was written in place.
fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn get_attribute(id: &str, attribute: &str) -> Value {
    json!({"Fn::GetAtt": [id, attribute]})
}

fn reference(id: &str) -> Value {
    json!({"Ref": id})
}

/// An intrinsic function is a value, not a mapping.
fn is_function(entries: &Map<String, Value>) -> bool {
    crate::intrinsics::single(entries)
        .is_some_and(|(name, _)| name == "Ref" || name == "Condition" || name.starts_with("Fn::"))
}

/// Returns the ten digits that name what is made anew whenever `value` changes.
fn digits(value: &Value) -> String {
    let mut text: String = Sha1::digest(python_json::compact(value))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    text.truncate(10);
    text
}

/// Returns SAM's map of tags as CloudFormation's list, after the tag that says who made it.
fn tags(created_by: &str, own: Option<&Value>) -> Value {
    let tag = |(key, value): (&String, &Value)| json!({"Key": key, "Value": value});
    let mut tags = vec![json!({"Key": created_by, "Value": "SAM"})];
    if let Some(Value::Object(own)) = own {
        tags.extend(own.iter().map(tag));
    }
    Value::Array(tags)
}

/// Splits `s3://bucket/key`.
fn s3_uri(uri: &str) -> Option<(&str, &str)> {
    uri.strip_prefix("s3://")?
        .split_once('/')
        .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
}

/// Returns where an uploaded file is, under the three names that its property wants for it.
fn location(
    owner: &Serverless<'_>,
    property: &str,
    uri: Value,
    names: [&str; 3],
) -> Result<Value, TemplateError> {
    match uri {
        Value::Object(given) => {
            let mut location = Map::new();
            for (from, to) in ["Bucket", "Key", "Version"].into_iter().zip(names) {
                if let Some(value) = given.get(from) {
                    location.insert(to.to_owned(), value.clone());
                }
            }
            if location.contains_key(names[0]) && location.contains_key(names[1]) {
                return Ok(Value::Object(location));
            }
            Err(owner.sam(format!(
                "'{property}' requires Bucket and Key properties to be specified."
            )))
        }
        Value::String(uri) => match s3_uri(&uri) {
            Some((bucket, key)) => {
                let (key, version) = match key.split_once("?versionId=") {
                    Some((key, version)) => (key, Some(version)),
                    None => (key, None),
                };
                let mut location = members(json!({names[0]: bucket, names[1]: key}));
                if let Some(version) = version {
                    location.insert(names[2].to_owned(), version.into());
                }
                Ok(Value::Object(location))
            }
            None => Err(owner.sam(format!(
                "'{property}' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter."
            ))),
        },
        _ => Err(owner.sam(format!("'{property}' is neither a path nor a location."))),
    }
}

/// Lets what is made stay behind when its stack goes or makes another, unless the template says more.
fn retained(mut resource: Resource) -> Resource {
    resource.deletion_policy = resource.deletion_policy.or(Some(Policy::Retain));
    resource
}
