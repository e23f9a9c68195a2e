//! How much one template may make.
//!
//! A small definition can ask for a large input thousands of times over. What is made is measured
//! before it is made, so that one state cannot take the memory of all executions.

use std::cell::Cell;

use serde_json::Value;

use crate::query::Failure;

/// Far above the payload limit of any state, raised or not.
const BYTES_MAX: usize = 64 << 20;

/// What a value costs beside its texts.
const NODE_BYTES: usize = 16;

/// The bytes that one evaluation may still make.
pub(crate) struct Budget(Cell<usize>);

impl Budget {
    pub(crate) fn new() -> Self {
        Self(Cell::new(BYTES_MAX))
    }

    /// Takes what a copy of `value` costs.
    pub(crate) fn spend(&self, value: &Value) -> Result<(), Failure> {
        let mut left = self.0.get();
        let mut stack = vec![value];
        while let Some(value) = stack.pop() {
            let bytes = match value {
                Value::Null | Value::Bool(_) | Value::Number(_) => 0,
                Value::String(text) => text.len(),
                Value::Array(items) => {
                    stack.extend(items);
                    0
                }
                Value::Object(fields) => {
                    stack.extend(fields.values());
                    fields.keys().map(String::len).sum()
                }
            };
            left = left.checked_sub(bytes + NODE_BYTES).ok_or_else(exceeded)?;
        }
        self.0.set(left);
        Ok(())
    }
}

fn exceeded() -> Failure {
    Failure::runtime(format!(
        "The payload template makes more than {BYTES_MAX} bytes"
    ))
}
