//! S3 in memory: the operations that items are read and results are written with.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use service::{Call, Failure, Gate, Reply};

/// One bucket, `bucket`, whose listings have pages of three.
#[derive(Default)]
pub struct Buckets(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, BTreeMap<u64, Bytes>>,
    calls: Vec<String>,
    /// Replaces an object after it was read once.
    change: Option<(String, Bytes)>,
    largest_body: usize,
}

#[derive(Clone)]
struct Object {
    body: Bytes,
    encoding: Option<String>,
}

impl Object {
    fn etag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.body.hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }
}

impl Buckets {
    pub fn put(&self, key: &str, body: impl Into<Bytes>) {
        self.put_encoded(key, body, None);
    }

    pub fn put_encoded(&self, key: &str, body: impl Into<Bytes>, encoding: Option<&str>) {
        let object = Object {
            body: body.into(),
            encoding: encoding.map(str::to_owned),
        };
        self.0.lock().objects.insert(key.to_owned(), object);
    }

    /// Replaces `key` after the first read of it.
    pub fn change_after_read(&self, key: &str, body: impl Into<Bytes>) {
        self.0.lock().change = Some((key.to_owned(), body.into()));
    }

    /// Returns all objects as texts.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let inner = self.0.lock();
        let text = |object: &Object| String::from_utf8_lossy(&object.body).into_owned();
        inner
            .objects
            .iter()
            .map(|(key, object)| (key.clone(), text(object)))
            .collect()
    }

    /// Returns the operations that were called, in order.
    pub fn calls(&self) -> Vec<String> {
        self.0.lock().calls.clone()
    }

    /// Returns how many uploads were begun and neither completed nor aborted.
    pub fn uploads(&self) -> usize {
        self.0.lock().uploads.len()
    }

    /// Returns the longest body that was sent.
    pub fn largest_body(&self) -> usize {
        self.0.lock().largest_body
    }
}

fn refused(code: &'static str, status: u16, message: &str) -> Failure {
    Failure::client(code, message).with_status(status)
}

#[async_trait]
impl Gate for Buckets {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let mut inner = self.0.lock();
        assert_eq!(call.service, "s3");
        inner.calls.push(call.operation.to_string());
        inner.largest_body = inner.largest_body.max(call.payload.len());
        let input: Map<String, Value> = serde_json::from_slice(&call.input).expect("an object");
        let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("Bucket") != "bucket" {
            return Err(refused(
                "NoSuchBucket",
                404,
                "The specified bucket does not exist",
            ));
        }
        let (output, payload) = match &*call.operation {
            "GetObject" => inner.get(&input)?,
            "ListObjectsV2" => (
                inner.list(text("Prefix"), text("ContinuationToken")),
                Bytes::new(),
            ),
            "PutObject" => {
                inner.store(text("Key"), call.payload);
                (json!({}), Bytes::new())
            }
            "CreateMultipartUpload" => {
                let id = format!("upload-{}", inner.calls.len());
                inner.uploads.insert(id.clone(), BTreeMap::new());
                (json!({ "UploadId": id }), Bytes::new())
            }
            "UploadPart" => {
                let number = input["PartNumber"].as_u64().expect("a number");
                let parts = inner.uploads.get_mut(text("UploadId")).expect("an upload");
                parts.insert(number, call.payload);
                (
                    json!({ "ETag": format!("\"part-{number}\"") }),
                    Bytes::new(),
                )
            }
            "CompleteMultipartUpload" => {
                let parts = inner.uploads.remove(text("UploadId")).expect("an upload");
                let told: Vec<Value> = (1..=parts.len())
                    .map(|number| json!({ "ETag": format!("\"part-{number}\""), "PartNumber": number }))
                    .collect();
                assert_eq!(input["MultipartUpload"]["Parts"], Value::Array(told));
                let body: Vec<u8> = parts.into_values().flatten().collect();
                inner.store(text("Key"), body.into());
                (json!({}), Bytes::new())
            }
            "AbortMultipartUpload" => {
                inner.uploads.remove(text("UploadId")).expect("an upload");
                (json!({}), Bytes::new())
            }
            other => panic!("{other} is not called"),
        };
        Ok(Reply {
            output: output.to_string().into(),
            payload,
        })
    }
}

impl Inner {
    fn store(&mut self, key: &str, body: Bytes) {
        let encoding = None;
        self.objects
            .insert(key.to_owned(), Object { body, encoding });
    }

    fn get(&mut self, input: &Map<String, Value>) -> Result<(Value, Bytes), Failure> {
        let text = |name: &str| input.get(name).and_then(Value::as_str);
        let key = text("Key").expect("a key");
        let object = self.objects.get(key).cloned();
        let object =
            object.ok_or_else(|| refused("NoSuchKey", 404, "The specified key does not exist."))?;
        if text("IfMatch").is_some_and(|etag| etag != object.etag()) {
            let message = "At least one of the pre-conditions you specified did not hold";
            return Err(refused("PreconditionFailed", 412, message));
        }
        let range = text("Range").expect("a range");
        let range = range
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'));
        let (first, last) = range.expect("bytes=first-last");
        let first: usize = first.parse().expect("a number");
        let last: usize = last.parse().expect("a number");
        let total = object.body.len();
        if first >= total {
            return Err(refused(
                "InvalidRange",
                416,
                "The requested range is not satisfiable",
            ));
        }
        let body = object.body.slice(first..total.min(last + 1));
        let end = first + body.len() - 1;
        if let Some((_, changed)) = self.change.take_if(|(changed, _)| changed == key) {
            self.store(key, changed);
        }
        let output = json!({
            "ETag": object.etag(),
            "ContentRange": format!("bytes {first}-{end}/{total}"),
            "ContentEncoding": object.encoding,
        });
        Ok((output, body))
    }

    fn list(&self, prefix: &str, token: &str) -> Value {
        let after = |key: &&String| key.starts_with(prefix) && key.as_str() > token;
        let mut keys = self.objects.keys().filter(after);
        let page: Vec<&String> = keys.by_ref().take(3).collect();
        let contents = page.iter().map(|key| {
            let object = &self.objects[*key];
            json!({ "Key": key, "ETag": object.etag(), "Size": object.body.len(),
                "LastModified": 1_668_699_881, "StorageClass": "STANDARD" })
        });
        let contents = Value::Array(contents.collect());
        match (keys.next(), page.last()) {
            (Some(_), Some(last)) => {
                json!({ "Contents": contents, "IsTruncated": true, "NextContinuationToken": last })
            }
            _ => json!({ "Contents": contents, "IsTruncated": false }),
        }
    }
}
