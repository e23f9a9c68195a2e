//! Tells who wants to hear of executions that begin and end, if anybody does.
//!
//! The commit by which an execution begins or ends leaves a row; the row goes when it was heard. So a crash
//! loses nothing, and something may be told twice. Executions of which nobody wanted to hear leave none.

use std::sync::Arc;
use std::time::Duration;

use service::{Failure, StatusSink};
use store::{Batch, Key, Range, Space};

use super::Shared;
use crate::definitions::unreadable;
use crate::rows;

/// How many are told at once.
const TOLD_AT_ONCE: usize = 64;
/// Pause before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(2);

impl Shared {
    /// Says whether anybody wants to hear of executions that begin and end.
    pub(super) fn statuses_are_heard(&self) -> bool {
        let sink = self.options.statuses.as_ref();
        sink.is_some_and(|sink| sink.wants())
    }

    /// Has what a commit wrote told, if it did.
    pub(super) fn statuses_changed(&self, changed: bool) {
        if changed {
            self.status_changed.notify_one();
        }
    }
}

pub(super) struct StatusExport {
    shared: Arc<Shared>,
    sink: Arc<dyn StatusSink>,
}

impl StatusExport {
    pub fn new(shared: Arc<Shared>, sink: Arc<dyn StatusSink>) -> Self {
        Self { shared, sink }
    }

    pub async fn run(self) {
        let shared = self.shared.clone();
        let stopped = shared.stopped();
        tokio::pin!(stopped);
        loop {
            let failed = match self.export().await {
                Ok(true) => continue,
                Ok(false) => false,
                Err(failure) => {
                    tracing::warn!(%failure, "changes of executions could not be told yet");
                    true
                }
            };
            let wait = async {
                match failed {
                    true => tokio::time::sleep(PAUSE).await,
                    false => shared.status_changed.notified().await,
                }
            };
            tokio::select! {
                () = &mut stopped => return,
                () = wait => {}
            }
        }
    }

    /// Tells the first that wait; says whether there may be more.
    async fn export(&self) -> Result<bool, Failure> {
        let store = &self.shared.store;
        let range = Range::prefix(Space::StatusBacklog, b"");
        let waiting = store.scan(&range, TOLD_AT_ONCE).await.map_err(unreadable)?;
        let more = waiting.len() == TOLD_AT_ONCE;
        for (key, arn) in waiting {
            if let Some((at, status)) = rows::status_of_key(&key) {
                let arn = String::from_utf8_lossy(&arn);
                let told = self.sink.tell(&arn, status, at).await;
                told.map_err(Failure::internal)?;
            }
            let batch = Batch {
                delete: vec![Key::new(Space::StatusBacklog, key)],
                ..Batch::default()
            };
            store.commit(batch).await.map_err(unreadable)?;
        }
        Ok(more)
    }
}
