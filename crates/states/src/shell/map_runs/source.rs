//! Where a run's items come from, one after the other, from any of them on.

use std::collections::VecDeque;
use std::sync::Arc;

use engine_core::map_run::{Failure, ItemContext, ItemsFrom};
use parking_lot::Mutex;
use serde_json::Value;
use service::{Gate, Principal};

use crate::items::{Item, ItemReader, ItemSource, ItemsFailed};

/// Most items that are read ahead.
const PAGE_ITEMS: usize = 256;
/// Most bytes that are read ahead.
const PAGE_BYTES: usize = 1 << 20;

/// The items that were not taken yet.
pub(super) enum Source {
    /// In the state's input: an array, or the pairs of an object.
    State {
        items: Vec<Value>,
        pairs: bool,
        next: usize,
    },
    /// Behind an item reader.
    Reader {
        /// Never locked: decoders may be sent to another thread, but not shared, and a run is shared
        /// while it waits.
        source: Mutex<Box<ItemSource>>,
        page: VecDeque<Item>,
        is_last: bool,
    },
}

/// Of items in the state's input (Accessing execution data, "Map states").
const STATE_DATA: &str = "STATE_DATA";

impl Source {
    /// Returns the items from the one with the number `from` on, as `principal` may read them.
    pub async fn open(
        items: &ItemsFrom,
        from: u64,
        gate: Arc<dyn Gate>,
        principal: Principal,
    ) -> Result<Self, Failure> {
        match items {
            ItemsFrom::State { items, pairs, .. } => {
                let items = match items.value() {
                    Value::Array(items) => items.clone(),
                    _ => Vec::new(),
                };
                let next = usize::try_from(from).unwrap_or(usize::MAX);
                let pairs = *pairs;
                Ok(Self::State { items, pairs, next })
            }
            ItemsFrom::Reader(reader) => Self::open_reader(reader.value(), from, gate, principal)
                .await
                .map_err(failure),
        }
    }

    async fn open_reader(
        reader: &Value,
        from: u64,
        gate: Arc<dyn Gate>,
        principal: Principal,
    ) -> Result<Self, ItemsFailed> {
        let resource = reader["Resource"].as_str().unwrap_or_default();
        let config = &reader["ReaderConfig"];
        let reader = ItemReader::from_evaluated(resource, &reader["Parameters"], config)?;
        let mut source = Box::new(ItemSource::open(gate, principal, reader).await?);
        source.skip(from).await?;
        Ok(Self::Reader {
            source: Mutex::new(source),
            page: VecDeque::new(),
            is_last: false,
        })
    }

    /// Returns what identifies the object that the items are read from, where it is one.
    pub fn etag(&mut self) -> Option<String> {
        match self {
            Self::State { .. } => None,
            Self::Reader { source, .. } => source.get_mut().etag().map(str::to_owned),
        }
    }

    /// Returns the next item.
    pub async fn next(&mut self) -> Result<Option<ItemContext>, Failure> {
        match self {
            Self::State { items, pairs, next } => Ok(in_state(items, *pairs, next)),
            Self::Reader {
                source,
                page,
                is_last,
            } => {
                if page.is_empty() && !*is_last {
                    let read = source.get_mut().next_page(PAGE_ITEMS, PAGE_BYTES).await;
                    let read = read.map_err(failure)?;
                    *is_last = read.is_last;
                    page.extend(read.items);
                }
                Ok(page.pop_front().map(|item| ItemContext {
                    index: item.index,
                    key: item.key,
                    source: item.source.to_string(),
                    value: item.value.value().clone(),
                }))
            }
        }
    }
}

fn in_state(items: &mut [Value], pairs: bool, next: &mut usize) -> Option<ItemContext> {
    let item = items.get_mut(*next)?;
    let (index, item) = (*next as u64, item.take());
    *next += 1;
    let (key, value) = match item {
        Value::Object(mut pair) if pairs => {
            let key = pair.get("Key").and_then(Value::as_str).map(str::to_owned);
            (key, pair.remove("Value").unwrap_or(Value::Null))
        }
        item => (None, item),
    };
    Some(ItemContext {
        index,
        key,
        source: STATE_DATA.into(),
        value,
    })
}

/// Returns what a run fails with when its items or results cannot be read or written.
pub(super) fn failure(failed: ItemsFailed) -> Failure {
    Failure {
        error: failed.error.into(),
        cause: failed.cause.into(),
    }
}
