//! Data through a state: what comes in, what goes out, and the scope that expressions see.
//!
//! What passes through unchanged is never parsed.

use asl::query::{Path, Scope, Template};
use asl::{Flow, PathField};
use serde_json::Value;

use super::Turn;
use super::assign::{Assigned, VariablesOf};
use super::failure::Failure;
use crate::context::ContextOf;
use crate::event::Completion;
use crate::ids::{FrameId, TaskId};
use crate::payload::Payload;

impl Turn<'_> {
    /// Returns the frame's input as `InputPath` selects it.
    pub(super) fn effective_input(&self, id: FrameId, flow: &Flow) -> Result<Payload, Failure> {
        let Flow::JsonPath(fields) = flow;
        self.select(id, &fields.input_path, &self.frame(id).input)
    }

    /// Returns `output` as the state's `OutputPath` selects it.
    pub(super) fn effective_output(
        &self,
        id: FrameId,
        flow: &Flow,
        output: &Payload,
    ) -> Result<Payload, Failure> {
        let Flow::JsonPath(fields) = flow;
        let output = self.select(id, &fields.output_path, output)?;
        if output.len() > self.cue.limits.payload_bytes_max {
            return Err(Failure::data_limit(&self.frame(id).name));
        }
        Ok(output)
    }

    /// Returns the output of a state that made `result`: ResultSelector, ResultPath, OutputPath.
    pub(super) fn output_of(
        &self,
        id: FrameId,
        flow: &Flow,
        result: Payload,
    ) -> Result<Payload, Failure> {
        let Flow::JsonPath(fields) = flow;
        let result = match &fields.result_selector {
            Some(selector) => self.fill(id, selector, &result)?,
            None => result,
        };
        let combined = match &fields.result_path {
            asl::ResultPath::Root => result,
            asl::ResultPath::Discard => self.frame(id).input.clone(),
            asl::ResultPath::Path(_) => {
                let input = self.frame(id).input.value().clone();
                let placed = fields.result_path.place(input, result.value().clone());
                self.made(
                    id,
                    placed.map_err(|failure| self.evaluation_failure(id, failure))?,
                )?
            }
        };
        self.effective_output(id, flow, &combined)
    }

    /// Returns the output of a state that made `result`, and what it assigns: both see the raw result.
    pub(super) fn output_and_assigned(
        &self,
        id: FrameId,
        flow: &Flow,
        assign: Option<&Template>,
        result: Payload,
    ) -> Result<(Payload, Assigned), Failure> {
        let assigned = self.assigned(id, assign, &result)?;
        Ok((self.output_of(id, flow, result)?, assigned))
    }

    /// Returns `Parameters` filled from the effective input, or that input where there are none.
    pub(super) fn parameters(&self, id: FrameId, flow: &Flow) -> Result<Payload, Failure> {
        let input = self.effective_input(id, flow)?;
        let Flow::JsonPath(fields) = flow;
        match &fields.parameters {
            Some(template) => self.fill(id, template, &input),
            None => Ok(input),
        }
    }

    /// Returns `template` filled from `input`.
    pub(super) fn fill(
        &self,
        id: FrameId,
        template: &Template,
        input: &Payload,
    ) -> Result<Payload, Failure> {
        self.with_scope(id, input.value(), |scope| template.evaluate(scope))
            .and_then(|value| self.made(id, value))
    }

    /// Returns what `path` finds in `input`.
    pub(super) fn look_up(
        &self,
        id: FrameId,
        path: &Path,
        input: &Payload,
    ) -> Result<Value, Failure> {
        self.with_scope(id, input.value(), |scope| {
            path.evaluate(scope).map(std::borrow::Cow::into_owned)
        })
    }

    /// Evaluates against `input` and the frame's context; a failure gets the sentence that names the state.
    pub(super) fn with_scope<T>(
        &self,
        id: FrameId,
        input: &Value,
        evaluate: impl FnOnce(&Scope<'_>) -> Result<T, asl::query::Failure>,
    ) -> Result<T, Failure> {
        let context = ContextOf {
            execution: self.execution,
            frame: id,
            token: &|| self.token_of(id),
            item: None,
        };
        let variables = VariablesOf {
            execution: self.execution,
            scope: self.frame(id).scope,
        };
        let scope = Scope {
            input,
            context: &context,
            variables: &variables,
            entropy: &self.entropy,
        };
        evaluate(&scope).map_err(|failure| self.evaluation_failure(id, failure))
    }

    fn select(&self, id: FrameId, field: &PathField, from: &Payload) -> Result<Payload, Failure> {
        match field {
            PathField::Root => Ok(from.clone()),
            PathField::Discard => Ok(Payload::empty_object()),
            PathField::Path(path) => self
                .look_up(id, path, from)
                .and_then(|value| self.made(id, value)),
        }
    }

    /// Returns the token of the frame's task, where its kind has one: of the one that was just answered,
    /// else of the one that the frame is about to schedule.
    ///
    /// A task's name is the number of the event that schedules it, which would be the next one.
    fn token_of(&self, id: FrameId) -> Option<String> {
        let asl::StateKind::Task(task) = &self.state_of(id).kind else {
            return None;
        };
        match super::task::completion_of(task) {
            Completion::OnReturn => None,
            Completion::OnToken | Completion::OnJob => {
                let next = TaskId(self.execution.last_event().next());
                let task = self
                    .answered
                    .filter(|(frame, _)| *frame == id)
                    .map_or(next, |(_, task)| task);
                Some(self.cue.tokens.seal(task))
            }
        }
    }
}
