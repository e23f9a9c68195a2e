//! Turns properties as written into properties as sent: every intrinsic function carried out.

use serde_json::{Map, Value};

use crate::bindings::Bindings;
use crate::error::TemplateError;
use crate::intrinsics::{self, single};
use crate::parameters::scalar_text;

/// What there is under a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// This.
    Value(Value),
    /// The resource is known and will be there later.
    NotYet,
    /// Nothing: there is no such resource, or it has no such attribute.
    Absent,
}

/// The resources as far as they exist.
pub trait Lookup {
    /// Returns what `Ref` gives for the resource.
    fn reference(&self, logical_id: &str) -> Found;

    /// Returns what `Fn::GetAtt` gives for the resource.
    fn attribute(&self, logical_id: &str, attribute: &str) -> Found;

    /// Returns what another stack exports under `name`.
    fn import(&self, _name: &str) -> Found {
        Found::Absent
    }
}

/// Why a value could not be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// It names a resource that is not there yet.
    NotYet(String),
    /// The template is wrong.
    Wrong(TemplateError),
}

impl Unresolved {
    /// Returns the error that it is when nothing more will come.
    pub fn into_error(self) -> TemplateError {
        match self {
            Self::NotYet(name) => {
                TemplateError::Intrinsic(format!("the resource {name} is not there yet"))
            }
            Self::Wrong(error) => error,
        }
    }
}

impl From<TemplateError> for Unresolved {
    fn from(error: TemplateError) -> Self {
        Self::Wrong(error)
    }
}

fn wrong(text: impl Into<String>) -> Unresolved {
    Unresolved::Wrong(TemplateError::Intrinsic(text.into()))
}

impl Bindings {
    /// Carries out every intrinsic function in `value`. The recursion is as deep as the text was
    /// nested, which has a limit.
    pub fn resolve(&self, value: &Value, resources: &dyn Lookup) -> Result<Value, Unresolved> {
        match value {
            Value::Object(entries) => match single(entries) {
                Some(("Ref", name)) => self.reference(name, resources),
                Some(("Fn::GetAtt", arguments)) => self.attribute(arguments, resources),
                Some(("Fn::Sub", arguments)) => self.substitute(arguments, resources),
                Some(("Fn::ImportValue", name)) => {
                    let name = scalar_text(&self.resolve(name, resources)?);
                    match resources.import(&name) {
                        Found::Value(value) => Ok(value),
                        Found::NotYet => Err(Unresolved::NotYet(name)),
                        Found::Absent => Err(TemplateError::NoExport(name).into()),
                    }
                }
                Some((name, arguments)) if name.starts_with("Fn::") => {
                    if !intrinsics::NAMES.contains(&name) {
                        return Err(TemplateError::unsupported(format!(
                            "The intrinsic function {name}"
                        ))
                        .into());
                    }
                    let arguments = self.resolve(arguments, resources)?;
                    Ok(intrinsics::call(name, &arguments, self)?)
                }
                _ => {
                    let mut resolved = Map::with_capacity(entries.len());
                    for (name, value) in entries {
                        resolved.insert(name.clone(), self.resolve(value, resources)?);
                    }
                    Ok(Value::Object(resolved))
                }
            },
            Value::Array(items) => items
                .iter()
                .map(|item| self.resolve(item, resources))
                .collect(),
            scalar => Ok(scalar.clone()),
        }
    }

    fn reference(&self, name: &Value, resources: &dyn Lookup) -> Result<Value, Unresolved> {
        let Some(name) = name.as_str() else {
            return Err(wrong("Ref takes the name of a parameter or a resource"));
        };
        match self.value_of(name) {
            Some(value) => Ok(value),
            None => found(resources.reference(name), name, || {
                format!("Unresolved resource dependencies [{name}]")
            }),
        }
    }

