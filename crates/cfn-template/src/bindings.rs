//! A template together with the values of one deployment: parameters bound, conditions decided.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::intrinsics::single;
use crate::resolve::{Lookup, Unresolved};
use crate::template::{Output, Resource, Template};

/// The pseudo parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// `AWS::AccountId`.
    pub account_id: String,
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::StackName`.
    pub stack_name: String,
    /// `AWS::StackId`, an ARN.
    pub stack_id: String,
    /// `AWS::NotificationARNs`.
    pub notification_arns: Vec<String>,
}

impl Surroundings {
    fn get(&self, name: &str) -> Option<Value> {
        Some(match name {
            "AWS::AccountId" => Value::from(self.account_id.as_str()),
            "AWS::Region" => Value::from(self.region.as_str()),
            "AWS::StackName" => Value::from(self.stack_name.as_str()),
            "AWS::StackId" => Value::from(self.stack_id.as_str()),
            "AWS::Partition" => Value::from("aws"),
            "AWS::URLSuffix" => Value::from("amazonaws.com"),
            "AWS::NotificationARNs" => Value::from(self.notification_arns.as_slice()),
            _ => return None,
        })
    }
}

/// What the names of a template mean in one deployment, apart from its resources.
#[derive(Clone, Debug)]
pub struct Bindings {
    parameters: BTreeMap<String, Value>,
    surroundings: Surroundings,
    pub(crate) mappings: Map<String, Value>,
    conditions: BTreeMap<String, bool>,
}

impl Bindings {
    /// Binds the parameters of `template` to the texts `given` and decides its conditions.
    pub fn new(
        template: &Template,
        given: &BTreeMap<String, String>,
        surroundings: Surroundings,
    ) -> Result<Self, TemplateError> {
        Self::with_fetched(template, given, &BTreeMap::new(), surroundings)
    }

    /// Does the same where some parameters name one of the Parameter Store: `fetched` is what those hold.
    /// Then the template's rules are checked.
    pub fn with_fetched(
        template: &Template,
        given: &BTreeMap<String, String>,
        fetched: &BTreeMap<String, String>,
        surroundings: Surroundings,
    ) -> Result<Self, TemplateError> {
        let parameters = bind_parameters(template, given, fetched)?;
        let mut bindings = Self {
            parameters,
            surroundings,
            mappings: template.mappings.clone(),
            conditions: BTreeMap::new(),
        };
        crate::assertions::check(&template.rules, &bindings)?;
        bindings.conditions = decide_conditions(template, &bindings)?;
        Ok(bindings)
    }

    /// Returns what a parameter or pseudo parameter means.
    pub(crate) fn value_of(&self, name: &str) -> Option<Value> {
        self.parameters
            .get(name)
            .cloned()
            .or_else(|| self.surroundings.get(name))
    }

    pub(crate) fn region(&self) -> &str {
        &self.surroundings.region
    }

    /// Returns the values of the parameters, as `Ref` gives them.
    pub fn parameters(&self) -> &BTreeMap<String, Value> {
        &self.parameters
    }

    /// Says whether `name` is one that is known without any resource.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.parameters.contains_key(name) || name.starts_with("AWS::")
    }

    /// Returns what the condition `name` came to.
    pub(crate) fn condition(&self, name: &str) -> Result<bool, TemplateError> {
        self.conditions.get(name).copied().ok_or_else(|| {
            TemplateError::invalid(format!(
                "Unresolved condition dependency {name} in the template"
            ))
        })
    }

    /// Returns the resources whose conditions hold, with `Fn::If` decided and what is
    /// `AWS::NoValue` gone. From here on, every name in them is one that they depend on.
    pub fn resources(
        &self,
        template: &Template,
    ) -> Result<indexmap::IndexMap<String, Resource>, TemplateError> {
        let mut resources = indexmap::IndexMap::new();
        for (id, resource) in &template.resources {
            if !self.holds(resource.condition.as_deref())? {
                continue;
            }
            let mut resource = resource.clone();
            let properties = self.specialize(Value::Object(resource.properties))?;
            resource.properties = match properties {
                Some(Value::Object(properties)) => properties,
                None => Map::new(),
                Some(_) => {
                    return Err(TemplateError::invalid(format!(
                        "The Properties of {id} must be an object."
                    )));
                }
            };
            if let Some(policy) = resource.creation_policy.take() {
                resource.creation_policy = self.specialize(policy)?;
            }
            resources.insert(id.clone(), resource);
        }
        for resource in resources.clone().values() {
            // What a condition took away is no longer waited for.
            for name in &resource.depends_on {
                if template.resources.contains_key(name) && !resources.contains_key(name) {
                    let dependents = resources.values_mut();
                    dependents.for_each(|dependent| dependent.depends_on.retain(|on| on != name));
                }
            }
        }
        Ok(resources)
    }

    /// Returns the outputs whose conditions hold, like [`Bindings::resources`].
    pub fn outputs(
        &self,
        template: &Template,
    ) -> Result<indexmap::IndexMap<String, Output>, TemplateError> {
        let mut outputs = indexmap::IndexMap::new();
        for (id, output) in &template.outputs {
            if !self.holds(output.condition.as_deref())? {
                continue;
            }
            let export = output.export.clone().map(|name| self.specialize(name));
            if let Some(value) = self.specialize(output.value.clone())? {
                let output = Output {
                    value,
                    export: export.transpose()?.flatten(),
                    ..output.clone()
                };
                outputs.insert(id.clone(), output);
            }
        }
        Ok(outputs)
    }

    fn holds(&self, condition: Option<&str>) -> Result<bool, TemplateError> {
        condition.map_or(Ok(true), |name| self.condition(name))
    }

    /// Decides every `Fn::If` in `value`; `None` when it came to `AWS::NoValue`. The recursion is as
    /// deep as the text was nested, which has a limit.
    fn specialize(&self, value: Value) -> Result<Option<Value>, TemplateError> {
        match value {
            Value::Object(entries) => match single(&entries) {
                Some(("Ref", Value::String(name))) if name == "AWS::NoValue" => Ok(None),
                Some(("Fn::If", arguments)) => {
                    let branch = self.branch(arguments)?;
                    self.specialize(branch.clone())
                }
                _ => {
                    let mut kept = Map::new();
                    for (name, value) in entries {
                        if let Some(value) = self.specialize(value)? {
                            kept.insert(name, value);
                        }
                    }
                    Ok(Some(Value::Object(kept)))
                }
            },
            Value::Array(items) => {
                let mut kept = Vec::new();
                for item in items {
                    kept.extend(self.specialize(item)?);
                }
                Ok(Some(Value::Array(kept)))
            }
            scalar => Ok(Some(scalar)),
        }
    }

    /// Returns the branch that an `Fn::If` takes.
    fn branch<'a>(&self, arguments: &'a Value) -> Result<&'a Value, TemplateError> {
        match arguments.as_array().map(Vec::as_slice) {
            Some([Value::String(name), then, otherwise]) => Ok(if self.condition(name)? {
                then
            } else {
                otherwise
            }),
            _ => Err(TemplateError::Intrinsic(
                "Fn::If requires a list argument with the first element being a condition"
                    .to_owned(),
            )),
        }
    }
}

fn bind_parameters(
    template: &Template,
    given: &BTreeMap<String, String>,
    fetched: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Value>, TemplateError> {
    let unknown: Vec<&str> = given
        .keys()
        .map(String::as_str)
        .filter(|name| !template.parameters.contains_key(*name))
        .collect();
    if !unknown.is_empty() {
        let text = format!(
            "Parameters: [{}] do not exist in the template",
            unknown.join(", ")
        );
        return Err(TemplateError::Parameter(text));
    }
    let value = |name: &String| {
        given
            .get(name)
            .or(template.parameters[name].default.as_ref())
    };
    let missing: Vec<&str> = template
        .parameters
        .keys()
        .filter(|name| value(name).is_none())
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        return Err(TemplateError::Parameter(format!(
            "Parameters: [{}] must have values",
            missing.join(", ")
        )));
    }
    let mut bound = BTreeMap::new();
    for (name, parameter) in &template.parameters {
        if let Some(text) = value(name) {
            let accepted = parameter.accept(name, text, fetched.get(name))?;
            bound.insert(name.clone(), accepted);
        }
    }
    Ok(bound)
}

/// Decides every condition: one whose conditions are decided is next, until none is left.
fn decide_conditions(
    template: &Template,
    bindings: &Bindings,
) -> Result<BTreeMap<String, bool>, TemplateError> {
    let mut decided: BTreeMap<String, bool> = BTreeMap::new();
    let mut open: Vec<&String> = template.conditions.keys().collect();
    while !open.is_empty() {
        let before = open.len();
        let mut waiting = Vec::new();
        for name in open {
            match decide(&template.conditions[name], bindings, template, &decided)? {
                Some(verdict) => {
                    decided.insert(name.clone(), verdict);
                }
                None => waiting.push(name),
            }
        }
        if waiting.len() == before {
            let names: Vec<&str> = waiting.iter().map(|name| name.as_str()).collect();
            return Err(TemplateError::invalid(format!(
                "Circular dependency between conditions: [{}]",
                names.join(", ")
            )));
        }
        open = waiting;
    }
    Ok(decided)
}

/// Returns what a condition comes to, or `None` while one that it names is not decided.
fn decide(
    condition: &Value,
    bindings: &Bindings,
    template: &Template,
    decided: &BTreeMap<String, bool>,
) -> Result<Option<bool>, TemplateError> {
    let form = condition.as_object().and_then(single);
    let all =
        |operands: &Value, least: usize, most: usize| -> Result<Option<Vec<bool>>, TemplateError> {
            let operands = operands
                .as_array()
                .filter(|list| (least..=most).contains(&list.len()))
                .ok_or_else(|| {
                    TemplateError::invalid(format!(
                        "Every condition function takes a list of {least} to {most} conditions"
                    ))
                })?;
            operands
                .iter()
                .map(|operand| decide(operand, bindings, template, decided))
                .collect()
        };
    match form {
        Some(("Condition", Value::String(name))) => {
            if !template.conditions.contains_key(name) {
                let text = format!(
                    "Unresolved condition dependency {name} in the Conditions block of the template"
                );
                return Err(TemplateError::invalid(text));
            }
            Ok(decided.get(name).copied())
        }
        Some(("Fn::Equals", operands)) => match operands.as_array().map(Vec::as_slice) {
            Some([left, right]) => {
                let value = |operand| {
                    bindings
                        .resolve(operand, &NoResources)
                        .map_err(Unresolved::into_error)
                };
                let (left, right) = (value(left)?, value(right)?);
                Ok(Some(equal(&left, &right)))
            }
            _ => Err(TemplateError::Intrinsic(
                "Fn::Equals takes a list of two values".to_owned(),
            )),
        },
        Some(("Fn::And", operands)) => {
            Ok(all(operands, 2, 10)?.map(|verdicts| verdicts.into_iter().all(|it| it)))
        }
        Some(("Fn::Or", operands)) => {
            Ok(all(operands, 2, 10)?.map(|verdicts| verdicts.into_iter().any(|it| it)))
        }
        Some(("Fn::Not", operands)) => Ok(all(operands, 1, 1)?.map(|verdicts| !verdicts[0])),
        _ => Err(TemplateError::invalid(
            "Every Conditions member must be one of Fn::And, Fn::Equals, Fn::Not, Fn::Or, Condition",
        )),
    }
}

/// Compares as CloudFormation does: scalars by their text.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    let scalar = |value: &Value| !value.is_array() && !value.is_object();
    match (scalar(left), scalar(right)) {
        (true, true) => {
            crate::parameters::scalar_text(left) == crate::parameters::scalar_text(right)
        }
        (true, false) | (false, true) | (false, false) => left == right,
    }
}

/// Conditions are decided before any resource is there.
pub(crate) struct NoResources;

impl Lookup for NoResources {
    fn reference(&self, _: &str) -> crate::resolve::Found {
        crate::resolve::Found::Absent
    }

    fn attribute(&self, _: &str, _: &str) -> crate::resolve::Found {
        crate::resolve::Found::Absent
    }
}
