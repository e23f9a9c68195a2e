//! Finding an execution by its ARN.

use engine_core::{Lived, Outcome, Payload};
use service::Failure;

use super::{failure, names};
use crate::machines::MachineStatus;
use crate::rows::{ExecutionRecord, ExecutionRef};
use crate::service::States;

/// Which executions are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Those that AWS shows.
    Api,
    /// Those of EXPRESS machines, too.
    Everything,
}

/// Returns the execution that `arn` names, or `ExecutionDoesNotExist`.
pub(crate) async fn find(
    states: &States,
    arn: &str,
) -> Result<(ExecutionRef, ExecutionRecord), Failure> {
    find_by(states, arn, Sight::Api).await
}

/// Like [`find`], of what `sight` shows.
pub(super) async fn find_by(
    states: &States,
    arn: &str,
    sight: Sight,
) -> Result<(ExecutionRef, ExecutionRecord), Failure> {
    let parts = match sight {
        Sight::Api => names::parse_execution_arn(arn)?,
        Sight::Everything => names::parse_any_execution_arn(arn)?,
    };
    let missing = || failure::execution_does_not_exist(arn);
    let found = states.shell.find(&parts.machine_arn, parts.name).await?;
    let execution = found.ok_or_else(missing)?;
    let record = states.shell.record(execution).await?.ok_or_else(missing)?;
    Ok((execution, record))
}

/// Returns why the execution may not be redriven, if it may not; `events` is the length of its history.
pub(super) async fn not_redrivable(
    states: &States,
    record: &ExecutionRecord,
    events: u64,
) -> Result<Option<String>, Failure> {
    let lived = Lived {
        status: record.status.into(),
        started_at: record.started_at,
        stopped_at: record.stopped_at,
        events,
    };
    let (now, limits) = (states.clock.now(), &states.shell.options().limits);
    if let Some(reason) = lived.not_redrivable(now, limits) {
        return Ok(Some(reason.to_string()));
    }
    if record.child_of.is_some() {
        return Ok(None);
    }
    let name = record.state_machine_arn.rsplit(':').next();
    let machine = states.machines.read(name.unwrap_or_default()).await?;
    // Of a machine that is gone, the definition may be gone too.
    let gone = machine.is_none_or(|machine| machine.record.status == MachineStatus::Deleting);
    Ok(gone.then(|| "State machine is in DELETING status".to_owned()))
}

/// What the two ends of a journal say.
#[derive(Default)]
pub(super) struct Ends {
    /// What the execution began with.
    pub(super) input: Option<Payload>,
    /// How it ended.
    pub(super) outcome: Option<Outcome>,
    /// How many events the history of an execution that ended has.
    pub(super) events: u64,
}

/// Reads an execution's input and, where it has ended, its outcome: two chunks, whatever is between.
pub(super) async fn ends(
    states: &States,
    execution: ExecutionRef,
    record: &ExecutionRecord,
) -> Result<Ends, Failure> {
    let mut ends = Ends::default();
    let first = states.shell.chunks(execution, None, false, 1).await?;
    if let Some((number, chunk)) = first.first() {
        ends.look_at(chunk);
        if record.last_chunk.is_none() {
            // The first chunk may hold an end from before a redrive.
            ends.outcome = None;
        }
        if record.last_chunk == Some(*number) {
            return Ok(ends);
        }
    }
    if record.last_chunk.is_some() {
        let last = states
            .shell
            .chunks(execution, record.last_chunk, true, 1)
            .await?;
        if let Some((_, chunk)) = last.first() {
            ends.look_at(chunk);
        }
    }
    Ok(ends)
}

impl Ends {
    fn look_at(&mut self, chunk: &crate::rows::Chunk) {
        use engine_core::Event;
        let public = chunk.events.iter();
        let public = public.filter(|recorded| recorded.event.is_public());
        self.events = chunk.after.0 + public.count() as u64;
        for recorded in &chunk.events {
            match &recorded.event {
                Event::ExecutionStarted(identity) => self.input = Some(identity.input.clone()),
                Event::ExecutionSucceeded { output } => {
                    self.outcome = Some(Outcome::Succeeded(output.clone()));
                }
                Event::ExecutionFailed { error, cause } => {
                    self.outcome = Some(Outcome::Failed(error.clone(), cause.clone()));
                }
                Event::ExecutionAborted { error, cause } => {
                    self.outcome = Some(Outcome::Aborted(error.clone(), cause.clone()));
                }
                Event::ExecutionTimedOut => self.outcome = Some(Outcome::TimedOut),
                // What came before is not how the execution ended.
                Event::ExecutionRedriven { .. } => self.outcome = None,
                // Only the first and the last event of an execution are looked for.
                _ => {}
            }
        }
    }
}
