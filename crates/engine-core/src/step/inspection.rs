//! One state by itself: the same code that executions run, over an execution that nobody stores, with
//! what each stage of the data flow came to.
//!
//! A state begins, and either ends or waits. What a Task waits for is called by whoever looks, or told;
//! what branches or iterations come to is always told.

use std::collections::BTreeMap;

use asl::{Distributed, Flow, Items, Map, State, StateKind, StateMachine};
use serde_json::{Map as Object, Value, json};
use vocab::Timestamp;

use super::failure::Failure;
use super::flow::Seen;
use super::notes::{Handled, Notes, Stage};
use super::{Cue, Progress, Turn};
use crate::command::Command;
use crate::effect::{Effect, TaskCall};
use crate::event::{Assignment, Event, Identity, Recorded, Scope, StateType};
use crate::execution::Execution;
use crate::frame::{Frame, Waiting};
use crate::ids::{FrameId, TaskId};
use crate::map_run::{Batching, ItemsFrom, Tolerance};
use crate::payload::{Payload, Text};

/// Most bytes of what a field of a Map state makes of all its items.
const SHOWN_BYTES_MAX: usize = 16 << 20;

/// What a state is looked at with.
pub struct Setup {
    /// The execution that it is part of, whose input is the state's own.
    pub identity: Box<Identity>,
    /// The variables that it sees.
    pub variables: Object<String, Value>,
    /// Members of the context object that take the place of those of the execution.
    pub context: Object<String, Value>,
    /// How often the retrier that names a failure has taken one on.
    pub retries: u64,
    /// The items of a Distributed Map that has a reader, where somebody gives them.
    pub items_read: Option<Payload>,
}

/// A state that was entered.
pub struct Inspection<'m> {
    machine: &'m StateMachine,
    state: &'m State,
    execution: Execution,
    notes: Notes,
    frame: FrameId,
    variables: BTreeMap<Text, Payload>,
    items_read: Option<Payload>,
}

/// What a state that has not ended waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Pause {
    /// For the answer of a call.
    Call(TaskId, Box<TaskCall>),
    /// For a worker.
    Worker(TaskId),
    /// For a moment.
    Moment(Timestamp),
    /// For what so many branches come to.
    Branches(usize),
    /// For what the iterations come to.
    Iterations {
        /// How many; `None` where nobody knows the items.
        count: Option<u64>,
        /// How many may fail; `None` where the definition does not say.
        tolerance: Option<Tolerance>,
    },
}

/// How a state ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// With an output.
    Left {
        /// The output.
        output: Payload,
        /// The state that follows.
        next: Option<Text>,
    },
    /// With a failure that a retrier takes on.
    Retried,
    /// With a failure that ends its execution, or what is around it.
    Failed,
}

/// What a state that waits is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A result: of the call, of all branches, of all iterations.
    Result(Payload),
    /// A failure.
    Error {
        /// What went wrong.
        error: Option<Text>,
        /// For people.
        cause: Option<Text>,
    },
    /// Its time has come, or is over.
    Time,
}

/// How far a state came.
pub type Reached = Result<Pause, End>;

impl<'m> Inspection<'m> {
    /// Enters the state `name` of `machine`, at whatever depth, as if nothing were around it. `None` when
    /// there is no such state.
    pub fn new(
        machine: &'m StateMachine,
        name: &str,
        setup: Setup,
        now: Timestamp,
    ) -> Option<Self> {
        let state = machine.find(name)?;
        let notes = Notes::new(setup.context, setup.retries);
        let mut execution = Execution::new();
        let input = setup.identity.input.clone();
        let started = Event::ExecutionStarted(setup.identity);
        let entered = Event::StateEntered {
            name: Text::from(state.name.clone()),
            state_type: StateType::from(&state.kind),
            scope: Scope::ROOT,
            input,
        };
        for event in [started, entered] {
            let previous = execution.last_event();
            execution.apply(&Recorded {
                previous,
                at: now,
                event,
            });
        }
        let variables: BTreeMap<Text, Payload> = setup
            .variables
            .into_iter()
            .map(|(name, value)| (name.into(), Payload::from_value(value)))
            .collect();
        execution.set_variables(variables.clone());
        Some(Self {
            machine,
            state,
            frame: FrameId(execution.last_event()),
            execution,
            notes,
            variables,
            items_read: setup.items_read,
        })
    }

