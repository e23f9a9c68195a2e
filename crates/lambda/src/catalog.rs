//! The rows of functions and of what belongs to them: read when they are needed, changed under
//! expectation.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Batch, Expectation, Key, Range, Space, Store, StoreError, prefix_end};

use crate::aliases::Alias;
use crate::function::Function;
use crate::keys;
use crate::layers::Layer;
use crate::name::{FunctionName, Qualifier};

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

/// A row of another kind, and what it says.
#[derive(Clone, Debug)]
pub struct Row<T> {
    /// The row's bytes.
    pub row: Bytes,
    /// What they say.
    pub value: T,
}

/// Which code an invocation runs: a version, or `$LATEST`.
pub type Version = Option<u64>;

impl Catalog {
    /// Reads and writes in `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Returns the row of a version of the function `name`.
    pub async fn row(&self, name: &str, version: Version) -> Result<Option<Bytes>, StoreError> {
        self.store.get(&keys::of_version(name, version)).await
    }

    /// Returns a version of the function `name`.
    pub async fn get(&self, name: &str, version: Version) -> Result<Option<Stored>, StoreError> {
        let row = self.row(name, version).await?;
        row.map(|row| {
            let function = parse(&row)?;
            Ok(Stored { row, function })
        })
        .transpose()
    }

    /// Returns the version that `name` means; an alias with weights draws one. `None` is no such alias.
    /// Whether there is such a version is for whoever reads its row.
    pub async fn resolve(&self, name: &FunctionName) -> Result<Option<Version>, StoreError> {
        match name.which() {
            Qualifier::Latest => Ok(Some(None)),
            Qualifier::Version(number) => Ok(Some(Some(number))),
            Qualifier::Alias(alias) => {
                let found = self.read::<Alias>(&keys::alias(&name.name, alias)).await?;
                Ok(found.map(|alias| alias.value.draw(uuid::Uuid::new_v4().as_u128())))
            }
        }
    }

    /// Returns a row of any kind.
    pub async fn read<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<Row<T>>, StoreError> {
        let row = self.store.get(key).await?;
        row.map(|row| {
            let value = parse(&row)?;
            Ok(Row { row, value })
        })
        .transpose()
    }

    /// Returns up to `limit` rows whose keys begin with `prefix`, behind the one that ends in `after`.
    pub async fn list<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let start = match after {
            // The first key behind the key itself.
            Some(name) => [prefix, name.as_bytes(), b"\0"].concat().into(),
            None => Bytes::copy_from_slice(prefix),
        };
        let range = Range {
            space: Space::Functions,
            start,
            end: prefix_end(prefix),
            reverse: false,
        };
        let rows = self.store.scan(&range, limit).await?;
        rows.iter().map(|(_, row)| parse(row)).collect()
    }

    /// Returns all rows whose keys begin with `prefix`, with their keys.
    pub async fn all<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
    ) -> Result<Vec<(Key, T)>, StoreError> {
        let mut range = Range::prefix(Space::Functions, prefix);
        let mut all = Vec::new();
        loop {
            let rows = self.store.scan(&range, SCAN_MAX).await?;
            let complete = rows.len() < SCAN_MAX;
            if let Some((last, _)) = rows.last() {
                range.start = [last, &b"\0"[..]].concat().into();
            }
            for (key, row) in rows {
                all.push((Key::new(Space::Functions, key), parse(&row)?));
            }
            if complete {
                return Ok(all);
            }
        }
    }

    /// Carries out a change.
    pub async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.store.commit(batch).await
    }

    /// Writes `function` over `before`, or anew where there is none.
    /// A conflict means that somebody else was faster.
    pub async fn put(
        &self,
        function: &Function,
        before: Option<Bytes>,
    ) -> Result<Bytes, StoreError> {
        let key = keys::function(&function.name);
        let row = written(function);
        let mut batch = Batch::default();
        change(&mut batch, key, before, row.clone());
        self.store.commit(batch).await?;
        Ok(row)
    }

    /// Removes the function `name`, whose row is `before`, with all that belongs to it.
    pub async fn delete(&self, name: &str, before: Bytes) -> Result<(), StoreError> {
        let key = keys::function(name);
        let mut batch = Batch {
            expect: vec![(key.clone(), Expectation::Holds(before))],
            put: Vec::new(),
            delete: vec![key],
        };
        for prefix in keys::belongings(name) {
            let rows = self.all::<serde_json::Value>(&prefix).await?;
            for (key, row) in rows {
                let id = row.get("UrlId").and_then(serde_json::Value::as_str);
                batch.delete.extend(id.map(keys::url_id));
                batch.delete.push(key);
            }
        }
        self.store.commit(batch).await
    }

    /// Returns the hashes of all code that functions, their versions and layers use.
    pub async fn code_hashes(&self) -> Result<HashSet<String>, StoreError> {
        let mut hashes = HashSet::new();
        for prefix in [keys::FUNCTIONS, keys::VERSIONS] {
            for (_, function) in self.all::<Function>(prefix).await? {
                hashes.insert(function.code_hash);
                hashes.extend(function.layers.into_iter().map(|layer| layer.code_hash));
            }
        }
        let layers = self.all::<Layer>(keys::LAYERS).await?;
        hashes.extend(layers.into_iter().map(|(_, layer)| layer.code_hash));
        Ok(hashes)
    }
}

/// Adds to `batch` that `row` takes the place of `before` at `key`, or is the first there.
pub fn change(batch: &mut Batch, key: Key, before: Option<Bytes>, row: Bytes) {
    let expectation = before.map_or(Expectation::Absent, Expectation::Holds);
    batch.expect.push((key.clone(), expectation));
    batch.put.push((key, row));
}

/// Adds to `batch` that the row `before` at `key` goes.
pub fn removal(batch: &mut Batch, key: Key, before: Bytes) {
    batch.expect.push((key.clone(), Expectation::Holds(before)));
    batch.delete.push(key);
}

/// Returns a row of `value`.
pub fn written<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value)
        .expect("its members are plain values")
        .into()
}

fn parse<T: DeserializeOwned>(row: &Bytes) -> Result<T, StoreError> {
    serde_json::from_slice(row).map_err(|error| StoreError::Corrupted {
        detail: format!("a row of Lambda: {error}"),
    })
}
