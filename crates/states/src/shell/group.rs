//! What one commit writes: the effects of all commands that a partition took together.

use std::collections::BTreeMap;

use bytes::Bytes;
use engine_core::map_run::{Count, ItemsFrom, MapRun, MapRunStart};
use engine_core::{Effect, Event, EventId, Offer, Recorded, TaskId, Timer};
use store::{Batch, Key};
use vocab::Timestamp;

use super::dispatcher::Call;
use super::hot::Hot;
use super::timers::Due;
use crate::activities::{Place, place_key};
use crate::definitions::Definitions;
use crate::integrations;
use crate::logging::may_log;
use crate::rows::{
    self, Announcement, ChildOf, ChildRow, Chunk, ExecutionRecord, ExecutionRef, ListingEntry,
    MapRunRecord, MapRunRef, Redrive, RedriveRow, StartedBy, StatusCode, Waiter, Waits, map_runs,
};

/// Rows to be written together, and what to do once they are.
#[derive(Default)]
pub(super) struct Group {
    put: Vec<(Key, Bytes)>,
    delete: Vec<Key>,
    /// Rows that may change more than once within a group: of the outbox, of timers, of map runs. What
    /// begins and ends within a group is never written.
    rows: BTreeMap<Key, Option<Bytes>>,
    calls: Vec<Call>,
    offers: Vec<(Offer, Place)>,
    timers: Vec<Due>,
    continued: Vec<ExecutionRef>,
    /// Whether there are events to be logged.
    logs: bool,
    /// Runs that began, are to end, or have news of their children.
    map_runs: Vec<MapRunRef>,
    /// Tasks with news of the executions that they wait for.
    jobs: Vec<(ExecutionRef, TaskId)>,
}

/// An execution that the group changes.
pub(super) struct Touched {
    pub hot: Hot,
    /// Written by no commit yet.
    pub new: bool,
    /// Lists and counts are different after this group: it began or ended, or goes on after its end.
    pub listed_anew: bool,
    /// Its events in this group.
    pub events: Vec<Recorded>,
    /// The last number of its history before this group.
    pub after: EventId,
}

impl Touched {
    /// Logs that the execution begins or ends.
    pub fn say(&self) {
        if !self.listed_anew || !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let (record, execution) = (&self.hot.record, &self.hot.execution);
        let execution_arn = record.execution_arn.as_str();
        match execution.closed() {
            Some(_) => tracing::debug!(execution_arn, status = ?record.status, "an execution ends"),
            None => tracing::debug!(execution_arn, "an execution begins"),
        }
    }
}

/// The outbox row that says "continue" instead of naming a task.
const CONTINUE: TaskId = TaskId(EventId::NONE);

impl Group {
    /// Adds the effects of one command.
    pub fn add_effects(
        &mut self,
        execution: ExecutionRef,
        hot: &mut Hot,
        effects: Vec<Effect>,
        now: Timestamp,
    ) {
        for effect in effects {
            match effect {
                Effect::ScheduleTask { task, call } => {
                    let target = integrations::target(&call.description);
                    self.rows.insert(
                        rows::outbox_key(execution, task),
                        Some(rows::encode(&call).into()),
                    );
                    self.calls.push(Call {
                        execution,
                        task,
                        target,
                    });
                }
                Effect::SettleTask { task } => self.end_row(rows::outbox_key(execution, task)),
                // A made-up answer is given by the dispatcher: no worker ever sees the task.
                Effect::OfferTask { offer, call } if hot.record.mocks.is_some() => {
                    let target = integrations::target(&call.description);
                    let row = rows::encode(&call).into();
                    let task = offer.task;
                    self.rows
                        .insert(rows::outbox_key(execution, task), Some(row));
                    self.calls.push(Call {
                        execution,
                        task,
                        target,
                    });
                }
                Effect::OfferTask { offer, call } => {
                    let place = Place::of(execution, &offer);
                    let call = rows::encode(&call).into();
                    self.rows
                        .insert(rows::outbox_key(execution, offer.task), Some(call));
                    self.rows
                        .insert(place_key(&offer.activity, place), Some(Bytes::new()));
                    self.offers.push((offer, place));
                }
                Effect::WithdrawTask { offer } => {
                    let place = Place::of(execution, &offer);
                    self.end_row(rows::outbox_key(execution, offer.task));
                    self.end_row(place_key(&offer.activity, place));
                }
                Effect::StartTimer { timer, due_at } => {
                    self.rows.insert(
                        rows::timer_key(due_at, execution, timer),
                        Some(Bytes::new()),
                    );
                    self.timers.push(Due {
                        due_at,
                        execution,
                        timer,
                    });
                }
                Effect::CancelTimer { timer, due_at } => self.end_timer(execution, timer, due_at),
                Effect::Continue => {
                    hot.cut_off = true;
                    self.rows
                        .insert(rows::outbox_key(execution, CONTINUE), Some(Bytes::new()));
                    self.continued.push(execution);
                }
                Effect::StartMapRun { run, start } => {
                    let run = MapRunRef {
                        parent: execution,
                        run,
                    };
                    self.start_map_run(run, &hot.record, *start, now);
                }
                Effect::AbortMapRun { run, redrives } => {
                    let run = MapRunRef {
                        parent: execution,
                        run,
                    };
                    let row = map_runs::abort_value(redrives).into();
                    self.rows.insert(map_runs::abort_key(run), Some(row));
                    self.map_runs.push(run);
                }
                Effect::RedriveMapRun { run, redrives } => {
                    let run = MapRunRef {
                        parent: execution,
                        run,
                    };
                    let row = RedriveRow {
                        count: redrives,
                        at: now,
                    };
                    let row = rows::encode(&row).into();
                    self.rows.insert(map_runs::redrive_key(run), Some(row));
                    self.rows
                        .insert(map_runs::open_key(run), Some(Bytes::new()));
                    self.map_runs.push(run);
                }
                Effect::AbandonJob { task } => self.abandon_job(execution, task),
                // The row for who waits is written with the record. Callers read the record.
                Effect::AnnounceClosed => {}
            }
        }
        if hot.cut_off && hot.execution.closed().is_some() {
            self.end_continue(execution, hot);
        }
    }

