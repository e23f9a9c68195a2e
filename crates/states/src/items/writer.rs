//! Writes the results of a map run into S3.

use std::sync::Arc;

use engine_core::Payload;
use serde_json::{Map, Value, json};
use service::{Gate, Principal};

use super::ItemsFailed;
use super::child::{ChildResult, ChildStatus, OutputType, WriterConfig};
use super::s3::S3;
use super::upload::Upload;

/// Where results are written to: the evaluated `Parameters` or `Arguments` of a `ResultWriter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterTarget {
    /// The bucket's name.
    pub bucket: String,
    /// Without it the folder of the map run is at the top of the bucket.
    pub prefix: Option<String>,
    /// The account that must own the bucket.
    pub expected_bucket_owner: Option<String>,
}

impl WriterTarget {
    /// Returns the target that evaluated `Parameters` or `Arguments` name.
    pub fn from_evaluated(parameters: &Value) -> Result<Self, ItemsFailed> {
        let text = |name: &str| match parameters.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(ItemsFailed::writing(format!(
                "The parameter '{name}' of the ResultWriter must be a string."
            ))),
        };
        Ok(Self {
            bucket: text("Bucket")?.ok_or_else(|| {
                ItemsFailed::writing("The parameter 'Bucket' of the ResultWriter must be a string.")
            })?,
            prefix: text("Prefix")?.filter(|prefix| !prefix.is_empty()),
            expected_bucket_owner: text("ExpectedBucketOwner")?,
        })
    }
}

/// Most bytes of one result file (AWS, ResultWriter: "individual result files of up to 5 GB").
const FILE_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;
/// Bytes that are sent at once.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// The result files of one map run that are being written. It holds a part of three files, however many
/// children there are.
///
/// What is written depends on the map run and its children alone: written again after a crash, the keys
/// and the contents are the same. Nothing is to be seen in the bucket before a file is whole, and the
/// manifest is written last.
pub struct ResultWriter {
    s3: S3,
    target: WriterTarget,
    config: WriterConfig,
    map_run_arn: String,
    file_bytes_max: u64,
    part_bytes: usize,
    /// Of what failed, is pending and succeeded, as the manifest orders them.
    sets: [FileSet; 3],
}

/// The files of children that ended alike.
struct FileSet {
    /// How the names of the files begin.
    name: &'static str,
    /// `{"Key":…,"Size":…}` of each file that is whole.
    whole: Vec<Value>,
    open: Option<Upload>,
}

impl ResultWriter {
    /// Returns a writer for the map run `map_run_arn` (`arn:…:mapRun:<machine>/<label>:<uuid>`). Makes no
    /// call.
    pub fn new(
        gate: Arc<dyn Gate>,
        principal: Principal,
        target: WriterTarget,
        config: WriterConfig,
        map_run_arn: &str,
    ) -> Self {
        Self {
            s3: S3::new(gate, principal),
            target,
            config,
            map_run_arn: map_run_arn.to_owned(),
            file_bytes_max: FILE_BYTES_MAX,
            part_bytes: PART_BYTES,
            sets: ["FAILED", "PENDING", "SUCCEEDED"].map(|name| FileSet {
                name,
                whole: Vec::new(),
                open: None,
            }),
        }
    }

    /// Returns the same writer with files of at most `bytes`, where AWS's 5 GB are too many.
    #[must_use]
    pub fn with_file_bytes_max(mut self, bytes: u64) -> Self {
        self.file_bytes_max = bytes;
        self
    }

    /// Looks whether anything can be written, by an upload that is given up at once: what would be refused
    /// at the end is refused before the first child runs. Nothing of it is to be seen.
    pub async fn check(&self) -> Result<(), ItemsFailed> {
        let mut upload = self.upload(&self.key("manifest.json"));
        upload.begin().await?;
        upload.abandon().await;
        Ok(())
    }

    /// Adds one child. Call it in the order of the children, from the first again after a restart.
    pub async fn push(&mut self, child: &ChildResult) -> Result<(), ItemsFailed> {
        let set = match child.status {
            ChildStatus::Failed | ChildStatus::TimedOut | ChildStatus::Aborted => 0,
            ChildStatus::Pending => 1,
            ChildStatus::Succeeded => 2,
        };
        let mut parts = Vec::new();
        child.write(self.config.transformation, &mut parts);
        for part in parts {
            self.add(set, &part).await?;
        }
        Ok(())
    }

