//! Lists by pages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use service::Failure;

use crate::failure;

/// One page of a list, and where the next begins.
pub struct Page {
    items: Vec<Value>,
    next: Option<String>,
}

/// Returns behind which row a page begins, and how many rows it has at most.
pub fn asked(
    marker: Option<&str>,
    max_items: Option<i64>,
    page_max: usize,
) -> Result<(Option<String>, usize), Failure> {
    let limit = max_items
        .and_then(|items| usize::try_from(items).ok())
        .map_or(page_max, |items| items.clamp(1, page_max));
    Ok((marker.map(decode_marker).transpose()?, limit))
}

impl Page {
    /// Cuts `limit` rows off; more than that say that there is another page. Each comes with the end of
    /// its key.
    pub fn cut(mut rows: Vec<(String, Map<String, Value>)>, limit: usize) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows
            .last()
            .filter(|_| more)
            .map(|(key, _)| STANDARD.encode(key));
        let items = rows.into_iter().map(|(_, item)| Value::Object(item));
        Self {
            items: items.collect(),
            next,
        }
    }

    /// Returns the page as an answer whose list is called `name`.
    pub fn named(self, name: &str, mut output: Value) -> Value {
        output[name] = Value::Array(self.items);
        if let Some(next) = self.next {
            output["NextMarker"] = next.into();
        }
        output
    }
}

fn decode_marker(marker: &str) -> Result<String, Failure> {
    let bytes = STANDARD.decode(marker).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| failure::invalid_parameter("Invalid marker"))
}
