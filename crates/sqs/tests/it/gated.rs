//! A store whose reads and commits wait at a gate, so that a caller may go away in the middle of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use store::{Batch, Key, MemoryStore, Range, Store, StoreError};
use tokio::sync::{Notify, watch};

/// The store in memory behind a gate.
pub struct Gated {
    store: MemoryStore,
    open: watch::Sender<bool>,
    /// Told of everybody who comes to the gate while it is closed.
    pub waiting: Notify,
    passed: AtomicUsize,
}

impl Gated {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            store: MemoryStore::default(),
            open: watch::Sender::new(true),
            waiting: Notify::new(),
            passed: AtomicUsize::new(0),
        })
    }

    pub fn close(&self) {
        self.open.send_replace(false);
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// How many reads and commits have come through.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    async fn pass(&self) {
        if !*self.open.borrow() {
            self.waiting.notify_one();
        }
        let mut open = self.open.subscribe();
        let opened = open.wait_for(|open| *open).await;
        drop(opened.expect("the gate is never taken away"));
        self.passed.fetch_add(1, Ordering::SeqCst);
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
