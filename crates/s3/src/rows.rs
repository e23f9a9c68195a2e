//! What is in the store: the keys of each space and the records under them.
//!
//! Records are CBOR with numbered fields. Bucket names hold no NUL, so `bucket NUL key` sorts as S3
//! lists: by the bytes of the key. Rows say where bytes are, they never hold any.

use bytes::Bytes;
use minicbor::{Decode, Encode};
use store::{Key, Range, Space};

/// Names one file of bytes. A file is written once and never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub(crate) struct BlobId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl BlobId {
    pub fn random() -> Self {
        Self(*uuid::Uuid::new_v4().as_bytes())
    }

    /// Returns the file's name: 32 hexadecimal digits.
    pub fn name(self) -> String {
        hex::encode(self.0)
    }

    pub fn from_name(name: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(name, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

/// A bucket. Space `Buckets`, changed under the writer's lock of all buckets.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct BucketRow {
    /// Milliseconds.
    #[n(0)]
    pub created_at: i64,
    /// The text of its policy.
    #[n(1)]
    pub policy: Option<String>,
    /// `None` until it is told another than the one that new buckets have.
    #[n(2)]
    pub public_access: Option<PublicAccess>,
    #[n(3)]
    pub tags: Option<Vec<(String, String)>>,
}

impl BucketRow {
    /// Returns what is blocked of public access; everything, where nothing else was said.
    pub fn public_access(&self) -> PublicAccess {
        self.public_access.clone().unwrap_or(PublicAccess {
            is_told: true,
            block_public_acls: true,
            ignore_public_acls: true,
            block_public_policy: true,
            restrict_public_buckets: true,
        })
    }
}

/// The block of public access of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct PublicAccess {
    /// Whether there is one; where there is none, all others are `false`.
    #[n(0)]
    pub is_told: bool,
    #[n(1)]
    pub block_public_acls: bool,
    #[n(2)]
    pub ignore_public_acls: bool,
    #[n(3)]
    pub block_public_policy: bool,
    #[n(4)]
    pub restrict_public_buckets: bool,
}

/// Where the bytes of an object are.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) enum Body {
    /// In one file.
    #[n(0)]
    One(#[n(0)] BlobId),
    /// In several files, one after another: the list is a row of its own, because it can be long.
    #[n(1)]
    Many(#[n(0)] BlobId),
}

/// One file of several.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Piece {
    #[n(0)]
    pub blob: BlobId,
    #[n(1)]
    pub size: u64,
    #[n(2)]
    pub checksums: Checksums,
    /// The number under which it was uploaded.
    #[n(3)]
    pub number: u32,
}

/// Checksums in base64, as S3 writes them.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Checksums {
    #[n(0)]
    pub crc32: Option<String>,
    #[n(1)]
    pub crc32c: Option<String>,
    #[n(2)]
    pub crc64nvme: Option<String>,
    #[n(3)]
    pub sha1: Option<String>,
    #[n(4)]
    pub sha256: Option<String>,
    /// Says that they are checksums of the parts' checksums.
    #[n(5)]
    pub composite: bool,
}

/// What the caller said of an object and is told again.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Description {
    #[n(0)]
    pub content_type: Option<String>,
    #[n(1)]
    pub cache_control: Option<String>,
    #[n(2)]
    pub content_disposition: Option<String>,
    #[n(3)]
    pub content_encoding: Option<String>,
    #[n(4)]
    pub content_language: Option<String>,
    /// Milliseconds.
    #[n(5)]
    pub expires: Option<i64>,
    /// Sorted by name.
    #[n(6)]
    pub metadata: Vec<(String, String)>,
    #[n(7)]
    pub storage_class: Option<String>,
}

/// An object. Space `Objects`.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct ObjectRow {
    #[n(0)]
    pub body: Body,
    #[n(1)]
    pub size: u64,
    /// Without quotation marks.
    #[n(2)]
    pub e_tag: String,
    /// Whole seconds, in milliseconds: S3 knows no finer time.
    #[n(3)]
    pub modified_at: i64,
    #[n(4)]
    pub description: Description,
    #[n(5)]
    pub checksums: Checksums,
    #[n(6)]
    pub tags: Vec<(String, String)>,
    /// Parts of the upload that made it; 0 when it was put whole.
    #[n(7)]
    pub parts: u32,
}

