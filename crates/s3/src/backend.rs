//! What all operations share: rows read and replaced, in such a way that no file is lost or left over.

use std::collections::HashMap;
use std::sync::Arc;

use s3s::dto;
use service::{Clock, Failure, Site};
use store::{Batch, Expectation, Store, StoreError};
use tokio::sync::RwLock;
use vocab::Timestamp;

use crate::blobs::{Blobs, Pin};
use crate::rows::{self, BlobId, Body, BucketRow, ObjectRow, Piece};
use crate::settings::Rules;
use crate::{failure, names};

/// The operations' common ground. Operations are in files of their own, by what they are about.
pub(crate) struct Backend {
    pub store: Arc<dyn Store>,
    pub blobs: Arc<Blobs>,
    pub site: Site,
    pub clock: Arc<dyn Clock>,
    /// Held for writing while a bucket is deleted, for reading while something is put into one, so
    /// that nothing is put into a bucket that has just been found empty. One server has the data
    /// directory, so a lock in memory is enough.
    pub buckets: RwLock<()>,
    /// Held for writing while an upload ends, for reading while a part of one is recorded. Taken
    /// before `buckets`.
    pub uploads: RwLock<()>,
    /// The rules of buckets that have some, as their rows have them.
    pub rules: parking_lot::RwLock<HashMap<String, Arc<Rules>>>,
}

/// A change of what is at a key.
pub(crate) struct Change {
    /// The object to be there, with its pieces; `None` to remove what is there.
    pub object: Option<(ObjectRow, Vec<Piece>)>,
    /// More that is written and removed with it: the rows of the upload that ends.
    pub beside: Batch,
    /// Files that are no longer needed with it: parts that were not used.
    pub waste: Vec<BlobId>,
}

impl Change {
    /// Returns the change that puts an object of one file there.
    pub fn put(row: ObjectRow) -> Self {
        Self {
            object: Some((row, Vec::new())),
            beside: Batch::default(),
            waste: Vec::new(),
        }
    }
}

impl Backend {
    pub fn now(&self) -> i64 {
        self.clock.now().as_millis()
    }

    /// Returns the present moment as objects have it, in whole seconds.
    pub fn now_in_seconds(&self) -> i64 {
        self.now().div_euclid(1_000) * 1_000
    }