    fn attribute(&self, arguments: &Value, resources: &dyn Lookup) -> Result<Value, Unresolved> {
        let (logical_id, attribute) = attribute_of(arguments).map_err(Unresolved::Wrong)?;
        let attribute = match attribute {
            Value::String(name) => name,
            // `Fn::GetAtt: [Table, !Ref AttributeName]`
            other => scalar_text(&self.resolve(&other, resources)?),
        };
        found(
            resources.attribute(&logical_id, &attribute),
            &logical_id,
            || {
                format!(
                    "resource {logical_id} does not support attribute type {attribute} in Fn::GetAtt"
                )
            },
        )
    }

    fn substitute(&self, arguments: &Value, resources: &dyn Lookup) -> Result<Value, Unresolved> {
        let (text, own) = sub_arguments(arguments).map_err(Unresolved::Wrong)?;
        let mut resolved = String::with_capacity(text.len());
        for piece in intrinsics::pieces(text) {
            match piece {
                intrinsics::Piece::Text(text) => resolved.push_str(text),
                intrinsics::Piece::Name(name) => {
                    let value = match own.and_then(|own| own.get(name)) {
                        Some(value) => self.resolve(value, resources)?,
                        None => match name.split_once('.') {
                            Some((id, attribute)) => {
                                let path = Value::from(vec![id, attribute]);
                                self.attribute(&path, resources)?
                            }
                            None => self.reference(&Value::from(name), resources)?,
                        },
                    };
                    match value {
                        Value::Object(_) | Value::Array(_) => {
                            return Err(wrong(format!(
                                "variable {name} in Fn::Sub expression does not resolve to a string"
                            )));
                        }
                        scalar => resolved.push_str(&scalar_text(&scalar)),
                    }
                }
            }
        }
        Ok(Value::String(resolved))
    }
}

fn found(
    found: Found,
    logical_id: &str,
    complaint: impl FnOnce() -> String,
) -> Result<Value, Unresolved> {
    match found {
        Found::Value(value) => Ok(value),
        Found::NotYet => Err(Unresolved::NotYet(logical_id.to_owned())),
        Found::Absent => Err(wrong(complaint())),
    }
}

/// Returns the resource and the attribute that an `Fn::GetAtt` names, in either of its forms.
pub(crate) fn attribute_of(arguments: &Value) -> Result<(String, Value), TemplateError> {
    let complaint = || {
        TemplateError::Intrinsic("every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute".to_owned())
    };
    match arguments {
        Value::Array(parts) => match parts.as_slice() {
            [
                Value::String(id),
                attribute @ (Value::String(_) | Value::Object(_)),
            ] => Ok((id.clone(), attribute.clone())),
            // `[Nested, Outputs, Url]`
            [Value::String(id), rest @ ..]
                if !rest.is_empty() && rest.iter().all(Value::is_string) =>
            {
                let names: Vec<&str> = rest.iter().filter_map(Value::as_str).collect();
                Ok((id.clone(), Value::from(names.join("."))))
            }
            _ => Err(complaint()),
        },
        Value::String(text) => {
            let (id, attribute) = text.split_once('.').ok_or_else(complaint)?;
            Ok((id.to_owned(), Value::from(attribute)))
        }
        _ => Err(complaint()),
    }
}

/// The text of an `Fn::Sub`, and the names that it brings itself.
pub(crate) type SubArguments<'a> = (&'a str, Option<&'a Map<String, Value>>);

/// Returns the text of an `Fn::Sub` and the names that it brings itself.
pub(crate) fn sub_arguments(arguments: &Value) -> Result<SubArguments<'_>, TemplateError> {
    match arguments {
        Value::String(text) => Ok((text, None)),
        Value::Array(parts) => match parts.as_slice() {
            [Value::String(text), Value::Object(own)] => Ok((text, Some(own))),
            _ => Err(sub_complaint()),
        },
        _ => Err(sub_complaint()),
    }
}

fn sub_complaint() -> TemplateError {
    TemplateError::Intrinsic(
        "One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first \
         argument, and an optional second argument to specify a mapping of values to replace in the string"
            .to_owned(),
    )
}
