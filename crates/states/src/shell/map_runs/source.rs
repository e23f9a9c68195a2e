//! Where a run's items come from, one after the other, from any of them on.

use engine_core::map_run::{Failure, ItemContext, ItemsFrom};
use serde_json::Value;

/// The items that were not taken yet.
pub(super) enum Source {
    /// In the state's input: an array, or the pairs of an object.
    State {
        items: Vec<Value>,
        pairs: bool,
        next: usize,
    },
}

/// Of items in the state's input (Accessing execution data, "Map states").
const STATE_DATA: &str = "STATE_DATA";

impl Source {
    /// Returns the items from the one with the number `from` on.
    pub async fn open(items: &ItemsFrom, from: u64) -> Result<Self, Failure> {
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
            ItemsFrom::Reader(_) => Err(Failure {
                error: "States.ItemReaderFailed".into(),
                cause: "stepd does not read items from other services yet.".into(),
            }),
        }
    }

    /// Returns the next item.
    pub async fn next(&mut self) -> Result<Option<ItemContext>, Failure> {
        match self {
            Self::State { items, pairs, next } => {
                let Some(item) = items.get_mut(*next) else {
                    return Ok(None);
                };
                let (index, item) = (*next as u64, item.take());
                *next += 1;
                let (key, value) = match item {
                    Value::Object(mut pair) if *pairs => {
                        let key = pair.get("Key").and_then(Value::as_str).map(str::to_owned);
                        (key, pair.remove("Value").unwrap_or(Value::Null))
                    }
                    item => (None, item),
                };
                Ok(Some(ItemContext {
                    index,
                    key,
                    source: STATE_DATA.into(),
                    value,
                }))
            }
        }
    }
}
