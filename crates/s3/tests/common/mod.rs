//! A service over a directory and a store in memory, called in process.

#![allow(dead_code)]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use s3::S3;
use serde_json::{Value, json};
use service::{Call, Failure, Principal, Reply, RequestId, Service as _, Site, SystemClock};
use store::{MemoryStore, Store};
use tempfile::TempDir;

/// The service, what it is over, and where its files are.
pub struct World {
    pub s3: S3,
    pub store: Arc<dyn Store>,
    pub folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        Self::over(
            Arc::new(MemoryStore::default()),
            tempfile::tempdir().expect("a directory"),
        )
        .await
    }

    pub async fn over(store: Arc<dyn Store>, folder: TempDir) -> Self {
        let s3 = open(folder.path(), &store).await;
        Self { s3, store, folder }
    }

    /// Opens the same again, as after a crash.
    pub async fn again(self) -> Self {
        // What runs in the background may end, or be caught up with.
        Self::over(self.store, self.folder).await
    }

    pub async fn call(
        &self,
        operation: &str,
        input: &Value,
        payload: &[u8],
    ) -> Result<Reply, Failure> {
        let call = Call {
            service: "s3",
            operation: operation.to_owned().into(),
            input: input.to_string().into(),
            payload: Bytes::copy_from_slice(payload),
            principal: Principal::Root {
                account: "000000000000".into(),
            },
            request_id: RequestId::random(),
        };
        self.s3.call(call).await
    }

    /// Returns the names of all files that hold bytes of objects.
    pub fn files(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.folder.path().join("objects")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a directory") {
                let entry = entry.expect("an entry");
                match entry.file_type().expect("a type").is_dir() {
                    true => folders.push(entry.path()),
                    false => names.push(entry.file_name().to_string_lossy().into_owned()),
                }
            }
        }
        names.sort();
        names
    }
}

async fn open(folder: &Path, store: &Arc<dyn Store>) -> S3 {
    let site = Site {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
    };
    let opened = S3::open(folder, Arc::clone(store), site, Arc::new(SystemClock)).await;
    opened.expect("the objects can be opened")
}

/// Returns the members that name an object of the one bucket.
pub fn at(key: &str) -> Value {
    json!({ "Bucket": "things", "Key": key })
}

/// Returns `input` with one more member.
pub fn with(mut input: Value, name: &str, value: impl Into<Value>) -> Value {
    input[name] = value.into();
    input
}
