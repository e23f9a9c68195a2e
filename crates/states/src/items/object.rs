//! One object of S3, read in ranges.

use bytes::Bytes;
use map_items::{Compression, ObjectAddress};
use serde_json::{Map, Value};

use super::ItemsFailed;
use super::s3::{Answer, Refusal, S3};

/// Bytes that are read at once.
const RANGE_BYTES: u64 = 8 * 1024 * 1024;

/// An object that is being read. All of it is of one version: each range after the first is read only if
/// the object still has the ETag that it had.
pub(super) struct Object {
    s3: S3,
    /// The call's input: `Bucket`, `Key`, and what else the definition says.
    parameters: Map<String, Value>,
    etag: String,
    compression: Compression,
    length: u64,
    offset: u64,
    first: Option<Bytes>,
}

impl Object {
    /// Opens the object that `parameters` name and reads its first range.
    pub async fn open(s3: S3, parameters: Map<String, Value>) -> Result<Self, ItemsFailed> {
        let mut input = parameters.clone();
        input.insert("Range".into(), range(0).into());
        let answer = match s3.call("GetObject", input, Bytes::new()).await {
            Ok(answer) => answer,
            // An object without a byte has no range.
            Err(refusal) if &*refusal.failure.code == "InvalidRange" => Answer::default(),
            Err(refusal) => return Err(ItemsFailed::reading(refusal.cause())),
        };
        let key = parameters.get("Key").and_then(Value::as_str);
        let encoding = answer.text("ContentEncoding");
        let total = answer.text("ContentRange").and_then(total);
        Ok(Self {
            s3,
            compression: Compression::of(key.unwrap_or_default(), encoding),
            etag: answer.text("ETag").unwrap_or_default().to_owned(),
            // A server that does not know ranges has answered with everything.
            length: total.unwrap_or(answer.body.len() as u64),
            offset: answer.body.len() as u64,
            first: Some(answer.body).filter(|body| !body.is_empty()),
            parameters,
        })
    }

    /// Returns the parameters that read the object at `address` as those of the definition would.
    pub fn parameters(of: &Map<String, Value>, address: &ObjectAddress) -> Map<String, Value> {
        let mut parameters = Map::new();
        parameters.insert("Bucket".into(), address.bucket.clone().into());
        parameters.insert("Key".into(), address.key.clone().into());
        if let Some(owner) = of.get("ExpectedBucketOwner") {
            parameters.insert("ExpectedBucketOwner".into(), owner.clone());
        }
        parameters
    }

    /// Returns what identifies the content.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Returns how the whole of the object is compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Returns the next bytes; `None` at the end.
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, ItemsFailed> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        if self.offset >= self.length {
            return Ok(None);
        }
        let mut input = self.parameters.clone();
        input.insert("Range".into(), range(self.offset).into());
        input.insert("IfMatch".into(), self.etag.clone().into());
        let answer = self.s3.call("GetObject", input, Bytes::new()).await;
        let body = answer.map_err(|refusal| self.refused(&refusal))?.body;
        if body.is_empty() {
            return Err(ItemsFailed::reading(format!(
                "The object '{}' ended before its last byte.",
                self.key()
            )));
        }
        self.offset += body.len() as u64;
        Ok(Some(body))
    }

    fn refused(&self, refusal: &Refusal) -> ItemsFailed {
        match &*refusal.failure.code {
            "PreconditionFailed" => ItemsFailed::reading(format!(
                "The object '{}' was changed while it was read.",
                self.key()
            )),
            _ => ItemsFailed::reading(refusal.cause()),
        }
    }

    fn key(&self) -> &str {
        let key = self.parameters.get("Key").and_then(Value::as_str);
        key.unwrap_or_default()
    }
}

fn range(offset: u64) -> String {
    format!("bytes={offset}-{}", offset + RANGE_BYTES - 1)
}

/// Returns the length of the whole object out of `bytes 0-99/1234`.
fn total(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.parse().ok()
}
