//! The context object, `$$`: what an execution tells its expressions about itself.
//!
//! Members and their order as recorded for a Pass state with `"InputPath": "$$"`.

use serde_json::{Map, Value, json};

use crate::event::{Identity, Scope, StateType};
use crate::execution::{Execution, Frame, Waiting};
use crate::ids::FrameId;

/// Returns the context object of the frame `id`, with `token` where the task has one.
pub(crate) fn object(execution: &Execution, id: FrameId, token: Option<String>) -> Value {
    let mut context = Map::new();
    if let Some(identity) = execution.identity() {
        context.insert("Execution".into(), execution_member(execution, identity));
        context.insert(
            "StateMachine".into(),
            json!({"Id": &*identity.state_machine_arn, "Name": &*identity.state_machine_name}),
        );
    }
    if let Some(frame) = execution.frames().get(&id) {
        context.insert("State".into(), state_member(frame));
        if let Some(item) = item_member(execution, frame.scope) {
            context.insert("Map".into(), json!({ "Item": item }));
        }
    }
    if let Some(token) = token {
        context.insert("Task".into(), json!({ "Token": token }));
    }
    Value::Object(context)
}

/// Returns the context object in which item `index` of the Map frame `id` is selected.
pub(crate) fn object_of_item(
    execution: &Execution,
    id: FrameId,
    index: u32,
    item: &Value,
) -> Value {
    let mut context = object(execution, id, None);
    context["Map"] = json!({ "Item": { "Index": index, "Value": item } });
    context
}

fn execution_member(execution: &Execution, identity: &Identity) -> Value {
    json!({
        "Id": &*identity.execution_arn,
        "Input": identity.input.value(),
        "StartTime": execution.started_at().to_string(),
        "Name": &*identity.name,
        "RoleArn": &*identity.role_arn,
        "RedriveCount": 0,
    })
}

fn state_member(frame: &Frame) -> Value {
    let mut state = json!({"Name": &*frame.name, "EnteredTime": frame.entered_at.to_string()});
    if matches!(
        frame.state_type,
        StateType::Task | StateType::Parallel | StateType::Map
    ) {
        state["RetryCount"] = frame.retry_count().into();
    }
    state
}

/// Returns the item of the innermost iteration around `scope`.
fn item_member(execution: &Execution, mut scope: Scope) -> Option<Value> {
    while let Some(owner) = scope.owner {
        let frame = execution.frames().get(&owner)?;
        if let Waiting::Iterations { items, .. } = &frame.waiting {
            let item = items.value().get(scope.index as usize)?;
            return Some(json!({ "Index": scope.index, "Value": item }));
        }
        scope = frame.scope;
    }
    None
}
