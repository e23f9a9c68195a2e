//! The Step Functions API, and the shell around the engine.
//!
//! `api` holds one action a file; it checks what the model cannot, reads rows and sends commands.
//! `shell` owns all executions: partitions step them and commit, the dispatcher carries out calls, the
//! timers fire. `rows` says what is on disk. Only one arrow writes executions: partition → store.

#![forbid(unsafe_code)]
#![allow(
    clippy::result_large_err,
    reason = "a failure is made once for a call that is refused"
)]

mod activities;
mod api;
mod changes;
mod definitions;
mod find;
mod integrations;
pub mod items;
mod logging;
mod machines;
mod metrics;
pub mod mocks;
mod open_tasks;
mod page;
mod rows;
mod service;
mod shell;
mod spans;
mod tags;
mod token;

pub use self::service::{OpenError, States, StatesOptions};
pub use changes::{Change, Changes};
pub use definitions::Definitions;
pub use find::{FindExecutionsQuery, FoundExecution, FoundExecutions};
pub use open_tasks::{OpenTask, OpenTasksPage, OpenTasksQuery, Stage};
pub use rows::{DefinitionHash, ExecutionRecord, ExecutionRef, ListingEntry, StartedBy, Waits};
pub use shell::{CommandError, Shell, ShellOptions, Start, Started, SyncEnd};
pub use token::{TokenError, TokenSealer};
