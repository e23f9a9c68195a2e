//! A template's sections, read and checked for their shape. What properties mean is not known here.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::error::{Location, TemplateError};
use crate::language;
use crate::parameters::Parameter;
use crate::yaml;

/// The transform that makes CloudFormation of SAM.
pub const SAM_TRANSFORM: &str = "AWS::Serverless-2016-10-31";

const SECTIONS: [&str; 12] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
];

/// A template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// `Description`.
    pub description: Option<String>,
    /// Whether `Transform` names SAM.
    pub serverless: bool,
    /// `Parameters`, in document order like all sections.
    pub parameters: IndexMap<String, Parameter>,
    /// `Mappings`: map, first key, second key, value.
    pub mappings: Map<String, Value>,
    /// `Conditions`, as written.
    pub conditions: IndexMap<String, Value>,
    /// `Rules`, as written.
    pub rules: IndexMap<String, Value>,
    /// `Globals` of SAM, as written.
    pub globals: Map<String, Value>,
    /// `Resources`.
    pub resources: IndexMap<String, Resource>,
    /// `Outputs`.
    pub outputs: IndexMap<String, Output>,
    places: BTreeMap<String, Location>,
    /// The document with its loops carried out, where it may have some.
    unrolled: Option<Map<String, Value>>,
}

/// What becomes of a resource that leaves its stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// It is deleted.
    #[default]
    Delete,
    /// It stays, and no stack owns it.
    Retain,
    /// It stays, unless it was made by a deployment that is rolled back.
    RetainExceptOnCreate,
}

impl Policy {
    /// Returns CloudFormation's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delete => "Delete",
            Self::Retain => "Retain",
            Self::RetainExceptOnCreate => "RetainExceptOnCreate",
        }
    }
}

/// One resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// `Type`.
    pub kind: String,
    /// `Properties`, as written.
    pub properties: Map<String, Value>,
    /// `DependsOn`.
    pub depends_on: Vec<String>,
    /// `Condition`.
    pub condition: Option<String>,
    /// `DeletionPolicy`, where one is given.
    pub deletion_policy: Option<Policy>,
    /// `UpdateReplacePolicy`, likewise.
    pub update_replace_policy: Option<Policy>,
    /// `CreationPolicy`, as written.
    pub creation_policy: Option<Value>,
    /// `Metadata`, as written.
    pub metadata: Map<String, Value>,
    /// `IgnoreGlobals` of SAM, as written.
    pub(crate) ignore_globals: Option<Value>,
}

impl Resource {
    /// Says whether the resource stays when it leaves its stack.
    pub fn is_retained(&self) -> bool {
        matches!(
            self.deletion_policy,
            Some(Policy::Retain | Policy::RetainExceptOnCreate)
        )
    }

    /// Says whether it goes with the rollback of the deployment that made it, although it would stay.
    pub fn is_undone(&self) -> bool {
        self.deletion_policy == Some(Policy::RetainExceptOnCreate)
    }

    /// Says whether what it was stays when another takes its place.
    pub fn is_retained_when_replaced(&self) -> bool {
        self.update_replace_policy == Some(Policy::Retain)
    }

    /// Returns the resource as a template has it.
    pub fn to_value(&self) -> Value {
        let mut value = Map::new();
        value.insert("Type".to_owned(), self.kind.as_str().into());
        match self.depends_on.as_slice() {
            [] => {}
            [one] => drop(value.insert("DependsOn".to_owned(), one.as_str().into())),
            several => drop(value.insert("DependsOn".to_owned(), several.into())),
        }
        if let Some(condition) = &self.condition {
            value.insert("Condition".to_owned(), condition.as_str().into());
        }
        for (name, policy) in [
            ("DeletionPolicy", self.deletion_policy),
            ("UpdateReplacePolicy", self.update_replace_policy),
        ] {
            if let Some(policy) = policy {
                value.insert(name.to_owned(), policy.name().into());
            }
        }
        if let Some(policy) = &self.creation_policy {
            value.insert("CreationPolicy".to_owned(), policy.clone());
        }
        for (name, members) in [
            ("Metadata", &self.metadata),
            ("Properties", &self.properties),
        ] {
            if !members.is_empty() {
                value.insert(name.to_owned(), Value::Object(members.clone()));
            }
        }
        Value::Object(value)
    }
}

