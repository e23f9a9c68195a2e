//! The conformance suite that every store passes.
//!
//! A backend's test calls [`check`] with a way to open an empty store; a durable backend calls
//! [`check_durable`] as well. A failure panics and says which rule is broken, as a test does.

mod concurrent;
mod durable;
mod random;
mod rows;

pub use durable::check_durable;

use std::sync::Arc;

use bytes::Bytes;

use crate::{Batch, Expectation, Key, Range, Space, Store, StoreError};

/// Checks every rule that does not need the store to be opened again.
///
/// `open` returns a store that is empty and shares nothing with those it returned before.
pub async fn check<S: Store>(open: impl AsyncFn() -> S) {
    rows::single_rows(&open().await).await;
    rows::spaces_are_isolated(&open().await).await;
    rows::ranges(&open().await).await;
    rows::sizes(&open().await).await;
    rows::expectations(&open().await).await;
    rows::malformed_keys(&open().await).await;
    rows::repeated_batches(&open().await).await;
    concurrent::one_winner(Arc::new(open().await)).await;
    concurrent::no_lost_update(Arc::new(open().await)).await;
    concurrent::scans_see_whole_batches(Arc::new(open().await)).await;
    concurrent::dropped_futures(Arc::new(open().await)).await;
    for seed in 0..random::SEEDS {
        random::against_model(&open().await, seed).await;
    }
}

/// Returns the key `bytes` of `space`.
fn key(space: Space, bytes: impl AsRef<[u8]>) -> Key {
    Key::new(space, Bytes::copy_from_slice(bytes.as_ref()))
}

/// Returns a batch that puts `value` at `key` and expects nothing.
fn put(key: &Key, value: impl AsRef<[u8]>) -> Batch {
    Batch {
        put: vec![(key.clone(), Bytes::copy_from_slice(value.as_ref()))],
        ..Batch::default()
    }
}

/// Adds an expectation to a batch.
fn expecting(mut batch: Batch, key: &Key, expectation: Expectation) -> Batch {
    batch.expect.push((key.clone(), expectation));
    batch
}

async fn get(store: &impl Store, key: &Key) -> Option<Bytes> {
    store.get(key).await.expect("a healthy store answers a get")
}

async fn scan(store: &impl Store, range: &Range, limit: usize) -> Vec<(Bytes, Bytes)> {
    store
        .scan(range, limit)
        .await
        .expect("a healthy store answers a scan")
}

/// Commits a batch that must hold.
async fn commit(store: &impl Store, batch: Batch) {
    store
        .commit(batch)
        .await
        .expect("a healthy store takes a batch whose expectations hold");
}

/// Commits a batch that must meet a conflict and returns the key in the answer.
async fn conflict(store: &impl Store, batch: Batch) -> Key {
    match store.commit(batch).await {
        Err(StoreError::Conflict { key }) => key,
        other => panic!("expected a conflict, got {other:?}"),
    }
}