    /// Has the execution stopped that a task waited for.
    fn abandon_job(&mut self, execution: ExecutionRef, task: TaskId) {
        let uncommitted = |call: &Call| (call.execution, call.task) == (execution, task);
        // A call that begins and ends within a group is never made.
        if !self.calls.iter().any(uncommitted) {
            let key = rows::abandoned_key(execution, task);
            self.put.push((key, Bytes::new()));
            self.jobs.push((execution, task));
        }
    }

    /// Adds which execution a task waits for.
    pub fn add_job(&mut self, by: &StartedBy, execution: ExecutionRef) {
        if by.waits != Waits::No {
            let key = rows::job_key(by.execution, by.task);
            self.put.push((key, rows::name_value(execution).into()));
        }
    }

    /// Takes the row away that says "continue".
    pub fn end_continue(&mut self, execution: ExecutionRef, hot: &mut Hot) {
        hot.cut_off = false;
        self.end_row(rows::outbox_key(execution, CONTINUE));
    }

    /// Leaves the row that says "continue" for the next start: this turn could not be taken.
    pub fn keep_continue(&mut self, execution: ExecutionRef, hot: &mut Hot) {
        hot.cut_off = true;
        self.rows
            .insert(rows::outbox_key(execution, CONTINUE), Some(Bytes::new()));
    }

    /// Takes a timer's row away.
    pub fn end_timer(&mut self, execution: ExecutionRef, timer: Timer, due_at: Timestamp) {
        self.end_row(rows::timer_key(due_at, execution, timer));
    }

    /// Adds the rows of a map run that begins.
    fn start_map_run(
        &mut self,
        run: MapRunRef,
        parent: &ExecutionRecord,
        start: MapRunStart,
        now: Timestamp,
    ) {
        let total = match &start.items {
            ItemsFrom::State { length, .. } => Some(*length),
            ItemsFrom::Reader(_) => None,
        };
        let machine = parent.state_machine_arn.split('/').next();
        let record = MapRunRecord {
            map_run_arn: start.map_run_arn.to_string(),
            execution_arn: parent.execution_arn.clone(),
            state_machine_arn: format!("{}/{}", machine.unwrap_or_default(), start.label),
            role_arn: parent.role_arn.clone(),
            definition: parent.definition,
            status: StatusCode::Running,
            started_at: now,
            stopped_at: None,
            run: MapRun::new(start.settings, total),
            confirmed: Count::default(),
            planned: Count::default(),
            results_written: Count::default(),
            etag: None,
            logging: parent.logging.clone(),
            redrives: None,
            redriven_at: None,
            again: None,
        };
        let arn_key = map_runs::arn_key(&record.map_run_arn);
        self.put.extend([
            (map_runs::record_key(run), rows::encode(&record).into()),
            (map_runs::start_key(run), rows::encode(&start).into()),
            (arn_key, run.bytes().into()),
        ]);
        self.rows
            .insert(map_runs::open_key(run), Some(Bytes::new()));
        self.map_runs.push(run);
    }

