//! Wait: until a moment, or for a number of seconds.

use asl::query::WaitTime;
use asl::{StateKind, Wait, WaitUntil};
use vocab::Timestamp;

use super::failure::Failure;
use super::flow::Seen;
use super::{Progress, Turn};
use crate::effect::{Effect, Timer, TimerKind};
use crate::event::Event;
use crate::ids::FrameId;

impl Turn<'_> {
    pub(super) fn run_wait(&mut self, id: FrameId, wait: &Wait) -> Progress {
        let due_at = match self.wait_until(id, wait) {
            Ok(due_at) => due_at,
            Err(failure) => return self.fail(id, failure),
        };
        if due_at <= self.cue.now {
            return self.wait_over(id);
        }
        let tail = self.frame(id).tail;
        self.emit(tail, Event::WaitStarted { frame: id, due_at })?;
        self.effect(Effect::StartTimer {
            timer: Timer {
                kind: TimerKind::Wait,
                of: id.0,
            },
            due_at,
        });
        Ok(())
    }

    pub(super) fn wait_over(&mut self, id: FrameId) -> Progress {
        let StateKind::Wait(wait) = &self.state_of(id).kind else {
            return Ok(());
        };
        let left = self.effective_input(id, &wait.flow).and_then(|input| {
            self.passed_and_assigned(id, &wait.flow, wait.assign.as_ref(), &input)
        });
        match left {
            Ok((output, assigned)) => self.exit(id, output, assigned, wait.transition),
            Err(failure) => self.fail(id, failure),
        }
    }

    fn wait_until(&self, id: FrameId, wait: &Wait) -> Result<Timestamp, Failure> {
        let now = self.cue.now;
        let time = match &wait.until {
            WaitUntil::Seconds(seconds) => WaitTime::Seconds(*seconds),
            WaitUntil::Timestamp(moment) => WaitTime::Until(*moment),
            WaitUntil::SecondsPath(_)
            | WaitUntil::TimestampPath(_)
            | WaitUntil::SecondsExpression(_)
            | WaitUntil::TimestampExpression(_) => {
                let input = self.effective_input(id, &wait.flow)?;
                self.with_scope(id, Seen::input(&input), |scope| wait.until.evaluate(scope))?
            }
        };
        time.due(now)
            .map_err(|failure| self.evaluation_failure(id, failure))
    }
}
