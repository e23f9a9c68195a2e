//! Writes one object of any length, a part at a time.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::ItemsFailed;
use super::s3::{Answer, S3};

/// An object that is being written. It holds one part; nobody sees the object before it is whole.
pub(super) struct Upload {
    s3: S3,
    /// `Bucket`, `Key` and who must own the bucket: part of every call.
    address: Map<String, Value>,
    part_bytes: usize,
    buffer: Vec<u8>,
    bytes: u64,
    /// Set once the object has more than one part.
    upload_id: Option<String>,
    parts: Vec<Value>,
}

impl Upload {
    /// Returns an object without a byte; makes no call.
    pub fn new(s3: S3, address: Map<String, Value>, part_bytes: usize) -> Self {
        Self {
            s3,
            address,
            part_bytes,
            buffer: Vec::new(),
            bytes: 0,
            upload_id: None,
            parts: Vec::new(),
        }
    }

    /// Returns how many bytes were added.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds bytes; sends what makes a whole part.
    pub async fn add(&mut self, bytes: &[u8]) -> Result<(), ItemsFailed> {
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() >= self.part_bytes {
            let rest = self.buffer.split_off(self.part_bytes);
            let part = std::mem::replace(&mut self.buffer, rest);
            self.send_part(part.into()).await?;
        }
        Ok(())
    }

    /// Makes the object whole. Once this returns, it is durable and everybody sees it.
    pub async fn finish(mut self) -> Result<(), ItemsFailed> {
        let rest = Bytes::from(std::mem::take(&mut self.buffer));
        if self.upload_id.is_none() {
            let kind = [("ContentType", json!("application/json"))];
            self.call("PutObject", kind, rest).await?;
            return Ok(());
        }
        if !rest.is_empty() {
            self.send_part(rest).await?;
        }
        let parts = std::mem::take(&mut self.parts);
        let members = [
            ("UploadId", self.upload_id.clone().into()),
            ("MultipartUpload", json!({ "Parts": parts })),
        ];
        self.call("CompleteMultipartUpload", members, Bytes::new())
            .await?;
        Ok(())
    }

    /// Gives up. What cannot be taken back is left: no reader sees it.
    pub async fn abandon(self) {
        if let Some(upload_id) = &self.upload_id {
            let members = [("UploadId", upload_id.clone().into())];
            let aborted = self
                .call("AbortMultipartUpload", members, Bytes::new())
                .await;
            if let Err(failure) = aborted {
                tracing::warn!(cause = failure.cause, "an upload of results is left behind");
            }
        }
    }

    /// Begins the object, although there may be no byte for it yet: what is refused is refused now.
    pub async fn begin(&mut self) -> Result<String, ItemsFailed> {
        if let Some(upload_id) = &self.upload_id {
            return Ok(upload_id.clone());
        }
        let kind = [("ContentType", json!("application/json"))];
        let begun = self.call("CreateMultipartUpload", kind, Bytes::new());
        let upload_id = begun.await?.text("UploadId").unwrap_or_default().to_owned();
        Ok(self.upload_id.insert(upload_id).clone())
    }

    async fn send_part(&mut self, part: Bytes) -> Result<(), ItemsFailed> {
        let upload_id = self.begin().await?;
        let number = self.parts.len() + 1;
        let members = [
            ("UploadId", upload_id.into()),
            ("PartNumber", number.into()),
        ];
        let answer = self.call("UploadPart", members, part).await?;
        self.parts
            .push(json!({ "ETag": answer.text("ETag"), "PartNumber": number }));
        Ok(())
    }

    async fn call<const N: usize>(
        &self,
        operation: &'static str,
        members: [(&str, Value); N],
        body: Bytes,
    ) -> Result<Answer, ItemsFailed> {
        let mut input = self.address.clone();
        input.extend(members.map(|(name, value)| (name.to_owned(), value)));
        let answer = self.s3.call(operation, input, body).await;
        answer.map_err(|refusal| ItemsFailed::writing(refusal.cause()))
    }
}
