//! How much an evaluation makes, measured while it runs.
//!
//! The engine bounds single texts and arrays, and the number of steps, but not what many of them hold
//! together. An evaluation that gets far enough to matter is watched: what each node makes is added
//! up, and the evaluation is cancelled when the sum is more than memory is for.

use jlens_core::ast::BinaryOp;
use jlens_core::audit::{CaptureLimits, Outcome, Tracer, ValueRef};
use jlens_core::{CancelToken, Node, NodeKind};
use serde_json::Value;

/// What one evaluation may make in all, garbage included. AWS allows some 40 MiB at a time.
const BYTES_MAX: usize = 256 << 20;

/// What an item of an array or a member of an object costs, whatever it is.
const ITEM_BYTES: usize = 24;

/// Measures without looking inside: an array shows how many items it has, a text how long it is.
const SHALLOW: CaptureLimits = CaptureLimits {
    max_items: 0,
    max_string: usize::MAX,
    max_depth: 1,
    max_rejected: 0,
    max_nodes: 0,
    max_source: 0,
};

/// Watches an evaluation, and cancels it.
pub(super) struct Meter {
    left: usize,
    cancel: CancelToken,
    /// The type of the result: what the engine shows as nothing can be a function.
    pub(super) result_type: Option<&'static str>,
}

impl Meter {
    /// Returns a meter that cancels by `cancel`.
    pub(super) fn new(cancel: CancelToken) -> Self {
        Self {
            left: BYTES_MAX,
            cancel,
            result_type: None,
        }
    }
}

impl Tracer for Meter {
    fn exit(&mut self, node: &Node, outcome: Outcome<'_>) {
        let Outcome::Value(value) = outcome else {
            return;
        };
        if !makes(node) {
            return;
        }
        match self.left.checked_sub(size(value)) {
            Some(left) => self.left = left,
            None => self.cancel.cancel(),
        }
    }

    fn end(&mut self, outcome: Outcome<'_>) {
        if let Outcome::Value(value) = outcome {
            self.result_type = Some(value.type_name());
        }
    }
}

/// Says whether the value of `node` is made there; others pass on what is there already.
fn makes(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Binary { op, .. } => matches!(op, BinaryOp::Concat | BinaryOp::Range),
        NodeKind::Path { .. }
        | NodeKind::Array { .. }
        | NodeKind::Object { .. }
        | NodeKind::Function { .. }
        | NodeKind::Partial { .. }
        | NodeKind::Apply { .. }
        | NodeKind::Wildcard
        | NodeKind::Descendant
        | NodeKind::Transform(_)
        | NodeKind::Sort { .. } => true,
        NodeKind::Negate { .. }
        | NodeKind::Name { .. }
        | NodeKind::Variable { .. }
        | NodeKind::String { .. }
        | NodeKind::Number { .. }
        | NodeKind::Bool { .. }
        | NodeKind::Null
        | NodeKind::Regex { .. }
        | NodeKind::Parent { .. }
        | NodeKind::Condition { .. }
        | NodeKind::Fallback { .. }
        | NodeKind::Block { .. }
        | NodeKind::Bind { .. }
        | NodeKind::Placeholder
        | NodeKind::Lambda(_)
        | NodeKind::Error { .. } => false,
    }
}

/// Returns what `value` holds itself; what is inside its items was counted where it was made.
fn size(value: ValueRef<'_>) -> usize {
    match value.type_name() {
        "string" | "array" | "object" => match value.capture(&SHALLOW) {
            Some(Value::String(text)) => text.len(),
            Some(Value::Array(items)) => ITEM_BYTES * items.first().map_or(0, more),
            Some(Value::Object(members)) => ITEM_BYTES * members.values().next().map_or(0, more),
            _ => 0,
        },
        _ => 0,
    }
}

/// Reads the number in `… 7 more`, which stands for what was left out.
fn more(left_out: &Value) -> usize {
    let digits = left_out.as_str().unwrap_or_default();
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
