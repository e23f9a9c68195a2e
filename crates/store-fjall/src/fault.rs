//! What went wrong, in the store's words: the disk failed, the data is damaged, the store stopped.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use fjall::LsmError;
use store::StoreError;

/// What the store tried on which file.
#[derive(Debug, thiserror::Error)]
#[error("{path}")]
struct FileFault {
    path: String,
    source: io::Error,
}

/// Returns the error for a file that could not be read or written while opening.
pub(crate) fn open(path: &Path, source: io::Error) -> StoreError {
    let fault = FileFault {
        path: path.display().to_string(),
        source,
    };
    StoreError::Unavailable {
        operation: "open",
        source: fault.into(),
    }
}

/// Returns the error for a file whose content is not what was written.
pub(crate) fn damaged(path: &Path, what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupted {
        detail: format!("{}: {what}", path.display()),
    }
}

/// Returns the store's error for an error of fjall.
///
/// A file that ends early or is not there counts as damage, and so does a place before its
/// beginning: every file that fjall reads is named by a manifest that was synced after the file.
pub(crate) fn fjall(operation: &'static str, error: fjall::Error) -> StoreError {
    use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
    let of_file = |error: &io::Error| {
        matches!(
            error.kind(),
            NotFound | UnexpectedEof | InvalidData | InvalidInput
        )
    };
    let damage = match &error {
        fjall::Error::Storage(LsmError::Io(error)) | fjall::Error::Io(error) => of_file(error),
        fjall::Error::Storage(_)
        | fjall::Error::JournalRecovery(_)
        | fjall::Error::InvalidVersion(_)
        | fjall::Error::Decompress(_)
        | fjall::Error::InvalidTrailer
        | fjall::Error::InvalidTag(_)
        | fjall::Error::KeyspaceDeleted
        | fjall::Error::Unrecoverable => true,
        fjall::Error::Poisoned | fjall::Error::Locked => false,
        // The enum may grow: what we do not know is not called damage.
        _ => false,
    };
    if damage {
        StoreError::Corrupted {
            detail: format!("could not {operation}: {error}"),
        }
    } else {
        StoreError::Unavailable {
            operation,
            source: error.into(),
        }
    }
}

/// Set once a write or a sync failed: what is on disk is then unknown until the store is opened
/// again, because a second sync may succeed without writing what the first one lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Poison(Arc<OnceLock<Arc<str>>>);

/// Why the store stopped.
#[derive(Debug, thiserror::Error)]
#[error("the store stopped after a failure and must be opened again: {0}")]
struct Stopped(Arc<str>);

impl Poison {
    /// Stops the store; the first reason stays.
    pub(crate) fn set(&self, reason: &dyn std::fmt::Display) {
        let reason = self.0.get_or_init(|| reason.to_string().into());
        tracing::error!(%reason, "the store stops: whether the last commits took effect is unknown");
    }

    /// Returns an error if the store has stopped.
    pub(crate) fn check(&self, operation: &'static str) -> Result<(), StoreError> {
        match self.0.get() {
            None => Ok(()),
            Some(reason) => Err(StoreError::Unavailable {
                operation,
                source: Stopped(reason.clone()).into(),
            }),
        }
    }

    /// Returns the error of a store that has stopped, or whose threads are gone without a word.
    pub(crate) fn error(&self, operation: &'static str) -> StoreError {
        let reason = self.0.get_or_init(|| "a thread of the store ended".into());
        StoreError::Unavailable {
            operation,
            source: Stopped(reason.clone()).into(),
        }
    }
}