    /// Does what the state does until it ends or waits.
    pub fn begin(&mut self, cue: &Cue<'_>) -> Reached {
        let (state, frame) = (self.state, self.frame);
        match &state.kind {
            StateKind::Parallel(parallel) => {
                // Recorded: what the branches would start from is not shown.
                self.notes.muted.set(true);
                let parameters = self.turn(cue).parameters(frame, &parallel.flow);
                self.notes.muted.set(false);
                match parameters {
                    Ok(_) => Ok(Pause::Branches(parallel.branches.len())),
                    Err(failure) => self.fail(cue, failure),
                }
            }
            StateKind::Map(map) => match self.prepare_map(cue, map) {
                Ok(pause) => Ok(pause),
                Err(failure) => self.fail(cue, failure),
            },
            StateKind::Pass(_)
            | StateKind::Task(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_) => self.step(cue, |turn| turn.run_frame(frame)),
        }
    }

    /// Goes on with a state that waits.
    pub fn tell(&mut self, cue: &Cue<'_>, told: Told) -> Reached {
        let frame = self.frame;
        let waiting = self
            .execution
            .frames()
            .get(&frame)
            .map(|frame| &frame.waiting);
        match (waiting, told) {
            (Some(Waiting::Task { task, .. }), told) => {
                let task = *task;
                if let Told::Result(result) = &told {
                    self.notes.stage(Stage::Result, result);
                }
                self.step(cue, |turn| match told {
                    Told::Result(output) => {
                        turn.rejected_to_nothing(Command::TaskSucceeded { task, output })
                    }
                    Told::Error { error, cause } => {
                        turn.rejected_to_nothing(Command::TaskFailed { task, error, cause })
                    }
                    Told::Time => turn.task_timed_out(task, false),
                })
            }
            (Some(Waiting::Timer { .. }), Told::Time) => {
                self.step(cue, |turn| turn.wait_over(frame))
            }
            (_, Told::Error { error, cause }) => self.fail(cue, Failure::told(error, cause)),
            (_, Told::Result(result)) => self.leave(cue, result),
            (_, Told::Time) => {
                let error = Some("States.Timeout".into());
                self.fail(cue, Failure::told(error, None))
            }
        }
    }

    /// Returns what each stage came to.
    pub fn stages(&self) -> BTreeMap<Stage, Payload> {
        self.notes.stages()
    }

    /// Returns what became of a failure.
    pub fn handled(&self) -> Handled {
        self.notes.handled.borrow().clone()
    }

    /// Returns the variables after the state.
    pub fn variables(&self) -> &BTreeMap<Text, Payload> {
        &self.variables
    }

    fn turn<'t>(&'t mut self, cue: &'t Cue<'t>) -> Turn<'t>
    where
        'm: 't,
    {
        let mut turn = Turn::new(self.machine, &mut self.execution, cue);
        turn.notes = Some(&self.notes);
        turn
    }

    fn fail(&mut self, cue: &Cue<'_>, failure: Failure) -> Reached {
        let frame = self.frame;
        self.step(cue, |turn| turn.fail(frame, failure))
    }

    /// Moves the state, and no other: what it leads to is not begun.
    fn step(&mut self, cue: &Cue<'_>, act: impl FnOnce(&mut Turn<'_>) -> Progress) -> Reached {
        let mut turn = self.turn(cue);
        if act(&mut turn).is_err() {
            turn.fail_history_full();
        }
        let transition = turn.finish();
        for recorded in &transition.events {
            if let Event::StateExited { assigned, .. } = &recorded.event {
                for Assignment { name, value } in assigned.iter().flatten() {
                    self.variables.insert(name.clone(), value.clone());
                }
            }
        }
        let calls = transition
            .effects
            .into_iter()
            .find_map(|effect| match effect {
                Effect::ScheduleTask { task, call } => Some(Pause::Call(task, Box::new(call))),
                Effect::OfferTask { offer, .. } => Some(Pause::Worker(offer.task)),
                _ => None,
            });
        if let Some(calls) = calls {
            return Ok(calls);
        }
        if let Some(Frame {
            waiting: Waiting::Timer { due_at },
            ..
        }) = self.execution.frames().get(&self.frame)
        {
            return Ok(Pause::Moment(*due_at));
        }
        Err(end_of(&transition.events))
    }

    /// Leaves a Parallel or Map state with what its branches or iterations came to.
    fn leave(&mut self, cue: &Cue<'_>, result: Payload) -> Reached {
        let frame = self.frame;
        let (flow, assign, onward) = match &self.state.kind {
            StateKind::Parallel(parallel) => {
                (&parallel.flow, &parallel.assign, parallel.transition)
            }
            StateKind::Map(map) => (&map.flow, &map.assign, map.transition),
            StateKind::Pass(_)
            | StateKind::Task(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_) => return Err(End::Failed),
        };
        self.step(cue, |turn| {
            match turn.output_and_assigned(frame, flow, assign.as_ref(), result) {
                Ok((output, assigned)) => turn.exit(frame, output, assigned, onward),
                Err(failure) => turn.fail(frame, failure),
            }
        })
    }

    /// Evaluates everything that a Map state evaluates before its iterations.
    fn prepare_map(&mut self, cue: &Cue<'_>, map: &Map) -> Result<Pause, Failure> {
        let (frame, items_read) = (self.frame, self.items_read.clone());
        let turn = self.turn(cue);
        let input = turn.effective_input(frame, &map.flow)?;
        let distributed = map.distributed.as_deref();
        let items = match distributed.filter(|distributed| distributed.reader.is_some()) {
            Some(distributed) => turn.read_items(frame, distributed, items_read, &input)?,
            None => Some(turn.shown_items(frame, map, &input)?),
        };
        let concurrency = turn.concurrency(frame, map, &input)?;
        turn.note_number(Stage::MaxConcurrency, f64::from(concurrency));
        let tolerance = distributed
            .map(|distributed| turn.shown_tolerance(frame, distributed, &input))
            .transpose()?
            .flatten();
        let Some((items, pairs)) = items else {
            return Ok(Pause::Iterations {
                count: None,
                tolerance,
            });
        };
        let inputs = turn.shown_inputs(frame, map, &items, pairs, &input)?;
        let batching = match distributed {
            Some(distributed) => turn.with_scope(frame, Seen::input(&input), |scope| {
                super::map_run::batching(distributed, scope)
            })?,
            None => None,
        };
        let count = match batching {
            Some(batching) => {
                let batches = batches(&inputs, &batching, cue.limits.payload_bytes_max)?;
                let count = batches.len();
                turn.note(
                    Stage::ItemBatcher,
                    &Payload::from_value(Value::Array(batches)),
                );
                count
            }
            None => inputs.len(),
        };
        Ok(Pause::Iterations {
            count: Some(count as u64),
            tolerance,
        })
    }
}

