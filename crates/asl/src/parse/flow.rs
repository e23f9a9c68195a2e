//! The fields of JSONPath's data flow.

use serde_json::Value;

use crate::definition::{Flow, JsonPathFlow, PathField, ResultPath};
use crate::parse::fields::Fields;
use crate::query::{Allowed, Miss, ReferencePath};

/// Reads every field of the flow; a field that the type of state does not have is refused elsewhere.
pub(crate) fn full(fields: &Fields<'_>) -> Flow {
    Flow::JsonPath(JsonPathFlow {
        input_path: path_field(fields, "InputPath"),
        parameters: fields.template("Parameters"),
        result_selector: fields.template("ResultSelector"),
        result_path: result_path(fields),
        output_path: path_field(fields, "OutputPath"),
    })
}

/// Reads `InputPath` and `OutputPath` only.
pub(crate) fn in_and_out(fields: &Fields<'_>) -> Flow {
    Flow::JsonPath(JsonPathFlow {
        input_path: path_field(fields, "InputPath"),
        output_path: path_field(fields, "OutputPath"),
        ..JsonPathFlow::default()
    })
}

fn path_field(fields: &Fields<'_>, name: &str) -> PathField {
    if fields.get(name) == Some(&Value::Null) {
        return PathField::Discard;
    }
    match fields.path(name, Allowed::Context, Miss::Invalid) {
        Some(path) if !path.is_identity() => PathField::Path(path),
        _ => PathField::Root,
    }
}

/// Reads `ResultPath`.
pub(crate) fn result_path(fields: &Fields<'_>) -> ResultPath {
    if fields.get("ResultPath") == Some(&Value::Null) {
        return ResultPath::Discard;
    }
    let Some(text) = fields.text("ResultPath") else {
        return ResultPath::Root;
    };
    match ReferencePath::parse(text) {
        Ok(path) if path.is_root() => ResultPath::Root,
        Ok(path) => ResultPath::Path(path),
        Err(_) => {
            fields.refuse_field("ResultPath", "Value is not a Reference Path");
            ResultPath::Root
        }
    }
}
