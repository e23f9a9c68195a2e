//! The objects of a bucket, page by page.

use std::collections::VecDeque;

use bytes::Bytes;
use map_items::ObjectAddress;
use serde_json::{Map, Value};

use super::ItemsFailed;
use super::s3::S3;

/// A listing that is being read: one answer of S3 is in memory.
pub(super) struct Listing {
    s3: S3,
    parameters: Map<String, Value>,
    contents: VecDeque<Map<String, Value>>,
    /// Where the next answer begins; `None` after the last.
    next: Option<String>,
}

impl Listing {
    /// Asks for the first page of what `parameters` select.
    pub async fn open(s3: S3, parameters: Map<String, Value>) -> Result<Self, ItemsFailed> {
        let mut listing = Self {
            s3,
            parameters,
            contents: VecDeque::new(),
            next: None,
        };
        listing.read(None).await?;
        Ok(listing)
    }

    /// Returns the metadata of the next object; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Map<String, Value>>, ItemsFailed> {
        while self.contents.is_empty() {
            match self.next.take() {
                Some(token) => self.read(Some(token)).await?,
                None => return Ok(None),
            }
        }
        Ok(self.contents.pop_front())
    }

    /// Returns the address of the next object that has content: what the console calls a folder is an
    /// empty object whose key ends in a slash.
    pub async fn next_address(&mut self) -> Result<Option<ObjectAddress>, ItemsFailed> {
        while let Some(contents) = self.next().await? {
            let key = contents.get("Key").and_then(Value::as_str);
            let size = contents.get("Size").and_then(Value::as_u64);
            match key {
                Some(key) if !(key.ends_with('/') && size == Some(0)) => {
                    return Ok(Some(ObjectAddress {
                        bucket: self.bucket().to_owned(),
                        key: key.to_owned(),
                    }));
                }
                Some(_) | None => {}
            }
        }
        Ok(None)
    }

    fn bucket(&self) -> &str {
        let bucket = self.parameters.get("Bucket").and_then(Value::as_str);
        bucket.unwrap_or_default()
    }

    async fn read(&mut self, token: Option<String>) -> Result<(), ItemsFailed> {
        let mut input = self.parameters.clone();
        if let Some(token) = token {
            input.insert("ContinuationToken".into(), token.into());
        }
        let answer = self.s3.call("ListObjectsV2", input, Bytes::new()).await;
        let mut answer = answer.map_err(|refusal| ItemsFailed::reading(refusal.cause()))?;
        self.next = answer.text("NextContinuationToken").map(str::to_owned);
        if let Some(Value::Array(contents)) = answer.output.remove("Contents") {
            let objects = contents.into_iter().filter_map(|object| match object {
                Value::Object(object) => Some(object),
                _ => None,
            });
            self.contents = objects.collect();
        }
        Ok(())
    }
}
