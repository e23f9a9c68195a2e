//! An execution as the fold of its events.

use std::collections::{BTreeMap, BTreeSet};

use vocab::Timestamp;

use crate::effect::{Offer, Timer, TimerKind};
use crate::ended::{EndedTask, EndedTasks};
use crate::event::{Assignment, Event, Identity, Recorded, Scope, TaskResource};
use crate::frame::{Frame, TaskStage, Waiting, calling};
use crate::ids::{EventId, FrameId, MapRunId, TaskId};
use crate::payload::{Payload, Text};
use crate::remains::Remains;

/// What an execution is, as its events made it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Execution {
    identity: Option<Box<Identity>>,
    started_at: Timestamp,
    closed: Option<(Timestamp, Outcome)>,
    /// When its time is over, where a redrive let it count anew.
    deadline: Option<Timestamp>,
    redrives: u64,
    redriven_at: Option<Timestamp>,
    remains: Remains,
    last: EventId,
    /// The last event before the execution began with its first state again.
    before: EventId,
    frames: BTreeMap<FrameId, Frame>,
    variables: BTreeMap<Scope, BTreeMap<Text, Payload>>,
    ended_tasks: EndedTasks,
}

/// The statuses of an execution (`ExecutionStatus` of the API model).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Not yet at its end.
    Running,
    /// Ended with an output.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Its own time was over.
    TimedOut,
    /// Somebody stopped it.
    Aborted,
}

impl Status {
    /// Returns the word of the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// With this output.
    Succeeded(Payload),
    /// With this error and cause.
    Failed(Option<Text>, Option<Text>),
    /// By its own time.
    TimedOut,
    /// By a caller, who said this error and cause.
    Aborted(Option<Text>, Option<Text>),
}

impl Outcome {
    /// Returns the status that belongs to the outcome.
    pub fn status(&self) -> Status {
        match self {
            Self::Succeeded(_) => Status::Succeeded,
            Self::Failed(..) => Status::Failed,
            Self::TimedOut => Status::TimedOut,
            Self::Aborted(..) => Status::Aborted,
        }
    }
}

