//! The shell around the engine: what owns executions, and everything that happens later.
//!
//! ```text
//! callers ──► partition: load → step → commit ──► store
//!                 ▲                                  │ rows
//!                 ├── dispatcher ◄── outbox ─────────┤
//!                 └── timers     ◄── timers ─────────┘
//! ```
//! Deliberately absent: a task or a thread for a waiting execution. It is rows, nothing else.

mod dispatcher;
mod partition;
mod timers;

use std::sync::Arc;

use engine_core::{Command, Execution, Limits, Payload, Recorded, Rejection};
use service::{Clock, Failure, Gate, Site};
use store::Store;
use tokio::sync::{mpsc, oneshot};
use vocab::Timestamp;

use crate::definitions::Definitions;
use crate::rows::{self, Chunk, DefinitionHash, ExecutionRecord, ExecutionRef};
use crate::token::TokenSealer;

/// How the shell is set up.
pub struct ShellOptions {
    /// Where the server is.
    pub site: Site,
    /// Limits that the operator may raise.
    pub limits: Limits,
    /// Seals task tokens.
    pub sealer: TokenSealer,
}

/// A new execution, checked and ready to begin.
#[derive(Clone, Debug)]
pub struct Start {
    /// The machine's ARN, without version or alias.
    pub state_machine_arn: Arc<str>,
    /// The machine's name.
    pub state_machine_name: Arc<str>,
    /// The execution's name.
    pub name: Arc<str>,
    /// The definition to pin.
    pub definition: DefinitionHash,
    /// As whom to call.
    pub role_arn: Arc<str>,
    /// The input.
    pub input: Payload,
    /// The X-Ray header.
    pub trace_header: Option<Arc<str>>,
}

/// An execution that runs now, or ran before under the same name.
#[derive(Clone, Debug)]
pub struct Started {
    /// Its ARN.
    pub execution_arn: String,
    /// When it began.
    pub started_at: Timestamp,
}

/// Why a command did not take effect.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The engine said no; the execution is as it was.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// There is no such execution.
    #[error("there is no such execution")]
    NotFound,
    /// Another execution of the machine has the name (features API-1).
    #[error("an execution with this name exists")]
    NameTaken {
        /// The one that has it.
        execution_arn: String,
    },
    /// A fault of ours; nothing is known to have changed, and the caller may try again.
    #[error("the command could not be carried out")]
    Unavailable,
}

/// Owns all executions. Cheap to clone.
#[derive(Clone)]
pub struct Shell {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
}

impl Shell {
    /// Begins an execution. Once this returns, it is durable. A running execution of the same name and
    /// input is returned instead of beginning another one (features API-1).
    pub async fn start(&self, _start: Start) -> Result<Started, CommandError> {
        todo!()
    }

    /// Carries out a command. Once this returns, its events are durable; returns the moment of the decision.
    pub async fn submit(
        &self,
        _execution: ExecutionRef,
        _command: Command,
    ) -> Result<Timestamp, CommandError> {
        todo!()
    }

    /// Returns the execution that has this name, or had it.
    pub async fn find(
        &self,
        _state_machine_arn: &str,
        _name: &str,
    ) -> Result<Option<ExecutionRef>, Failure> {
        todo!()
    }

    /// Returns an execution's record.
    pub async fn record(
        &self,
        _execution: ExecutionRef,
    ) -> Result<Option<ExecutionRecord>, Failure> {
        todo!()
    }

    /// Returns up to `limit` chunks of a journal, from the first or (`reverse`) from the last; `from` is
    /// the number of a chunk as in its key, `None` for the end of the journal at which to begin.
    pub async fn chunks(
        &self,
        _execution: ExecutionRef,
        _from: Option<u64>,
        _reverse: bool,
        _limit: usize,
    ) -> Result<Vec<(u64, Chunk)>, Failure> {
        todo!()
    }

    /// Ends the work of the shell: commands that were taken finish, calls in flight are given up and
    /// begin again at the next start.
    pub async fn shut_down(&self) {
        todo!()
    }
}