    /// Completes the files, writes the manifest, and returns the state's result:
    /// `{"MapRunArn":…,"ResultWriterDetails":{"Bucket":…,"Key":…}}`.
    pub async fn finish(mut self) -> Result<Payload, ItemsFailed> {
        for set in 0..self.sets.len() {
            self.close(set).await?;
        }
        let files = self.sets.each_mut().map(|set| {
            let whole = std::mem::take(&mut set.whole);
            (set.name.to_owned(), Value::Array(whole))
        });
        let manifest = json!({
            "DestinationBucket": self.target.bucket,
            "MapRunArn": self.map_run_arn,
            "ResultFiles": Value::Object(files.into_iter().collect()),
        });
        let key = self.key("manifest.json");
        let mut upload = self.upload(&key);
        upload.add(manifest.to_string().as_bytes()).await?;
        upload.finish().await?;
        Ok(Payload::from_value(json!({
            "MapRunArn": self.map_run_arn,
            "ResultWriterDetails": { "Bucket": self.target.bucket, "Key": key },
        })))
    }

    /// Gives up: uploads under way are aborted. What cannot be aborted is left.
    pub async fn abandon(self) {
        for upload in self.sets.into_iter().filter_map(|set| set.open) {
            upload.abandon().await;
        }
    }

    /// Adds one JSON text to a set of files.
    async fn add(&mut self, set: usize, text: &str) -> Result<(), ItemsFailed> {
        let is_full = |open: &Upload| {
            // With the separator before it and the bracket after it.
            open.bytes() + text.len() as u64 + 2 > self.file_bytes_max
        };
        if self.sets[set].open.as_ref().is_some_and(is_full) {
            self.close(set).await?;
        }
        let (before, after) = match (self.config.output_type, &self.sets[set].open) {
            (OutputType::Json, None) => ("[", ""),
            (OutputType::Json, Some(_)) => (",", ""),
            (OutputType::JsonLines, _) => ("", "\n"),
        };
        if self.sets[set].open.is_none() {
            let key = self.file_key(set);
            self.sets[set].open = Some(self.upload(&key));
        }
        if let Some(upload) = &mut self.sets[set].open {
            upload.add(before.as_bytes()).await?;
            upload.add(text.as_bytes()).await?;
            upload.add(after.as_bytes()).await?;
        }
        Ok(())
    }

    /// Completes the open file of a set, if there is one.
    async fn close(&mut self, set: usize) -> Result<(), ItemsFailed> {
        let key = self.file_key(set);
        if let Some(mut upload) = self.sets[set].open.take() {
            if self.config.output_type == OutputType::Json {
                upload.add(b"]").await?;
            }
            let size = upload.bytes();
            upload.finish().await?;
            self.sets[set]
                .whole
                .push(json!({ "Key": key, "Size": size }));
        }
        Ok(())
    }

    /// Returns the key of the next file of a set. It ends in `.json` whatever the files hold.
    fn file_key(&self, set: usize) -> String {
        let FileSet { name, whole, .. } = &self.sets[set];
        self.key(&format!("{name}_{}.json", whole.len()))
    }

    /// Returns the key of a file in the map run's folder, which is named after the map run.
    fn key(&self, name: &str) -> String {
        let folder = self.map_run_arn.rsplit(':').next().unwrap_or_default();
        match &self.target.prefix {
            Some(prefix) => format!("{}/{folder}/{name}", prefix.trim_end_matches('/')),
            None => format!("{folder}/{name}"),
        }
    }

    fn upload(&self, key: &str) -> Upload {
        let mut address = Map::new();
        address.insert("Bucket".into(), self.target.bucket.clone().into());
        address.insert("Key".into(), key.into());
        if let Some(owner) = &self.target.expected_bucket_owner {
            address.insert("ExpectedBucketOwner".into(), owner.clone().into());
        }
        Upload::new(self.s3.clone(), address, self.part_bytes)
    }
}
