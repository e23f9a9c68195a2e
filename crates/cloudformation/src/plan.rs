//! What a template asks for, checked as far as it can be before anything is changed.

use std::collections::{BTreeMap, BTreeSet};

use cfn_template::{
    Bindings, Found, Graph, Lookup, Resource, Surroundings, Template, TemplateError, Unresolved,
    artifacts, sam,
};
use indexmap::IndexMap;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::assets::ASSET_BUCKET;
use crate::deployer::Deployment;
use crate::error::DeployError;
use crate::resource::{ResourceHandler, handler, handler_or_ignored};
use crate::stack::{Contents, Output, ResourceRow};

/// A template with the values of one deployment: its resources in order, ready to be resolved.
pub(crate) struct Plan {
    exports: BTreeMap<String, String>,
    bindings: Bindings,
    resources: IndexMap<String, Resource>,
    outputs: IndexMap<String, cfn_template::Output>,
    pub(crate) order: Vec<String>,
    /// What the stack's row says of this deployment; the outputs come last.
    pub(crate) contents: Contents,
}

/// What is known beside a deployment.
pub(crate) struct Known {
    pub(crate) surroundings: Surroundings,
    /// The values that other stacks export.
    pub(crate) exports: BTreeMap<String, String>,
    /// What parameters hold that stand for some of the Parameter Store.
    pub(crate) fetched: BTreeMap<String, String>,
}

/// What a deployment does with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Create,
    Keep,
    Update,
    Replace,
}

/// Most resources of a template (CloudFormation quotas, "Resources").
const RESOURCES_MAX: usize = 500;

impl Plan {
    /// Reads the template and checks all that can be known without asking a service: its shape, its
    /// parameters, its types and their properties, its references.
    ///
    /// With `ignore_unknown`, resources of types that nobody handles are nothing but their names.
    pub(crate) fn new(
        deployment: &Deployment,
        known: Known,
        ignore_unknown: bool,
    ) -> Result<Self, DeployError> {
        let mut template = Template::parse_with(&deployment.template, &deployment.parameters)?;
        let missing = artifacts::replace(&mut template, ASSET_BUCKET, &deployment.assets);
        if !missing.is_empty() {
            return Err(DeployError::MissingAssets(missing));
        }
        sam::transform(&mut template, &deployment.parameters)?;
        check_types(&template, ignore_unknown)?;
        let Known {
            surroundings,
            exports,
            fetched,
        } = known;
        let given = &deployment.parameters;
        let bindings = Bindings::with_fetched(&template, given, &fetched, surroundings)?;
        let (resources, outputs) = (bindings.resources(&template)?, bindings.outputs(&template)?);
        let graph = Graph::new(&resources, &outputs, &bindings)?;
        let no_echo = template
            .parameters
            .iter()
            .filter(|(_, parameter)| parameter.no_echo);
        let key = |name: &String| {
            let default = template.parameters.get(name)?.default.clone();
            let key = given.get(name).cloned().or(default)?;
            Some((name.clone(), key))
        };
        let keys: Vec<(String, String)> = fetched.keys().filter_map(key).collect();
        let contents = Contents {
            description: template.description.clone(),
            parameters: deployment.parameters.clone(),
            no_echo: no_echo.map(|(name, _)| name.clone()).collect(),
            outputs: Vec::new(),
            template: hex::encode(Sha256::digest(deployment.template.as_bytes())),
            resolved: bindings
                .parameters()
                .iter()
                // Of one that stands for another it is the other's name.
                .filter(|(name, _)| !fetched.contains_key(*name))
                .map(|(name, value)| (name.clone(), parameter_text(value)))
                .chain(keys)
                .collect(),
            fetched: fetched.clone(),
            settings: deployment.settings.clone(),
            imports: imports(&resources, &outputs, &bindings)?,
        };
        if let Some(name) = contents
            .imports
            .iter()
            .find(|name| !exports.contains_key(*name))
        {
            return Err(TemplateError::NoExport(name.clone()).into());
        }
        Ok(Self {
            exports,
            bindings,
            resources,
            outputs,
            order: graph.order,
            contents,
        })
    }