    /// Refuses a call that expects the bucket to be another account's.
    pub fn check_owner(&self, expected: Option<&str>) -> Result<(), Failure> {
        match expected {
            Some(owner) if owner != &*self.site.account_id => Err(failure::access_denied()),
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the owner of everything: a canonical user id made of the account's.
    pub fn owner(&self) -> dto::Owner {
        use s3s::crypto::{Checksum as _, Sha256};
        let mut hash = Sha256::new();
        hash.update(self.site.account_id.as_bytes());
        let id = hex::encode(hash.finalize());
        dto::Owner {
            display_name: None,
            id: Some(id),
        }
    }

    pub async fn bucket(&self, bucket: &str) -> Result<BucketRow, Failure> {
        names::check_bucket(bucket)?;
        let row = self.get(&rows::bucket_key(bucket)).await?;
        rows::decode(&row.ok_or_else(|| failure::no_such_bucket(bucket))?)
    }

    /// Returns the object at a key; the failure says whether the bucket or the key is not there.
    pub async fn object(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<ObjectRow, Failure> {
        names::check_bucket(bucket)?;
        names::check_key(key)?;
        let Some(row) = self.get(&rows::object_key(bucket, key)).await? else {
            self.bucket(bucket).await?;
            return Err(failure::no_such_key(key));
        };
        match version {
            // Without versioning, the one version that is there is called so.
            None | Some("null") => rows::decode(&row),
            Some(other) => Err(failure::no_such_version(key, other)),
        }
    }

    /// Returns the files of an object, in order; their sizes add up to the object's. `None` says
    /// that the row is not the object's any more.
    async fn pieces(&self, row: &ObjectRow) -> Result<Option<Vec<Piece>>, Failure> {
        match row.body {
            Body::One(blob) => Ok(Some(vec![Piece {
                blob,
                size: row.size,
                checksums: row.checksums.clone(),
                number: 1,
            }])),
            Body::Many(list) => {
                let pieces = self.get(&rows::pieces_key(list)).await?;
                pieces.as_deref().map(rows::decode).transpose()
            }
        }
    }

    /// Keeps the files of an object from being removed until the pin is dropped. Returns the object
    /// as it is once that is certain.
    pub async fn hold(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<(ObjectRow, Vec<Piece>, Pin), Failure> {
        loop {
            let row = self.object(bucket, key, version).await?;
            let Some(pieces) = self.pieces(&row).await? else {
                // Replaced after its row was read; the same row again would be damage.
                if self.object(bucket, key, version).await? == row {
                    return Err(failure::internal(
                        "reading an object",
                        &"its pieces are not listed",
                    ));
                }
                continue;
            };
            let ids = pieces.iter().map(|piece| piece.blob).collect();
            let pin = self.blobs.pin(&self.store, ids);
            // It may have been replaced before the pin was set: then once more.
            if self.object(bucket, key, version).await? == row {
                return Ok((row, pieces, pin));
            }
        }
    }

    /// Replaces what is at a key, if `condition` allows it of what is there. Returns that.
    ///
    /// Once this returns, the change is durable. Files of the new object are put into place, files
    /// that nothing speaks of any more are removed soon. Must not be dropped half-way: the callers
    /// run in a task of their own.
    pub async fn change(
        &self,
        bucket: &str,
        key: &str,
        change: Change,
        condition: impl Fn(Option<&ObjectRow>) -> Result<(), Failure>,
    ) -> Result<Option<ObjectRow>, Failure> {
        let Change {
            object,
            beside,
            waste,
        } = change;
        let row_key = rows::object_key(bucket, key);
        loop {
            let _bucket = self.buckets.read().await;
            self.bucket(bucket).await?;
            let there = self.get(&row_key).await?;
            let old: Option<ObjectRow> = there.as_deref().map(rows::decode).transpose()?;
            condition(old.as_ref())?;
            let mut batch = beside.clone();
            let mut waste = waste.clone();
            let expected = there.map_or(Expectation::Absent, Expectation::Holds);
            batch.expect.push((row_key.clone(), expected));
            let mut kept = Vec::new();
            match &object {
                None if old.is_none() => return Ok(None),
                None => batch.delete.push(row_key.clone()),
                Some((row, pieces)) => {
                    batch.put.push((row_key.clone(), rows::encode(row)));
                    match row.body {
                        Body::One(blob) => {
                            kept.push(blob);
                            batch
                                .put
                                .push((rows::needed_key(blob), bytes::Bytes::new()));
                        }
                        // Parts are needed from their upload on.
                        Body::Many(list) => {
                            batch
                                .put
                                .push((rows::pieces_key(list), rows::encode(pieces)));
                        }
                    }
                }
            }
            if let Some(old) = &old {
                let Some(pieces) = self.pieces(old).await? else {
                    if self.get(&row_key).await?.as_deref() == Some(&*rows::encode(old)) {
                        return Err(failure::internal(
                            "replacing an object",
                            &"its pieces are not listed",
                        ));
                    }
                    continue;
                };
                waste.extend(pieces.iter().map(|piece| piece.blob));
                if let Body::Many(list) = old.body {
                    batch.delete.push(rows::pieces_key(list));
                }
            }
            throw_away(&mut batch, &waste);
            match self.store.commit(batch).await {
                Ok(()) => {}
                Err(StoreError::Conflict { key }) if key == row_key => continue,
                Err(StoreError::Conflict { .. }) => return Err(gone()),
                Err(error) => return Err(failure::of_store(&error)),
            }
            self.blobs.put_into_place(&kept);
            self.blobs.discard_waste(&self.store, waste);
            return Ok(old);
        }
    }

    pub async fn get(&self, key: &store::Key) -> Result<Option<bytes::Bytes>, Failure> {
        self.store
            .get(key)
            .await
            .map_err(|error| failure::of_store(&error))
    }

    pub async fn scan(
        &self,
        range: &store::Range,
        limit: usize,
    ) -> Result<Vec<(bytes::Bytes, bytes::Bytes)>, Failure> {
        self.store
            .scan(range, limit)
            .await
            .map_err(|error| failure::of_store(&error))
    }
}

/// Lists files as waste that nothing speaks of after `batch`.
pub(crate) fn throw_away(batch: &mut Batch, waste: &[BlobId]) {
    for &blob in waste {
        batch.put.push((rows::waste_key(blob), bytes::Bytes::new()));
        batch.delete.push(rows::needed_key(blob));
    }
}

/// What was read a moment ago is another thing now.
pub(crate) fn gone() -> Failure {
    let message = "A conflicting conditional operation is currently in progress against this \
                   resource. Please try again.";
    Failure::client("OperationAborted", message).with_status(409)
}

/// Returns a moment of a row as the wire's types have it.
pub(crate) fn moment(millis: i64) -> dto::Timestamp {
    let since = std::time::Duration::from_millis(millis.unsigned_abs());
    let epoch = std::time::UNIX_EPOCH;
    let moment = if millis >= 0 {
        epoch + since
    } else {
        epoch - since
    };
    moment.into()
}

/// Returns a moment of the wire's types in milliseconds.
pub(crate) fn millis(moment: &dto::Timestamp) -> Option<i64> {
    let mut text = Vec::new();
    moment
        .format(dto::TimestampFormat::DateTime, &mut text)
        .ok()?;
    let text = String::from_utf8(text).ok()?;
    Timestamp::parse_rfc3339(&text).map(Timestamp::as_millis)
}

/// Returns an entity tag as the wire's types have it.
pub(crate) fn e_tag(text: &str) -> dto::ETag {
    dto::ETag::Strong(text.to_owned())
}
