//! A store whose reads and commits wait at a gate, so that a caller may go away in the middle of them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use store::{Batch, Key, MemoryStore, Range, Store, StoreError};
use tokio::sync::{Notify, Semaphore};

/// The store in memory behind a gate.
pub struct Gated {
    store: MemoryStore,
    open: Semaphore,
    /// Told of everybody who comes to the gate while it is closed.
    pub waiting: Notify,
}

/// As many as ever pass.
const OPEN: usize = 1 << 20;

impl Gated {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            store: MemoryStore::default(),
            open: Semaphore::new(OPEN),
            waiting: Notify::new(),
        })
    }

    pub fn close(&self) {
        self.open.forget_permits(OPEN);
    }

    pub fn open(&self) {
        self.open.add_permits(OPEN);
    }

    async fn pass(&self) {
        if self.open.available_permits() == 0 {
            self.waiting.notify_one();
        }
        drop(self.open.acquire().await.expect("the gate is never taken away"));
    }
}

#[async_trait]
impl Store for Gated {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.pass().await;
        self.store.get(key).await
    }

    async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.store.scan(range, limit).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.pass().await;
        self.store.commit(batch).await
    }
}
