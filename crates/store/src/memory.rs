//! A store in memory: real in every respect but durability. For Express executions and tests.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::RwLock;

use crate::{Batch, Expectation, Key, Range, Store, StoreError};

/// A [`Store`] that forgets when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: RwLock<BTreeMap<Key, Bytes>>,
}

impl MemoryStore {
    /// Returns an empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.rows.read().get(key).cloned())
    }

    async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let rows = self.rows.read();
        let start = Bound::Included(Key { space: range.space, bytes: range.start.clone() });
        let end = range.end.clone().map_or(Bound::Unbounded, |bytes| Bound::Excluded(Key { space: range.space, bytes }));
        if range.end.as_ref().is_some_and(|end| *end <= range.start) {
            return Ok(Vec::new());
        }
        let entries = rows.range((start, end)).filter(|(key, _)| key.space == range.space);
        let copy = |(key, value): (&Key, &Bytes)| (key.bytes.clone(), value.clone());
        Ok(if range.reverse {
            entries.rev().take(limit).map(copy).collect()
        } else {
            entries.take_while(|(key, _)| key.space == range.space).take(limit).map(copy).collect()
        })
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut rows = self.rows.write();
        for (key, expected) in batch.expect {
            let holds = match (rows.get(&key), &expected) {
                (None, Expectation::Absent) => true,
                (Some(value), Expectation::Holds(wanted)) => value == wanted,
                (None, Expectation::Holds(_)) | (Some(_), Expectation::Absent) => false,
            };
            if !holds {
                return Err(StoreError::Conflict { key });
            }
        }
        for key in &batch.delete {
            rows.remove(key);
        }
        rows.extend(batch.put);
        Ok(())
    }
}
