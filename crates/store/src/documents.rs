//! Rows that are JSON, by keys that are text: for services whose rows are few and small.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Batch, Key, Range, Space, Store, StoreError};

/// Rows that are read at once where all are read.
const PAGE: usize = 500;

/// The documents of one space.
#[derive(Clone)]
pub struct Documents {
    store: Arc<dyn Store>,
    space: Space,
}

impl Documents {
    /// Returns the documents in `space` of `store`.
    pub fn new(store: Arc<dyn Store>, space: Space) -> Self {
        Self { store, space }
    }

    /// Returns the key of the document `name`.
    pub fn key(&self, name: &str) -> Key {
        Key::new(self.space, name.as_bytes().to_vec())
    }

    /// Returns the document `name`.
    ///
    /// # Errors
    /// When the store fails, or the row is no such document.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let row = self.store.get(&self.key(name)).await?;
        row.map(|row| read(name, &row)).transpose()
    }

    /// Returns all documents whose names begin with `prefix`, by name.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn all<T: DeserializeOwned>(
        &self,
        prefix: &str,
    ) -> Result<Vec<(String, T)>, StoreError> {
        let mut range = Range::prefix(self.space, prefix.as_bytes());
        let mut found = Vec::new();
        loop {
            let page = self.store.scan(&range, PAGE).await?;
            for (key, row) in &page {
                let name = String::from_utf8_lossy(key).into_owned();
                let row = read(&name, row)?;
                found.push((name, row));
            }
            match page.last() {
                Some((last, _)) if page.len() == PAGE => {
                    range.start = [last.as_ref(), b"\0"].concat().into();
                }
                _ => return Ok(found),
            }
        }
    }

    /// Adds the writing of a document to `batch`.
    pub fn put(&self, batch: &mut Batch, name: &str, document: &impl Serialize) {
        let row = serde_json::to_vec(document).expect("documents are plain values");
        batch.put.push((self.key(name), Bytes::from(row)));
    }

    /// Writes one document.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write(&self, name: &str, document: &impl Serialize) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        self.put(&mut batch, name, document);
        self.store.commit(batch).await
    }

    /// Removes one document.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove(&self, name: &str) -> Result<(), StoreError> {
        let batch = Batch {
            delete: vec![self.key(name)],
            ..Batch::default()
        };
        self.store.commit(batch).await
    }

    /// Applies a batch.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.store.commit(batch).await
    }
}

fn read<T: DeserializeOwned>(name: &str, row: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(row).map_err(|error| StoreError::Corrupted {
        detail: format!("the row '{name}': {error}"),
    })
}
