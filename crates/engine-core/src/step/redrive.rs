//! Redrive: an execution that ended without success goes on with the state that it ended in
//! (Restarting state machine executions with redrive).

use super::{Progress, Turn};
use crate::command::{NotRedrivable, Rejection};
use crate::effect::{Effect, Timer, TimerKind};
use crate::event::{Event, StateType};
use crate::execution::Outcome;
use crate::ids::{EventId, FrameId};
use crate::payload::Text;

/// How long after its end an execution may be redriven ("Redrive eligibility").
const PERIOD_SECONDS: u64 = 14 * 24 * 60 * 60;

impl Turn<'_> {
    pub(super) fn redrive(&mut self, client_token: Option<Text>) -> Result<Progress, Rejection> {
        let frame = self.may_be_redriven()?;
        Ok(self.begin_again(frame, client_token))
    }

    /// Returns the state that is begun again.
    fn may_be_redriven(&self) -> Result<FrameId, Rejection> {
        let no = |reason| Err(Rejection::NotRedrivable(reason));
        let (now, limits) = (self.cue.now, self.cue.limits);
        let ended_at = match self.execution.closed() {
            None => return no(NotRedrivable::Running),
            Some((_, Outcome::Succeeded(_))) => return no(NotRedrivable::Succeeded),
            Some((at, Outcome::Failed(..) | Outcome::TimedOut | Outcome::Aborted(..))) => *at,
        };
        // The redrive itself and one event behind it must find room.
        if self.execution.last_event().0 + 1 >= limits.history_events_max {
            return no(NotRedrivable::HistoryFull);
        }
        let started_at = self.execution.started_at();
        if now > started_at.plus_seconds(limits.execution_seconds_max) {
            return no(NotRedrivable::TooOld);
        }
        if now > ended_at.plus_seconds(PERIOD_SECONDS) {
            return no(NotRedrivable::PeriodOver);
        }
        match self.execution.ended_in() {
            Some((id, frame)) => match frame.state_type {
                StateType::Pass
                | StateType::Task
                | StateType::Choice
                | StateType::Wait
                | StateType::Succeed
                | StateType::Fail => Ok(id),
                StateType::Parallel | StateType::Map => Err(Rejection::RedriveNotBuilt),
            },
            // It ended between two states, for which only a full history is a reason.
            None => no(NotRedrivable::HistoryFull),
        }
    }

    fn begin_again(&mut self, frame: FrameId, client_token: Option<Text>) -> Progress {
        let max = self.cue.limits.execution_seconds_max;
        let seconds = self.machine.timeout_seconds.unwrap_or(max).min(max);
        let deadline = self.cue.now.plus_seconds(seconds);
        let event = Event::ExecutionRedriven {
            frame,
            count: self.execution.redrives() + 1,
            deadline,
            client_token,
        };
        self.emit(self.execution.last_event(), event)?;
        let timer = Timer {
            kind: TimerKind::Execution,
            of: EventId::NONE,
        };
        self.effect(Effect::StartTimer {
            timer,
            due_at: deadline,
        });
        self.ready.push_back(frame);
        Ok(())
    }
}