    /// Returns the resource `id`, which came from [`Plan::order`].
    pub(crate) fn resource(&self, id: &str) -> &Resource {
        &self.resources[id]
    }

    /// Returns the handler of the resource `id`, which came from [`Plan::order`].
    pub(crate) fn handler(&self, id: &str) -> &'static dyn ResourceHandler {
        handler_or_ignored(&self.resources[id].kind)
    }

    /// Returns the resources of `rows` that this template leaves out, in the order of their creation.
    pub(crate) fn left_out(&self, rows: &IndexMap<String, ResourceRow>) -> Vec<String> {
        rows.keys()
            .filter(|id| !self.resources.contains_key(*id))
            .cloned()
            .collect()
    }

    /// Returns the properties of `id` with everything resolved.
    pub(crate) fn properties(
        &self,
        id: &str,
        there: &There<'_>,
    ) -> Result<Map<String, Value>, Unresolved> {
        let resource = &self.resources[id];
        match self
            .bindings
            .resolve(&Value::Object(resource.properties.clone()), there)?
        {
            Value::Object(properties) => Ok(properties),
            _ => Err(Unresolved::Wrong(TemplateError::Intrinsic(format!(
                "the properties of {id} are no object"
            )))),
        }
    }

    /// Returns the creation policy of `id` with everything resolved.
    pub(crate) fn creation_policy(
        &self,
        id: &str,
        there: &There<'_>,
    ) -> Result<Option<Value>, Unresolved> {
        let policy = self.resources[id].creation_policy.as_ref();
        let resolved = policy.map(|policy| self.bindings.resolve(policy, there));
        resolved.transpose()
    }

    /// Returns the outputs with everything resolved.
    pub(crate) fn outputs(&self, there: &There<'_>) -> Result<Vec<Output>, Unresolved> {
        let outputs = self.outputs.iter().map(|(id, output)| {
            let value = match self.bindings.resolve(&output.value, there)? {
                Value::String(text) => text,
                Value::Object(_) | Value::Array(_) => {
                    let text = format!("the Value of output {id} must be a string");
                    return Err(Unresolved::Wrong(TemplateError::Intrinsic(text)));
                }
                scalar => scalar.to_string(),
            };
            Ok(Output {
                output_key: id.clone(),
                output_value: value,
                description: output.description.clone(),
                export_name: match &output.export {
                    Some(name) => Some(parameter_text(&self.bindings.resolve(name, there)?)),
                    None => None,
                },
            })
        });
        outputs.collect()
    }

    /// Works out what the deployment does with every resource, as far as that is known: a property
    /// that comes from a resource that is still to be made counts as changed. Returns `None` when
    /// the stack is what the template asks for already.
    pub(crate) fn steps(
        &self,
        rows: &IndexMap<String, ResourceRow>,
        contents: &Contents,
    ) -> Result<Option<Vec<Step>>, DeployError> {
        let mut there = There::now(self, rows);
        let mut steps = Vec::with_capacity(self.order.len());
        for id in &self.order {
            let step = match self.properties(id, &there) {
                Ok(properties) => self.step(id, rows.get(id), &properties)?,
                Err(Unresolved::NotYet(_)) if rows.contains_key(id) => Step::Update,
                Err(Unresolved::NotYet(_)) => Step::Create,
                Err(Unresolved::Wrong(error)) => return Err(error.into()),
            };
            if matches!(step, Step::Create | Step::Replace) {
                there.later.insert(id.clone());
            }
            steps.push(step);
        }
        let outputs = match self.outputs(&there) {
            Ok(outputs) => Some(outputs),
            Err(Unresolved::NotYet(_)) => None,
            Err(Unresolved::Wrong(error)) => return Err(error.into()),
        };
        let same = steps.iter().all(|step| *step == Step::Keep)
            && self.left_out(rows).is_empty()
            && self.same_policies(rows)
            && outputs.as_ref() == Some(&contents.outputs)
            && self.contents.description == contents.description
            && self.contents.settings.tags == contents.settings.tags;
        Ok((!same).then_some(steps))
    }

    /// Returns the properties of the resource `id` that change, as far as they are known, and for each
    /// whether its change makes another resource.
    pub(crate) fn changed_properties(
        &self,
        id: &str,
        row: &ResourceRow,
        rows: &IndexMap<String, ResourceRow>,
    ) -> Vec<(String, bool)> {
        let none = Map::new();
        let before = row.state.properties.as_object().unwrap_or(&none);
        let there = There::now(self, rows);
        let written = &self.resources[id].properties;
        let mut changed: Vec<(String, bool)> = Vec::new();
        let immutable = self.handler(id).immutable();
        for name in before
            .keys()
            .filter(|name| !written.contains_key(*name))
            .chain(written.keys())
        {
            let after = written
                .get(name)
                .map(|value| self.bindings.resolve(value, &there));
            let same = match (&after, before.get(name)) {
                (Some(Ok(after)), Some(before)) => after == before,
                _ => false,
            };
            if !same {
                changed.push((name.clone(), immutable.contains(&name.as_str())));
            }
        }
        changed
    }

    /// Says what is to be done about the resource `id`, whose properties are resolved.
    pub(crate) fn step(
        &self,
        id: &str,
        row: Option<&ResourceRow>,
        properties: &Map<String, Value>,
    ) -> Result<Step, DeployError> {
        let (resource, handler) = (&self.resources[id], self.handler(id));
        let Some(row) = row else {
            return Ok(Step::Create);
        };
        if row.kind != resource.kind {
            let text = format!(
                "Update of resource type is not permitted. The new template modifies resource type of the following resources: [{id}]"
            );
            return Err(DeployError::Invalid(text));
        }
        let none = Map::new();
        let before = row.state.properties.as_object().unwrap_or(&none);
        if before == properties {
            return Ok(Step::Keep);
        }
        if handler
            .immutable()
            .iter()
            .all(|name| before.get(*name) == properties.get(*name))
        {
            return Ok(Step::Update);
        }
        let name = properties.get(handler.name_property());
        if name.is_some() && name == before.get(handler.name_property()) {
            let text = format!(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {} and update the stack again.",
                row.state.physical_id
            );
            return Err(DeployError::Invalid(text));
        }
        Ok(Step::Replace)
    }

    fn same_policies(&self, rows: &IndexMap<String, ResourceRow>) -> bool {
        rows.iter().all(|(id, row)| {
            self.resources.get(id).is_none_or(|resource| {
                let kept = &row.state;
                (kept.retain, kept.retain_replaced, kept.except_on_create)
                    == (
                        resource.is_retained(),
                        resource.is_retained_when_replaced(),
                        resource.is_undone(),
                    )
            })
        })
    }
}

