//! `Globals`: properties that every resource of a type begins with.

use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::template::Resource;

use super::is_function;

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
