//! Map in distributed mode: evaluates what its map run needs, and waits for it.

use asl::query::Scope;
use asl::{Distributed, ExecutionType, Map};
use serde_json::{Map as Object, Value, json};
use vocab::Arn;

use super::failure::Failure;
use super::flow::Seen;
use super::{Progress, Turn};
use crate::command::Rejection;
use crate::context::ContextOf;
use crate::effect::Effect;
use crate::event::Event;
use crate::frame::LastRun;
use crate::ids::{EventId, FrameId, MapRunId};
use crate::map_run::{self, Batching, ItemsFrom, MapRunStart, Settings, Tolerance};
use crate::payload::{Payload, Text};

/// Most items that a reader is asked for (`MaxItems`); what is more is taken as this (recorded).
const ITEMS_MAX: i64 = 100_000_000;

/// The cause of a run's failure that was asked for fewer than no items: it never began (recorded).
const ITEMS_NEGATIVE: &str = "field MaxItems must be positive";

/// Most redrives of one run (Redriving Map Runs, "Redrive eligibility").
const REDRIVES_MAX: u64 = 1_000;

/// What the fields of a Distributed Map come to.
struct Evaluated {
    settings: Settings,
    items: ItemsFrom,
    batching: Option<Batching>,
    writer: Option<Payload>,
    /// The reader was asked for fewer than no items.
    items_negative: bool,
}

impl<'t> Turn<'t> {
    pub(super) fn run_distributed_map(
        &mut self,
        id: FrameId,
        map: &Map,
        distributed: &Distributed,
    ) -> Progress {
        if let Some(last) = self.run_to_redrive(id) {
            return self.redrive_map_run(id, *last);
        }
        let found = self.effective_input(id, &map.flow).and_then(|input| {
            let items = self.items_in_state(id, map, distributed, &input)?;
            Ok((input, items))
        });
        let (input, items) = match found {
            Ok(found) => found,
            Err(failure) => return self.fail(id, failure),
        };
        let length = match &items {
            Some(ItemsFrom::State { length, .. }) => *length,
            Some(ItemsFrom::Reader(_)) | None => 0,
        };
        let tail = self.frame(id).tail;
        let frame = id;
        let tail = self.emit(tail, Event::DistributedMapStarted { frame, length })?;
        // Recorded: what is wrong with these fields is found after the state has started.
        let evaluated = match self.evaluate_distributed(id, map, distributed, &input, items) {
            Ok(evaluated) => evaluated,
            Err(failure) => return self.fail_at(id, tail, failure),
        };
        self.start_map_run(id, map, distributed, input, evaluated)
    }

    /// Returns the items where they are in the state's input; a reader leaves `ItemsPath` aside
    /// (recorded).
    fn items_in_state(
        &self,
        id: FrameId,
        map: &Map,
        distributed: &Distributed,
        input: &Payload,
    ) -> Result<Option<ItemsFrom>, Failure> {
        if distributed.reader.is_some() {
            return Ok(None);
        }
        let (items, pairs) = self.items_of(id, map, input)?;
        let length = items.value().as_array().map_or(0, Vec::len) as u64;
        Ok(Some(ItemsFrom::State {
            items,
            pairs,
            length,
        }))
    }

    fn evaluate_distributed(
        &self,
        id: FrameId,
        map: &Map,
        distributed: &Distributed,
        input: &Payload,
        items: Option<ItemsFrom>,
    ) -> Result<Evaluated, Failure> {
        let concurrency = u64::from(self.concurrency(id, map, input)?);
        self.with_scope(id, Seen::input(input), |scope| {
            let (items, items_negative) = match items {
                Some(items) => (items, false),
                None => reader(distributed, scope)?,
            };
            let tolerance = tolerance(distributed, scope)?;
            Ok(Evaluated {
                settings: Settings {
                    concurrency,
                    tolerance,
                },
                items,
                batching: batching(distributed, scope)?,
                writer: writer(distributed, scope)?,
                items_negative,
            })
        })
    }

