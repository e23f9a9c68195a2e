//! Inputs: texts of a form, taken out one by one; what is left over nobody understood.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::DeployError;
use crate::stack::{OnFailure, Settings};

use super::not_served;

/// Most entries of a page.
const PAGE: usize = 100;

pub(super) struct Input {
    members: Map<String, Value>,
}

pub(super) fn invalid(text: impl Into<String>) -> DeployError {
    DeployError::Invalid(text.into())
}

impl Input {
    pub(super) fn read(input: &[u8]) -> Result<Self, DeployError> {
        let members = serde_json::from_slice(input)
            .map_err(|error| invalid(format!("The request is not understood: {error}")))?;
        Ok(Self { members })
    }

    /// Takes a text; an empty one is none.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.members.shift_remove(name)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    pub(super) fn need(&mut self, name: &str) -> Result<String, DeployError> {
        self.text(name).ok_or_else(|| {
            let member = format!("{}{}", name[..1].to_ascii_lowercase(), &name[1..]);
            invalid(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        self.text(name).map(|text| text == "true")
    }

    pub(super) fn list(&mut self, name: &str) -> Option<Vec<Value>> {
        match self.members.shift_remove(name)? {
            Value::Array(items) => Some(items),
            // A list without entries is an empty text in a form.
            _ => Some(Vec::new()),
        }
    }

    pub(super) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let items = self.list(name)?;
        Some(
            items
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect(),
        )
    }

    /// Takes members that change nothing here.
    pub(super) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.members.shift_remove(*name);
        }
    }

    /// Refuses what nobody has taken.
    pub(super) fn finish(&self, operation: &str) -> Result<(), DeployError> {
        let empty = |value: &Value| match value {
            Value::String(text) => text.is_empty(),
            Value::Object(members) => members.is_empty(),
            Value::Null => true,
            Value::Array(_) | Value::Bool(_) | Value::Number(_) => false,
        };
        match self.members.iter().find(|(_, value)| !empty(value)) {
            None => Ok(()),
            Some((name, _)) => Err(not_served(format!("{name} of {operation}"))),
        }
    }

    /// Takes `Parameters`; `former` are the values that `UsePreviousValue` means.
    pub(super) fn parameters(
        &mut self,
        former: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, DeployError> {
        let mut parameters = BTreeMap::new();
        for entry in self.list("Parameters").unwrap_or_default() {
            let text = |name: &str| {
                entry.get(name).map(|value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
            };
            let key = text("ParameterKey").unwrap_or_default();
            let previous = text("UsePreviousValue").is_some_and(|flag| flag == "true");
            let value = match (text("ParameterValue"), previous) {
                (Some(_), true) => {
                    return Err(invalid(format!(
                        "Invalid input for parameter key {key}. Cannot specify usePreviousValue as true and non empty value for a parameter"
                    )));
                }
                (Some(value), false) => value,
                (None, true) => former.get(&key).cloned().ok_or_else(|| {
                    invalid(format!(
                        "Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a parameter key not in the previous template"
                    ))
                })?,
                (None, false) => {
                    return Err(invalid(format!(
                        "Invalid input for parameter key {key}. Either specify usePreviousValue as true or a value for the parameter"
                    )));
                }
            };
            parameters.insert(key, value);
        }
        Ok(parameters)
    }

    /// Takes `Tags`, `Capabilities`, `RoleARN` and `NotificationARNs`; what is not said stays.
    pub(super) fn settings(&mut self, former: &Settings) -> Settings {
        let tags = self.list("Tags").map(|list| {
            let text = |tag: &Value, name: &str| {
                tag.get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            list.iter()
                .map(|tag| (text(tag, "Key"), text(tag, "Value")))
                .collect()
        });
        Settings {
            tags: tags.unwrap_or_else(|| former.tags.clone()),
            capabilities: self.texts("Capabilities").unwrap_or_default(),
            role_arn: self.text("RoleARN").or_else(|| former.role_arn.clone()),
            notification_arns: self
                .texts("NotificationARNs")
                .unwrap_or_else(|| former.notification_arns.clone()),
            retain_except_on_create: self.flag("RetainExceptOnCreate").unwrap_or(false),
        }
    }

    /// Takes `DeploymentConfig` and returns whether it disables rollbacks. What is made here is ready when it
    /// is made, so both of its modes are the same.
    pub(super) fn deployment_config(&mut self) -> Result<Option<bool>, DeployError> {
        let Some(Value::Object(members)) = self.members.shift_remove("DeploymentConfig") else {
            return Ok(None);
        };
        let mut config = Self { members };
        if let Some(mode) = config.text("Mode")
            && mode != "STANDARD"
            && mode != "EXPRESS"
        {
            return Err(invalid(format!(
                "1 validation error detected: Value '{mode}' at 'deploymentConfig.mode' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]"
            )));
        }
        let disabled = config.flag("DisableRollback");
        config.finish("DeploymentConfig")?;
        Ok(disabled)
    }

    /// Takes `OnFailure` (or how the operation calls it) and `DisableRollback`.
    pub(super) fn on_failure(&mut self, name: &str) -> Result<Option<OnFailure>, DeployError> {
        let said = self.deployment_config()?;
        let disabled = self.flag("DisableRollback").or(said);
        match (self.text(name).as_deref(), disabled) {
            (Some(_), Some(true)) => Err(invalid(
                "You can specify either DisableRollback or OnFailure, but not both",
            )),
            (None, Some(true)) => Ok(Some(OnFailure::DoNothing)),
            (None, Some(false)) => Ok(Some(OnFailure::Rollback)),
            (None, None) => Ok(None),
            (Some("ROLLBACK"), _) => Ok(Some(OnFailure::Rollback)),
            (Some("DO_NOTHING"), _) => Ok(Some(OnFailure::DoNothing)),
            (Some("DELETE"), _) => Ok(Some(OnFailure::Delete)),
            (Some(other), _) => Err(invalid(format!(
                "1 validation error detected: Value '{other}' at 'onFailure' failed to satisfy constraint: Member must satisfy enum value set: [ROLLBACK, DO_NOTHING, DELETE]"
            ))),
        }
    }

    /// Takes `NextToken` and returns that page of `all`, with the next token.
    pub(super) fn page<T>(&mut self, all: Vec<T>) -> Result<(Vec<T>, Option<Value>), DeployError> {
        let start: usize = match self.text("NextToken") {
            None => 0,
            Some(token) => token
                .parse()
                .map_err(|_| invalid("The specified token is invalid"))?,
        };
        let more = all.len() > start.saturating_add(PAGE);
        let page = all.into_iter().skip(start).take(PAGE).collect();
        Ok((page, more.then(|| Value::from((start + PAGE).to_string()))))
    }
}
