//! The local files that a template names (`CodeUri: functions/checks/`), which somebody must upload
//! before the template can be deployed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::template::Template;

/// What is made of a local path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArtifactKind {
    /// A directory, a file or an archive: uploaded as a ZIP file.
    Archive,
    /// One file: uploaded as it is.
    File,
}

/// A local path in a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Artifact {
    /// The path as written.
    pub path: String,
    /// What is made of it.
    pub kind: ArtifactKind,
    /// A runtime that runs it, which says how its libraries are installed.
    pub runtime: Option<String>,
    /// The first resource that names it.
    pub logical_id: String,
}

/// The properties that name local paths: type, property, kind, and how the uploaded file is named
/// in its place.
const PROPERTIES: [(&str, &str, ArtifactKind, Form); 6] = [
    (
        "AWS::Serverless::Function",
        "CodeUri",
        ArtifactKind::Archive,
        Form::SamUri,
    ),
    (
        "AWS::Serverless::StateMachine",
        "DefinitionUri",
        ArtifactKind::File,
        Form::SamUri,
    ),
    (
        "AWS::Lambda::Function",
        "Code",
        ArtifactKind::Archive,
        Form::LambdaCode,
    ),
    (
        "AWS::Serverless::LayerVersion",
        "ContentUri",
        ArtifactKind::Archive,
        Form::SamUri,
    ),
    (
        "AWS::Lambda::LayerVersion",
        "Content",
        ArtifactKind::Archive,
        Form::LambdaCode,
    ),
    (
        "AWS::StepFunctions::StateMachine",
        "DefinitionS3Location",
        ArtifactKind::File,
        Form::StatesLocation,
    ),
];

#[derive(Clone, Copy)]
enum Form {
    SamUri,
    LambdaCode,
    StatesLocation,
}

impl Form {
    fn write(self, bucket: &str, key: &str) -> Value {
        match self {
            Self::SamUri => json!({"Bucket": bucket, "Key": key}),
            Self::LambdaCode => json!({"S3Bucket": bucket, "S3Key": key}),
            Self::StatesLocation => json!({"Bucket": bucket, "Key": key}),
        }
    }
}

/// Returns every local path of `template`, each once, in document order.
pub fn list(template: &Template) -> Vec<Artifact> {
    let mut artifacts: Vec<Artifact> = Vec::new();
    for (id, resource) in &template.resources {
        for (kind, property, artifact_kind, _) in PROPERTIES {
            if resource.kind != kind {
                continue;
            }
            let globals = global(template, kind);
            let get = |name: &str| resource.properties.get(name).or_else(|| globals?.get(name));
            let Some(path) = get(property).and_then(local_path) else {
                continue;
            };
            if artifacts
                .iter()
                .any(|artifact| artifact.path == path && artifact.kind == artifact_kind)
            {
                continue;
            }
            artifacts.push(Artifact {
                path: path.to_owned(),
                kind: artifact_kind,
                runtime: get("Runtime").and_then(Value::as_str).map(str::to_owned),
                logical_id: id.clone(),
            });
        }
    }
    artifacts
}

/// Puts uploaded files in the place of local paths: `keys` holds for each path its key in `bucket`.
/// Returns the paths that have none.
pub fn replace(
    template: &mut Template,
    bucket: &str,
    keys: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut missing = Vec::new();
    let mut exchange = |value: &mut Value, form: Form| {
        let Some(path) = local_path(value) else {
            return;
        };
        match keys.get(path) {
            Some(key) => *value = form.write(bucket, key),
            None => missing.push(path.to_owned()),
        }
    };
    for (kind, property, _, form) in PROPERTIES {
        for resource in template
            .resources
            .values_mut()
            .filter(|resource| resource.kind == kind)
        {
            if let Some(value) = resource.properties.get_mut(property) {
                exchange(value, form);
            }
        }
        if let Some(section) = globals_section(kind)
            && let Some(value) = template
                .globals
                .get_mut(section)
                .and_then(|section| section.get_mut(property))
        {
            exchange(value, form);
        }
    }
    missing
}

/// Puts other paths in the place of local paths in a whole document: `places` holds for each the new one.
pub fn relocate(document: &mut Value, places: &BTreeMap<String, String>) {
    let exchange = |value: &mut Value| {
        if let Some(place) = local_path(value).and_then(|path| places.get(path)) {
            *value = place.as_str().into();
        }
    };
    for (kind, property, _, _) in PROPERTIES {
        let resources = document.get_mut("Resources").and_then(Value::as_object_mut);
        for resource in resources.into_iter().flat_map(|all| all.values_mut()) {
            if resource.get("Type").is_some_and(|own| own == kind)
                && let Some(properties) = resource.get_mut("Properties")
                && let Some(value) = properties.get_mut(property)
            {
                exchange(value);
            }
        }
        if let Some(section) = globals_section(kind)
            && let Some(globals) = document.get_mut("Globals")
            && let Some(value) = globals.get_mut(section)
            && let Some(value) = value.get_mut(property)
        {
            exchange(value);
        }
    }
}

/// Returns `value` if it is a path on the machine of whoever deploys.
fn local_path(value: &Value) -> Option<&str> {
    let text = value.as_str()?;
    let remote = ["s3://", "http://", "https://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    (!remote && !text.is_empty()).then_some(text)
}

fn globals_section(kind: &str) -> Option<&str> {
    kind.strip_prefix("AWS::Serverless::")
}

fn global<'a>(template: &'a Template, kind: &str) -> Option<&'a Value> {
    template.globals.get(globals_section(kind)?)
}
