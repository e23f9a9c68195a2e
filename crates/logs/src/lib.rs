//! The CloudWatch Logs API: groups, streams and events, kept in the store.
//!
//! Programs write through [`Ingest`], which gathers lines and commits them in blocks; callers write
//! through `PutLogEvents`, which answers when the events are durable. Both are searched by the same
//! filter patterns. Deliberately absent: Logs Insights, live tail sessions, metric and subscription
//! filters, and encryption by a key of the customer's. What is not built answers an error that names it.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod append;
mod failure;
mod filter_events;
mod follow;
mod get_events;
mod groups;
mod ingest;
mod names;
mod pattern;
mod position;
mod put_events;
mod reader;
mod rows;
mod streams;
mod sweep;
mod tags;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use aws_model::logs::Operation;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use service::{Call, Clock, Failure, Reply, Service, Site};
use store::Store;
use tokio::task::JoinHandle;

pub use follow::Entry;
pub use ingest::Ingest;
pub use pattern::{Pattern, PatternError};

use crate::follow::Followers;

/// The service: answers the calls of CloudWatch Logs.
pub struct Logs {
    core: Arc<Core>,
    ingest: Arc<Ingest>,
    sweeper: Mutex<Option<JoinHandle<()>>>,
}

/// What the API, those who write and those who clear away share.
pub(crate) struct Core {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub site: Site,
    /// The number of the last block.
    pub seq: AtomicU64,
    pub followers: Followers,
}

impl Logs {
    /// Opens the logs in `store`: what was being removed is removed further.
    pub fn open(store: Arc<dyn Store>, clock: Arc<dyn Clock>, site: Site) -> Arc<Self> {
        let core = Arc::new(Core {
            store,
            clock,
            site,
            seq: AtomicU64::new(0),
            followers: Followers::default(),
        });
        let ingest = Ingest::start(Arc::clone(&core));
        let sweeper = tokio::spawn(sweep::run(Arc::clone(&core)));
        Arc::new(Self {
            core,
            ingest,
            sweeper: Mutex::new(Some(sweeper)),
        })
    }

    /// Returns the way in for programs of this server.
    pub fn ingest(&self) -> Arc<Ingest> {
        Arc::clone(&self.ingest)
    }

    /// Ends the work of the service. Once this returns, everything that was written is durable.
    pub async fn shut_down(&self) {
        let sweeper = self.sweeper.lock().take();
        if let Some(sweeper) = sweeper {
            sweeper.abort();
            // Cancelled, as it was meant to be.
            let _ = sweeper.await;
        }
        self.ingest.stop().await;
    }

    /// Removes events whose time is over, and what deleted groups and streams left behind.
    ///
    /// The service does so by itself now and then; tests need not wait for it.
    pub async fn sweep(&self) -> Result<(), Failure> {
        sweep::once(&self.core).await
    }
}

/// What deliveries may do.
const DELIVERY: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":["delivery.logs.amazonaws.com","events.amazonaws.com"]},"Action":["logs:CreateLogStream","logs:DescribeLogGroups","logs:PutLogEvents"],"Resource":"*"}}"#;

#[async_trait]
impl Service for Logs {
    fn name(&self) -> &'static str {
        "logs"
    }

    /// Every group lets the service that delivers for others write into it, and the rules of EventBridge, as
    /// AWS has it set up for those who ask for either.
    async fn resource_policy(&self, _resource: &str) -> Option<String> {
        Some(DELIVERY.to_owned())
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let Some(operation) = Operation::from_name(&call.operation) else {
            return Err(failure::not_built(&format!("logs:{}", call.operation)));
        };
        let (core, input) = (&*self.core, &call.input[..]);
        match operation {
            Operation::CreateLogGroup => groups::create(core, input).await,
            Operation::DeleteLogGroup => groups::delete(&self.core, input).await,
            Operation::DescribeLogGroups => groups::describe(core, input).await,
            Operation::PutRetentionPolicy => groups::put_retention(core, input).await,
            Operation::DeleteRetentionPolicy => groups::delete_retention(core, input).await,
            Operation::CreateLogStream => streams::create(core, input).await,
            Operation::DeleteLogStream => streams::delete(&self.core, input).await,
            Operation::DescribeLogStreams => streams::describe(core, input).await,
            Operation::PutLogEvents => put_events::call(core, input).await,
            Operation::GetLogEvents => get_events::call(core, input).await,
            Operation::FilterLogEvents => filter_events::call(core, input).await,
            Operation::TagResource => tags::tag_resource(core, input).await,
            Operation::UntagResource => tags::untag_resource(core, input).await,
            Operation::ListTagsForResource => tags::list_of_resource(core, input).await,
            Operation::TagLogGroup => tags::tag_group(core, input).await,
            Operation::UntagLogGroup => tags::untag_group(core, input).await,
            Operation::ListTagsLogGroup => tags::list_of_group(core, input).await,
        }
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        if let Some(sweeper) = self.sweeper.lock().take() {
            sweeper.abort();
        }
    }
}

/// Senders to those who follow a group, by its number.
pub(crate) type Channels = HashMap<u64, tokio::sync::broadcast::Sender<Arc<follow::Arrived>>>;

/// Returns the reply with the members of `output`.
pub(crate) fn reply<T: Serialize>(output: &T) -> Reply {
    let output = serde_json::to_vec(output).expect("outputs have text keys and no failing parts");
    Reply {
        output: output.into(),
        payload: Bytes::new(),
    }
}

/// Returns the reply without members: CloudWatch Logs answers no body at all then, which clients read
/// as they read an empty object.
pub(crate) fn empty_reply() -> Reply {
    Reply::default()
}
