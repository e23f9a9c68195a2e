//! What became of the children of a run, in the order of their items: into the state's output, or into a
//! bucket.

use engine_core::map_run::{Count, Failure, MapRunStart};
use engine_core::{Event, Outcome, Payload, Recorded};
use futures::{StreamExt, stream};
use serde_json::Value;
use service::Principal;
use store::StoreError;

use super::super::{Shared, load};
use super::child_name;
use super::children::Children;
use super::source::failure;
use crate::items::{
    ChildResult, ChildStatus, ItemsFailed, ResultWriter, StateOutput, WriterConfig, WriterTarget,
};
use crate::rows::{
    self, ChildRow, Chunk, ExecutionRecord, ExecutionRef, MapRunRecord, MapRunRef, StatusCode,
    map_runs,
};

/// Children read at once.
const CHILDREN_AT_ONCE: usize = 256;
/// Journals read at once.
const JOURNALS_AT_ONCE: usize = 16;

/// Why results could not be gathered.
#[derive(Debug)]
pub(super) enum ResultsError {
    /// The run fails by it.
    Run(Failure),
    /// The store, or what is in it.
    Read,
}

impl From<ItemsFailed> for ResultsError {
    fn from(failed: ItemsFailed) -> Self {
        Self::Run(failure(failed))
    }
}

/// Where the results of a run go.
enum Sink {
    Output(StateOutput),
    Bucket(Box<ResultWriter>),
}

/// A run at its end, as its results see it.
pub(super) struct Results<'r> {
    pub shared: &'r Shared,
    pub run: MapRunRef,
    pub start: &'r MapRunStart,
    pub record: &'r MapRunRecord,
    pub principal: Principal,
}

