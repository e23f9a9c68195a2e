//! Tells a collector of traces about executions that ended, if the operator has named one.
//!
//! The commit that ends an execution leaves a row; the row goes when the collector has taken the spans. So
//! a crash loses no trace, and a collector that is away holds nobody up: rows wait for it. Of synchronous
//! executions the oldest are forgotten, told or not, when too many wait (`express/record.rs`).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use service::{Failure, Span, SpanSink};
use store::{Batch, Key, Range, Space};

use super::{Shared, decode};
use crate::definitions::unreadable;
use crate::rows::{self, Chunk, ExecutionRecord, ExecutionRef};
use crate::spans::Spans;

/// How many executions are told of at once.
const EXECUTIONS_AT_ONCE: usize = 64;
/// How many chunks are read at once.
const CHUNKS_AT_ONCE: usize = 64;
/// Most spans that are sent at once.
const SPANS_AT_ONCE: usize = 512;
/// How long rows are left to gather.
const GATHERING: Duration = Duration::from_millis(200);
/// Shortest and longest pause before what failed is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

pub(super) struct SpanExport {
    shared: Arc<Shared>,
    sink: Arc<dyn SpanSink>,
}

impl SpanExport {
    pub fn new(shared: Arc<Shared>, sink: Arc<dyn SpanSink>) -> Self {
        Self { shared, sink }
    }

    pub async fn run(self) {
        let shared = self.shared.clone();
        let stopped = shared.stopped();
        tokio::pin!(stopped);
        let mut pause = PAUSES.0;
        loop {
            let failed = match self.export().await {
                Ok(true) if shared.stopping.load(Ordering::SeqCst) => return,
                Ok(true) => {
                    pause = PAUSES.0;
                    continue;
                }
                Ok(false) => false,
                Err(failure) => {
                    tracing::warn!(%failure, "traces could not be exported yet");
                    true
                }
            };
            let wait = async {
                if failed {
                    tokio::time::sleep(pause).await;
                } else {
                    shared.closed.notified().await;
                    tokio::time::sleep(GATHERING).await;
                }
            };
            tokio::select! {
                () = &mut stopped => return,
                () = wait => {}
            }
            if failed {
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }

    /// Tells of the first executions that wait; says whether there may be more.
    async fn export(&self) -> Result<bool, Failure> {
        let store = &self.shared.store;
        let range = Range::prefix(Space::SpanBacklog, b"");
        let waiting = store.scan(&range, EXECUTIONS_AT_ONCE).await;
        let waiting = waiting.map_err(unreadable)?;
        let (mut done, mut spans) = (Vec::new(), Vec::new());
        for (key, _) in waiting {
            if let Some(execution) = rows::execution_of_key(&key) {
                spans.extend(self.spans_of(execution).await?);
            }
            done.push(Key::new(Space::SpanBacklog, key));
            if spans.len() >= SPANS_AT_ONCE {
                break;
            }
        }
        if done.is_empty() {
            return Ok(false);
        }
        for some in spans.chunks(SPANS_AT_ONCE) {
            self.sink.export(some).await.map_err(Failure::internal)?;
        }
        let batch = Batch {
            delete: done,
            ..Batch::default()
        };
        store.commit(batch).await.map_err(unreadable)?;
        Ok(true)
    }

    async fn spans_of(&self, execution: ExecutionRef) -> Result<Vec<Span>, Failure> {
        let store = &self.shared.store;
        let row = store.get(&rows::execution_key(execution)).await;
        let Some(row) = row.map_err(unreadable)? else {
            // A synchronous execution that was forgotten: too many waited.
            return Ok(Vec::new());
        };
        let record: ExecutionRecord = decode(&row)?;
        let mut spans = Spans::new(&record);
        let mut range = rows::journal_of(execution);
        loop {
            let chunks = store.scan(&range, CHUNKS_AT_ONCE).await;
            let chunks = chunks.map_err(unreadable)?;
            for (_, row) in &chunks {
                spans.add(&decode::<Chunk>(row)?);
            }
            match chunks.last() {
                Some((key, _)) if chunks.len() == CHUNKS_AT_ONCE => {
                    range.start = [&key[..], &[0]].concat().into();
                }
                Some(_) | None => return Ok(spans.finish()),
            }
        }
    }
}
