//! Executions that a caller waits for (`StartSyncExecution`): they run in memory, at most once.
//!
//! One task an execution: it lets the engine decide, makes the calls, waits for timers, and answers.
//! Nothing is on disk before the answer, because nothing is promised to be: the caller is the one place
//! where the outcome goes, and a caller that hears nothing knows that nobody goes on
//! (docs/adr/0030-sync-executions-in-memory.md). What it went through is written down behind the answer.

mod record;
mod run;

use std::sync::Arc;

use asl::StateMachine;
use engine_core::{Limits, Outcome, Payload, Recorded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use vocab::Timestamp;

use self::run::Run;
use super::begin::describe;
use super::{CommandError, Shell, Start};
use crate::mocks::MockCase;
use crate::rows::ExecutionRecord;

pub(super) use self::record::Recorder;

/// How many executions may wait to be written down before callers wait for that.
pub(super) const FINISHED_MAX: usize = 256;
/// Most executions at once.
const SEATS: u32 = 8_192;
/// EXPRESS machines have no limit of events but their time (Quotas, "Express workflows"); ours is this
/// many times that of a STANDARD execution.
const HISTORY_TIMES: u64 = 40;

/// How an execution ended that was waited for.
#[derive(Clone, Debug)]
pub struct SyncEnd {
    /// Its ARN.
    pub execution_arn: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// About how many bytes it held.
    pub bytes: usize,
}

/// An execution that ran in memory, to be written down.
pub(super) struct Finished {
    pub machine: Arc<StateMachine>,
    pub execution: engine_core::Execution,
    pub record: ExecutionRecord,
    pub events: Vec<Recorded>,
    /// How many bytes the events have in a journal.
    pub bytes: usize,
}

/// Returns the limits that hold for executions of EXPRESS machines.
pub(super) fn limits(limits: &Limits) -> Limits {
    Limits {
        history_events_max: limits.history_events_max.saturating_mul(HISTORY_TIMES),
        ..limits.clone()
    }
}

/// Bounds how many run at once, and knows when none does.
pub(super) struct SyncSeats(Arc<Semaphore>);

impl Default for SyncSeats {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SEATS as usize)))
    }
}

impl SyncSeats {
    async fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().acquire_owned().await.ok()
    }

    /// Waits until none runs; none begins from here on.
    pub async fn wait_until_empty(&self) {
        // Closed only here, and then nobody needs to wait again.
        let _ = self.0.acquire_many(SEATS).await.map(|all| all.forget());
        self.0.close();
    }
}

impl Shell {
    /// Runs an execution to its end. It goes on when the caller does not wait any more; it ends without
    /// a word when the server does.
    pub async fn run_sync(&self, mut start: Start) -> Result<SyncEnd, CommandError> {
        let shared = self.shared.clone();
        let seat = shared
            .sync_seats
            .take()
            .await
            .ok_or(CommandError::Unavailable)?;
        let machine = shared.definitions.machine(&start.definition).await;
        let machine = machine.map_err(|_| CommandError::Unavailable)?;
        let case = start.mocks.take();
        let case = case.as_deref().map(MockCase::from_text).transpose();
        let case = case.map_err(|_| CommandError::Unavailable)?;
        let (reply, answer) = oneshot::channel();
        tokio::spawn(async move {
            let now = shared.clock.now();
            let (identity, record) = describe(&shared.options, start, &machine, now);
            let ended = Run::new(shared.clone(), machine, record, case)
                .end(identity)
                .await;
            let Some(finished) = ended else {
                // The server ends, or the engine panicked and has said so: the caller hears nothing.
                return;
            };
            let end = finished.end();
            // Bounded: who ends while too many wait to be written down waits, too.
            let room = shared.finished.reserve().await;
            // A caller that went away does not need the answer.
            drop(reply.send(end.ok_or(CommandError::Unavailable)));
            if let Ok(room) = room {
                room.send(Box::new(finished));
            }
            drop(seat);
        });
        answer.await.unwrap_or(Err(CommandError::Unavailable))
    }
}

impl Finished {
    fn end(&self) -> Option<SyncEnd> {
        let (stopped_at, outcome) = self.execution.closed()?.clone();
        let length = |payload: &Payload| payload.len();
        let output = match &outcome {
            Outcome::Succeeded(output) => length(output),
            Outcome::Failed(..) | Outcome::TimedOut | Outcome::Aborted(..) => 0,
        };
        let input = self.execution.identity().map(|identity| &identity.input);
        Some(SyncEnd {
            execution_arn: self.record.execution_arn.clone(),
            started_at: self.record.started_at,
            stopped_at,
            bytes: input.map_or(0, length) + output,
            outcome,
        })
    }
}
