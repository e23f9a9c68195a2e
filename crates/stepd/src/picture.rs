//! An execution as a picture: the states of its definition with what became of them, and when.
//!
//! Made from what the API answers and nothing else: a definition's text and the events of a history.

mod definition;
mod draw;
mod visits;

pub use draw::{graph, timeline};
pub use visits::details;

use definition::Node;
use serde_json::Value;
use visits::Visits;

/// The states of an execution and what became of them.
pub struct Picture {
    nodes: Vec<Node>,
    visits: Visits,
}

impl Picture {
    /// Returns the picture of the states of `definition`, which nobody has visited yet.
    pub fn new(definition: &str) -> Self {
        let nodes = definition::nodes(definition);
        Self {
            visits: Visits::default(),
            nodes,
        }
    }

    /// Takes the next event of the history; events come in the order of their numbers.
    pub fn take(&mut self, event: &Value) {
        let nodes = &self.nodes;
        self.visits.take(event, |outer, inner| {
            definition::is_within(nodes, outer, inner)
        });
    }

    /// Returns the name of the state that an event belongs to.
    pub fn state_of(&self, event: &Value) -> Option<&str> {
        self.visits.state_of(event)
    }
}
