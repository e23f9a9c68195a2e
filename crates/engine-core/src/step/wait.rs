//! Wait: until a moment, or for a number of seconds.

use asl::query::Path;
use asl::{StateKind, Wait, WaitUntil};
use serde_json::Value;
use vocab::Timestamp;

use super::failure::Failure;
use super::{Progress, Turn};
use crate::effect::{Effect, Timer, TimerKind};
use crate::event::Event;
use crate::ids::FrameId;
use crate::payload::Payload;

/// Longest wait, in whole days: 2^31 seconds (features ASL-7: 24,855 days pass, 24,856 fail).
const DAYS_MAX: i64 = 24_855;

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
        let output = self
            .effective_input(id, &wait.flow)
            .and_then(|input| self.effective_output(id, &wait.flow, &input));
        match output {
            Ok(output) => self.exit(id, output, wait.transition),
            Err(failure) => self.fail(id, failure),
        }
    }

    fn wait_until(&self, id: FrameId, wait: &Wait) -> Result<Timestamp, Failure> {
        let now = self.cue.now;
        let due_at = match &wait.until {
            WaitUntil::Seconds(seconds) => now.plus_seconds(*seconds),
            WaitUntil::Timestamp(moment) => *moment,
            WaitUntil::SecondsPath(path) => now.plus_seconds(self.seconds_at(id, wait, path)?),
            WaitUntil::TimestampPath(path) => self.timestamp_at(id, wait, path)?,
        };
        if due_at.as_millis().saturating_sub(now.as_millis()) > DAYS_MAX * 86_400_000 {
            return Err(self.wait_failure(id, "Wait state delay is too long.".into()));
        }
        Ok(due_at)
    }

    fn seconds_at(&self, id: FrameId, wait: &Wait, path: &Path) -> Result<u64, Failure> {
        let value = self.referenced(id, wait, "SecondsPath", path)?;
        let text = path.text();
        if let Some(seconds) = value.as_u64() {
            return Ok(seconds);
        }
        let cause = match &value {
            Value::Number(number) if number.as_i64().is_some() => {
                format!("The SecondsPath parameter references a negative value: {text} == {value}")
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => {
                format!(
                    "The SecondsPath parameter cannot be parsed as a long value: {text} == {}",
                    plain(&value)
                )
            }
        };
        Err(self.wait_failure(id, cause))
    }

    fn timestamp_at(&self, id: FrameId, wait: &Wait, path: &Path) -> Result<Timestamp, Failure> {
        let value = self.referenced(id, wait, "TimestampPath", path)?;
        value.as_str().and_then(Timestamp::parse_rfc3339).ok_or_else(|| {
            let cause = format!(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: {} == {}",
                path.text(),
                plain(&value)
            );
            self.wait_failure(id, cause)
        })
    }

    fn referenced(
        &self,
        id: FrameId,
        wait: &Wait,
        field: &str,
        path: &Path,
    ) -> Result<Value, Failure> {
        let input: Payload = self.effective_input(id, &wait.flow)?;
        self.look_up(id, path, &input).map_err(|_| {
            let cause = format!(
                "The {field} parameter does not reference an input value: {}",
                path.text()
            );
            self.wait_failure(id, cause)
        })
    }

    fn wait_failure(&self, id: FrameId, cause: String) -> Failure {
        self.evaluation_failure(
            id,
            asl::query::Failure {
                error: "States.Runtime".into(),
                cause,
            },
        )
    }
}

/// Returns the value as AWS puts it into a sentence: text without quotes.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