/// The one type here whose creation may wait for signals.
const WAIT_CONDITION: &str = "AWS::CloudFormation::WaitCondition";

/// One output.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// `Value`, as written.
    pub value: Value,
    /// `Description`.
    pub description: Option<String>,
    /// `Condition`.
    pub condition: Option<String>,
    /// `Export.Name`, as written.
    pub export: Option<Value>,
}

impl Template {
    /// Parses YAML or JSON. Where a loop goes over a parameter, it is the parameter's default.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Self::parse_with(text, &BTreeMap::new())
    }

    /// Parses YAML or JSON. `given` are the values of parameters: loops may go over them.
    pub fn parse_with(text: &str, given: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let document = yaml::parse(text)?;
        let Value::Object(mut sections) = document.value else {
            return Err(TemplateError::invalid("unsupported structure."));
        };
        let unknown: Vec<&str> = sections
            .keys()
            .map(String::as_str)
            .filter(|name| !SECTIONS.contains(name))
            .collect();
        if let Some(first) = unknown.first() {
            let at = document.places.get(&format!("/{first}")).copied();
            return Err(TemplateError::Invalid {
                detail: format!(
                    "Invalid template property or properties [{}]",
                    unknown.join(", ")
                ),
                at,
            });
        }
        refuse_nulls(&sections)?;
        match sections.get("AWSTemplateFormatVersion") {
            None => {}
            Some(Value::String(version)) if version == "2010-09-09" => {}
            Some(_) => {
                return Err(TemplateError::invalid(
                    "AWSTemplateFormatVersion must be 2010-09-09",
                ));
            }
        }
        let unrolled = if language::is_named(sections.get("Transform")) {
            language::expand(&mut sections, given)?;
            Some(sections.clone())
        } else {
            None
        };
        let places = document.places;
        let reader = Reader { places: &places };
        let resources = reader.entries(&mut sections, "Resources", |id, value| {
            reader.resource(id, value)
        })?;
        if resources.is_empty() {
            return Err(TemplateError::invalid(
                "At least one Resources member must be defined.",
            ));
        }
        Ok(Self {
            description: text_of(&sections, "Description"),
            serverless: transform(sections.get("Transform"))?,
            parameters: reader.entries(&mut sections, "Parameters", |id, value| {
                Parameter::read(value).map_err(|error| reader.about(id, error))
            })?,
            mappings: reader.section(&mut sections, "Mappings")?,
            conditions: reader.entries(&mut sections, "Conditions", |_, value| Ok(value))?,
            rules: reader.entries(&mut sections, "Rules", |_, value| Ok(value))?,
            globals: reader.section(&mut sections, "Globals")?,
            outputs: reader.entries(&mut sections, "Outputs", |id, value| {
                reader.output(id, value)
            })?,
            resources,
            places,
            unrolled,
        })
    }

    /// Returns `text` as it is after the transform that made `self` of it: JSON with the resources
    /// that the transform left, and without `Transform` and `Globals`.
    pub fn processed(&self, text: &str) -> Result<Value, TemplateError> {
        let mut document = match &self.unrolled {
            Some(sections) => Value::Object(sections.clone()),
            None => yaml::parse(text)?.value,
        };
        if let Value::Object(sections) = &mut document {
            sections.shift_remove("Transform");
            sections.shift_remove("Globals");
            let resources = self.resources.iter();
            let resources: Map<String, Value> = resources
                .map(|(id, resource)| (id.clone(), resource.to_value()))
                .collect();
            sections.insert("Resources".to_owned(), Value::Object(resources));
        }
        Ok(document)
    }

    /// Returns where `pointer` (`/Resources/Name/Properties/Property`) is, or the nearest thing
    /// around it; `None` for a template in JSON.
    pub fn place(&self, pointer: &str) -> Option<Location> {
        let mut pointer = pointer;
        while !pointer.is_empty() {
            if let Some(at) = self.places.get(pointer) {
                return Some(*at);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
        None
    }
}

fn text_of(section: &Map<String, Value>, name: &str) -> Option<String> {
    section.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// Says whether the template is SAM; another transform is one that nobody here carries out.
fn transform(value: Option<&Value>) -> Result<bool, TemplateError> {
    let names: Vec<&Value> = match value {
        None => return Ok(false),
        Some(Value::Array(names)) => names.iter().collect(),
        Some(name) => vec![name],
    };
    let mut serverless = false;
    for name in names {
        if name == SAM_TRANSFORM {
            serverless = true;
        } else if name != language::NAME {
            let name = name
                .as_str()
                .map_or_else(|| name.to_string(), str::to_owned);
            return Err(TemplateError::unsupported(format!("The transform {name}")));
        }
    }
    Ok(serverless)
}

/// CloudFormation takes no null anywhere.
fn refuse_nulls(sections: &Map<String, Value>) -> Result<(), TemplateError> {
    let mut open: Vec<(String, &Value)> = sections
        .iter()
        .map(|(name, value)| (format!("/{name}"), value))
        .collect();
    while let Some((pointer, value)) = open.pop() {
        match value {
            Value::Null => {
                return Err(TemplateError::invalid(format!(
                    "[{pointer}] 'null' values are not allowed in templates"
                )));
            }
            // A definition of states may hold null (`"ResultPath": null`), as SAM lets it.
            Value::Object(entries) if !pointer.contains("/Definition") => {
                open.extend(
                    entries
                        .iter()
                        .map(|(name, value)| (format!("{pointer}/{name}"), value)),
                );
            }
            Value::Array(items) => {
                open.extend(
                    items
                        .iter()
                        .enumerate()
                        .map(|(index, value)| (format!("{pointer}/{index}"), value)),
                );
            }
            Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}

/// Reads sections and says where one is wrong.
struct Reader<'a> {
    places: &'a BTreeMap<String, Location>,
}

impl Reader<'_> {
    fn section(
        &self,
        sections: &mut Map<String, Value>,
        name: &str,
    ) -> Result<Map<String, Value>, TemplateError> {
        match sections.shift_remove(name) {
            None => Ok(Map::new()),
            Some(Value::Object(entries)) => Ok(entries),
            Some(_) => Err(self.wrong(&format!("/{name}"), format!("{name} must be an object."))),
        }
    }

    fn entries<T>(
        &self,
        sections: &mut Map<String, Value>,
        name: &str,
        read: impl Fn(&str, Value) -> Result<T, TemplateError>,
    ) -> Result<IndexMap<String, T>, TemplateError> {
        let section = self.section(sections, name)?;
        section
            .into_iter()
            .map(|(id, value)| {
                if matches!(name, "Resources" | "Parameters" | "Outputs")
                    && !id.bytes().all(|byte| byte.is_ascii_alphanumeric())
                {
                    let detail = format!("{name} name {id} is non alphanumeric.");
                    return Err(self.wrong(&format!("/{name}/{id}"), detail));
                }
                let entry = read(&id, value)?;
                Ok((id, entry))
            })
            .collect()
    }

    /// Says where a parameter is that is wrong.
    fn about(&self, id: &str, error: TemplateError) -> TemplateError {
        match error {
            TemplateError::Invalid { detail, at: None } => {
                self.wrong(&format!("/Parameters/{id}"), detail)
            }
            other => other,
        }
    }

    fn wrong(&self, pointer: &str, detail: String) -> TemplateError {
        TemplateError::Invalid {
            detail,
            at: self.places.get(pointer).copied(),
        }
    }

    fn resource(&self, id: &str, value: Value) -> Result<Resource, TemplateError> {
        let pointer = format!("/Resources/{id}");
        let wrong = |detail: String| self.wrong(&pointer, detail);
        let Value::Object(entries) = value else {
            return Err(wrong("Any Resources member must be an object.".to_owned()));
        };
        let mut resource = Resource::default();
        let mut update_policy = None;
        for (name, value) in entries {
            match (name.as_str(), value) {
                ("Type", Value::String(kind)) => resource.kind = kind,
                ("Properties", Value::Object(properties)) => resource.properties = properties,
                ("Metadata", Value::Object(metadata)) => resource.metadata = metadata,
                ("IgnoreGlobals", value) => resource.ignore_globals = Some(value),
                ("Condition", Value::String(condition)) => resource.condition = Some(condition),
                ("DependsOn", value) => {
                    resource.depends_on = depends_on(value).ok_or_else(|| {
                        wrong("Every DependsOn value must be a string.".to_owned())
                    })?;
                }
                ("DeletionPolicy", Value::String(policy)) => {
                    resource.deletion_policy =
                        Some(self.policy(&pointer, "DeletionPolicy", &policy)?);
                }
                ("UpdateReplacePolicy", Value::String(policy)) => {
                    resource.update_replace_policy =
                        Some(self.policy(&pointer, "UpdateReplacePolicy", &policy)?);
                }
                ("CreationPolicy", policy) => resource.creation_policy = Some(policy),
                ("UpdatePolicy", policy) => update_policy = Some(policy),
                ("Connectors", _) => {
                    return Err(TemplateError::Unsupported {
                        what: format!("Connectors (of resource {id})"),
                        at: self.places.get(&pointer).copied(),
                    });
                }
                (name, _) => {
                    return Err(wrong(format!(
                        "Invalid template resource property '{name}'"
                    )));
                }
            }
        }
        if resource.kind.is_empty() {
            return Err(wrong(format!(
                "[{pointer}] Every Resources object must contain a Type member."
            )));
        }
        if let Some(policy) = update_policy {
            self.check_update_policy(id, &resource.kind, &policy)?;
        }
        if resource.creation_policy.is_some() && resource.kind != WAIT_CONDITION {
            let what = format!("CreationPolicy (of {} {id})", resource.kind);
            return Err(self.unsupported(&pointer, what));
        }
        Ok(resource)
    }

    /// What an update policy says is about groups of machines, and about aliases that traffic is shifted
    /// to by CodeDeploy. An empty one says nothing.
    fn check_update_policy(
        &self,
        id: &str,
        kind: &str,
        policy: &Value,
    ) -> Result<(), TemplateError> {
        let pointer = format!("/Resources/{id}");
        match policy {
            Value::Object(policies) => match policies.keys().next() {
                None => Ok(()),
                Some(name) => {
                    let what = format!("UpdatePolicy {name} (of {kind} {id})");
                    Err(self.unsupported(&pointer, what))
                }
            },
            _ => Err(self.wrong(&pointer, "UpdatePolicy must be an object.".to_owned())),
        }
    }

    fn unsupported(&self, pointer: &str, what: String) -> TemplateError {
        TemplateError::Unsupported {
            what,
            at: self.places.get(pointer).copied(),
        }
    }

    fn policy(&self, pointer: &str, name: &str, text: &str) -> Result<Policy, TemplateError> {
        match text {
            "Delete" => Ok(Policy::Delete),
            "Retain" => Ok(Policy::Retain),
            // What is replaced was not made by the deployment that replaces it.
            "RetainExceptOnCreate" if name == "DeletionPolicy" => Ok(Policy::RetainExceptOnCreate),
            "Snapshot" => Err(TemplateError::unsupported(format!(
                "{name} Snapshot (of {pointer})"
            ))),
            other => Err(self.wrong(
                pointer,
                format!("Unrecognized {name} {other} for resource {pointer}"),
            )),
        }
    }

    fn output(&self, id: &str, value: Value) -> Result<Output, TemplateError> {
        let pointer = format!("/Outputs/{id}");
        let Value::Object(mut entries) = value else {
            return Err(self.wrong(&pointer, "Any Outputs member must be an object.".to_owned()));
        };
        let Some(value) = entries.shift_remove("Value") else {
            let detail = format!("[{pointer}] Every Outputs member must contain a Value object");
            return Err(self.wrong(&pointer, detail));
        };
        Ok(Output {
            value,
            description: text_of(&entries, "Description"),
            condition: text_of(&entries, "Condition"),
            export: entries
                .get("Export")
                .and_then(|export| export.get("Name"))
                .cloned(),
        })
    }
}

fn depends_on(value: Value) -> Option<Vec<String>> {
    match value {
        Value::String(name) => Some(vec![name]),
        Value::Array(names) => names
            .into_iter()
            .map(|name| match name {
                Value::String(name) => Some(name),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}
