//! The APIs of a template before its functions are looked at: those that it names and the two that
//! events bring about by themselves, each with a document that events add their routes to.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::error::TemplateError;
use crate::template::{Policy, Resource, Template};

use super::{globals, reference};

/// The id of the REST API of events that name none.
pub(super) const REST: &str = "ServerlessRestApi";
/// The id of the HTTP API of events that name none.
pub(super) const HTTP: &str = "ServerlessHttpApi";

/// An API on its way.
pub(super) struct Draft {
    /// `AWS::Serverless::Api` or `AWS::Serverless::HttpApi`, its globals merged.
    pub(super) resource: Resource,
    /// Whether the document is the transform's own.
    pub(super) managed: bool,
    /// Whether nothing of the template makes it but events.
    implicit: bool,
    /// The conditions of the events by path and method.
    conditions: BTreeMap<String, BTreeMap<String, Option<String>>>,
    /// What becomes of the functions of its events when they go.
    deletion: Vec<Option<Policy>>,
    replacement: Vec<Option<Policy>>,
}

/// The APIs of a template by their ids.
#[derive(Default)]
pub(super) struct Drafts(BTreeMap<String, Draft>);

impl Drafts {
    /// Takes the APIs out of a template.
    pub(super) fn of(template: &mut Template) -> Result<Self, TemplateError> {
        let mut drafts = BTreeMap::new();
        let is_api = |kind: &str| kind == "Api" || kind == "HttpApi";
        let ids: Vec<(String, String)> = template
            .resources
            .iter()
            .filter_map(|(id, resource)| {
                let kind = resource.kind.strip_prefix("AWS::Serverless::")?;
                is_api(kind).then(|| (id.clone(), kind.to_owned()))
            })
            .collect();
        for (id, kind) in ids {
            let Some(resource) = template.resources.shift_remove(&id) else {
                continue;
            };
            drafts.insert(id, Draft::new(resource, &kind, false, &template.globals));
        }
        for (id, kind) in [(REST, "Api"), (HTTP, "HttpApi")] {
            let mut resource = Resource {
                kind: format!("AWS::Serverless::{kind}"),
                ..Resource::default()
            };
            if kind == "Api" {
                resource
                    .properties
                    .insert("StageName".to_owned(), "Prod".into());
            }
            drafts
                .entry(id.to_owned())
                .or_insert_with(|| Draft::new(resource, kind, true, &template.globals));
        }
        Ok(Self(drafts))
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Draft> {
        self.0.get_mut(id)
    }

    /// Returns the APIs that something leads to, with the conditions of the implicit ones.
    pub(super) fn finished(self) -> impl Iterator<Item = Result<(String, Draft), TemplateError>> {
        let wanted = |(_, draft): &(String, Draft)| !draft.implicit || !draft.conditions.is_empty();
        self.0
            .into_iter()
            .filter(wanted)
            .map(|(id, mut draft)| draft.inherit(&id).map(|()| (id, draft)))
    }
}

impl Draft {
    fn new(mut resource: Resource, kind: &str, implicit: bool, all: &Map<String, Value>) -> Self {
        globals::merge(all, kind, &mut resource);
        let properties = &mut resource.properties;
        let given = |name: &str| {
            properties
                .get(name)
                .is_some_and(|value| !value.is_null() && *value != json!({}))
        };
        let managed = !given("DefinitionBody") && !given("DefinitionUri");
        if managed {
            let mut body = json!({
                "info": {"version": "1.0", "title": reference("AWS::StackName")},
                "paths": {},
            });
            let version = properties.get("OpenApiVersion").map(as_text);
            match version {
                _ if kind == "HttpApi" => body["openapi"] = "3.0.1".into(),
                Some(version) if is_version_3(&version) => body["openapi"] = version.into(),
                _ => body["swagger"] = "2.0".into(),
            }
            properties.insert("DefinitionBody".to_owned(), body);
        }
        Self {
            resource,
            managed,
            implicit,
            conditions: BTreeMap::new(),
            deletion: Vec::new(),
            replacement: Vec::new(),
        }
    }

    /// Returns the document, where it is in the template.
    pub(super) fn body(&mut self) -> Option<&mut Value> {
        self.resource.properties.get_mut("DefinitionBody")
    }

    /// Writes down an event of a function.
    pub(super) fn note(&mut self, path: &str, method: &str, owner: &Resource) {
        let methods = self.conditions.entry(path.to_owned()).or_default();
        methods.insert(method.to_ascii_lowercase(), owner.condition.clone());
        self.deletion.push(owner.deletion_policy);
        self.replacement.push(owner.update_replace_policy);
    }

    /// Takes over what all the functions of an implicit API have in common.
    fn inherit(&mut self, id: &str) -> Result<(), TemplateError> {
        if !self.implicit {
            return Ok(());
        }
        let all = self.conditions.values().flat_map(BTreeMap::values);
        let mut all: Vec<&Option<String>> = all.collect();
        all.sort_unstable();
        all.dedup();
        match all[..] {
            [Some(condition)] => self.resource.condition = Some(condition.clone()),
            [] | [None, ..] => {}
            [Some(_), ..] => return Err(several(id)),
        }
        self.resource.deletion_policy = common(&self.deletion);
        self.resource.update_replace_policy = common(&self.replacement);
        Ok(())
    }

    /// Puts the conditions of functions around their methods and paths.
    pub(super) fn conditioned(&self, id: &str, body: &mut Value) -> Result<(), TemplateError> {
        for (path, methods) in &self.conditions {
            let Some(item) = body["paths"].get_mut(path) else {
                continue;
            };
            for (method, condition) in methods {
                let method = super::openapi::method(method);
                if let (Some(condition), Some(definition)) = (condition, item.get_mut(&method))
                    && let Some(integration) = definition.get_mut(super::openapi::INTEGRATION)
                {
                    let uri = integration["uri"].take();
                    integration["uri"] = conditional(condition, uri);
                    let whole = definition.take();
                    *definition = conditional(condition, whole);
                }
            }
            let mut all: Vec<&Option<String>> = methods.values().collect();
            all.sort_unstable();
            all.dedup();
            match all[..] {
                [Some(condition)] if self.managed => {
                    let whole = item.take();
                    *item = conditional(condition, whole);
                }
                [] | [None, ..] | [Some(_)] => {}
                [Some(_), ..] => return Err(several(id)),
            }
        }
        Ok(())
    }
}

fn several(id: &str) -> TemplateError {
    TemplateError::unsupported(format!(
        "An API whose events belong to functions of several conditions (of resource {id})"
    ))
}

fn common(policies: &[Option<Policy>]) -> Option<Policy> {
    [Policy::Retain, Policy::Delete]
        .into_iter()
        .find(|policy| policies.contains(&Some(*policy)))
}

fn conditional(condition: &str, value: Value) -> Value {
    json!({"Fn::If": [condition, value, reference("AWS::NoValue")]})
}

/// Returns a scalar as text: versions are numbers to YAML.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Says whether a version of OpenAPI is one of its third.
pub(super) fn is_version_3(version: &str) -> bool {
    let parts: Vec<&str> = version.split('.').collect();
    let digit = |part: &&str| part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_digit());
    parts[0] == "3" && (2..=3).contains(&parts.len()) && parts[1..].iter().all(digit)
}