/// Refuses types that nobody handles and properties that no handler understands.
fn check_types(template: &Template, ignore_unknown: bool) -> Result<(), DeployError> {
    if template.resources.len() > RESOURCES_MAX {
        let text = format!(
            "Template format error: Number of resources, {}, is greater than maximum allowed, {RESOURCES_MAX}",
            template.resources.len()
        );
        return Err(DeployError::Invalid(text));
    }
    for (id, resource) in &template.resources {
        let Some(handler) = handler(&resource.kind) else {
            if ignore_unknown {
                tracing::warn!(id, kind = resource.kind, "a resource is only a name here");
                continue;
            }
            let what = format!("The resource type {} (of resource {id})", resource.kind);
            return Err(unsupported(template, "Resources", id, what));
        };
        for property in resource.properties.keys() {
            if !handler.accepts(property) {
                let what = format!("The property {property} (of {} {id})", resource.kind);
                return Err(unsupported(template, "Resources", id, what));
            }
        }
    }
    Ok(())
}

fn unsupported(template: &Template, section: &str, id: &str, what: String) -> DeployError {
    TemplateError::Unsupported {
        what,
        at: template.place(&format!("/{section}/{id}")),
    }
    .into()
}

/// The resources that there are.
pub(crate) struct There<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) rows: &'a IndexMap<String, ResourceRow>,
    /// Those that the plan makes or replaces and that are therefore not there yet.
    pub(crate) later: BTreeSet<String>,
}

