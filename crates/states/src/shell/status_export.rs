//! Tells who wants to hear of executions that begin and end, if anybody does.
//!
//! The commit by which an execution begins or ends leaves a row; the row goes when it was heard. So a crash
//! loses nothing, and something may be told twice. What is not heard is tried again, and holds up no other
//! execution. Executions of which nobody wanted to hear leave none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
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
                Ok(leaves) => leaves,
                Err(failure) => {
                    tracing::warn!(%failure, "changes of executions could not be told yet");
                    true
                }
            };
            if shared.stopping.load(Ordering::SeqCst) {
                return;
            }
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

    /// Tells all that wait, from the first to the last; says whether some are left to be told later.
    async fn export(&self) -> Result<bool, Failure> {
        let store = &self.shared.store;
        let mut rest = Range::prefix(Space::StatusBacklog, b"");
        // Who was not heard: what comes later of the same execution waits with it, for the order's sake.
        let mut unheard = BTreeSet::new();
        loop {
            let waiting = store.scan(&rest, TOLD_AT_ONCE).await.map_err(unreadable)?;
            let Some((last, _)) = waiting.last() else {
                return Ok(!unheard.is_empty());
            };
            rest.start = [last, [0].as_slice()].concat().into();
            let mut batch = Batch::default();
            for (key, arn) in waiting {
                if self.shared.stopping.load(Ordering::SeqCst) {
                    break;
                }
                if unheard.contains(&arn) {
                    continue;
                }
                match self.tell(&key, &arn).await {
                    Ok(()) => batch.delete.push(Key::new(Space::StatusBacklog, key)),
                    Err(error) => {
                        if unheard.is_empty() {
                            tracing::warn!(error, "changes of executions could not be told yet");
                        }
                        unheard.insert(arn);
                    }
                }
            }
            // One commit for all that were told: what a crash makes of it is told twice.
            if !batch.delete.is_empty() {
                store.commit(batch).await.map_err(unreadable)?;
            }
            if self.shared.stopping.load(Ordering::SeqCst) {
                return Ok(!unheard.is_empty());
            }
        }
    }

    /// Tells of one row; one that cannot be read says nothing.
    async fn tell(&self, key: &[u8], arn: &[u8]) -> Result<(), String> {
        let Some((at, status)) = rows::status_of_key(key) else {
            return Ok(());
        };
        let arn = String::from_utf8_lossy(arn);
        self.sink.tell(&arn, status, at).await
    }
}
