//! Failures of states: who takes them on, and what becomes of those that nobody does.

use std::sync::Arc;

use asl::{Catcher, Flow, Retrier, StateIndex, StateKind};
use serde_json::{Value, json};

use super::assign::Assigned;
use super::flow::Seen;
use super::{Progress, Turn};
use crate::effect::{Effect, Timer, TimerKind};
use crate::event::{Event, Scope, StateType};
use crate::frame::Waiting;
use crate::ids::{EventId, FrameId};
use crate::payload::{NESTING_MAX, Payload, Text};

/// Why a state failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub error: Option<Text>,
    pub cause: Option<Text>,
    /// A missed heartbeat: recorded as `States.Timeout`, caught by `States.HeartbeatTimeout` too.
    pub heartbeat: bool,
    /// The field of the JSONata expression that failed, which has an event of its own.
    pub location: Option<Text>,
}

/// The error that no retrier and no catcher takes on.
const RUNTIME: &str = "States.Runtime";

impl Failure {
    pub(super) fn new(error: &str, cause: impl Into<Arc<str>>) -> Self {
        Self {
            error: Some(error.into()),
            cause: Some(Text::from(cause)),
            heartbeat: false,
            location: None,
        }
    }

    /// The failure that somebody told: of a task, or of a Fail state.
    pub(super) fn told(error: Option<Text>, cause: Option<Text>) -> Self {
        Self {
            error,
            cause,
            heartbeat: false,
            location: None,
        }
    }

    /// The failure of a result that is too long; `what` as AWS's text names it.
    pub(super) fn data_limit(what: &str) -> Self {
        let cause = format!(
            "The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit."
        );
        Self::new("States.DataLimitExceeded", cause)
    }

    pub(super) fn is_runtime(&self) -> bool {
        self.error.as_deref() == Some(RUNTIME)
    }

    /// Says whether `names` (an `ErrorEquals`) names this failure.
    ///
    /// `States.TaskFailed` leaves out timeouts (Handling errors in Step Functions workflows, "Error
    /// names"). The guide says that `States.ALL` leaves out `States.DataLimitExceeded`; recorded
    /// histories show a catcher of `States.ALL` take it on.
    fn is_named_by(&self, names: &[Arc<str>]) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        names.iter().any(|name| match &**name {
            "States.ALL" => true,
            "States.TaskFailed" => error != "States.Timeout",
            "States.HeartbeatTimeout" => self.heartbeat || error == "States.HeartbeatTimeout",
            name => name == error,
        })
    }

    /// Returns what a catcher's path puts into the output. Recorded: both members always, `null` where
    /// the answer named none; a timeout has a cause here, the empty one, though its event has none.
    fn output(&self) -> Value {
        let cause = match self.error.as_deref() {
            Some("States.Timeout") => Some(self.cause.as_deref().unwrap_or_default()),
            _ => self.cause.as_deref(),
        };
        json!({ "Error": self.error.as_deref(), "Cause": cause })
    }
}

