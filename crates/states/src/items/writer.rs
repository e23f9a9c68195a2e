//! Writes the results of a map run into S3.

use std::sync::Arc;

use engine_core::Payload;
use serde_json::Value;
use service::{Gate, Principal};

use super::ItemsFailed;
use super::child::{ChildResult, WriterConfig};

/// Where results are written to: the evaluated `Parameters` or `Arguments` of a `ResultWriter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WriterTarget {
    pub bucket: String,
    /// Without it the folder of the map run is at the top of the bucket.
    pub prefix: Option<String>,
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

/// The result files of one map run that are being written.
///
/// What is written depends on the map run and its children alone: written again after a crash, the keys
/// and the contents are the same. Nothing is to be seen in the bucket before a file is whole, and the
/// manifest is written last.
pub(crate) struct ResultWriter {}

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
        todo!()
    }

    /// Adds one child. Call it in the order of the children, from the first again after a restart.
    pub async fn push(&mut self, child: &ChildResult) -> Result<(), ItemsFailed> {
        todo!()
    }

    /// Completes the files, writes the manifest, and returns the state's result:
    /// `{"MapRunArn":…,"ResultWriterDetails":{"Bucket":…,"Key":…}}`.
    pub async fn finish(self) -> Result<Payload, ItemsFailed> {
        todo!()
    }

    /// Gives up: uploads under way are aborted. What cannot be aborted is left.
    pub async fn abandon(self) {
        todo!()
    }
}