/// A multipart upload. Space `Uploads`.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct UploadRow {
    /// Milliseconds.
    #[n(0)]
    pub initiated_at: i64,
    #[n(1)]
    pub description: Description,
    #[n(2)]
    pub tags: Vec<(String, String)>,
    /// Every part has a checksum of it.
    #[n(3)]
    pub checksum_algorithm: String,
    /// Says that the object's is to be a checksum of the parts'.
    #[n(4)]
    pub composite: bool,
}

/// A part of an upload. Space `Uploads`.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct PartRow {
    #[n(0)]
    pub piece: Piece,
    /// Without quotation marks.
    #[n(1)]
    pub e_tag: String,
    #[n(2)]
    pub modified_at: i64,
}

pub(crate) fn bucket_key(bucket: &str) -> Key {
    Key::new(Space::Buckets, bucket.as_bytes().to_vec())
}

fn joined(bucket: &str, key: &str) -> Vec<u8> {
    [bucket.as_bytes(), b"\0", key.as_bytes()].concat()
}

pub(crate) fn object_key(bucket: &str, key: &str) -> Key {
    Key::new(Space::Objects, joined(bucket, key))
}

/// Returns the rows of a bucket's objects whose keys begin with `prefix`.
pub(crate) fn objects_with(bucket: &str, prefix: &str) -> Range {
    Range::prefix(Space::Objects, &joined(bucket, prefix))
}

/// Returns the object's key out of its row's.
pub(crate) fn key_of(bucket: &str, row: &[u8]) -> Option<String> {
    String::from_utf8(row.get(bucket.len() + 1..)?.to_vec()).ok()
}

/// The upload's name is last and of fixed length, so that a key may hold anything.
pub(crate) fn upload_key(bucket: &str, key: &str, upload: BlobId) -> Key {
    let mut bytes = vec![b'u'];
    bytes.extend(joined(bucket, key));
    bytes.push(0);
    bytes.extend(upload.0);
    Key::new(Space::Uploads, bytes)
}

/// Returns the rows of a bucket's uploads of keys that begin with `prefix`.
pub(crate) fn uploads_with(bucket: &str, prefix: &str) -> Range {
    let mut bytes = vec![b'u'];
    bytes.extend(joined(bucket, prefix));
    Range::prefix(Space::Uploads, &bytes)
}

/// Returns the object's key and the upload out of an upload's row's key.
pub(crate) fn upload_of(bucket: &str, row: &[u8]) -> Option<(String, BlobId)> {
    let (rest, id) = row.split_last_chunk::<16>()?;
    let key = rest.get(1 + bucket.len() + 1..rest.len().checked_sub(1)?)?;
    Some((String::from_utf8(key.to_vec()).ok()?, BlobId(*id)))
}

pub(crate) fn part_key(upload: BlobId, number: u32) -> Key {
    let bytes = [b"p".as_slice(), &upload.0, &number.to_be_bytes()].concat();
    Key::new(Space::Uploads, bytes)
}

pub(crate) fn parts_of(upload: BlobId) -> Range {
    Range::prefix(Space::Uploads, &[b"p".as_slice(), &upload.0].concat())
}

/// A file that a row speaks of. Looked up for files that were not yet in their place.
pub(crate) fn needed_key(blob: BlobId) -> Key {
    Key::new(Space::Blobs, [b"n".as_slice(), &blob.0].concat())
}

/// A file that no row speaks of any more, still to be removed.
pub(crate) fn waste_key(blob: BlobId) -> Key {
    Key::new(Space::Blobs, [b"w".as_slice(), &blob.0].concat())
}

pub(crate) fn wastes() -> Range {
    Range::prefix(Space::Blobs, b"w")
}

pub(crate) fn waste_of(row: &[u8]) -> Option<BlobId> {
    Some(BlobId(*row.last_chunk()?))
}

/// The pieces of a body in several files.
pub(crate) fn pieces_key(list: BlobId) -> Key {
    Key::new(Space::Blobs, [b"p".as_slice(), &list.0].concat())
}

pub(crate) fn encode<T: Encode<()>>(record: &T) -> Bytes {
    minicbor::to_vec(record)
        .expect("writing to memory does not fail")
        .into()
}

/// Reads a record; the error says that the store holds what we did not write.
pub(crate) fn decode<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Result<T, service::Failure> {
    minicbor::decode(bytes).map_err(|error| crate::failure::internal("reading a record", &error))
}