    fn end_row(&mut self, key: Key) {
        self.rows.insert(key, None);
    }

    /// Adds a text that is found by its hash.
    pub fn add_text(&mut self, text: &str) {
        let key = Definitions::key(&Definitions::hash(text));
        self.put
            .push((key, Bytes::copy_from_slice(text.as_bytes())));
    }

    /// Adds the name of a new execution.
    pub fn add_name(&mut self, key: Key, execution: ExecutionRef) {
        self.put.push((key, rows::name_value(execution).into()));
    }

    /// Has a collector of traces told of an execution that ended.
    pub fn add_spans(&mut self, execution: ExecutionRef) {
        self.put.push((rows::span_key(execution), Bytes::new()));
    }

    /// Has somebody hear that an execution began or ended in this group; says whether it did. Of those of type
    /// EXPRESS there is nothing to hear.
    pub fn add_statuses(&mut self, execution: ExecutionRef, touched: &Touched) -> bool {
        let record = &touched.hot.record;
        if record.is_express() || !touched.listed_anew {
            return false;
        }
        let arn = Bytes::copy_from_slice(record.execution_arn.as_bytes());
        let mut add = |at, status| {
            let key = rows::status_key(execution, at, status);
            self.put.push((key, arn.clone()));
        };
        // One that began, or goes on after its end, is running before it is anything else.
        let ended = record
            .stopped_at
            .filter(|_| record.status != StatusCode::Running);
        if touched.new || ended.is_none() {
            add(record.listed_at(), StatusCode::Running);
        }
        if let Some(at) = ended {
            add(at, record.status);
        }
        true
    }

    /// Adds what one execution went through: its chunk, and its record and listing where they change.
    pub fn add_execution(&mut self, execution: ExecutionRef, touched: &mut Touched) {
        let hot = &mut touched.hot;
        let first = hot.journal_len;
        let events = std::mem::take(&mut touched.events);
        if events.is_empty() {
            return;
        }
        hot.journal_len += events.len() as u64;
        let listed = (!touched.new).then(|| (hot.record.status, hot.record.listed_at()));
        let redriven = note_redrives(&mut hot.record, &events);
        let chunk = Chunk {
            after: touched.after,
            events,
        };
        hot.open_tasks.follow(
            execution,
            &hot.record,
            (first, &chunk),
            &hot.execution,
            |key, row| drop(self.rows.insert(key, row)),
        );
        self.put.push((
            rows::chunk_key(execution, first),
            rows::encode(&chunk).into(),
        ));
        let logging = hot.record.logging.as_ref();
        let logs = |events: &[Recorded], level| {
            let mut events = events.iter();
            events.any(|recorded| may_log(level, &recorded.event))
        };
        if logging.is_some_and(|logging| logs(&chunk.events, logging.level)) {
            let key = rows::backlog_key(execution, first);
            self.put.push((key, Bytes::new()));
            self.logs = true;
        }
        let closed = hot
            .execution
            .closed()
            .map(|(at, outcome)| (*at, StatusCode::from(outcome.status())));
        if let Some((at, status)) = closed {
            hot.record.status = status;
            hot.record.stopped_at = Some(at);
            hot.record.last_chunk = Some(first);
        }
        touched.listed_anew = touched.new || closed.is_some() || redriven;
        if touched.listed_anew {
            self.add_record(execution, hot, listed);
        }
    }

