//! The items of a data set, page by page.

use std::sync::Arc;

use engine_core::Payload;
use service::{Gate, Principal};

use super::reader::ItemReader;
use super::ItemsFailed;

/// One item of a data set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// `Map.Item.Index`: counted from 0 over the whole data set.
    pub index: u64,
    /// `Map.Item.Key`, where the items are the members of an object.
    pub key: Option<String>,
    /// `Map.Item.Value`, as compact JSON.
    pub value: Payload,
    /// `Map.Item.Source`: `S3://bucket` for a listing, else `S3://bucket/key`.
    pub source: Arc<str>,
}

/// Some of the items, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct ItemPage {
    /// Empty only at the end.
    pub items: Vec<Item>,
    /// No items follow.
    pub is_last: bool,
}

/// A data set that is being read. It holds one page and some buffers, however large the data set is.
pub(crate) struct ItemSource {}

impl ItemSource {
    /// Opens the data set of `reader` as `principal`: what is missing or may not be read is told here,
    /// as far as the first byte can tell.
    pub async fn open(
        gate: Arc<dyn Gate>,
        principal: Principal,
        reader: ItemReader,
    ) -> Result<Self, ItemsFailed> {
        todo!()
    }

    /// Reads on, up to `items_max` items, or fewer whose texts have `bytes_max` bytes together; at least
    /// one unless the end is reached.
    pub async fn next_page(
        &mut self,
        items_max: usize,
        bytes_max: usize,
    ) -> Result<ItemPage, ItemsFailed> {
        todo!()
    }

    /// Passes over `items` items: to go on after a restart, open the data set again and skip what the
    /// children have. Fewer items than that is a failure: the data set is another one.
    pub async fn skip(&mut self, items: u64) -> Result<(), ItemsFailed> {
        todo!()
    }

    /// Returns what identifies the content: the ETag of the object (of the manifest, where there is one).
    /// To go on after a restart compare it with what it was. A listing has none.
    pub fn etag(&self) -> Option<&str> {
        todo!()
    }
}
