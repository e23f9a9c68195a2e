//! Variables: what a state assigns when it is left, and what its expressions see.

use asl::query::{Template, Variables};
use serde_json::Value;

use super::Turn;
use super::failure::Failure;
use super::flow::Seen;
use crate::event::{Assignment, Scope};
use crate::execution::Execution;
use crate::ids::FrameId;
use crate::payload::Payload;

/// What a state assigns; `None` where its definition assigns nothing.
pub(super) type Assigned = Option<Vec<Assignment>>;

/// The variables that the states of one scope see: its own, then those of the scopes around it.
pub(super) struct VariablesOf<'a> {
    pub execution: &'a Execution,
    pub scope: Scope,
}

impl Variables for VariablesOf<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.execution
            .variable(self.scope, name)
            .map(Payload::value)
    }
}

impl Turn<'_> {
    /// Returns what `assign` assigns. Nothing is assigned yet: all of one `Assign` see the values from
    /// before it, and so does an `Output` beside it.
    pub(super) fn assigned(
        &self,
        id: FrameId,
        assign: Option<&Template>,
        seen: Seen<'_>,
    ) -> Result<Assigned, Failure> {
        let Some(template) = assign else {
            return Ok(None);
        };
        let values = self.with_scope(id, seen, |scope| template.evaluate(scope))?;
        let Value::Object(values) = values else {
            return Ok(None);
        };
        let mut assigned = Vec::with_capacity(values.len());
        let mut bytes = 0;
        for (name, value) in values {
            let value = self.made(id, value)?;
            bytes += value.len();
            assigned.push(Assignment {
                name: name.into(),
                value,
            });
        }
        let limits = self.cue.limits;
        if bytes > limits.assign_bytes_max {
            return Err(self.too_much(id, "one Assign", limits.assign_bytes_max));
        }
        let scope = self.frame(id).scope;
        let replaced = assigned
            .iter()
            .filter_map(|new| self.execution.own_variable(scope, &new.name));
        let replaced: usize = replaced.map(Payload::len).sum();
        if self.execution.variables_bytes() + bytes - replaced > limits.variables_bytes_max {
            let limit = limits.variables_bytes_max;
            return Err(self.too_much(id, "all variables of an execution", limit));
        }
        Ok(Some(assigned))
    }

    fn too_much(&self, id: FrameId, what: &str, limit: usize) -> Failure {
        let name = &self.frame(id).name;
        let cause = format!(
            "The state '{name}' assigns variables of a size exceeding the limit of {limit} bytes for {what}."
        );
        Failure::new("States.DataLimitExceeded", cause)
    }
}
