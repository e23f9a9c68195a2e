//! What all states share: their type, their language, which fields they may have, what follows them.

use serde_json::Value;

use crate::definition::{Pass, StateKind, Succeed, Transition};
use crate::parse::fields::Fields;
use crate::parse::workflow::{Builder, Language, Siblings, language};
use crate::parse::{assign, choice, fail, flow, map, matrix, parallel, task, wait};

/// In the order in which AWS lists them.
const TYPES: [&str; 8] = [
    "Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map",
];

const FOLLOWED: [&str; 2] = ["Next", "End"];

/// Reads what a state is; `None` when something is wrong, which is then in the report.
pub(crate) fn kind<'j>(
    builder: &mut Builder<'j>,
    name: &str,
    fields: &Fields<'j>,
    siblings: &Siblings<'j>,
) -> Option<StateKind> {
    if !fields.require(&["Type"]) {
        return None;
    }
    let kind = fields.word("Type", &TYPES)?;
    let own_language = language(fields);
    if (builder.language, own_language) == (Language::Jsonata, Some(Language::JsonPath)) {
        fields.refuse(
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
        );
        return None;
    }
    let language = own_language.unwrap_or(builder.language);
    matrix::check(kind, language, fields);
    let fields = &fields.of_state(language, builder.dialect);
    match kind {
        "Pass" => pass(fields, siblings).map(StateKind::Pass),
        "Task" => task::task(
            (builder.machine_type, builder.unknown_action),
            fields,
            siblings,
        )
        .map(StateKind::Task),
        "Choice" => choice::choice(fields, siblings).map(StateKind::Choice),
        "Wait" => wait::wait(fields, siblings).map(StateKind::Wait),
        "Succeed" => Some(StateKind::Succeed(Succeed {
            flow: flow::in_and_out(fields),
        })),
        "Fail" => Some(StateKind::Fail(fail::fail(fields))),
        "Parallel" => parallel::parallel(builder, fields, siblings).map(StateKind::Parallel),
        _ => map::map(builder, name, fields, siblings).map(StateKind::Map),
    }
}

fn pass(fields: &Fields<'_>, siblings: &Siblings<'_>) -> Option<Pass> {
    let flow = flow::of_pass(fields);
    let result = fields.get("Result").cloned();
    Some(Pass {
        flow,
        result,
        assign: assign::assign(fields),
        transition: transition(fields, siblings)?,
    })
}

/// Reads `Next` or `End`.
pub(crate) fn transition(fields: &Fields<'_>, siblings: &Siblings<'_>) -> Option<Transition> {
    // `"End": false` says of a state with a `Next` what is so anyway (states-language.net, "End").
    if fields.get("End") == Some(&Value::Bool(false)) && fields.has("Next") {
        return siblings.find(fields.text("Next")?).map(Transition::Next);
    }
    match fields.exactly_one(&FOLLOWED)? {
        "End" => {
            let end = fields.flag("End")?;
            if !end {
                fields.refuse_field("End", "Value must be true");
            }
            Some(Transition::End)
        }
        _ => siblings.find(fields.text("Next")?).map(Transition::Next),
    }
}
