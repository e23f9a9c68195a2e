//! The rows of functions in the store: read when they are needed, changed under expectation.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use store::{Batch, Expectation, Key, Range, Space, Store, StoreError, prefix_end};

use crate::function::Function;

const PREFIX: &[u8] = b"function/";
/// Rows that are read at once where all are read.
const SCAN_MAX: usize = 500;

/// The functions there are.
pub struct Catalog {
    store: Arc<dyn Store>,
}

/// A function together with its row, which changes whenever the function does.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The row's bytes.
    pub row: Bytes,
    /// What they say.
    pub function: Function,
}

impl Catalog {
    /// Reads and writes in `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Returns the row of the function `name`.
    pub async fn row(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        self.store.get(&key(name)).await
    }

    /// Returns the function `name`.
    pub async fn get(&self, name: &str) -> Result<Option<Stored>, StoreError> {
        self.row(name).await?.map(parse).transpose()
    }

    /// Writes `function` over `before`, or anew where there is none.
    /// A conflict means that somebody else was faster.
    pub async fn put(&self, function: &Function, before: Option<Bytes>) -> Result<Bytes, StoreError> {
        let row: Bytes = serde_json::to_vec(function).expect("its members are plain values").into();
        let expectation = before.map_or(Expectation::Absent, Expectation::Holds);
        let key = key(&function.name);
        let batch = Batch {
            expect: vec![(key.clone(), expectation)],
            put: vec![(key, row.clone())],
            delete: Vec::new(),
        };
        self.store.commit(batch).await?;
        Ok(row)
    }

    /// Removes the function `name`, whose row is `before`.
    pub async fn delete(&self, name: &str, before: Bytes) -> Result<(), StoreError> {
        let key = key(name);
        let batch =
            Batch { expect: vec![(key.clone(), Expectation::Holds(before))], put: Vec::new(), delete: vec![key] };
        self.store.commit(batch).await
    }

    /// Returns up to `limit` functions whose names come after `after`, by name.
    pub async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<Function>, StoreError> {
        let start = match after {
            // The first key behind `after` itself.
            Some(name) => [PREFIX, name.as_bytes(), b"\0"].concat().into(),
            None => Bytes::from_static(PREFIX),
        };
        let range = Range { space: Space::Functions, start, end: prefix_end(PREFIX), reverse: false };
        let rows = self.store.scan(&range, limit).await?;
        rows.into_iter().map(|(_, row)| Ok(parse(row)?.function)).collect()
    }

    /// Returns the hashes of all code that functions use.
    pub async fn code_hashes(&self) -> Result<HashSet<String>, StoreError> {
        let mut hashes = HashSet::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.list(after.as_deref(), SCAN_MAX).await?;
            let complete = page.len() < SCAN_MAX;
            after = page.last().map(|function| function.name.clone());
            hashes.extend(page.into_iter().map(|function| function.code_hash));
            if complete {
                return Ok(hashes);
            }
        }
    }
}

fn key(name: &str) -> Key {
    Key::new(Space::Functions, [PREFIX, name.as_bytes()].concat())
}

fn parse(row: Bytes) -> Result<Stored, StoreError> {
    let function = serde_json::from_slice(&row)
        .map_err(|error| StoreError::Corrupted { detail: format!("the row of a function: {error}") })?;
    Ok(Stored { row, function })
}