impl Results<'_> {
    /// Looks whether the results can be written where they are to go.
    pub async fn check_target(&self) -> Result<(), ResultsError> {
        match self.sink()? {
            Sink::Output(_) => Ok(()),
            Sink::Bucket(writer) => Ok(writer.check().await?),
        }
    }

    /// Returns the result of a run that succeeded, with how many children's results it holds.
    pub async fn gather(&self) -> Result<(Payload, Count), ResultsError> {
        let mut sink = self.sink()?;
        let count = self.push_ended(&mut sink).await?;
        let output = match sink {
            Sink::Output(output) => output.finish(),
            Sink::Bucket(writer) => writer.finish().await?,
        };
        Ok((output, count))
    }

    /// Writes what is known of a run that failed or was aborted, where a writer wants it: children that
    /// were not begun are pending. The state's output has no use for it.
    pub async fn export(&self, pending: Option<&mut Children>) -> Result<Count, ResultsError> {
        let mut sink = self.sink()?;
        if let Sink::Output(_) = sink {
            return Ok(Count::default());
        }
        let count = self.push_ended(&mut sink).await?;
        if let Some(children) = pending {
            self.push_pending(&mut sink, children).await?;
        }
        if let Sink::Bucket(writer) = sink {
            writer.finish().await?;
        }
        Ok(count)
    }

    fn sink(&self) -> Result<Sink, ResultsError> {
        let none = Value::Null;
        let writer = self.start.writer.as_ref().map_or(&none, Payload::value);
        let config = &writer["WriterConfig"];
        if writer["Resource"].is_null() {
            let config = WriterConfig::from_evaluated(config, WriterConfig::OUTPUT)?;
            let bytes_max = self.shared.options.limits.payload_bytes_max;
            return Ok(Sink::Output(StateOutput::new(config, bytes_max)));
        }
        let config = WriterConfig::from_evaluated(config, WriterConfig::EXPORT)?;
        let target = WriterTarget::from_evaluated(&writer["Parameters"])?;
        let gate = self.shared.gate.clone();
        let principal = self.principal.clone();
        let arn = &self.record.map_run_arn;
        let writer = ResultWriter::new(gate, principal, target, config, arn);
        Ok(Sink::Bucket(Box::new(writer)))
    }

    async fn push_ended(&self, sink: &mut Sink) -> Result<Count, ResultsError> {
        let (mut count, mut range) = (Count::default(), map_runs::children_of(self.run, 0));
        loop {
            let found = self.shared.store.scan(&range, CHILDREN_AT_ONCE).await;
            let found = found.map_err(read_failed)?;
            let full = found.len() == CHILDREN_AT_ONCE;
            if let Some((last, _)) = found.last() {
                range.start = [last, [0].as_slice()].concat().into();
            }
            let mut results = stream::iter(found)
                .map(|(_, row)| self.ended(row))
                .buffered(JOURNALS_AT_ONCE);
            while let Some(result) = results.next().await {
                let (items, child) = result?;
                self.push(sink, &child).await?;
                count.children += 1;
                count.items += items;
            }
            if !full {
                return Ok(count);
            }
        }
    }

    async fn push_pending(
        &self,
        sink: &mut Sink,
        children: &mut Children,
    ) -> Result<(), ResultsError> {
        while children.more() {
            let (planned, _) = children.take(CHILDREN_AT_ONCE).await;
            for child in planned {
                let name = child_name(&self.start.uuid, child.index);
                let machine = self.record.state_machine_arn.clone();
                let result = ChildResult {
                    execution_arn: format!(
                        "{}:{name}",
                        machine.replace(":stateMachine:", ":execution:")
                    ),
                    state_machine_arn: machine,
                    name,
                    status: ChildStatus::Pending,
                    input: child.input,
                    output: None,
                    error: None,
                    cause: None,
                    started_at: None,
                    stopped_at: None,
                    redrive_count: 0,
                    redriven_at: None,
                    redrive_status: None,
                    redrive_status_reason: None,
                };
                self.push(sink, &result).await?;
            }
        }
        Ok(())
    }

    async fn push(&self, sink: &mut Sink, child: &ChildResult) -> Result<(), ResultsError> {
        match sink {
            Sink::Bucket(writer) => Ok(writer.push(child).await?),
            Sink::Output(output) => output
                .push(child)
                .map_err(|_| ResultsError::Run(too_long(&self.start.state))),
        }
    }

    /// Reads what became of one child: its record, and the two ends of its journal.
    async fn ended(&self, row: bytes::Bytes) -> Result<(u64, ChildResult), ResultsError> {
        let child: ChildRow = read(&row)?;
        let record = self.get(&rows::execution_key(child.execution)).await?;
        let record: ExecutionRecord = read(&record)?;
        let last = child.last_chunk.unwrap_or(0);
        let (input, mut outcome) = self.ends(child.execution, 0).await?;
        if last > 0 {
            outcome = self.ends(child.execution, last).await?.1;
        }
        let (output, error, cause) = match outcome {
            Some(Outcome::Succeeded(output)) => (Some(output), None, None),
            Some(Outcome::Failed(error, cause) | Outcome::Aborted(error, cause)) => {
                (None, error, cause)
            }
            Some(Outcome::TimedOut) | None => (None, None, None),
        };
        let status = status_of(child.status);
        let (redrive_status, redrive_status_reason) = match status {
            ChildStatus::Succeeded => (
                "NOT_REDRIVABLE",
                Some("Execution is SUCCEEDED and cannot be redriven".to_owned()),
            ),
            _ => ("REDRIVABLE_BY_MAP_RUN", None),
        };
        let last_redrive = record.last_redrive().cloned();
        let result = ChildResult {
            execution_arn: record.execution_arn,
            state_machine_arn: record.state_machine_arn,
            name: record.name,
            status,
            input: input.ok_or(ResultsError::Read)?,
            output,
            error: error.as_deref().map(str::to_owned),
            cause: cause.as_deref().map(str::to_owned),
            started_at: Some(record.started_at),
            stopped_at: record.stopped_at,
            redrive_count: last_redrive.as_ref().map_or(0, |redrive| {
                u32::try_from(redrive.count).unwrap_or(u32::MAX)
            }),
            redriven_at: last_redrive.map(|redrive| redrive.at),
            redrive_status: Some(redrive_status.to_owned()),
            redrive_status_reason,
        };
        Ok((child.items, result))
    }

    async fn ends(
        &self,
        execution: ExecutionRef,
        chunk: u64,
    ) -> Result<(Option<Payload>, Option<Outcome>), ResultsError> {
        let row = self.get(&rows::chunk_key(execution, chunk)).await?;
        let chunk: Chunk = read(&row)?;
        let (mut input, mut outcome) = (None, None);
        for Recorded { event, .. } in chunk.events {
            match event {
                Event::ExecutionStarted(identity) => input = Some(identity.input),
                Event::ExecutionSucceeded { output } => outcome = Some(Outcome::Succeeded(output)),
                Event::ExecutionFailed { error, cause } => {
                    outcome = Some(Outcome::Failed(error, cause));
                }
                Event::ExecutionAborted { error, cause } => {
                    outcome = Some(Outcome::Aborted(error, cause));
                }
                Event::ExecutionTimedOut => outcome = Some(Outcome::TimedOut),
                // Only the two ends of a journal are looked for.
                _ => {}
            }
        }
        Ok((input, outcome))
    }

    async fn get(&self, key: &store::Key) -> Result<bytes::Bytes, ResultsError> {
        let row = self.shared.store.get(key).await.map_err(read_failed)?;
        row.ok_or(ResultsError::Read)
    }
}

fn read<'b, T: minicbor::Decode<'b, ()>>(row: &'b [u8]) -> Result<T, ResultsError> {
    load::read(row).map_err(|_| ResultsError::Read)
}

fn read_failed(error: StoreError) -> ResultsError {
    load::unavailable(error);
    ResultsError::Read
}

fn status_of(status: StatusCode) -> ChildStatus {
    match status {
        StatusCode::Succeeded => ChildStatus::Succeeded,
        StatusCode::Failed => ChildStatus::Failed,
        StatusCode::TimedOut => ChildStatus::TimedOut,
        StatusCode::Aborted | StatusCode::Running => ChildStatus::Aborted,
    }
}

fn too_long(state: &str) -> Failure {
    Failure {
        error: "States.DataLimitExceeded".into(),
        cause: format!(
            "The state/task '{state}' returned a result with a size exceeding the maximum number of bytes service limit."
        )
        .into(),
    }
}
