//! The fields of a state's data flow, in its language.

use serde_json::Value;

use crate::definition::{Flow, JsonPathFlow, JsonataFlow, PathField, ResultPath};
use crate::parse::fields::Fields;
use crate::parse::workflow::Language;
use crate::query::{Allowed, Miss, Readable, ReferencePath};

/// What the `Output` and the `Assign` of a state with a result may read.
pub(crate) const RESULT: Readable = Readable {
    result: true,
    error_output: false,
};

/// What the `Output` and the `Assign` of a catcher may read.
pub(crate) const ERROR_OUTPUT: Readable = Readable {
    result: false,
    error_output: true,
};

/// Reads every field of the flow of a state that has a result; a field that the type of state does not
/// have is refused elsewhere.
pub(crate) fn full(fields: &Fields<'_>) -> Flow {
    flow(fields, RESULT)
}

/// Reads every field of the flow of a Pass state, which has no result in JSONata.
pub(crate) fn of_pass(fields: &Fields<'_>) -> Flow {
    flow(fields, Readable::default())
}

fn flow(fields: &Fields<'_>, readable: Readable) -> Flow {
    if fields.language() == Language::Jsonata {
        return Flow::Jsonata(JsonataFlow {
            arguments: arguments(fields),
            output: fields.template_reading("Output", readable),
        });
    }
    Flow::JsonPath(Box::new(JsonPathFlow {
        input_path: path_field(fields, "InputPath"),
        parameters: fields.template("Parameters"),
        result_selector: fields.template("ResultSelector"),
        result_path: result_path(fields),
        output_path: path_field(fields, "OutputPath"),
    }))
}

/// Reads `Arguments`: an object, or an expression.
fn arguments(fields: &Fields<'_>) -> Option<crate::query::Template> {
    fields.template("Arguments")
}

/// Reads `InputPath` and `OutputPath` only, or `Output`.
pub(crate) fn in_and_out(fields: &Fields<'_>) -> Flow {
    if fields.language() == Language::Jsonata {
        return Flow::Jsonata(JsonataFlow {
            arguments: None,
            output: fields.template("Output"),
        });
    }
    Flow::JsonPath(Box::new(JsonPathFlow {
        input_path: path_field(fields, "InputPath"),
        output_path: path_field(fields, "OutputPath"),
        ..JsonPathFlow::default()
    }))
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