impl Turn<'_> {
    /// Fails the frame for what went wrong inside it before or without a task's own failure event.
    pub(super) fn fail(&mut self, id: FrameId, failure: Failure) -> Progress {
        let tail = self.frame(id).tail;
        self.fail_at(id, tail, failure)
    }

    /// Fails the frame; `tail` is the last event of what failed. Retry, then Catch, then the scope.
    ///
    /// A loop over the enclosing scopes, from the inside to the outside.
    pub(super) fn fail_at(&mut self, id: FrameId, tail: EventId, failure: Failure) -> Progress {
        let (mut id, mut tail, mut failure) = (id, tail, failure);
        if failure.location.is_some() {
            tail = self.record_evaluation_failure(id, &failure)?;
        }
        loop {
            self.note_failure(&failure);
            if failure.is_runtime() {
                return self.fail_execution(tail, &failure);
            }
            if self.retry(id, tail, &failure)? {
                return Ok(());
            }
            tail = self.end_branches(id, tail, &failure)?;
            if let Some(index) = self.catcher_of(id, &failure) {
                if let Some(notes) = self.notes {
                    notes.handled.borrow_mut().catcher = Some(index);
                }
                match self.caught(id, index, &failure) {
                    Ok((output, assigned, next)) => {
                        return self.exit(id, output, assigned, asl::Transition::Next(next));
                    }
                    // What a catcher's own expression fails with is for the states around this one.
                    Err(own) if own.location.is_some() => {
                        tail = self.record_evaluation_failure(id, &own)?;
                        failure = own;
                    }
                    Err(own) => return self.fail_execution(self.frame(id).tail, &own),
                }
            }
            failure.location = None;
            let scope = self.frame(id).scope;
            let Some(owner) = scope.owner else {
                return self.fail_execution(tail, &failure);
            };
            self.end_iteration(owner, scope, tail)?;
            // Recorded: a state that failed in a branch is aborted too, after its own failure event.
            self.abort(id, tail)?;
            self.abort_siblings(owner, scope, tail)?;
            id = owner;
        }
    }

    fn note_failure(&self, failure: &Failure) {
        if let Some(notes) = self.notes {
            let mut handled = notes.handled.borrow_mut();
            handled.error.clone_from(&failure.error);
            handled.cause.clone_from(&failure.cause);
        }
    }

    fn fail_execution(&mut self, tail: EventId, failure: &Failure) -> Progress {
        let Failure { error, cause, .. } = failure.clone();
        self.close(tail, Event::ExecutionFailed { error, cause })
    }

    /// Lets a retrier take the failure on, if one does and has attempts left.
    fn retry(
        &mut self,
        id: FrameId,
        tail: EventId,
        failure: &Failure,
    ) -> Result<bool, super::Halt> {
        let retriers = retriers(&self.state_of(id).kind);
        let Some(at) = retriers
            .iter()
            .position(|retrier| failure.is_named_by(&retrier.error_equals))
        else {
            return Ok(false);
        };
        let (retrier, index) = (&retriers[at], at as u32);
        let taken = match self.notes {
            None => self.frame(id).retries.get(&index).copied().unwrap_or(0),
            Some(notes) => {
                notes.handled.borrow_mut().retrier = Some(at);
                notes.retries
            }
        };
        // AWS does not count the first try: `MaxAttempts: 3` means four calls.
        if taken >= retrier.max_attempts {
            return Ok(false);
        }
        let delay_millis = self.delay_millis(retrier, taken);
        if let Some(notes) = self.notes {
            notes.handled.borrow_mut().backoff_millis = Some(delay_millis);
        }
        let due_at = self.cue.now.plus_millis(delay_millis);
        // A timer's row is named by its moment: one that is over must not be named again.
        let due_at = match self.frame(id).waiting {
            Waiting::Retry { due_at: over } => due_at.max(over.plus_millis(1)),
            _ => due_at,
        };
        self.emit(
            tail,
            Event::RetryScheduled {
                frame: id,
                retrier: index,
                due_at,
                failed_at: tail,
            },
        )?;
        let timer = Timer {
            kind: TimerKind::Retry,
            of: id.0,
        };
        self.effect(Effect::StartTimer { timer, due_at });
        Ok(true)
    }

    fn delay_millis(&self, retrier: &Retrier, taken: u64) -> i64 {
        let exponent = i32::try_from(taken).unwrap_or(i32::MAX);
        let seconds = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
        let capped = retrier
            .max_delay_seconds
            .map_or(seconds, |max| seconds.min(max as f64));
        // Longer than any execution lives, and safe to turn into milliseconds.
        let bounded = capped.clamp(0.0, self.cue.limits.execution_seconds_max as f64);
        let share = if retrier.full_jitter {
            self.entropy.borrow_mut().next_f64()
        } else {
            1.0
        };
        (bounded * share * 1000.0) as i64
    }

    fn catcher_of(&self, id: FrameId, failure: &Failure) -> Option<usize> {
        catchers(&self.state_of(id).kind)
            .iter()
            .position(|catcher| failure.is_named_by(&catcher.error_equals))
    }

    /// Records that an expression of the frame's state failed; returns the event.
    pub(super) fn record_evaluation_failure(
        &mut self,
        id: FrameId,
        failure: &Failure,
    ) -> Result<EventId, super::Halt> {
        let Failure {
            error,
            cause,
            location,
            ..
        } = failure.clone();
        let state = self.frame(id).name.clone();
        self.emit(
            self.frame(id).settled,
            Event::EvaluationFailed {
                frame: id,
                state,
                error: error.unwrap_or_else(|| "".into()),
                cause: cause.unwrap_or_else(|| "".into()),
                location: location.unwrap_or_else(|| "".into()),
            },
        )
    }

    /// Returns what the state puts out and assigns when a catcher takes the failure on, and what follows.
    fn caught(
        &self,
        id: FrameId,
        index: usize,
        failure: &Failure,
    ) -> Result<(Payload, Assigned, StateIndex), Failure> {
        let state = self.state_of(id);
        let catcher = &catchers(&state.kind)[index];
        let error = Payload::from_value(failure.output());
        let (output, assigned) = match flow_of(&state.kind) {
            Some(Flow::Jsonata(_)) => {
                let input = self.frame(id).input.clone();
                let seen = Seen {
                    error_output: Some(&error),
                    ..Seen::input(&input)
                };
                let assigned = self.assigned(id, catcher.assign.as_ref(), seen)?;
                let output = self.filled_or(id, catcher.output.as_ref(), seen, &error)?;
                (output, assigned)
            }
            Some(Flow::JsonPath(_)) | None => {
                let output = self.placed_error(id, catcher, &error)?;
                let seen = Seen::input(&error);
                (output, self.assigned(id, catcher.assign.as_ref(), seen)?)
            }
        };
        Ok((output, assigned, catcher.next))
    }

    fn placed_error(
        &self,
        id: FrameId,
        catcher: &Catcher,
        error: &Payload,
    ) -> Result<Payload, Failure> {
        let input = self.frame(id).input.value().clone();
        let placed = catcher.result_path.place(input, error.value().clone());
        let output = placed
            .map_err(|unplaced| self.evaluation_failure(id, unplaced))
            .and_then(|value| self.made(id, value))?;
        self.within_limit(id, output)
    }

    /// Records that a Parallel or Map state failed; other states' own events have said so already.
    /// Returns the event that the next one follows.
    fn end_branches(
        &mut self,
        id: FrameId,
        tail: EventId,
        failure: &Failure,
    ) -> Result<EventId, super::Halt> {
        let frame = self.frame(id);
        match &frame.waiting {
            // Recorded: a state whose expression fails before it begins its branches shows it too.
            Waiting::Turn if failure.location.is_some() => match frame.state_type {
                StateType::Parallel => self.emit(tail, Event::ParallelFailed { frame: id }),
                StateType::Map => self.emit(tail, Event::MapFailed { frame: id }),
                StateType::Pass
                | StateType::Task
                | StateType::Choice
                | StateType::Wait
                | StateType::Succeed
                | StateType::Fail => Ok(tail),
            },
            Waiting::Branches { .. } => self.emit(tail, Event::ParallelFailed { frame: id }),
            Waiting::Iterations { .. } | Waiting::MapRun { .. } => {
                self.emit(tail, Event::MapFailed { frame: id })
            }
            Waiting::Turn
            | Waiting::Task { .. }
            | Waiting::Retry { .. }
            | Waiting::Timer { .. } => Ok(tail),
        }
    }

    /// Records that the iteration `failed` of a Map state failed; a Parallel state's branch has no event.
    pub(super) fn end_iteration(
        &mut self,
        owner: FrameId,
        failed: Scope,
        tail: EventId,
    ) -> Progress {
        if let Waiting::Iterations { .. } = &self.frame(owner).waiting {
            let name = self.frame(owner).name.clone();
            let scope = failed;
            self.emit(tail, Event::IterationFailed { scope, name })?;
        }
        Ok(())
    }

    /// Ends everything that still runs under `owner` because its branch or iteration `failed` did.
    pub(super) fn abort_siblings(
        &mut self,
        owner: FrameId,
        failed: Scope,
        tail: EventId,
    ) -> Progress {
        let name = self.frame(owner).name.clone();
        let of_map = matches!(self.frame(owner).waiting, Waiting::Iterations { .. });
        let running = self.descendants(owner);
        for (at, (id, index)) in running.iter().enumerate() {
            self.abort(*id, tail)?;
            let last_of_branch = running.get(at + 1).is_none_or(|(_, next)| next != index);
            if of_map && last_of_branch && *index != failed.index {
                let (owner, index, name) = (Some(owner), *index, name.clone());
                let scope = Scope { owner, index };
                self.emit(tail, Event::IterationAborted { scope, name })?;
            }
        }
        Ok(())
    }

    /// Returns the frames under `owner`, innermost first within a branch, each with the branch of
    /// `owner` that it is part of; branches in their order.
    fn descendants(&self, owner: FrameId) -> Vec<(FrameId, u32)> {
        let frames = self.execution.frames();
        // A frame's number is greater than that of its owner, so one pass in order finds all.
        let mut branch_of = std::collections::BTreeMap::new();
        for (id, frame) in frames.range(owner..).skip(1) {
            match frame.scope.owner {
                Some(above) if above == owner => drop(branch_of.insert(*id, frame.scope.index)),
                Some(above) => {
                    if let Some(branch) = branch_of.get(&above).copied() {
                        branch_of.insert(*id, branch);
                    }
                }
                None => {}
            }
        }
        let mut found: Vec<(FrameId, u32)> = branch_of.into_iter().collect();
        found.sort_by_key(|(id, branch)| (*branch, std::cmp::Reverse(*id)));
        found
    }

    /// Ends a frame because it, or another one of its scope, failed. Only the types of state that can
    /// wait have an event for it.
    fn abort(&mut self, id: FrameId, tail: EventId) -> Progress {
        self.cancel_timers(id);
        self.abandon_job(id);
        self.settle_call(id);
        self.abort_map_run(id, tail)?;
        let (frame, state_type) = (id, self.frame(id).state_type);
        let event = match state_type {
            StateType::Task | StateType::Wait | StateType::Parallel | StateType::Map => {
                Event::StateAborted { frame, state_type }
            }
            StateType::Pass | StateType::Choice | StateType::Succeed | StateType::Fail => {
                Event::StateFailed { frame }
            }
        };
        self.emit(tail, event)?;
        Ok(())
    }

    /// Gives up the job that the frame waits for. To be called before its call is taken back.
    pub(super) fn abandon_job(&mut self, id: FrameId) {
        if let Some(task) = self.frame(id).open_job() {
            self.effect(Effect::AbandonJob { task });
        }
    }

    /// Takes the frame's call out of the outbox or of its activity's queue, if it is there.
    pub(super) fn settle_call(&mut self, id: FrameId) {
        if let Some(task) = self.frame(id).open_call() {
            self.effect(Effect::SettleTask { task });
        }
        if let Some(offer) = self.frame(id).open_offer() {
            self.effect(Effect::WithdrawTask { offer });
        }
    }

    /// Returns the payload of a value that the frame's state made, unless it is nested too deeply to be
    /// read back.
    pub(super) fn made(&self, id: FrameId, value: Value) -> Result<Payload, Failure> {
        let payload = Payload::from_value(value);
        if payload.nests_deeper_than(NESTING_MAX) {
            return Err(self.runtime_failure(id, too_deep()));
        }
        Ok(payload)
    }

    /// Returns the `States.Runtime` failure with `cause`, after the sentence that names the state.
    pub(super) fn runtime_failure(&self, id: FrameId, cause: String) -> Failure {
        self.evaluation_failure(id, asl::query::Failure::new(RUNTIME, cause))
    }

    /// Returns the failure of an expression of the frame's state, with the sentence that names it.
    pub(super) fn evaluation_failure(&self, id: FrameId, failure: asl::query::Failure) -> Failure {
        let name = &self.frame(id).name;
        let cause = format!(
            "An error occurred while executing the state '{name}' (entered at the event id #{}). {}",
            id.0, failure.cause
        );
        Failure {
            location: failure.location.map(Text::from),
            ..Failure::new(&failure.error, cause)
        }
    }
}

/// Returns the cause of a failure by a value that is nested too deeply.
pub(super) fn too_deep() -> String {
    format!("The value is nested more than {NESTING_MAX} levels deep.")
}

fn retriers(kind: &StateKind) -> &[Retrier] {
    match kind {
        StateKind::Task(task) => &task.retry,
        StateKind::Parallel(parallel) => &parallel.retry,
        StateKind::Map(map) => &map.retry,
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed(_)
        | StateKind::Fail(_) => &[],
    }
}

fn catchers(kind: &StateKind) -> &[Catcher] {
    match kind {
        StateKind::Task(task) => &task.catch,
        StateKind::Parallel(parallel) => &parallel.catch,
        StateKind::Map(map) => &map.catch,
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed(_)
        | StateKind::Fail(_) => &[],
    }
}

/// Returns the data flow of a state that can catch.
fn flow_of(kind: &StateKind) -> Option<&Flow> {
    match kind {
        StateKind::Task(task) => Some(&task.flow),
        StateKind::Parallel(parallel) => Some(&parallel.flow),
        StateKind::Map(map) => Some(&map.flow),
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed(_)
        | StateKind::Fail(_) => None,
    }
}
