//! `Globals`: properties that every resource of a type begins with.

use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::template::Resource;

use super::is_function;

/// The sections that SAM knows, by name. Those whose types are not built are legal and unused.
const SECTIONS: [&str; 10] = [
    "Api",
    "CapacityProvider",
    "Function",
    "HttpApi",
    "LayerVersion",
    "MicroVMImage",
    "NetworkConnector",
    "SimpleTable",
    "StateMachine",
    "WebSocketApi",
];

/// What `Globals` may say of functions (SAM guide, "Globals section"), in SAM's order.
const OF_FUNCTIONS: [&str; 39] = [
    "Handler",
    "Runtime",
    "CodeUri",
    "DeadLetterQueue",
    "Description",
    "MemorySize",
    "Timeout",
    "VpcConfig",
    "Environment",
    "Tags",
    "PropagateTags",
    "Tracing",
    "KmsKeyArn",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "Layers",
    "DeploymentPreference",
    "RolePath",
    "PermissionsBoundary",
    "ReservedConcurrentExecutions",
    "ProvisionedConcurrencyConfig",
    "AssumeRolePolicyDocument",
    "EventInvokeConfig",
    "FileSystemConfigs",
    "CodeSigningConfigArn",
    "Architectures",
    "SnapStart",
    "EphemeralStorage",
    "FunctionUrlConfig",
    "RuntimeManagementConfig",
    "LoggingConfig",
    "RecursiveLoop",
    "SourceKMSKeyArn",
    "TenancyConfig",
    "DurableConfig",
    "CapacityProviderConfig",
    "FunctionScalingConfig",
    "PublishToLatestPublished",
    "VersionDeletionPolicy",
];

/// Refuses a section that SAM does not know, and a property that a section does not take.
pub(super) fn check(globals: &Map<String, Value>) -> Result<(), TemplateError> {
    for (section, properties) in globals {
        let Some(properties) = properties
            .as_object()
            .filter(|_| SECTIONS.contains(&section.as_str()))
        else {
            return Err(refused(format!("'{section}' is not supported."), &SECTIONS));
        };
        let supported: &[&str] = match section.as_str() {
            "Function" => &OF_FUNCTIONS,
            "SimpleTable" => &["SSESpecification"],
            "StateMachine" => &["PropagateTags"],
            "LayerVersion" => &["PublishLambdaVersion"],
            _ => continue,
        };
        if let Some(property) = properties
            .keys()
            .find(|property| !supported.contains(&property.as_str()))
        {
            let text = format!("'{property}' is not a supported property of '{section}'.");
            return Err(refused(text, supported));
        }
    }
    Ok(())
}

fn refused(text: String, legal: &[&str]) -> TemplateError {
    let legal: Vec<String> = legal.iter().map(|name| format!("'{name}'")).collect();
    TemplateError::invalid(format!(
        "'Globals' section is invalid. {text} Must be one of the following values - [{}]",
        legal.join(", ")
    ))
}

/// Puts the globals of `kind` under `properties`: mappings are merged, lists of the globals come
/// first, and of anything else the resource's own counts.
///
/// A resource may keep out (`IgnoreGlobals`) of all of them or of some by name.
pub(super) fn merge(globals: &Map<String, Value>, kind: &str, resource: &mut Resource) {
    let Some(Value::Object(base)) = globals.get(kind) else {
        return;
    };
    let mut base = base.clone();
    match &resource.ignore_globals {
        Some(Value::Array(names)) => {
            base.retain(|name, _| !names.iter().any(|ignored| ignored == name))
        }
        Some(_) => return,
        None => {}
    }
    merge_into(&base, &mut resource.properties);
}

/// The recursion is as deep as the text was nested, which has a limit.
fn merge_into(base: &Map<String, Value>, own: &mut Map<String, Value>) {
    for (name, base) in base {
        match (base, own.get_mut(name)) {
            (base, None) => {
                own.insert(name.clone(), base.clone());
            }
            (Value::Object(base), Some(Value::Object(own)))
                if !is_function(base) && !is_function(own) =>
            {
                merge_into(base, own);
            }
            (Value::Array(base), Some(Value::Array(own))) => {
                own.splice(0..0, base.iter().cloned());
            }
            (_, Some(_)) => {}
        }
    }
}
