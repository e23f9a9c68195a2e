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
mod blobs;
mod buckets;
mod checksums;
mod conditions;
mod copying;
mod describe;
mod failure;
mod json;
mod listing;
mod multipart;
mod names;
mod objects;
mod operations;
mod reading;
mod receive;
mod rows;
mod tags;
mod unset;
mod uploads;
mod wire;

pub use blobs::OpenError;
pub use s3s::Body;
pub use wire::{Authorize, Signatory, unsigned};

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
        Ok(Self {
            backend: Arc::new(Backend {
                store,
                blobs,
                site,
                clock,
                buckets,
                uploads,
            }),
        })
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
}
