//! The short forms of intrinsic functions, written out.

use saphyr_parser::Tag;
use serde_json::{Map, Value};

/// The functions that have a short form, beside `!Ref` and `!Condition`. Those that are not built
/// are here as well: it is the resolver that refuses them, by name.
const FUNCTIONS: [&str; 19] = [
    "And",
    "Base64",
    "Cidr",
    "Contains",
    "Equals",
    "FindInMap",
    "ForEach",
    "GetAtt",
    "GetAZs",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
];

/// Returns what a tagged scalar means.
pub(super) fn apply_to_text(tag: &Tag, text: &str) -> Result<Value, String> {
    if let Some(core) = core_type(tag) {
        return match core {
            "str" => Ok(Value::from(text)),
            "int" | "float" | "bool" | "null" => Ok(super::scalar::resolve(text)),
            other => Err(format!("the tag !!{other} is not supported in templates")),
        };
    }
    apply(tag, Value::from(text))
}

/// Returns what a tagged collection means.
pub(super) fn apply(tag: &Tag, value: Value) -> Result<Value, String> {
    if let Some(core) = core_type(tag) {
        return match core {
            "map" | "seq" => Ok(value),
            other => Err(format!("the tag !!{other} is not supported in templates")),
        };
    }
    let name = tag.suffix.as_str();
    let (key, value) = match name {
        "Ref" | "Condition" => (name.to_owned(), value),
        // `!GetAtt Stack.Outputs.Url`: the first dot ends the logical id.
        "GetAtt" => {
            let value = match value {
                Value::String(text) => match text.split_once('.') {
                    Some((logical_id, attribute)) => Value::from(vec![logical_id, attribute]),
                    None => Value::String(text),
                },
                other => other,
            };
            ("Fn::GetAtt".to_owned(), value)
        }
        "Transform" => ("Fn::Transform".to_owned(), value),
        _ if FUNCTIONS.contains(&name) => (format!("Fn::{name}"), value),
        _ => return Err(format!("the tag !{name} is no intrinsic function")),
    };
    Ok(Value::Object(Map::from_iter([(key, value)])))
}

/// Returns `str` of `!!str`.
fn core_type(tag: &Tag) -> Option<&str> {
    (tag.handle == "tag:yaml.org,2002:" || tag.handle == "!!").then_some(tag.suffix.as_str())
}
