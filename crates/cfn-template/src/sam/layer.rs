//! `AWS::Serverless::LayerVersion`: a layer whose every change is another resource.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;
use crate::template::Policy;

use super::{Expansion, Serverless, digits, location, retained};

const SAME: [(&str, &str); 4] = [
    ("Description", "Description"),
    ("CompatibleArchitectures", "CompatibleArchitectures"),
    ("CompatibleRuntimes", "CompatibleRuntimes"),
    ("LicenseInfo", "LicenseInfo"),
];

pub(super) fn expand(
    mut layer: Serverless<'_>,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    for name in ["LayerName", "LicenseInfo", "Description", "RetentionPolicy"] {
        if let Some(value) = layer.resource.properties.get_mut(name) {
            *value = layer.names.settle(value);
        }
    }
    let retention = match layer.get("RetentionPolicy") {
        None => None,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("retain") => Some(Policy::Retain),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("delete") => Some(Policy::Delete),
        Some(_) => {
            return Err(layer.sam(
                "'RetentionPolicy' must be one of the following options: ['Retain', 'Delete'].",
            ));
        }
    };
    let id = format!("{}{}", layer.id, digits(&identity(&layer)));
    layer.take("RetentionPolicy");
    match layer.take("PublishLambdaVersion") {
        None | Some(Value::Bool(false)) => {}
        Some(_) => {
            let what = format!("PublishLambdaVersion (of layer {})", layer.id);
            return Err(TemplateError::unsupported(what));
        }
    }
    let Some(uri) = layer.take("ContentUri") else {
        return Err(layer.sam("Missing required property 'ContentUri'."));
    };
    let names = ["S3Bucket", "S3Key", "S3ObjectVersion"];
    let mut properties = Map::new();
    properties.insert(
        "Content".to_owned(),
        location(&layer, "ContentUri", uri, names)?,
    );
    let name = layer.take("LayerName").filter(|name| name != "");
    let name = name.unwrap_or_else(|| layer.id.into());
    properties.insert("LayerName".to_owned(), name);
    layer.rename(&mut properties, &SAME);
    let own = layer.id.to_owned();
    let mut resource = retained(layer.finish("AWS::Lambda::LayerVersion", properties)?);
    if retention.is_some() {
        resource.deletion_policy = retention;
    }
    resource.metadata = Map::new();
    expanded.renamed.insert(own, id.clone());
    expanded.add(id, resource)
}

/// Returns the resource as it is written, without what does not make it another.
fn identity(layer: &Serverless<'_>) -> Value {
    let resource = &layer.resource;
    let mut identity = json!({"Type": resource.kind, "Properties": resource.properties});
    if let Some(condition) = &resource.condition {
        identity["Condition"] = condition.as_str().into();
    }
    match resource.depends_on.as_slice() {
        [] => {}
        [one] => identity["DependsOn"] = one.as_str().into(),
        several => identity["DependsOn"] = several.into(),
    }
    json!({layer.id: identity})
}
