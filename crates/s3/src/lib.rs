//! The S3 API over the data directory.
//!
//! Bytes of objects are files, what is known of them are rows of the store. A call comes over HTTP
//! ([`S3::answer`], whose wire format is `s3s`'s) or in process ([`Service`]); both run the same
//! operations. What is not built answers `NotImplemented` and names itself: versioning, object lock,
//! access lists, encryption with the caller's keys, replication, lifecycles, events, websites.
//!
//! # Durability
//!
//! Bytes are synced before the row that speaks of them is committed, and the row before the answer
//! is sent. An object is replaced by one commit, so there is the old one or the new one, whole.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use service::{Call, Clock, Failure, Reply, Service, Site};
use store::Store;

mod backend;
mod blanks;
mod blobs;
mod bucket_policy;
mod buckets;
mod checksums;
mod conditions;
mod copying;
mod describe;
mod failure;
mod json;
mod leave;
mod listing;
mod multipart;
mod names;
mod objects;
mod old_urls;
mod operations;
mod reading;
mod receive;
mod rows;
mod settings;
mod tags;
mod unset;
mod uploads;
mod wire;

pub use blobs::OpenError;
pub use leave::{Asking, Authorize, Signatory};
pub use s3s::Body;
pub use wire::unsigned;

use backend::Backend;

/// The service `s3`.
pub struct S3 {
    backend: Arc<Backend>,
}

impl S3 {
    /// Opens the objects under `data_dir`, or starts with none. Clears up what a crash left.
    pub async fn open(
        data_dir: &Path,
        store: Arc<dyn Store>,
        site: Site,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let blobs = blobs::Blobs::open(data_dir, &store).await?;
        let (buckets, uploads) = Default::default();
        let rules = settings::read_all(&store).await;
        let rules = rules.map_err(OpenError::Lookup)?;
        Ok(Self {
            backend: Arc::new(Backend {
                store,
                blobs,
                site,
                clock,
                buckets,
                uploads,
                rules: parking_lot::RwLock::new(rules),
            }),
        })
    }
}

impl S3 {
    /// Says whether requests that nobody has signed may be for this bucket.
    pub fn is_open(&self, bucket: &str) -> bool {
        let rules = self.backend.rules_of(bucket);
        rules.is_some_and(|rules| rules.are_open())
    }
}

#[async_trait]
impl Service for S3 {
    fn name(&self) -> &'static str {
        "s3"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        operations::call(&self.backend, &call).await
    }

    async fn resource_policy(&self, resource: &str) -> Option<String> {
        let rest = resource.strip_prefix("arn:aws:s3:::")?;
        let bucket = rest.split('/').next()?;
        let rules = self.backend.rules_of(bucket)?;
        Some(rules.policy.to_string())
    }
}
