//! A store in memory: real in every respect but durability. For Express executions and tests.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::RwLock;

use crate::{Batch, Key, Range, Space, Store, StoreError};

/// The rows of one space.
type Rows = BTreeMap<Bytes, Bytes>;

/// A [`Store`] that forgets when it is dropped.
///
/// Every space has a map of its own, so that a scan never walks another space; one lock holds them
/// all, because a batch is atomic across spaces.
#[derive(Debug, Default)]
pub struct MemoryStore {
    spaces: RwLock<[Rows; Space::ALL.len()]>,
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
        Ok(self.spaces.read()[key.space as usize]
            .get(&key.bytes)
            .cloned())
    }

    async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let spaces = self.spaces.read();
        let start = Bound::Included(&range.start[..]);
        let end = range
            .end
            .as_ref()
            .map_or(Bound::Unbounded, |end| Bound::Excluded(&end[..]));
        let rows = spaces[range.space as usize].range::<[u8], _>((start, end));
        let copy = |(key, value): (&Bytes, &Bytes)| (key.clone(), value.clone());
        Ok(if range.reverse {
            rows.rev().take(limit).map(copy).collect()
        } else {
            rows.take(limit).map(copy).collect()
        })
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        batch.check()?;
        let mut spaces = self.spaces.write();
        for (key, expected) in batch.expect {
            if !expected.holds(
                spaces[key.space as usize]
                    .get(&key.bytes)
                    .map(|value| &value[..]),
            ) {
                return Err(StoreError::Conflict { key });
            }
        }
        for key in &batch.delete {
            spaces[key.space as usize].remove(&key.bytes);
        }
        for (key, value) in batch.put {
            spaces[key.space as usize].insert(key.bytes, value);
        }
        Ok(())
    }
}
