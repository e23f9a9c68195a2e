//! `Globals`: properties that every resource of a type begins with.

use serde_json::{Map, Value};

use crate::error::TemplateError;

/// The sections that SAM knows. Those whose types are not built are legal and unused.
const SECTIONS: [&str; 8] = [
    "Function",
    "Api",
    "HttpApi",
    "SimpleTable",
    "StateMachine",
    "LayerVersion",
    "CapacityProvider",
    "WebSocketApi",
];

/// Refuses a section that SAM does not know.
pub(super) fn check(globals: &Map<String, Value>) -> Result<(), TemplateError> {
    for (section, properties) in globals {
        if !SECTIONS.contains(&section.as_str()) || !properties.is_object() {
            return Err(TemplateError::invalid(format!(
                "'Globals' section is invalid. '{section}' is not supported. Must be one of the following values - {SECTIONS:?}"
            )));
        }
    }
    Ok(())
}

/// Puts the globals of `kind` under `properties`: mappings are merged, lists of the globals come
/// first, and of anything else the resource's own counts.
pub(super) fn merge(globals: &Map<String, Value>, kind: &str, properties: &mut Map<String, Value>) {
    if let Some(Value::Object(base)) = globals.get(kind) {
        merge_into(base, properties);
    }
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

/// An intrinsic function is a value, not a mapping.
fn is_function(entries: &Map<String, Value>) -> bool {
    crate::intrinsics::single(entries)
        .is_some_and(|(name, _)| name == "Ref" || name.starts_with("Fn::"))
}
