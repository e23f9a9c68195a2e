//! Parameters: what a template declares, and the values that a deployment gives.

use serde_json::{Map, Value};

use crate::error::TemplateError;

/// The kinds of values that differ in how they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterType {
    /// `String`, and the identifiers of resources that AWS only checks for existence.
    Text,
    /// `Number`: text that is a number.
    Number,
    /// `CommaDelimitedList`, `List<Number>`, lists of identifiers.
    List,
}

/// What a parameter has to do with the Parameter Store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreUse {
    /// It is the name of one there.
    Name,
    /// It stands for what the one of this name holds.
    Value,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// `Type`.
    pub kind: ParameterType,
    /// `Type`, as written.
    pub declared: String,
    /// What it has to do with the Parameter Store, by its type.
    pub store: Option<StoreUse>,
    /// `Default`, as text.
    pub default: Option<String>,
    /// `NoEcho`: the value is shown to nobody.
    pub no_echo: bool,
    /// `Description`.
    pub description: Option<String>,
    numbers_only: bool,
    /// `AllowedValues`, as texts.
    pub allowed_values: Option<Vec<String>>,
    allowed_pattern: Option<String>,
    constraint_description: Option<String>,
    min_length: Option<f64>,
    max_length: Option<f64>,
    min_value: Option<f64>,
    max_value: Option<f64>,
}

impl Parameter {
    pub(crate) fn read(value: Value) -> Result<Self, TemplateError> {
        let Value::Object(entries) = value else {
            return Err(TemplateError::invalid(
                "Any Parameters member must be an object.",
            ));
        };
        let Some(declared) = entries.get("Type").and_then(Value::as_str) else {
            return Err(TemplateError::invalid(
                "Every Parameters object must contain a Type member.",
            ));
        };
        let (kind, numbers_only, store) = type_of(declared).ok_or_else(|| {
            TemplateError::invalid(format!("Unrecognized parameter type: {declared}"))
        })?;
        Ok(Self {
            kind,
            declared: declared.to_owned(),
            numbers_only,
            store,
            default: entries.get("Default").map(scalar_text),
            no_echo: entries
                .get("NoEcho")
                .is_some_and(|flag| scalar_text(flag) == "true"),
            description: entries
                .get("Description")
                .and_then(Value::as_str)
                .map(str::to_owned),
            allowed_values: entries
                .get("AllowedValues")
                .and_then(Value::as_array)
                .map(|values| values.iter().map(scalar_text).collect()),
            allowed_pattern: entries
                .get("AllowedPattern")
                .and_then(Value::as_str)
                .map(str::to_owned),
            constraint_description: entries
                .get("ConstraintDescription")
                .and_then(Value::as_str)
                .map(str::to_owned),
            min_length: bound(&entries, "MinLength"),
            max_length: bound(&entries, "MaxLength"),
            min_value: bound(&entries, "MinValue"),
            max_value: bound(&entries, "MaxValue"),
        })
    }

    /// Returns what `Ref` gives for the value `text`, or what is wrong with it. Of one that names another
    /// in the Parameter Store, only the name is checked; `fetched` is what that one holds.
    pub(crate) fn accept(
        &self,
        name: &str,
        text: &str,
        fetched: Option<&String>,
    ) -> Result<Value, TemplateError> {
        let parts = match self.store {
            Some(StoreUse::Name | StoreUse::Value) => vec![text],
            None => self.parts(text),
        };
        for part in &parts {
            if let Some(complaint) = self.complaint(name, part)? {
                let text = match &self.constraint_description {
                    Some(description) => {
                        format!("Parameter {name} failed to satisfy constraint: {description}")
                    }
                    None => complaint,
                };
                return Err(TemplateError::Parameter(text));
            }
        }
        let text = fetched.map_or(text, String::as_str);
        Ok(match self.kind {
            ParameterType::List => Value::from(self.parts(text)),
            ParameterType::Text | ParameterType::Number => Value::from(text),
        })
    }

    fn parts<'a>(&self, text: &'a str) -> Vec<&'a str> {
        match self.kind {
            ParameterType::List if text.is_empty() => Vec::new(),
            ParameterType::List => text.split(',').map(str::trim).collect(),
            ParameterType::Text | ParameterType::Number => vec![text],
        }
    }

    fn complaint(&self, name: &str, text: &str) -> Result<Option<String>, TemplateError> {
        let number = text.trim().parse::<f64>().ok();
        if self.numbers_only && number.is_none() {
            return Ok(Some(format!("Parameter '{name}' must be a number.")));
        }
        if let Some(allowed) = &self.allowed_values
            && !allowed.iter().any(|value| value == text)
        {
            return Ok(Some(format!(
                "Parameter '{name}' must be one of AllowedValues"
            )));
        }
        if let Some(pattern) = &self.allowed_pattern {
            let whole = regex_lite::Regex::new(&format!("^(?:{pattern})$")).map_err(|error| {
                TemplateError::Parameter(format!(
                    "AllowedPattern of parameter {name} is not understood: {error}"
                ))
            })?;
            if !whole.is_match(text) {
                return Ok(Some(format!(
                    "Parameter '{name}' must match pattern {pattern}"
                )));
            }
        }
        let length = text.chars().count() as f64;
        let number = number.unwrap_or_default();
        let checks = [
            (
                self.min_length.filter(|least| length < *least),
                "must contain at least",
                " characters",
            ),
            (
                self.max_length.filter(|most| length > *most),
                "must contain at most",
                " characters",
            ),
            (
                self.min_value.filter(|least| number < *least),
                "must be a number not less than",
                "",
            ),
            (
                self.max_value.filter(|most| number > *most),
                "must be a number not greater than",
                "",
            ),
        ];
        let broken = checks
            .into_iter()
            .find_map(|(bound, what, unit)| bound.map(|bound| (bound, what, unit)));
        Ok(broken.map(|(bound, what, unit)| format!("Parameter '{name}' {what} {bound}{unit}")))
    }
}

/// Returns what a type means: how values are read, whether they are numbers, and what they have to do with
/// the Parameter Store. Identifiers that AWS checks for existence are plain texts.
fn type_of(declared: &str) -> Option<(ParameterType, bool, Option<StoreUse>)> {
    const STORED: &str = "AWS::SSM::Parameter::Value<";
    Some(match declared {
        "String" => (ParameterType::Text, false, None),
        "Number" => (ParameterType::Number, true, None),
        "CommaDelimitedList" => (ParameterType::List, false, None),
        "List<Number>" => (ParameterType::List, true, None),
        "List<String>" => (ParameterType::List, false, None),
        "AWS::SSM::Parameter::Name" => (ParameterType::Text, false, Some(StoreUse::Name)),
        _ if declared.starts_with("AWS::SSM::") => {
            let inner = declared.strip_prefix(STORED)?;
            let kind = match inner.strip_suffix('>')? {
                "String" => ParameterType::Text,
                "CommaDelimitedList" | "List<String>" => ParameterType::List,
                inner if inner.starts_with("List<AWS::") => ParameterType::List,
                inner if inner.starts_with("AWS::") => ParameterType::Text,
                _ => return None,
            };
            (kind, false, Some(StoreUse::Value))
        }
        _ if declared.starts_with("List<AWS::") => (ParameterType::List, false, None),
        _ if declared.starts_with("AWS::") => (ParameterType::Text, false, None),
        _ => return None,
    })
}

fn bound(entries: &Map<String, Value>, name: &str) -> Option<f64> {
    entries
        .get(name)
        .and_then(|value| scalar_text(value).parse().ok())
}

/// Returns a scalar as CloudFormation passes it on: text.
pub(crate) fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