    fn start_map_run(
        &mut self,
        id: FrameId,
        map: &Map,
        distributed: &Distributed,
        input: Payload,
        evaluated: Evaluated,
    ) -> Progress {
        let uuid = self.entropy.borrow_mut().next_uuid();
        let seed = self.entropy.borrow_mut().next_u64();
        let map_run_arn = self.map_run_arn(&distributed.label, &uuid);
        let tail = self.frame(id).tail;
        let frame = id;
        let event = Event::MapRunStarted {
            frame,
            map_run_arn: map_run_arn.clone(),
        };
        let started = self.emit(tail, event)?;
        if evaluated.items_negative {
            let failure = map_run::Failure {
                error: "States.ItemReaderFailed".into(),
                cause: ITEMS_NEGATIVE.into(),
            };
            return self.fail_map_run(id, failure);
        }
        let start = MapRunStart {
            uuid: uuid.into(),
            label: distributed.label.to_string().into(),
            state: self.frame(id).name.clone(),
            express: distributed.execution_type == ExecutionType::Express,
            settings: evaluated.settings,
            items: evaluated.items,
            batching: evaluated.batching,
            writer: evaluated.writer,
            input: map.item_selector.is_some().then_some(input),
            context: self.context_of_run(id, map),
            variables: self.variables_of_run(id),
            seed,
            entered: id.0.0,
            map_run_arn,
        };
        let run = MapRunId(started);
        let start = Box::new(start);
        self.effect(Effect::StartMapRun { run, start });
        Ok(())
    }

    /// Returns the run that the state goes on with after a redrive: the one that it ended with, unless
    /// that one is of no use (Redriving Map Runs, "Redrive eligibility") or never began.
    fn run_to_redrive(&self, id: FrameId) -> Option<Box<LastRun>> {
        let last = self.frame(id).last_run.clone()?;
        let useless = match last
            .failure
            .as_ref()
            .map(|(error, cause)| (&**error, &**cause))
        {
            Some(("States.DataLimitExceeded" | "States.Runtime", _)) => true,
            Some((_, cause)) => cause == ITEMS_NEGATIVE,
            None => false,
        };
        (!useless).then_some(last)
    }

    fn redrive_map_run(&mut self, id: FrameId, last: LastRun) -> Progress {
        if last.redrives >= REDRIVES_MAX {
            let cause = format!(
                "The map run was redriven {REDRIVES_MAX} times; it cannot be redriven again."
            );
            return self.fail(id, Failure::new("States.Runtime", cause));
        }
        let (run, redrives) = (last.run, last.redrives + 1);
        let event = Event::MapRunRedriven {
            frame: id,
            run,
            map_run_arn: last.arn,
            count: redrives,
        };
        self.emit(self.frame(id).tail, event)?;
        self.effect(Effect::RedriveMapRun { run, redrives });
        Ok(())
    }

    /// Returns `…:mapRun:MACHINE/LABEL:UUID`, where the machine of a child is its parent's.
    fn map_run_arn(&self, label: &str, uuid: &str) -> Text {
        let machine = self
            .execution
            .identity()
            .map_or("", |identity| &*identity.state_machine_arn);
        let Some(arn) = Arn::parse(machine) else {
            return Text::from(uuid);
        };
        let name = arn.resource.rsplit(':').next().unwrap_or_default();
        let name = name.split('/').next().unwrap_or_default();
        let resource = format!("mapRun:{name}/{label}:{uuid}");
        let resource = resource.as_str();
        Text::from(Arn { resource, ..arn }.to_string())
    }

    /// Returns what an item selector may read of the context, without the item.
    fn context_of_run(&self, id: FrameId, map: &Map) -> Payload {
        if map.item_selector.is_none() {
            return Payload::empty_object();
        }
        let context = ContextOf {
            execution: self.execution,
            frame: id,
            token: &|| None,
            given: self.given(),
            item: None,
        };
        Payload::from_value(asl::query::Context::object(&context))
    }

    /// Returns the variables that the state reads. Its children see none.
    fn variables_of_run(&self, id: FrameId) -> Payload {
        let scope = self.frame(id).scope;
        let names = self.state_of(id).variables.iter();
        let read = names.filter_map(|name| {
            let value = self.execution.variable(scope, name)?;
            Some((name.to_string(), value.value().clone()))
        });
        Payload::from_value(Value::Object(read.collect()))
    }

    pub(super) fn map_run_succeeded(
        &mut self,
        run: MapRunId,
        redrives: u64,
        output: Payload,
    ) -> Result<Progress, Rejection> {
        let (id, map) = self.waits_for(run, redrives)?;
        Ok(self.end_map_run(id, map, output))
    }

    pub(super) fn map_run_failed(
        &mut self,
        run: MapRunId,
        redrives: u64,
        failure: map_run::Failure,
    ) -> Result<Progress, Rejection> {
        let (id, _) = self.waits_for(run, redrives)?;
        Ok(self.fail_map_run(id, failure))
    }

    fn end_map_run(&mut self, id: FrameId, map: &Map, output: Payload) -> Progress {
        let left = self.output_and_assigned(id, &map.flow, map.assign.as_ref(), output);
        let tail = self.frame(id).tail;
        let frame = id;
        let ended = self.emit(tail, Event::MapRunSucceeded { frame })?;
        match left {
            Ok((output, assigned)) => {
                self.emit(ended, Event::MapSucceeded { frame })?;
                self.exit(id, output, assigned, map.transition)
            }
            Err(failure) => self.fail_at(id, ended, failure),
        }
    }