    fn add_record(
        &mut self,
        execution: ExecutionRef,
        hot: &Hot,
        listed: Option<(StatusCode, Timestamp)>,
    ) {
        let record = &hot.record;
        self.put
            .push((rows::execution_key(execution), rows::encode(record).into()));
        let lists: Vec<&str> = record.lists().collect();
        let qualified = record.qualified.as_ref();
        let version_arn = qualified.map(|by| by.version_arn.clone());
        let alias_arn = qualified.and_then(|by| by.alias_arn.clone());
        let at = record.listed_at();
        // An execution that fails again within a millisecond is listed where it was.
        if let Some((status, listed_at)) = listed.filter(|listed| *listed != (record.status, at)) {
            let keys = lists
                .iter()
                .map(|list| rows::listing_key(list, status, listed_at, execution));
            self.delete.extend(keys);
        }
        let entry = ListingEntry {
            execution_arn: record.execution_arn.clone(),
            name: record.name.clone(),
            state_machine_arn: record.state_machine_arn.clone(),
            started_at: record.started_at,
            stopped_at: record.stopped_at,
            map_run_arn: record
                .child_of
                .as_ref()
                .map(|child| child.map_run_arn.clone()),
            items: record.child_of.as_ref().map(|child| child.items),
            version_arn,
            alias_arn,
            redrives: record.last_redrive().map(|redrive| redrive.count),
            redriven_at: record.last_redrive().map(|redrive| redrive.at),
        };
        let line = Bytes::from(rows::encode(&entry));
        self.put.extend(lists.iter().map(|list| {
            let key = rows::listing_key(list, record.status, at, execution);
            (key, line.clone())
        }));
        if let Some(child) = &record.child_of {
            self.add_child(execution, record, child);
        }
        if let Some(by) = record.started_by
            && by.waits != Waits::No
            && record.stopped_at.is_some()
        {
            let announcement = Announcement {
                status: record.status,
                items: 0,
            };
            let waiter = Waiter::Task(by.execution, by.task);
            let key = rows::announcement_key(waiter, execution);
            self.put.push((key, rows::encode(&announcement).into()));
            self.jobs.push((by.execution, by.task));
        }
    }

    /// Adds what a map run wants to know of its child.
    fn add_child(&mut self, execution: ExecutionRef, record: &ExecutionRecord, child: &ChildOf) {
        let row = ChildRow {
            execution,
            status: record.status,
            items: child.items,
            last_chunk: record.last_chunk,
        };
        let key = map_runs::child_key(child.run, child.index);
        self.put.push((key, rows::encode(&row).into()));
        if record.stopped_at.is_some() {
            let announcement = Announcement {
                status: record.status,
                items: child.items,
            };
            let key = rows::announcement_key(Waiter::MapRun(child.run), execution);
            self.put.push((key, rows::encode(&announcement).into()));
            if self.map_runs.last() != Some(&child.run) {
                self.map_runs.push(child.run);
            }
        }
    }

    /// Returns the batch to commit, and what to begin once it is durable.
    pub fn finish(mut self) -> (Batch, Begin) {
        let rows = std::mem::take(&mut self.rows);
        let stays = |key: &Key| matches!(rows.get(key), Some(Some(_)));
        self.calls
            .retain(|call| stays(&rows::outbox_key(call.execution, call.task)));
        self.offers
            .retain(|(offer, place)| stays(&place_key(&offer.activity, *place)));
        self.timers
            .retain(|due| stays(&rows::timer_key(due.due_at, due.execution, due.timer)));
        self.continued
            .retain(|execution| stays(&rows::outbox_key(*execution, CONTINUE)));
        let mut batch = Batch {
            put: self.put,
            delete: self.delete,
            ..Batch::default()
        };
        for (key, row) in rows {
            match row {
                Some(row) => batch.put.push((key, row)),
                None => batch.delete.push(key),
            }
        }
        (
            batch,
            Begin {
                calls: self.calls,
                offers: self.offers,
                timers: self.timers,
                continued: self.continued,
                logs: self.logs,
                map_runs: self.map_runs,
                jobs: self.jobs,
            },
        )
    }
}

/// What a durable group sets going.
pub(super) struct Begin {
    pub calls: Vec<Call>,
    pub offers: Vec<(Offer, Place)>,
    pub timers: Vec<Due>,
    pub continued: Vec<ExecutionRef>,
    pub logs: bool,
    pub map_runs: Vec<MapRunRef>,
    pub jobs: Vec<(ExecutionRef, TaskId)>,
}

/// Says whether an outbox row asks for the next turn rather than for a call.
pub(super) fn is_continue(task: TaskId) -> bool {
    task == CONTINUE
}

/// Opens the record of an execution again that `events` redrive; says whether they do.
fn note_redrives(record: &mut ExecutionRecord, events: &[Recorded]) -> bool {
    let mut redriven = false;
    for recorded in events {
        let Event::ExecutionRedriven {
            frame,
            count,
            client_token,
            ..
        } = &recorded.event
        else {
            continue;
        };
        if frame.0 == EventId::NONE {
            record.started_at = recorded.at;
        }
        record.redriven(Redrive {
            count: *count,
            at: recorded.at,
            client_token: client_token.as_deref().map(str::to_owned),
        });
        record.status = StatusCode::Running;
        (record.stopped_at, record.last_chunk) = (None, None);
        redriven = true;
    }
    redriven
}
