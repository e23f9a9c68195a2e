//! Data through a state: what comes in, what goes out, and the scope that expressions see.
//!
//! What passes through unchanged is never parsed.

use asl::query::{Path, Scope, Template};
use asl::{Flow, JsonPathFlow, PathField};
use serde_json::{Map, Value};

use super::Turn;
use super::assign::{Assigned, VariablesOf};
use super::failure::Failure;
use super::notes::Stage;
use crate::context::ContextOf;
use crate::event::Completion;
use crate::ids::{FrameId, TaskId};
use crate::payload::Payload;

/// What the expressions of a state see beside its context and its variables.
#[derive(Clone, Copy)]
pub(super) struct Seen<'p> {
    /// `$`, or `$states.input`.
    pub input: &'p Payload,
    /// `$states.result`.
    pub result: Option<&'p Payload>,
    /// `$states.errorOutput`.
    pub error_output: Option<&'p Payload>,
}

impl<'p> Seen<'p> {
    /// An input and nothing else.
    pub(super) fn input(input: &'p Payload) -> Self {
        Self {
            input,
            result: None,
            error_output: None,
        }
    }
}

impl Turn<'_> {
    /// Returns the frame's input as `InputPath` selects it.
    pub(super) fn effective_input(&self, id: FrameId, flow: &Flow) -> Result<Payload, Failure> {
        match flow {
            Flow::JsonPath(fields) => {
                let input = self.select(id, &fields.input_path, &self.frame(id).input)?;
                self.note(Stage::InputPath, &input);
                Ok(input)
            }
            Flow::Jsonata(_) => Ok(self.frame(id).input.clone()),
        }
    }

    /// Returns what a state without a result puts out: its effective `input` as `OutputPath` selects it,
    /// or its `Output`.
    pub(super) fn effective_output(
        &self,
        id: FrameId,
        flow: &Flow,
        input: &Payload,
    ) -> Result<Payload, Failure> {
        match flow {
            Flow::JsonPath(fields) => {
                let output = self.select(id, &fields.output_path, input)?;
                self.within_limit(id, output)
            }
            Flow::Jsonata(fields) => {
                self.filled_or(id, fields.output.as_ref(), Seen::input(input), input)
            }
        }
    }

    /// Returns `template` filled, or `otherwise` where there is none.
    pub(super) fn filled_or(
        &self,
        id: FrameId,
        template: Option<&Template>,
        seen: Seen<'_>,
        otherwise: &Payload,
    ) -> Result<Payload, Failure> {
        let output = match template {
            Some(template) => self.fill(id, template, seen)?,
            None => otherwise.clone(),
        };
        self.within_limit(id, output)
    }

    /// Returns `output`, unless it is longer than an output may be.
    pub(super) fn within_limit(&self, id: FrameId, output: Payload) -> Result<Payload, Failure> {
        if output.len() > self.cue.limits.payload_bytes_max {
            return Err(Failure::data_limit(&self.frame(id).name));
        }
        Ok(output)
    }

    /// Returns the output of a state that made `result`: ResultSelector, ResultPath, OutputPath.
    fn output_of(
        &self,
        id: FrameId,
        fields: &JsonPathFlow,
        result: Payload,
    ) -> Result<Payload, Failure> {
        let result = match &fields.result_selector {
            Some(selector) => self.fill(id, selector, Seen::input(&result))?,
            None => result,
        };
        self.note(Stage::ResultSelector, &result);
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
        self.note(Stage::ResultPath, &combined);
        let output = self.select(id, &fields.output_path, &combined)?;
        self.within_limit(id, output)
    }

    /// Returns the output of a state that made `result`, and what it assigns: both see the raw result.
    pub(super) fn output_and_assigned(
        &self,
        id: FrameId,
        flow: &Flow,
        assign: Option<&Template>,
        result: Payload,
    ) -> Result<(Payload, Assigned), Failure> {
        match flow {
            Flow::JsonPath(fields) => {
                let assigned = self.assigned(id, assign, Seen::input(&result))?;
                Ok((self.output_of(id, fields, result)?, assigned))
            }
            Flow::Jsonata(fields) => {
                let input = self.frame(id).input.clone();
                let seen = Seen {
                    result: Some(&result),
                    ..Seen::input(&input)
                };
                let assigned = self.assigned(id, assign, seen)?;
                let output = self.filled_or(id, fields.output.as_ref(), seen, &result)?;
                Ok((output, assigned))
            }
        }
    }

    /// Returns the output of a state without a result, whose effective input is `input`, and what it
    /// assigns.
    pub(super) fn passed_and_assigned(
        &self,
        id: FrameId,
        flow: &Flow,
        assign: Option<&Template>,
        input: &Payload,
    ) -> Result<(Payload, Assigned), Failure> {
        let assigned = self.assigned(id, assign, Seen::input(input))?;
        Ok((self.effective_output(id, flow, input)?, assigned))
    }

    /// Returns `Parameters` or `Arguments` filled from the effective input, or that input where there
    /// are none.
    pub(super) fn parameters(&self, id: FrameId, flow: &Flow) -> Result<Payload, Failure> {
        let input = self.effective_input(id, flow)?;
        let (template, stage) = match flow {
            Flow::JsonPath(fields) => (&fields.parameters, Stage::Parameters),
            Flow::Jsonata(fields) => (&fields.arguments, Stage::Arguments),
        };
        let parameters = match template {
            Some(template) => self.fill(id, template, Seen::input(&input))?,
            None => input,
        };
        self.note(stage, &parameters);
        Ok(parameters)
    }

    /// Returns `template` filled.
    pub(super) fn fill(
        &self,
        id: FrameId,
        template: &Template,
        seen: Seen<'_>,
    ) -> Result<Payload, Failure> {
        if let Some(fixed) = template.as_literal() {
            return self.made(id, fixed.clone());
        }
        self.with_scope(id, seen, |scope| template.evaluate(scope))
            .and_then(|value| self.made(id, value))
    }

    /// Returns what `path` finds in `input`.
    pub(super) fn look_up(
        &self,
        id: FrameId,
        path: &Path,
        input: &Payload,
    ) -> Result<Value, Failure> {
        self.with_scope(id, Seen::input(input), |scope| {
            path.evaluate(scope).map(std::borrow::Cow::into_owned)
        })
    }

    /// Evaluates in the frame's context; a failure gets the sentence that names the state.
    pub(super) fn with_scope<T>(
        &self,
        id: FrameId,
        seen: Seen<'_>,
        evaluate: impl FnOnce(&Scope<'_>) -> Result<T, asl::query::Failure>,
    ) -> Result<T, Failure> {
        let context = ContextOf {
            execution: self.execution,
            frame: id,
            token: &|| self.token_of(id),
            item: None,
            given: self.given(),
        };
        let variables = VariablesOf {
            execution: self.execution,
            scope: self.frame(id).scope,
        };
        let scope = Scope {
            input: seen.input.value(),
            result: seen.result.map(Payload::value),
            error_output: seen.error_output.map(Payload::value),
            context: &context,
            variables: &variables,
            entropy: &self.entropy,
            now: self.cue.now,
        };
        evaluate(&scope).map_err(|failure| self.evaluation_failure(id, failure))
    }

    /// Returns the members of the context object that are given.
    pub(super) fn given(&self) -> Option<&Map<String, Value>> {
        self.notes.map(|notes| &notes.context)
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
