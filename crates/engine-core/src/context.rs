//! The context object, `$$`: what an execution tells its expressions about itself.
//!
//! Members and their order as recorded for a Pass state with `"InputPath": "$$"`.

use asl::query::Context;
use serde_json::{Map, Value, json};

use crate::event::{Identity, Scope, StateType};
use crate::execution::Execution;
use crate::frame::{Frame, Waiting};
use crate::ids::FrameId;

/// The context object of one frame. Its members are made one by one, as they are read: the execution's
/// input can be long.
pub(crate) struct ContextOf<'a> {
    pub execution: &'a Execution,
    pub frame: FrameId,
    /// Gives the token of the frame's task, where it has one.
    pub token: &'a dyn Fn() -> Option<String>,
    /// The item that is being selected, in a Map state.
    pub item: Option<Value>,
    /// Members that take the place of the execution's own.
    pub given: Option<&'a Map<String, Value>>,
}

/// The source of items that are in the state's input (Accessing execution data, "Map states").
pub(crate) const STATE_DATA: &str = "STATE_DATA";

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
        if (self.item.is_none() || name != "Map")
            && let Some(given) = self.given.and_then(|given| given.get(name))
        {
            return Some(given.clone());
        }
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
                let item = match &self.item {
                    Some(item) => item.clone(),
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
    let mut member = json!({
        "Id": &*identity.execution_arn,
        "Input": identity.input.value(),
        "StartTime": execution.started_at().to_string(),
        "Name": &*identity.name,
        "RoleArn": &*identity.role_arn,
        "RedriveCount": execution.redrives(),
    });
    if let Some(at) = execution.redriven_at() {
        member["RedriveTime"] = at.to_string().into();
    }
    member
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

/// Returns what `$$.Map.Item` says of an item of the state's own input; `item` is the pair of an object
/// where `pairs` says so.
pub(crate) fn item_shown(index: u32, item: &Value, pairs: bool) -> Value {
    if pairs {
        let (key, value) = (&item["Key"], &item["Value"]);
        return json!({"Index": index, "Key": key, "Value": value, "Source": STATE_DATA});
    }
    json!({"Index": index, "Value": item, "Source": STATE_DATA})
}

/// Returns the item of the innermost iteration around `scope`.
fn item_member(execution: &Execution, mut scope: Scope) -> Option<Value> {
    while let Some(owner) = scope.owner {
        let frame = execution.frames().get(&owner)?;
        if let Waiting::Iterations { items, pairs, .. } = &frame.waiting {
            let item = items.value().get(scope.index as usize)?;
            return Some(item_shown(scope.index, item, *pairs));
        }
        scope = frame.scope;
    }
    None
}
