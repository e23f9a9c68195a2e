//! The Fail state.

use crate::definition::{Fail, FailText};
use crate::parse::fields::Fields;
use crate::query::{Allowed, Miss};

pub(crate) fn fail(fields: &Fields<'_>) -> Fail {
    Fail {
        error: fail_text(fields, "Error", "ErrorPath"),
        cause: fail_text(fields, "Cause", "CausePath"),
    }
}

fn fail_text(fields: &Fields<'_>, literal: &'static str, path: &'static str) -> Option<FailText> {
    if let Some(expression) = fields.expression(literal) {
        return expression.map(FailText::Expression);
    }
    if fields.at_most_one(&[literal, path])? == literal {
        return fields
            .text(literal)
            .map(|text| FailText::Literal(text.into()));
    }
    fields
        .path(path, Allowed::Call, Miss::Field(path))
        .map(FailText::Path)
}