    fn fail_map_run(&mut self, id: FrameId, failure: map_run::Failure) -> Progress {
        let tail = self.frame(id).tail;
        let map_run::Failure { error, cause } = failure;
        let event = Event::MapRunFailed {
            frame: id,
            error: error.clone(),
            cause: cause.clone(),
        };
        let failed = self.emit(tail, event)?;
        let failure = Failure {
            error: Some(error),
            cause: Some(cause),
            heartbeat: false,
            location: None,
        };
        self.fail_at(id, failed, failure)
    }

    /// Ends the frame's map run, if it waits for one, because the frame is ended from outside.
    pub(super) fn abort_map_run(&mut self, id: FrameId, tail: EventId) -> Progress {
        if let Some(run) = self.frame(id).map_run() {
            self.emit(tail, Event::MapRunAborted { frame: id })?;
            let redrives = self.frame(id).map_run_redrives();
            self.effect(Effect::AbortMapRun { run, redrives });
        }
        Ok(())
    }

    fn waits_for(&self, run: MapRunId, redrives: u64) -> Result<(FrameId, &'t Map), Rejection> {
        let found = self.execution.frame_of_map_run(run);
        let id = found.ok_or(Rejection::MapRunNotOpen)?;
        // What a run came to before it was redriven is known already.
        if self.frame(id).map_run_redrives() != redrives {
            return Err(Rejection::MapRunNotOpen);
        }
        match &self.state_of(id).kind {
            asl::StateKind::Map(map) => Ok((id, map)),
            _ => Err(Rejection::MapRunNotOpen),
        }
    }
}

type Made<T> = Result<T, asl::query::Failure>;

pub(super) fn tolerance(distributed: &Distributed, scope: &Scope<'_>) -> Made<Tolerance> {
    Ok(Tolerance {
        count: match &distributed.tolerated_failure_count {
            Some(count) => count.evaluate(scope, "ToleratedFailureCountPath")?,
            None => 0,
        },
        percentage: match &distributed.tolerated_failure_percentage {
            Some(share) => share.evaluate(scope, "ToleratedFailurePercentagePath")?,
            None => 0.0,
        },
    })
}

pub(super) fn reader(distributed: &Distributed, scope: &Scope<'_>) -> Made<(ItemsFrom, bool)> {
    let Some(reader) = &distributed.reader else {
        return Ok((ItemsFrom::Reader(Payload::empty_object()), false));
    };
    let mut made = Object::new();
    made.insert("Resource".into(), (&*reader.resource).into());
    if let Some(arguments) = &reader.arguments {
        made.insert("Parameters".into(), arguments.evaluate(scope)?);
    }
    let mut config = match &reader.config {
        Some(config) => config.evaluate(scope)?,
        None => json!({}),
    };
    let mut negative = false;
    if let Some(count) = &reader.items_max {
        let count = count.integer(scope, "MaxItemsPath")?;
        negative = count < 0;
        config["MaxItems"] = count.clamp(0, ITEMS_MAX).into();
    }
    if let Some(members) = config.as_object_mut() {
        members.shift_remove("MaxItemsPath");
    }
    made.insert("ReaderConfig".into(), config);
    let made = Payload::from_value(Value::Object(made));
    Ok((ItemsFrom::Reader(made), negative))
}

pub(super) fn batching(distributed: &Distributed, scope: &Scope<'_>) -> Made<Option<Batching>> {
    let Some(batcher) = &distributed.batcher else {
        return Ok(None);
    };
    let items_max = match &batcher.items_max {
        Some(count) => count.evaluate(scope, "MaxItemsPerBatchPath")?,
        None => 0,
    };
    let bytes_max = match &batcher.bytes_max {
        Some(count) => count.evaluate(scope, "MaxInputBytesPerBatchPath")?,
        None => 0,
    };
    let input = batcher.input.as_ref();
    let input = input.map(|input| input.evaluate(scope)).transpose()?;
    Ok(Some(Batching {
        items_max,
        bytes_max,
        input: input.map(Payload::from_value),
    }))
}

fn writer(distributed: &Distributed, scope: &Scope<'_>) -> Made<Option<Payload>> {
    let Some(writer) = &distributed.writer else {
        return Ok(None);
    };
    let mut made = Object::new();
    if let Some(resource) = &writer.resource {
        made.insert("Resource".into(), (&**resource).into());
    }
    let parts = [
        ("Parameters", &writer.arguments),
        ("WriterConfig", &writer.config),
    ];
    for (name, template) in parts {
        if let Some(template) = template {
            made.insert(name.into(), template.evaluate(scope)?);
        }
    }
    Ok(Some(Payload::from_value(Value::Object(made))))
}
