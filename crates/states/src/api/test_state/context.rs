//! The context object that a caller gives a state, in place of the one that would be made for it.

use asl::{Pattern, ResourceKind, StateKind};
use serde_json::{Map, Value};
use service::Failure;

use crate::api::failure;

/// What a member must be.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Any,
}

type Members = &'static [(&'static str, Kind)];

/// The members that there are, with their own.
const MEMBERS: [(&str, Members); 4] = [
    (
        "Execution",
        &[
            ("Id", Kind::Text),
            ("Input", Kind::Any),
            ("Name", Kind::Text),
            ("RedriveCount", Kind::Number),
            ("RedriveTime", Kind::Text),
            ("RoleArn", Kind::Text),
            ("StartTime", Kind::Text),
        ],
    ),
    (
        "State",
        &[
            ("EnteredTime", Kind::Text),
            ("Name", Kind::Text),
            ("RetryCount", Kind::Number),
        ],
    ),
    ("StateMachine", &[("Id", Kind::Text), ("Name", Kind::Text)]),
    ("Task", &[("Token", Kind::Text)]),
];

/// Reads the context object that is given for a state of `kind`.
pub(super) fn read(text: &str, kind: &StateKind) -> Result<Map<String, Value>, Failure> {
    let Ok(Value::Object(context)) = serde_json::from_str(text) else {
        return Err(invalid("must be a valid JSON object"));
    };
    for (name, member) in &context {
        if name == "Map" {
            let detail = "'Map' field is not supported when mocking a Context object";
            return Err(invalid(detail));
        }
        let known = MEMBERS.iter().find(|(known, _)| known == name);
        let Some((_, known)) = known else {
            return Err(invalid(&format!("Field '{name}' is not allowed")));
        };
        if name == "Task" && !has_token(kind) {
            return Err(invalid(
                "Context object contains 'Task' when state is not a Task state with a '.sync' or \
                 '.waitForTaskToken' service integration pattern",
            ));
        }
        check(name, member, known)?;
    }
    Ok(context)
}

fn check(name: &str, member: &Value, known: Members) -> Result<(), Failure> {
    let Value::Object(members) = member else {
        return Err(invalid(&format!("{name} must be an object")));
    };
    for (inner, value) in members {
        let Some((_, kind)) = known.iter().find(|(known, _)| known == inner) else {
            return Err(invalid(&format!("Field '{inner}' is not allowed")));
        };
        let (holds, what) = match kind {
            Kind::Text => (value.is_string(), "a string"),
            Kind::Number => (value.is_number(), "a number"),
            Kind::Any => (true, ""),
        };
        if !holds {
            return Err(invalid(&format!("{name}.{inner} must be {what}")));
        }
    }
    Ok(())
}

fn has_token(kind: &StateKind) -> bool {
    let StateKind::Task(task) = kind else {
        return false;
    };
    match &task.resource.kind {
        ResourceKind::LambdaFunction | ResourceKind::Activity => false,
        ResourceKind::Integration { pattern, .. } => *pattern != Pattern::RequestResponse,
    }
}

fn invalid(detail: &str) -> Failure {
    failure::validation(&format!("Invalid Context object provided: {detail}"))
}
