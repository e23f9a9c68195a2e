//! Map in inline mode: one iteration an item, as many at once as the state allows.

use asl::query::Expected;
use asl::{Count, Items, Map};
use serde_json::{Value, json};

use super::assign::VariablesOf;
use super::failure::Failure;
use super::flow::Seen;
use super::{Progress, Turn};
use crate::context::{ContextOf, item_shown};
use crate::event::{Event, Scope};
use crate::frame::Waiting;
use crate::ids::{EventId, FrameId};
use crate::payload::Payload;

/// Most iterations at once in inline mode (Map state processing modes, "Inline mode").
const CONCURRENCY_MAX: u32 = 40;

impl Turn<'_> {
    pub(super) fn run_map(&mut self, id: FrameId, map: &Map) -> Progress {
        if let Some(distributed) = &map.distributed {
            return self.run_distributed_map(id, map, distributed);
        }
        let (input, items, pairs, concurrency) = match self.map_input(id, map) {
            Ok(parts) => parts,
            Err(failure) => return self.fail(id, failure),
        };
        let length = items.value().as_array().map_or(0, Vec::len) as u32;
        let tail = self.frame(id).tail;
        let input = (input != self.frame(id).input).then_some(input);
        self.emit(
            tail,
            Event::MapStarted {
                frame: id,
                items,
                length,
                concurrency,
                input,
                pairs: pairs.then_some(true),
            },
        )?;
        if length == 0 {
            self.finish_map(id, map)
        } else {
            self.begin_iterations(id, map)
        }
    }

    fn map_input(&self, id: FrameId, map: &Map) -> Result<(Payload, Payload, bool, u32), Failure> {
        let input = self.effective_input(id, &map.flow)?;
        let concurrency = self.concurrency(id, map, &input)?;
        let (items, pairs) = self.items_of(id, map, &input)?;
        Ok((input, items, pairs, concurrency))
    }

    /// Returns the array to iterate over. An object is iterated as the array of its pairs, which is then
    /// said (Map state, "ItemsPath").
    pub(super) fn items_of(
        &self,
        id: FrameId,
        map: &Map,
        input: &Payload,
    ) -> Result<(Payload, bool), Failure> {
        let items = match &map.items {
            Items::Path(path) => Payload::from_value(self.look_up(id, path, input)?),
            Items::Input => input.clone(),
            Items::Template(template) => match template.as_expression() {
                Some(expression) => {
                    let items = self.with_scope(id, Seen::input(input), |scope| {
                        expression.evaluate_as(scope, Expected::ArrayOrObject)
                    })?;
                    self.made(id, items)?
                }
                None => self.fill(id, template, Seen::input(input))?,
            },
        };
        match items.value() {
            Value::Array(_) => Ok((items, false)),
            Value::Object(members) => {
                let pairs = members
                    .iter()
                    .map(|(key, value)| json!({"Key": key, "Value": value}));
                Ok((Payload::from_value(pairs.collect()), true))
            }
            other => {
                let cause = format!("Map state input must be an array but was: {other}");
                Err(self.runtime_failure(id, cause))
            }
        }
    }

    pub(super) fn concurrency(
        &self,
        id: FrameId,
        map: &Map,
        input: &Payload,
    ) -> Result<u32, Failure> {
        let count = match &map.max_concurrency {
            None => 0,
            Some(Count::Literal(count)) => *count,
            Some(count) => self.with_scope(id, Seen::input(input), |scope| {
                count.evaluate(scope, "MaxConcurrencyPath")
            })?,
        };
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Begins iterations until as many run as may.
    fn begin_iterations(&mut self, id: FrameId, map: &Map) -> Progress {
        loop {
            let Some(frame) = self.execution.frames().get(&id) else {
                return Ok(());
            };
            let Waiting::Iterations {
                items,
                next,
                again,
                open,
                concurrency,
                outputs,
                input,
                ..
            } = &frame.waiting
            else {
                return Ok(());
            };
            let limit = if *concurrency == 0 {
                CONCURRENCY_MAX
            } else {
                (*concurrency).min(CONCURRENCY_MAX)
            };
            let index = again.first().copied().unwrap_or(*next);
            if index as usize >= outputs.len() || open.len() >= limit as usize {
                return Ok(());
            }
            let item = items
                .value()
                .get(index as usize)
                .cloned()
                .unwrap_or(Value::Null);
            let input = input.clone().unwrap_or_else(|| frame.input.clone());
            self.begin_iteration(id, map, index, item, &input)?;
        }
    }

    fn begin_iteration(
        &mut self,
        id: FrameId,
        map: &Map,
        index: u32,
        item: Value,
        input: &Payload,
    ) -> Progress {
        let (tail, name) = (self.frame(id).tail, self.frame(id).name.clone());
        let scope = Scope {
            owner: Some(id),
            index,
        };
        let selected = self.iteration_input(id, map, index, item, input);
        let started = self.emit(tail, Event::IterationStarted { scope, name })?;
        match selected {
            Ok(input) => self.enter_workflow(&map.processor, scope, started, input),
            Err(failure) if failure.is_runtime() => self.fail_at(id, started, failure),
            Err(failure) => {
                let (mut failure, mut tail) = (failure, started);
                if failure.location.is_some() {
                    tail = self.record_evaluation_failure(id, &failure)?;
                    failure.location = None;
                }
                // The iteration fails as if its first state had: the others end with it.
                self.end_iteration(id, scope, tail)?;
                self.abort_siblings(id, scope, tail)?;
                self.fail_at(id, tail, failure)
            }
        }
    }

    fn iteration_input(
        &self,
        id: FrameId,
        map: &Map,
        index: u32,
        item: Value,
        input: &Payload,
    ) -> Result<Payload, Failure> {
        let pairs = matches!(
            self.frame(id).waiting,
            Waiting::Iterations { pairs: true, .. }
        );
        self.selected(id, map, index, item, pairs, input)
    }

    /// Returns what the item selector makes of an item.
    pub(super) fn selected(
        &self,
        id: FrameId,
        map: &Map,
        index: u32,
        item: Value,
        pairs: bool,
        input: &Payload,
    ) -> Result<Payload, Failure> {
        let Some(selector) = &map.item_selector else {
            return Ok(Payload::from_value(item));
        };
        let context = ContextOf {
            execution: self.execution,
            frame: id,
            token: &|| None,
            given: self.given(),
            item: Some(item_shown(index, &item, pairs)),
        };
        let variables = VariablesOf {
            execution: self.execution,
            scope: self.frame(id).scope,
        };
        let scope = asl::query::Scope {
            input: input.value(),
            result: None,
            error_output: None,
            context: &context,
            variables: &variables,
            entropy: &self.entropy,
            now: self.cue.now,
        };
        let selected = selector
            .evaluate(&scope)
            .map_err(|failure| self.evaluation_failure(id, failure))?;
        self.made(id, selected)
    }

    pub(super) fn complete_iteration(
        &mut self,
        scope: Scope,
        last: EventId,
        output: Payload,
        id: FrameId,
        map: &Map,
    ) -> Progress {
        let name = self.frame(id).name.clone();
        self.emit(
            last,
            Event::IterationSucceeded {
                scope,
                name,
                output,
                last,
            },
        )?;
        let Waiting::Iterations {
            outputs,
            open,
            again,
            next,
            ..
        } = &self.frame(id).waiting
        else {
            return Ok(());
        };
        if open.is_empty() && again.is_empty() && *next as usize == outputs.len() {
            return self.finish_map(id, map);
        }
        self.begin_iterations(id, map)
    }

    /// Goes on with the iterations that had not succeeded before a redrive.
    pub(super) fn go_on_with_map(&mut self, id: FrameId, map: &Map) -> Progress {
        match &self.frame(id).waiting {
            Waiting::Iterations { outputs, .. } if outputs.iter().all(Option::is_some) => {
                self.finish_map(id, map)
            }
            _ => self.begin_iterations(id, map),
        }
    }

    fn finish_map(&mut self, id: FrameId, map: &Map) -> Progress {
        let Waiting::Iterations { outputs, .. } = &self.frame(id).waiting else {
            return Ok(());
        };
        let result = self.array_of(id, outputs.iter().flatten());
        // Recorded: the end follows the last iteration's end, or, without items, the start.
        let tail = self.execution.last_event();
        let left = result.and_then(|result| {
            self.output_and_assigned(id, &map.flow, map.assign.as_ref(), result)
        });
        match left {
            Ok((output, assigned)) => {
                self.emit(tail, Event::MapSucceeded { frame: id })?;
                self.exit(id, output, assigned, map.transition)
            }
            Err(failure) => self.fail_at(id, tail, failure),
        }
    }
}
