//! The context object, `$$`: what an execution tells its expressions about itself.
//!
//! Members and their order as recorded for a Pass state with `"InputPath": "$$"`.

use asl::query::Context;
use serde_json::{Map, Value, json};

use crate::event::{Identity, Scope, StateType};
use crate::execution::{Execution, Frame, Waiting};
use crate::ids::FrameId;

/// The context object of one frame. Its members are made one by one, as they are read: the execution's
/// input can be long.
pub(crate) struct ContextOf<'a> {
    pub execution: &'a Execution,
    pub frame: FrameId,
    /// Gives the token of the frame's task, where it has one.
    pub token: &'a dyn Fn() -> Option<String>,
    /// The item that is being selected, in a Map state.
    pub item: Option<(u32, &'a Value)>,
}

/// The members, in the recorded order.
const MEMBERS: [&str; 5] = ["Execution", "StateMachine", "State", "Map", "Task"];

impl Context for ContextOf<'_> {
    fn object(&self) -> Value {
        self.object_of(&MEMBERS)
    }

    fn with_member(&self, name: &str) -> Value {
        self.object_of(&[name])
    }
}

impl ContextOf<'_> {
    fn object_of(&self, names: &[&str]) -> Value {
        let members = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), self.member(name)?)));
        Value::Object(members.collect::<Map<String, Value>>())
    }

    fn member(&self, name: &str) -> Option<Value> {
        let frame = || self.execution.frames().get(&self.frame);
        match name {
            "Execution" => {
                let identity = self.execution.identity()?;
                Some(execution_member(self.execution, identity))
            }
            "StateMachine" => {
                let identity = self.execution.identity()?;
                let (arn, name) = (&*identity.state_machine_arn, &*identity.state_machine_name);
                Some(json!({"Id": arn, "Name": name}))
            }
            "State" => Some(state_member(frame()?)),
            "Map" => {
                let item = match self.item {
                    Some((index, value)) => json!({"Index": index, "Value": value}),
                    None => item_member(self.execution, frame()?.scope)?,
                };
                Some(json!({ "Item": item }))
            }
            "Task" => Some(json!({ "Token": (self.token)()? })),
            _ => None,
        }
    }
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
