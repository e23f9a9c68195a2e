//! The DynamoDB API, by an embedded engine.
//!
//! Tables live in one SQLite file under the data directory; requests and replies go through as the
//! JSON they are. What is here: operations by name, errors with DynamoDB's codes and members, the
//! site's region and account in ARNs.
//!
//! # Durability
//!
//! The engine opens its file with `journal_mode = WAL` and leaves `synchronous` at SQLite's own
//! default, which is `FULL`: every commit syncs the log before it returns, so a write that was
//! acknowledged survives the death of the process and the loss of power
//! (`tests/durability.rs` kills a writer). The engine's bulk loading lowers `synchronous` to `OFF`
//! and afterwards only raises it to `NORMAL`; nothing here ever calls it.
//!
//! Deliberately absent: item encryption, backups, global tables. An operation that the engine does
//! not have answers `UnknownOperationException` and names itself.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use dynoxide::Database;
use service::{Call, Failure, Reply, Service, Site};
use tokio::sync::Semaphore;

mod decode;
mod failure;
mod locality;
mod operations;

/// The database's name within `<data_dir>/dynamodb`.
const DATABASE_FILE: &str = "tables.sqlite";

/// Most requests that work at the same time. The engine has one writer, so more threads would only
/// wait for each other; a few let decoding overlap with writing.
const CONCURRENT_CALLS_MAX: usize = 4;

/// Why the tables could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory could not be made.
    #[error("could not create the directory of the DynamoDB tables")]
    CreateDirectory(#[source] std::io::Error),
    /// The directory's name is not UTF-8, which the engine needs.
    #[error("the data directory's path is not UTF-8")]
    PathNotUtf8,
    /// The file is not what the engine wrote, or cannot be read.
    #[error("could not open the DynamoDB tables")]
    OpenDatabase(#[source] dynoxide::DynoxideError),
}

/// The service `dynamodb`.
pub struct DynamoDb {
    database: Database,
    arns: Arc<locality::Arns>,
    slots: Semaphore,
}

impl DynamoDb {
    /// Opens the tables under `data_dir`, or starts with none. Blocks while migrations run.
    pub fn open(data_dir: &Path, site: &Site) -> Result<Self, OpenError> {
        let directory = data_dir.join("dynamodb");
        std::fs::create_dir_all(&directory).map_err(OpenError::CreateDirectory)?;
        let file = directory.join(DATABASE_FILE);
        let file = file.to_str().ok_or(OpenError::PathNotUtf8)?;
        Ok(Self::over(
            Database::new(file).map_err(OpenError::OpenDatabase)?,
            site,
        ))
    }

    /// Returns tables that are forgotten when the value is dropped.
    pub fn in_memory(site: &Site) -> Result<Self, OpenError> {
        Ok(Self::over(
            Database::memory().map_err(OpenError::OpenDatabase)?,
            site,
        ))
    }

    fn over(database: Database, site: &Site) -> Self {
        Self {
            database,
            arns: Arc::new(locality::Arns::of(site)),
            slots: Semaphore::new(CONCURRENT_CALLS_MAX),
        }
    }

    /// Deletes the items whose time to live has passed and returns how many there were.
    ///
    /// DynamoDB promises to do so within a few days; the server calls this every minute.
    pub async fn expire_items(&self) -> Result<usize, Failure> {
        let database = self.database.clone();
        self.work(move || {
            database
                .sweep_ttl()
                .map_err(|error| failure::of("ExpireItems", error))
        })
        .await
    }

    /// Runs `work` where blocking is allowed, once it is its turn.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let _slot = self
            .slots
            .acquire()
            .await
            .map_err(|_| Failure::internal("the DynamoDB tables are closed"))?;
        match tokio::task::spawn_blocking(work).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(%error, "a DynamoDB operation did not finish");
                Err(failure::internal())
            }
        }
    }
}

#[async_trait]
impl Service for DynamoDb {
    fn name(&self) -> &'static str {
        "dynamodb"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let Some(operation) = operations::find(&call.operation) else {
            return Err(failure::unknown_operation(&call.operation));
        };
        let (database, arns) = (self.database.clone(), self.arns.clone());
        self.work(move || {
            let output = operation.run(&database, &arns, &call.input)?;
            Ok(Reply {
                output: output.into(),
                ..Reply::default()
            })
        })
        .await
    }
}