impl Execution {
    /// Returns the execution before its first event.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the fold of `journal`.
    pub fn replay<'a>(journal: impl IntoIterator<Item = &'a Recorded>) -> Self {
        let mut execution = Self::new();
        for recorded in journal {
            execution.apply(recorded);
        }
        execution
    }

    /// Returns who the execution is; `None` before it began.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    /// Returns the tasks that ended since this was asked last, up to a bound: for who measures how long they
    /// took, for nothing is decided by them.
    pub fn take_ended_tasks(&mut self) -> Vec<EndedTask> {
        self.ended_tasks.take()
    }

    /// Returns the number of the last event of the history.
    pub fn last_event(&self) -> EventId {
        self.last
    }

    /// Returns when it began.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Returns when and how it ended, if it did.
    pub fn closed(&self) -> Option<&(Timestamp, Outcome)> {
        self.closed.as_ref()
    }

    /// Returns how often it was redriven.
    pub fn redrives(&self) -> u64 {
        self.redrives
    }

    /// Returns when it was redriven last.
    pub fn redriven_at(&self) -> Option<Timestamp> {
        self.redriven_at
    }

    /// Returns what a redrive goes on with.
    pub(crate) fn remains(&self) -> &Remains {
        &self.remains
    }

    /// Returns how many events count against the limit of a history.
    pub(crate) fn events_counted(&self) -> u64 {
        self.last.0 - self.before.0
    }

    /// Returns the status.
    pub fn status(&self) -> Status {
        self.closed
            .as_ref()
            .map_or(Status::Running, |(_, outcome)| outcome.status())
    }

    /// Returns the frames, oldest first.
    pub fn frames(&self) -> &BTreeMap<FrameId, Frame> {
        &self.frames
    }

    /// Returns the variables of every scope that has some.
    pub fn variables(&self) -> &BTreeMap<Scope, BTreeMap<Text, Payload>> {
        &self.variables
    }

    /// Returns the variable `name` as the states of `scope` see it: theirs, or one of the scopes around.
    pub(crate) fn variable(&self, mut scope: Scope, name: &str) -> Option<&Payload> {
        if self.variables.is_empty() {
            return None;
        }
        loop {
            if let Some(value) = self.own_variable(scope, name) {
                return Some(value);
            }
            scope = self.frames.get(&scope.owner?)?.scope;
        }
    }

    /// Returns the variable `name` of `scope` itself.
    pub(crate) fn own_variable(&self, scope: Scope, name: &str) -> Option<&Payload> {
        self.variables.get(&scope)?.get(name)
    }

    /// Gives the root its variables: for a state that is looked at by itself, without the states that
    /// would have assigned them.
    pub(crate) fn set_variables(&mut self, variables: BTreeMap<Text, Payload>) {
        self.variables.insert(Scope::ROOT, variables);
    }

    /// Returns how many bytes all variables hold.
    pub(crate) fn variables_bytes(&self) -> usize {
        let of_scopes = self.variables.values();
        of_scopes.flat_map(BTreeMap::values).map(Payload::len).sum()
    }

    /// Returns the frame that waits for `task`.
    pub fn frame_of_task(&self, task: TaskId) -> Option<(FrameId, &Frame)> {
        // A task is named by an event behind its frame's: start from the youngest frame before it.
        self.frames.range(..FrameId(task.0)).rev().map(|(id, frame)| (*id, frame)).find(
            |(_, frame)| matches!(&frame.waiting, Waiting::Task { task: open, .. } if *open == task),
        )
    }

    /// Returns the tasks whose call is to be made or on its way: what the outbox must hold.
    pub fn open_calls(&self) -> impl Iterator<Item = TaskId> {
        self.frames.values().filter_map(Frame::open_call)
    }

    /// Returns the tasks that wait for their jobs.
    pub fn open_jobs(&self) -> impl Iterator<Item = TaskId> {
        self.frames.values().filter_map(Frame::open_job)
    }

    /// Returns the tasks that workers may take: what the queues of activities must hold.
    pub fn open_offers(&self) -> impl Iterator<Item = Offer> {
        self.frames.values().filter_map(Frame::open_offer)
    }

    /// Returns the frame that waits for `run`.
    pub fn frame_of_map_run(&self, run: MapRunId) -> Option<FrameId> {
        let mut frames = self.frames.range(..FrameId(run.0)).rev();
        frames
            .find(|(_, frame)| frame.waiting == Waiting::MapRun { run: Some(run) })
            .map(|(id, _)| *id)
    }

    /// Returns the map runs that are waited for, each with the number of its redrives.
    pub fn open_map_runs(&self) -> impl Iterator<Item = (MapRunId, u64)> {
        let frames = self.frames.values();
        frames.filter_map(|frame| Some((frame.map_run()?, frame.map_run_redrives())))
    }

    /// Returns the timers that run, with their moments: what the timers' rows must hold.
    pub fn open_timers(&self) -> Vec<(Timer, Timestamp)> {
        let mut timers = Vec::new();
        if let (Some(identity), None) = (&self.identity, &self.closed) {
            timers.push((
                Timer {
                    kind: TimerKind::Execution,
                    of: EventId::NONE,
                },
                self.deadline.unwrap_or(identity.deadline),
            ));
        }
        for (id, frame) in &self.frames {
            timers.extend(frame.timers(*id));
        }
        timers
    }

    /// Says whether a turn was cut off by its bound: a [`Command::Continue`](crate::Command::Continue) is due.
    pub fn must_continue(&self) -> bool {
        self.frames
            .values()
            .any(|frame| matches!(frame.waiting, Waiting::Turn))
    }

    /// Changes the execution by what happened. Total: decides nothing, looks nothing up that an event
    /// before it did not put there, and ignores what cannot be.
    pub fn apply(&mut self, recorded: &Recorded) {
        let Recorded {
            at,
            event,
            previous,
        } = recorded;
        if event.is_public() {
            self.last = self.last.next();
        }
        let id = self.last;
        match event {
            Event::ExecutionStarted(identity) => {
                self.identity = Some(identity.clone());
                self.started_at = *at;
            }
            Event::StateEntered {
                name,
                state_type,
                scope,
                input,
            } => {
                let frame = Frame {
                    name: name.clone(),
                    state_type: *state_type,
                    scope: *scope,
                    input: input.clone(),
                    entered_at: *at,
                    tail: id,
                    settled: *previous,
                    retries: BTreeMap::new(),
                    waiting: Waiting::Turn,
                    last_run: None,
                    failed: None,
                };
                self.frames.insert(FrameId(id), frame);
            }
            Event::StateExited {
                frame, assigned, ..
            } => {
                self.forget_inner(*frame);
                let left = self.frames.remove(frame);
                if let (Some(left), Some(assigned)) = (left, assigned) {
                    self.assign(left.scope, assigned);
                }
            }
            Event::StateAborted { frame, .. } | Event::StateFailed { frame } => {
                if let Some(ended) = self.frames.remove(frame) {
                    self.remains.keep(*frame, ended, &mut self.variables);
                }
            }
            Event::TaskScheduled {
                frame,
                task,
                timeout_at,
            } => self.on(*frame, |frame| {
                frame.settle(id);
                frame.waiting = calling(TaskId(id), task, *at, *timeout_at);
            }),
            Event::TaskStarted {
                frame,
                heartbeat_at,
                resource,
                timeout_at,
                ..
            } => self.on(*frame, |frame| {
                frame.settle(id);
                frame.waiting.set_heartbeat(*heartbeat_at);
                frame.waiting.set_started(*at);
                if let TaskResource::Activity { .. } = resource {
                    frame.waiting.taken(*timeout_at);
                }
            }),
            Event::TaskSubmitted {
                frame,
                heartbeat_at,
                ..
            } => self.on(*frame, |frame| {
                frame.settle(id);
                frame.waiting.set_heartbeat(*heartbeat_at);
                if let Waiting::Task { stage, .. } = &mut frame.waiting {
                    *stage = TaskStage::Submitted;
                }
            }),
            Event::HeartbeatReceived {
                frame,
                heartbeat_at,
            } => {
                self.on(*frame, |frame| frame.waiting.set_heartbeat(*heartbeat_at));
            }
            Event::TaskSucceeded { frame, .. }
            | Event::TaskFailed { frame, .. }
            | Event::TaskTimedOut { frame, .. } => {
                let mut was = None;
                self.on(*frame, |frame| {
                    frame.tail = id;
                    was = Some(std::mem::replace(&mut frame.waiting, Waiting::Turn));
                });
                self.ended_tasks.add(was, *at);
            }
            Event::ParallelFailed { frame } | Event::MapFailed { frame } => {
                self.on(*frame, |frame| {
                    frame.tail = id;
                    frame.branches_failed();
                });
            }
            Event::EvaluationFailed { frame, .. } => self.on(*frame, |frame| frame.tail = id),
            Event::ParallelSucceeded { frame } | Event::MapSucceeded { frame } => {
                self.on(*frame, |frame| {
                    // Not a link of the chain: the state's exit follows what this followed, or, of a
                    // map run, what the run's own end followed.
                    if !matches!(frame.waiting, Waiting::MapRun { .. }) {
                        frame.tail = *previous;
                    }
                    frame.waiting = Waiting::Turn;
                });
            }
            Event::DistributedMapStarted { frame, .. } => self.on(*frame, |frame| {
                frame.tail = id;
                frame.waiting = Waiting::MapRun { run: None };
            }),
            Event::MapRunStarted { frame, map_run_arn } => self.on(*frame, |frame| {
                frame.tail = id;
                frame.await_run(MapRunId(id), map_run_arn, 0);
            }),
            Event::MapRunRedriven {
                frame,
                run,
                map_run_arn,
                count,
            } => self.on(*frame, |frame| {
                frame.tail = id;
                frame.await_run(*run, map_run_arn, *count);
            }),
            // No link of the chain (recorded since the end of 2024).
            Event::MapRunSucceeded { frame } => self.on(*frame, |frame| {
                frame.waiting = Waiting::MapRun { run: None };
                frame.last_run = None;
            }),
            Event::MapRunFailed {
                frame,
                error,
                cause,
            } => self.on(*frame, |frame| {
                frame.tail = id;
                frame.waiting = Waiting::MapRun { run: None };
                if let Some(last) = &mut frame.last_run {
                    last.failure = Some((error.clone(), cause.clone()));
                }
            }),
            Event::MapRunAborted { frame } => self.on(*frame, |frame| {
                frame.tail = id;
                frame.waiting = Waiting::MapRun { run: None };
            }),
            Event::RetryScheduled {
                frame,
                retrier,
                due_at,
                failed_at,
            } => {
                self.forget_inner(*frame);
                self.on(*frame, |frame| {
                    *frame.retries.entry(*retrier).or_default() += 1;
                    frame.settle(*failed_at);
                    frame.waiting = Waiting::Retry { due_at: *due_at };
                    (frame.last_run, frame.failed) = (None, None);
                });
            }
            Event::WaitStarted { frame, due_at } => {
                self.on(*frame, |frame| {
                    frame.settle(frame.tail);
                    frame.waiting = Waiting::Timer { due_at: *due_at }
                });
            }
            Event::ParallelStarted { frame, branches } => self.on(*frame, |frame| {
                frame.settle(id);
                frame.waiting = Waiting::Branches {
                    outputs: vec![None; *branches as usize],
                };
            }),
            Event::BranchSucceeded {
                scope,
                output,
                last,
            }
            | Event::IterationSucceeded {
                scope,
                output,
                last,
                ..
            } => {
                self.variables.remove(scope);
                self.on_owner(*scope, |frame| {
                    frame.settle(*last);
                    frame.waiting.set_output(scope.index, output.clone());
                });
            }
            Event::MapStarted {
                frame,
                items,
                length,
                concurrency,
                input,
                pairs,
            } => self.on(*frame, |frame| {
                frame.settle(id);
                frame.waiting = Waiting::Iterations {
                    items: items.clone(),
                    pairs: *pairs == Some(true),
                    input: input.clone(),
                    concurrency: *concurrency,
                    next: 0,
                    again: BTreeSet::new(),
                    open: BTreeMap::new(),
                    outputs: vec![None; *length as usize],
                };
            }),
            Event::IterationStarted { scope, .. } => self.on_owner(*scope, |frame| {
                if let Waiting::Iterations {
                    next, open, again, ..
                } = &mut frame.waiting
                {
                    *next = (*next).max(scope.index + 1);
                    again.remove(&scope.index);
                    open.insert(scope.index, id);
                }
            }),
            Event::IterationFailed { scope, .. } | Event::IterationAborted { scope, .. } => {
                self.on_owner(*scope, |frame| {
                    if let Waiting::Iterations { open, .. } = &mut frame.waiting {
                        open.remove(&scope.index);
                    }
                });
            }
            Event::ExecutionSucceeded { output } => {
                self.close(*at, Outcome::Succeeded(output.clone()))
            }
            Event::ExecutionFailed { error, cause } => {
                self.close(*at, Outcome::Failed(error.clone(), cause.clone()));
            }
            Event::ExecutionAborted { error, cause } => {
                self.close(*at, Outcome::Aborted(error.clone(), cause.clone()));
            }
            Event::ExecutionTimedOut => self.close(*at, Outcome::TimedOut),
            Event::ExecutionRedriven {
                frame,
                count,
                deadline,
                anew,
                ..
            } => {
                self.closed = None;
                self.deadline = Some(*deadline);
                let remains = std::mem::take(&mut self.remains);
                if frame.0 == EventId::NONE {
                    (self.started_at, self.before) = (*at, id);
                } else {
                    (self.redrives, self.redriven_at) = (*count, Some(*at));
                    let anew = *anew == Some(true);
                    (self.frames, self.variables) = remains.reopened(*frame, id, anew);
                }
            }
        }
    }

    fn assign(&mut self, scope: Scope, assigned: &[Assignment]) {
        let variables = self.variables.entry(scope).or_default();
        for Assignment { name, value } in assigned {
            variables.insert(name.clone(), value.clone());
        }
    }

    /// Drops what is left of the branches or iterations of `owner`.
    fn forget_inner(&mut self, owner: FrameId) {
        if !self.variables.is_empty() {
            self.variables.retain(|scope, _| scope.owner != Some(owner));
        }
        self.remains.forget_inside(owner);
    }

    fn on(&mut self, frame: FrameId, change: impl FnOnce(&mut Frame)) {
        if let Some(frame) = self.frames.get_mut(&frame) {
            change(frame);
        }
    }

    fn on_owner(&mut self, scope: Scope, change: impl FnOnce(&mut Frame)) {
        if let Some(owner) = scope.owner {
            self.on(owner, change);
        }
    }

    fn close(&mut self, at: Timestamp, outcome: Outcome) {
        let (mut frames, mut variables) = (
            std::mem::take(&mut self.frames),
            std::mem::take(&mut self.variables),
        );
        match outcome {
            Outcome::Succeeded(_) => self.remains = Remains::default(),
            Outcome::Failed(..) | Outcome::TimedOut | Outcome::Aborted(..) => {
                self.remains.keep_all(&mut frames, &mut variables);
            }
        }
        self.closed = Some((at, outcome));
    }
}