impl Turn<'_> {
    /// Carries a command out that cannot be rejected: the state waits for it.
    fn rejected_to_nothing(&mut self, command: Command) -> Progress {
        self.carry_out(command).unwrap_or(Ok(()))
    }

    fn note_number(&self, stage: Stage, number: f64) {
        let value = if number.fract() == 0.0 && number.abs() < 1e15 {
            Value::from(number as i64)
        } else {
            Value::from(number)
        };
        self.note(stage, &Payload::from_value(value));
    }

    /// Returns the items of the state's input, and whether they are pairs of an object.
    ///
    /// Recorded: here, an inline Map whose `ItemsPath` finds an object fails (docs/adr/0034).
    fn shown_items(
        &self,
        id: FrameId,
        map: &Map,
        input: &Payload,
    ) -> Result<(Payload, bool), Failure> {
        let (items, pairs) = self.items_of(id, map, input)?;
        if let Flow::JsonPath(_) = &map.flow {
            if let (Items::Path(path), true, None) = (&map.items, pairs, &map.distributed) {
                let shown = path
                    .text()
                    .strip_prefix('$')
                    .filter(|rest| rest.starts_with('$'));
                let shown = shown.unwrap_or(path.text());
                let cause = format!("Reference path \"{shown}\" must point to array.");
                return Err(Failure::new("States.Runtime", cause));
            }
            self.note(Stage::ItemsPath, &items);
        }
        Ok((items, pairs))
    }

    /// Returns the items of what a reader read, where somebody gives that, as `ItemsPointer` finds them.
    fn read_items(
        &self,
        id: FrameId,
        distributed: &Distributed,
        read: Option<Payload>,
        input: &Payload,
    ) -> Result<Option<(Payload, bool)>, Failure> {
        let Some(read) = read else { return Ok(None) };
        let (from, _) = self.with_scope(id, Seen::input(input), |scope| {
            super::map_run::reader(distributed, scope)
        })?;
        let pointer = match &from {
            ItemsFrom::Reader(reader) => reader.value()["ReaderConfig"]["ItemsPointer"].as_str(),
            ItemsFrom::State { .. } => None,
        };
        let items = match pointer {
            None => read,
            Some(pointer) => {
                let Some(found) = read.value().pointer(pointer) else {
                    let cause = format!("The ItemsPointer '{pointer}' finds nothing.");
                    return Err(Failure::new("States.ItemReaderFailed", cause));
                };
                let found = Payload::from_value(found.clone());
                self.note(Stage::ItemsPointer, &found);
                found
            }
        };
        Ok(match items.value() {
            Value::Array(_) => Some((items, false)),
            Value::Object(members) => {
                let pairs = members.iter();
                let pairs = pairs.map(|(key, value)| json!({"Key": key, "Value": value}));
                Some((Payload::from_value(pairs.collect()), true))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }

    fn shown_tolerance(
        &self,
        id: FrameId,
        distributed: &Distributed,
        input: &Payload,
    ) -> Result<Option<Tolerance>, Failure> {
        let tolerance = self.with_scope(id, Seen::input(input), |scope| {
            super::map_run::tolerance(distributed, scope)
        })?;
        let says = [
            distributed.tolerated_failure_count.is_some(),
            distributed.tolerated_failure_percentage.is_some(),
        ];
        if says[0] {
            self.note_number(Stage::ToleratedFailureCount, tolerance.count as f64);
        }
        if says[1] {
            self.note_number(Stage::ToleratedFailurePercentage, tolerance.percentage);
        }
        Ok(says.contains(&true).then_some(tolerance))
    }

    /// Returns the inputs of the iterations; notes them where a selector makes them.
    fn shown_inputs(
        &self,
        id: FrameId,
        map: &Map,
        items: &Payload,
        pairs: bool,
        input: &Payload,
    ) -> Result<Vec<Value>, Failure> {
        let items = items.value().as_array().cloned().unwrap_or_default();
        if map.item_selector.is_none() {
            return Ok(items);
        }
        let mut room = Room::new("ItemSelector");
        let selected: Result<Vec<Value>, Failure> = (0u32..)
            .zip(items)
            .map(|(index, item)| {
                let input = self.selected(id, map, index, item, pairs, input)?;
                room.take(input.len())?;
                Ok(input.value().clone())
            })
            .collect();
        let selected = selected?;
        self.note(
            Stage::ItemSelector,
            &Payload::from_value(Value::Array(selected.clone())),
        );
        Ok(selected)
    }
}

fn end_of(events: &[Recorded]) -> End {
    let mut end = End::Failed;
    for recorded in events {
        match &recorded.event {
            Event::RetryScheduled { .. } => return End::Retried,
            Event::StateExited { output, .. } => {
                end = End::Left {
                    output: output.clone(),
                    next: None,
                };
            }
            Event::StateEntered { name, .. } => {
                if let End::Left { next, .. } = &mut end {
                    *next = Some(name.clone());
                }
            }
            _ => {}
        }
    }
    end
}

/// How much more may be shown of what a field of a Map state makes of its items. Each of many items can
/// come to the most that a payload may have, and all of them are shown at once.
struct Room {
    field: &'static str,
    bytes: usize,
}

impl Room {
    fn new(field: &'static str) -> Self {
        let bytes = SHOWN_BYTES_MAX;
        Self { field, bytes }
    }

    fn take(&mut self, bytes: usize) -> Result<(), Failure> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or_else(|| {
            let cause = format!(
                "What the {} makes of all items is longer than {SHOWN_BYTES_MAX} bytes.",
                self.field
            );
            Failure::new("States.DataLimitExceeded", cause)
        })?;
        Ok(())
    }
}

/// Puts the inputs of iterations together as an `ItemBatcher` does.
fn batches(inputs: &[Value], batching: &Batching, bytes_max: usize) -> Result<Vec<Value>, Failure> {
    let items_max = match usize::try_from(batching.items_max) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(items_max) => items_max,
    };
    let bytes_max = match usize::try_from(batching.bytes_max) {
        Ok(0) | Err(_) => bytes_max,
        Ok(asked) => asked.min(bytes_max),
    };
    let batch = |items: Vec<Value>| {
        let mut batch = Object::new();
        if let Some(input) = &batching.input {
            batch.insert("BatchInput".into(), input.value().clone());
        }
        batch.insert("Items".into(), Value::Array(items));
        Value::Object(batch)
    };
    let frame = batch(Vec::new()).to_string().len();
    let mut room = Room::new("ItemBatcher");
    let (mut batches, mut open, mut bytes) = (Vec::new(), Vec::new(), frame);
    for input in inputs {
        let length = input.to_string().len() + 1;
        if !open.is_empty() && (open.len() >= items_max || bytes + length > bytes_max) {
            room.take(bytes)?;
            batches.push(batch(std::mem::take(&mut open)));
            bytes = frame;
        }
        bytes += length;
        open.push(input.clone());
    }
    if !open.is_empty() {
        room.take(bytes)?;
        batches.push(batch(open));
    }
    Ok(batches)
}
