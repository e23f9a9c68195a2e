//! The formats that a Distributed Map reads items from.
//!
//! Each is a [`Decoder`]: bytes are pushed into it in pieces of any size, items come out one at a time,
//! and it holds no more than one item. Parquet is the exception, because its index is at the end: it is
//! read from a file. Deliberately absent: where the bytes come from, and which of them an execution may
//! read. The rules are those of the AWS page on `ItemReader`; what it leaves open is in ADR 0018.

#![forbid(unsafe_code)]

mod compression;
mod csv;
mod hash_order;
mod json;
mod json_lines;
mod listing;
mod manifest;
mod parquet_file;

use serde_json::Value;
use thiserror::Error;

pub use compression::{Compression, Inflate, Step};
pub use csv::{CsvDecoder, CsvHeaders, Delimiter, HEADER_BYTES_MAX};
pub use json::JsonDecoder;
pub use json_lines::JsonLinesDecoder;
pub use listing::listing_item;
pub use manifest::{Inventory, InventoryFormat, ObjectAddress, athena_address, athena_manifest};
pub use parquet_file::ParquetItems;

/// Most bytes of one item in its file (AWS: "an item of up to 8 MB").
pub const ITEM_BYTES_MAX: usize = 8 * 1024 * 1024;

/// One item.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The member's name, where the items are the members of an object.
    pub key: Option<String>,
    /// The item.
    pub value: Value,
}

impl Entry {
    /// Returns an item without a key.
    pub fn value(value: Value) -> Self {
        Self { key: None, value }
    }
}

/// Turns bytes into items, in bounded memory.
pub trait Decoder: Send {
    /// Takes bytes off `input` until an item is whole, or none are left.
    ///
    /// Returns `None` only when `input` is empty: more bytes are needed, or the end is to be told.
    fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Entry>, FormatError>;

    /// Tells that no bytes follow; returns what they still made an item of. Called until it is `None`.
    fn finish(&mut self) -> Result<Option<Entry>, FormatError>;

    /// Says whether what follows holds no items, so that it need not be read.
    fn is_done(&self) -> bool {
        false
    }
}

/// Why bytes are not items. The texts are what a person reads as the cause of `States.ItemReaderFailed`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// Recorded by AWS.
    #[error("Attempting to map over non-iterable node.")]
    NotIterable,
    /// Recorded by AWS.
    #[error("CSV headers cannot contain duplicates.")]
    DuplicateHeaders,
    /// Names of columns that are too long together.
    #[error("CSV headers cannot be larger than {HEADER_BYTES_MAX} bytes.")]
    HeadersTooLong,
    /// A quotation mark without its partner.
    #[error("The CSV file ends within a quoted field that begins in row {row}.")]
    UnterminatedQuote {
        /// Counted from 1, the header included.
        row: u64,
    },
    /// An item that is too long to be held.
    #[error("The item at index {index} is larger than {ITEM_BYTES_MAX} bytes.")]
    ItemTooLong {
        /// Counted from 0.
        index: u64,
    },
    /// A text that is not JSON.
    #[error("The JSON of {place} is not valid: {reason}")]
    NotJson {
        /// The item or the line.
        place: String,
        /// The parser's words.
        reason: String,
    },
    /// No node at the pointer.
    #[error("The ItemsPointer '{0}' does not match a node of the JSON file.")]
    PointerNotFound(String),
    /// A pointer that is no JSON Pointer (RFC 6901).
    #[error("The ItemsPointer '{0}' is not a valid JSON Pointer.")]
    InvalidPointer(String),
    /// Compressed bytes that cannot be expanded.
    #[error("The object is not valid {0} data.")]
    NotCompressed(&'static str),
    /// A file that is not what its manifest or its type says.
    #[error("{0}")]
    Malformed(String),
    /// A Parquet file beyond the limits, or damaged.
    #[error("The Parquet file cannot be read: {0}")]
    Parquet(String),
}
