//! The Wait state.

use crate::definition::{Wait, WaitUntil};
use crate::parse::fields::Fields;
use crate::parse::workflow::{SECONDS_MAX, Siblings};
use crate::parse::{assign, flow, state};
use crate::query::{Allowed, Miss};

/// The ways to say how long, of which a Wait has exactly one.
pub(crate) const FORMS: [&str; 4] = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];

pub(crate) fn wait(fields: &Fields<'_>, siblings: &Siblings<'_>) -> Option<Wait> {
    let flow = flow::in_and_out(fields);
    let until = match fields.exactly_one(&FORMS) {
        Some("Seconds") => match fields.expression("Seconds") {
            Some(expression) => expression.map(WaitUntil::SecondsExpression),
            None => fields
                .integer("Seconds", 0..=SECONDS_MAX)
                .map(WaitUntil::Seconds),
        },
        Some("Timestamp") => match fields.expression("Timestamp") {
            Some(expression) => expression.map(WaitUntil::TimestampExpression),
            None => fields.timestamp("Timestamp").map(WaitUntil::Timestamp),
        },
        Some("SecondsPath") => path(fields, "SecondsPath").map(WaitUntil::SecondsPath),
        Some(_) => path(fields, "TimestampPath").map(WaitUntil::TimestampPath),
        None => None,
    };
    let assign = assign::assign(fields);
    let transition = state::transition(fields, siblings);
    Some(Wait {
        flow,
        until: until?,
        assign,
        transition: transition?,
    })
}

fn path(fields: &Fields<'_>, name: &'static str) -> Option<crate::query::Path> {
    fields.path(name, Allowed::Context, Miss::Parameter(name))
}
