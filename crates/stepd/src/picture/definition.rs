//! The states of a definition as a list: in the order in which they can be reached, the inner ones below
//! the state that holds them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// One state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub name: String,
    /// The `Type` field.
    pub kind: String,
    /// How many states are around it.
    pub depth: usize,
    /// Where it may go.
    pub next: Vec<String>,
}

/// Returns the states of a definition's text; none where it is no JSON.
pub fn nodes(definition: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    if let Ok(machine) = serde_json::from_str(definition) {
        add(&machine, 0, &mut nodes);
    }
    nodes
}

/// Says whether the state `inner` is part of the state `outer`.
pub fn is_within(nodes: &[Node], outer: &str, inner: &str) -> bool {
    let Some(at) = nodes.iter().position(|node| node.name == outer) else {
        return false;
    };
    nodes[at + 1..]
        .iter()
        .take_while(|node| node.depth > nodes[at].depth)
        .any(|node| node.name == inner)
}

/// Adds the states of a machine, a branch or an item processor. Its text nests no deeper than the server
/// let it, which is what bounds the recursion.
fn add(workflow: &Value, depth: usize, nodes: &mut Vec<Node>) {
    let Some(states) = workflow["States"].as_object() else {
        return;
    };
    for name in in_order(workflow, states) {
        let state = &states[name];
        nodes.push(Node {
            name: name.to_owned(),
            kind: state["Type"].as_str().unwrap_or_default().to_owned(),
            depth,
            next: next_of(state).into_iter().map(str::to_owned).collect(),
        });
        for branch in state["Branches"].as_array().into_iter().flatten() {
            add(branch, depth + 1, nodes);
        }
        for processor in ["ItemProcessor", "Iterator"] {
            add(&state[processor], depth + 1, nodes);
        }
    }
}

/// Returns the names of states as they are reached from the first one; those that are not, at the end.
fn in_order<'v>(workflow: &'v Value, states: &'v Map<String, Value>) -> Vec<&'v str> {
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    let mut open: Vec<&str> = workflow["StartAt"].as_str().into_iter().collect();
    while let Some(name) = open.pop() {
        if let Some((name, state)) = states.get_key_value(name)
            && seen.insert(name.as_str())
        {
            order.push(name.as_str());
            open.extend(next_of(state).into_iter().rev());
        }
    }
    let rest = states.keys().map(String::as_str);
    order.extend(rest.filter(|name| !seen.contains(name)));
    order
}

/// Returns where a state may go, in the order of the definition, each name once.
fn next_of(state: &Value) -> Vec<&str> {
    let of = |member: &str| state[member].as_array().into_iter().flatten();
    let ways = of("Choices").chain(of("Catch")).map(|way| &way["Next"]);
    let mut next: Vec<&str> = Vec::new();
    for way in std::iter::once(&state["Next"])
        .chain(ways)
        .chain([&state["Default"]])
    {
        if let Some(name) = way.as_str()
            && !next.contains(&name)
        {
            next.push(name);
        }
    }
    next
}