impl<'a> There<'a> {
    /// Returns what there is when nothing of the plan is still to come.
    pub(crate) fn now(plan: &'a Plan, rows: &'a IndexMap<String, ResourceRow>) -> Self {
        Self {
            plan,
            rows,
            later: BTreeSet::new(),
        }
    }
}

impl There<'_> {
    fn row(&self, id: &str) -> Option<&ResourceRow> {
        self.rows.get(id).filter(|_| !self.later.contains(id))
    }
}

impl Lookup for There<'_> {
    fn reference(&self, id: &str) -> Found {
        match self.row(id) {
            Some(row) => Found::Value(Value::from(row.state.physical_id.as_str())),
            None if self.plan.resources.contains_key(id) => Found::NotYet,
            None => Found::Absent,
        }
    }

    fn attribute(&self, id: &str, attribute: &str) -> Found {
        let Some(resource) = self.plan.resources.get(id) else {
            return Found::Absent;
        };
        let handler = handler_or_ignored(&resource.kind);
        let known = handler.has_attribute(attribute);
        match self.row(id) {
            Some(row) => {
                let said = row.state.attributes.get(attribute).cloned();
                let value =
                    said.or_else(|| handler.default_attribute(&row.state.physical_id, attribute));
                value.map_or(Found::Absent, Found::Value)
            }
            None if known => Found::NotYet,
            None => Found::Absent,
        }
    }

    fn import(&self, name: &str) -> Found {
        let value = self.plan.exports.get(name);
        value.map_or(Found::Absent, |value| {
            Found::Value(Value::from(value.as_str()))
        })
    }
}

/// Returns a parameter's value as text: lists are separated by commas.
fn parameter_text(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().map(parameter_text).collect();
            texts.join(",")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns the names that `Fn::ImportValue` has in a template. They depend on no resource.
fn imports(
    resources: &IndexMap<String, Resource>,
    outputs: &IndexMap<String, cfn_template::Output>,
    bindings: &Bindings,
) -> Result<Vec<String>, DeployError> {
    let mut open: Vec<&Value> = outputs.values().map(|output| &output.value).collect();
    open.extend(
        resources
            .values()
            .flat_map(|resource| resource.properties.values()),
    );
    let mut names = BTreeSet::new();
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                if let Some(name) = members.get("Fn::ImportValue") {
                    let name = bindings.resolve(name, &Nothing);
                    names.insert(parameter_text(&name.map_err(Unresolved::into_error)?));
                } else {
                    open.extend(members.values());
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(names.into_iter().collect())
}

struct Nothing;

impl Lookup for Nothing {
    fn reference(&self, _: &str) -> Found {
        Found::Absent
    }

    fn attribute(&self, _: &str, _: &str) -> Found {
        Found::Absent
    }
}

/// Returns what parameters a deployment has: those given, and for the others their former values.
pub(crate) fn with_former(
    mut given: BTreeMap<String, String>,
    former: &BTreeMap<String, String>,
    template: &Template,
) -> BTreeMap<String, String> {
    for (name, value) in former {
        if template.parameters.contains_key(name) && !given.contains_key(name) {
            given.insert(name.clone(), value.clone());
        }
    }
    given
}
