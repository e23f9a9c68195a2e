//! What just changed: told after a commit to whoever listens, and to nobody else.
//!
//! It is a hint, not a record. Who falls behind loses some and is told so, and reads again what it
//! shows; what is true is in the store. While nobody listens, a commit pays one load of a counter.

use std::sync::Arc;

use tokio::sync::broadcast;

/// How many commits a listener may be behind before it loses some.
const COMMITS_MAX: usize = 1_024;

/// An execution that a commit changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub execution_arn: Arc<str>,
    /// Its machine, without version or alias; of a map run's child, the run's.
    pub state_machine_arn: Arc<str>,
    /// The number of the last event of its history.
    pub last_event: u64,
    /// It began, ended, or goes on after its end: lists and counts are different now.
    pub is_listed_anew: bool,
}

/// Where changes are told and heard. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Changes {
    sender: broadcast::Sender<Arc<[Change]>>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(COMMITS_MAX),
        }
    }
}

impl Changes {
    /// Returns what is told from now on, one commit at a time.
    pub fn listen(&self) -> broadcast::Receiver<Arc<[Change]>> {
        self.sender.subscribe()
    }

    /// Says whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// Tells what a commit changed. To be called once it is durable.
    pub(crate) fn tell(&self, changes: Vec<Change>) {
        if !changes.is_empty() {
            // The last listener may have gone meanwhile.
            let _ = self.sender.send(changes.into());
        }
    }
}
