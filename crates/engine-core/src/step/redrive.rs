//! Redrive: an execution that ended without success goes on where it ended (Restarting state machine
//! executions with redrive).
//!
//! The state that it ended in begins again. Of a Parallel or Map state only the branches or iterations
//! that had not succeeded do, each with the state that it ended in, however deep.

use asl::StateKind;
use vocab::{Timestamp, limits};

use super::{HISTORY_FULL, Limits, Progress, Turn};
use crate::command::{NotRedrivable, Rejection};
use crate::effect::{Effect, Timer, TimerKind};
use crate::event::{Event, Scope, StateType};
use crate::execution::{Outcome, Status};
use crate::frame::Waiting;
use crate::ids::{EventId, FrameId};
use crate::payload::Text;

/// How long after its end an execution may be redriven ("Redrive eligibility").
const PERIOD_SECONDS: u64 = 14 * 24 * 60 * 60;

/// The error after which a Parallel or Map state is done again as a whole: what its branches put out was
/// too long together.
const ALL_AGAIN: &str = "States.DataLimitExceeded";

/// What decides whether an execution may be redriven, but for what is left of it.
#[derive(Clone, Copy, Debug)]
pub struct Lived {
    /// Its status.
    pub status: Status,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// How many events its history has.
    pub events: u64,
}

impl Lived {
    /// Returns why the execution may not be redriven now, if it may not.
    pub fn not_redrivable(&self, now: Timestamp, limits: &Limits) -> Option<NotRedrivable> {
        let stopped_at = match (self.status, self.stopped_at) {
            (Status::Running, _) | (_, None) => return Some(NotRedrivable::Running),
            (Status::Succeeded, _) => return Some(NotRedrivable::Succeeded),
            (Status::Failed | Status::TimedOut | Status::Aborted, Some(at)) => at,
        };
        // The redrive itself and one event behind it must find room.
        if self.events + 1 >= limits.history_events_max {
            return Some(NotRedrivable::HistoryFull);
        }
        if now > self.started_at.plus_seconds(limits.execution_seconds_max) {
            return Some(NotRedrivable::TooOld);
        }
        (now > stopped_at.plus_seconds(PERIOD_SECONDS)).then_some(NotRedrivable::PeriodOver)
    }
}

impl Turn<'_> {
    pub(super) fn redrive(
        &mut self,
        client_token: Option<Text>,
        from_start: bool,
    ) -> Result<Progress, Rejection> {
        if from_start {
            return match self.execution.status() {
                Status::Running => Err(Rejection::NotRedrivable(NotRedrivable::Running)),
                Status::Succeeded => Err(Rejection::NotRedrivable(NotRedrivable::Succeeded)),
                Status::Failed | Status::TimedOut | Status::Aborted => {
                    Ok(self.begin_from_start(client_token))
                }
            };
        }
        let frame = self.may_be_redriven().map_err(Rejection::NotRedrivable)?;
        Ok(self.begin_again(frame, client_token))
    }

    /// Returns the outermost state that goes on.
    fn may_be_redriven(&self) -> Result<FrameId, NotRedrivable> {
        let execution = &*self.execution;
        let lived = Lived {
            status: execution.status(),
            started_at: execution.started_at(),
            stopped_at: execution.closed().map(|(at, _)| *at),
            events: execution.events_counted(),
        };
        if let Some(reason) = lived.not_redrivable(self.cue.now, self.cue.limits) {
            return Err(reason);
        }
        // What ended between two states did so for one reason only.
        let full = match execution.closed() {
            Some((_, Outcome::Failed(_, Some(cause)))) => cause.starts_with(HISTORY_FULL),
            _ => false,
        };
        match execution.remains().outermost() {
            Some((id, _)) if !execution.remains().is_cut(full) => Ok(id),
            Some(_) | None => Err(NotRedrivable::HistoryFull),
        }
    }

    fn begin_again(&mut self, frame: FrameId, client_token: Option<Text>) -> Progress {
        let max = self.cue.limits.execution_seconds_max;
        let event = Event::ExecutionRedriven {
            frame,
            count: self.execution.redrives() + 1,
            deadline: self.new_deadline(max),
            client_token,
            anew: self.is_done_anew().then_some(true),
        };
        self.emit_redriven(event)?;
        let frames = self.execution.frames().iter();
        let (ready, owners): (Vec<_>, Vec<_>) = frames
            .map(|(id, frame)| (*id, frame.waiting == Waiting::Turn))
            .partition(|(_, ready)| *ready);
        self.ready.extend(ready.into_iter().map(|(id, _)| id));
        for (id, _) in owners {
            self.go_on_with_owner(id)?;
        }
        Ok(())
    }

    fn begin_from_start(&mut self, client_token: Option<Text>) -> Progress {
        // Only executions of type EXPRESS begin from their start.
        let event = Event::ExecutionRedriven {
            frame: FrameId(EventId::NONE),
            count: self.execution.redrives() + 1,
            deadline: self.new_deadline(limits::EXPRESS_SECONDS_MAX),
            client_token,
            anew: Some(true),
        };
        self.emit_redriven(event)?;
        let identity = self.execution.identity();
        let input = identity.expect("it has begun before").input.clone();
        let (machine, last) = (self.machine, self.execution.last_event());
        self.enter_workflow(&machine.root, Scope::ROOT, last, input)
    }

    /// Returns when the execution's time is over that counts from now on.
    fn new_deadline(&self, seconds_max: u64) -> Timestamp {
        let seconds = self.machine.timeout_seconds.unwrap_or(seconds_max);
        self.cue.now.plus_seconds(seconds.min(seconds_max))
    }

    fn emit_redriven(&mut self, event: Event) -> Progress {
        self.emit(self.execution.last_event(), event)?;
        let timers = self.execution.open_timers().into_iter();
        // Nothing else runs yet.
        for (timer, due_at) in timers.filter(|(timer, _)| timer.kind == TimerKind::Execution) {
            let timer: Timer = timer;
            self.effect(Effect::StartTimer { timer, due_at });
        }
        Ok(())
    }

    /// Says whether what had succeeded inside the state is done again, too.
    fn is_done_anew(&self) -> bool {
        let error = match self.execution.closed() {
            Some((_, Outcome::Failed(error, _))) => error.as_deref(),
            _ => None,
        };
        let outermost = self.execution.remains().outermost();
        let state_type = outermost.map(|(_, frame)| frame.state_type);
        let owns = matches!(state_type, Some(StateType::Parallel | StateType::Map));
        owns && error == Some(ALL_AGAIN)
    }

    /// Begins what the state has to begin beside the states that go on inside it; leaves it where there
    /// is nothing.
    fn go_on_with_owner(&mut self, id: FrameId) -> Progress {
        // What another state came to may have ended this one.
        if !self.execution.frames().contains_key(&id) {
            return Ok(());
        }
        let tail = self.frame(id).tail;
        match (&self.state_of(id).kind, &self.frame(id).waiting) {
            (StateKind::Parallel(parallel), Waiting::Branches { .. }) => {
                self.finish_parallel(id, parallel, tail)
            }
            (StateKind::Map(map), Waiting::Iterations { .. }) => self.go_on_with_map(id, map),
            _ => Ok(()),
        }
    }
}
