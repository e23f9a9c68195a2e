//! Activities: a task that a worker takes when it comes for it.
//!
//! The task waits in the queue of its activity, without limit: its `TimeoutSeconds` and its
//! `HeartbeatSeconds` count from the moment at which a worker takes it ("Troubleshooting activities" of
//! the developer guide: a task that nobody takes is ended by the machine's own timeout only).

use super::{Progress, Turn};
use crate::command::Rejection;
use crate::effect::{Effect, Offer, TaskCall, TimerKind};
use crate::event::{Event, TaskDescription};
use crate::ids::{FrameId, TaskId};
use crate::payload::Text;

impl Turn<'_> {
    /// Puts the task into its activity's queue.
    pub(super) fn offer(
        &mut self,
        id: FrameId,
        activity: Text,
        description: TaskDescription,
    ) -> Progress {
        if !self.cue.activities.exists(&activity) {
            let cause = format!("The activity {activity} does not exist.");
            let failure = self.runtime_failure(id, cause);
            return self.fail(id, failure);
        }
        let call = TaskCall {
            description: description.clone(),
            frame: id,
        };
        let scheduled = Event::TaskScheduled {
            frame: id,
            task: Box::new(description),
            timeout_at: None,
        };
        let scheduled = self.emit(self.frame(id).tail, scheduled)?;
        let offer = Offer {
            activity,
            at: self.cue.now,
            task: TaskId(scheduled),
        };
        self.effect(Effect::OfferTask { offer, call });
        Ok(())
    }

    /// Gives the task to a worker: to the first that asks, and to no other.
    pub(super) fn task_taken(
        &mut self,
        task: TaskId,
        worker_name: Option<Text>,
    ) -> Result<Progress, Rejection> {
        let open = self.open_task(task)?;
        let offer = self.frame(open.id).open_offer();
        let offer = offer.ok_or(Rejection::TaskNotOffered)?;
        let after = |seconds: u64| self.cue.now.plus_seconds(seconds);
        let timeout_at = open.timeout_seconds.map(after);
        let heartbeat_at = open.heartbeat_seconds.map(after);
        let started = Event::TaskStarted {
            frame: open.id,
            heartbeat_at,
            resource: open.resource,
            worker_name,
            timeout_at,
        };
        if let Err(halt) = self.emit(open.tail, started) {
            return Ok(Err(halt));
        }
        self.effect(Effect::WithdrawTask { offer });
        self.start_timer(TimerKind::TaskTimeout, task, timeout_at);
        self.start_timer(TimerKind::TaskHeartbeat, task, heartbeat_at);
        Ok(Ok(()))
    }
}
