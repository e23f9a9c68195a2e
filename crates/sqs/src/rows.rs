//! What is on disk. A queue is a row; a message is two: what it says, which never changes, and when it
//! is seen, which changes with every receive. Ids that FIFO queues remember are rows until
//! they are forgotten, and so are the last moves of a queue's messages.
//!
//! Keys of messages begin with the queue's number, which is never given again.

use std::sync::Arc;

use bytes::Bytes;
use minicbor::{Decode, Encode};
use store::{Key, Space};

use crate::book::Entry;

/// A value of a message's attribute.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) enum Content {
    /// Of `String` and `Number`.
    #[n(0)]
    Text(#[n(0)] String),
    /// Of `Binary`.
    #[n(1)]
    Binary(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
}

/// An attribute of a message.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Attribute {
    #[n(0)]
    pub name: String,
    /// `String`, `Number.int`, ….
    #[n(1)]
    pub kind: String,
    #[n(2)]
    pub content: Content,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct MessageRow {
    #[n(0)]
    pub id: String,
    #[n(1)]
    pub body: String,
    /// By name.
    #[n(2)]
    pub attributes: Vec<Attribute>,
    /// Who sent it.
    #[n(3)]
    pub sender: String,
    #[n(4)]
    pub group: Option<String>,
    #[n(5)]
    pub deduplication_id: Option<String>,
    #[n(6)]
    pub trace: Option<String>,
    /// The queue that gave it up.
    #[n(7)]
    pub dead_letter_source: Option<String>,
}

/// An id that a FIFO queue remembers, and what it answered.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Remembered {
    #[n(0)]
    pub until: i64,
    #[n(1)]
    pub message_id: String,
    #[n(2)]
    pub seq: u64,
    /// The group where ids are looked for within a group, and the id.
    #[n(3)]
    pub scope: String,
    #[n(4)]
    pub id: String,
}

/// A message's place in its queue, as it is kept.
#[derive(Encode, Decode)]
struct IndexRow {
    #[n(0)]
    sent_at: i64,
    #[n(1)]
    visible_at: i64,
    #[n(2)]
    received: u32,
    #[n(3)]
    first_received_at: i64,
    #[n(4)]
    receipt: u64,
    #[n(5)]
    group: Option<String>,
}

pub(crate) fn queue_key(name: &str) -> Key {
    Key::new(Space::Queues, [b"q", name.as_bytes()].concat())
}

pub(crate) fn remembered_key(queue: u64, scope: &str, id: &str) -> Key {
    // Groups and ids have up to 128 letters, none of which is a line feed.
    let name = format!("{scope}\n{id}");
    let key = [b"d", &queue.to_be_bytes()[..], name.as_bytes()].concat();
    Key::new(Space::Queues, key)
}

pub(crate) fn remembered_prefix(queue: u64) -> Vec<u8> {
    [b"d", &queue.to_be_bytes()[..]].concat()
}

pub(crate) fn moves_prefix(queue: u64) -> Vec<u8> {
    [b"m", &queue.to_be_bytes()[..]].concat()
}

fn message_bytes(queue: u64, seq: u64) -> Vec<u8> {
    [queue.to_be_bytes(), seq.to_be_bytes()].concat()
}

pub(crate) fn index_key(queue: u64, seq: u64) -> Key {
    Key::new(Space::QueueIndex, message_bytes(queue, seq))
}

pub(crate) fn message_key(queue: u64, seq: u64) -> Key {
    Key::new(Space::Messages, message_bytes(queue, seq))
}

/// Returns the number of a message from its key.
pub(crate) fn seq_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(8..16)?.try_into().ok()?))
}

pub(crate) fn encode<T: Encode<()>>(row: &T) -> Bytes {
    minicbor::to_vec(row)
        .expect("memory takes every row")
        .into()
}

/// Writes a message's place. The same entry is always the same bytes: batches expect them.
pub(crate) fn encode_entry(entry: &Entry) -> Bytes {
    encode(&IndexRow {
        sent_at: entry.sent_at,
        visible_at: entry.visible_at,
        received: entry.received,
        first_received_at: entry.first_received_at,
        receipt: entry.receipt,
        group: entry.group.as_deref().map(str::to_owned),
    })
}

pub(crate) fn decode_entry(row: &[u8]) -> Result<Entry, minicbor::decode::Error> {
    let row: IndexRow = minicbor::decode(row)?;
    Ok(Entry {
        sent_at: row.sent_at,
        visible_at: row.visible_at,
        received: row.received,
        first_received_at: row.first_received_at,
        receipt: row.receipt,
        group: row.group.map(Arc::from),
    })
}
