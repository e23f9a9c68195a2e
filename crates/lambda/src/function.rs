//! A function as it is kept: its configuration, and how the API shows it.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use vocab::Timestamp;

use crate::aliases::version_text;
use crate::layers::LayerUse;

/// The row of one function, or of one version of it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// As the caller wrote it: `nodejs12.x`.
    pub runtime: String,
    /// Whom it acts as.
    pub role: String,
    /// Where its code begins: `file.function`.
    pub handler: String,
    /// Free text.
    pub description: String,
    /// How long an invocation may take.
    pub timeout_seconds: u32,
    /// Told to the function; not enforced.
    pub memory_mib: u32,
    /// Its own environment variables.
    pub variables: BTreeMap<String, String>,
    /// `x86_64` or `arm64`, as the caller wrote it; the code runs on what this machine is.
    pub architectures: Vec<String>,
    /// The hash of its deployment package, in hex.
    pub code_hash: String,
    /// Bytes of its deployment package.
    pub code_size: u64,
    /// Whether its own code speaks of an AWS SDK.
    pub needs_sdk: bool,
    /// When it was last changed.
    pub last_modified: Timestamp,
    /// Drawn anew with every change.
    pub revision_id: String,
    /// Given when it was made.
    pub tags: BTreeMap<String, String>,
    /// Members that are kept and shown but change nothing here: `TracingConfig`, `VpcConfig`, …
    pub inert: Map<String, Value>,
    /// The version that this is; none is `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Of a version: the description that `$LATEST` had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_as: Option<String>,
    /// What is unpacked beside its code, the last before the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerUse>,
    /// How many of its events run at a time, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_concurrency: Option<u32>,
}

/// Environment variables may be secrets.
impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Function({}, {}, {})",
            self.name, self.runtime, self.revision_id
        )
    }
}

impl Function {
    /// Returns the ARN of whoever gets the events that were given up.
    pub fn dead_letter_target(&self) -> Option<&str> {
        let target = self.inert.get("DeadLetterConfig")?.get("TargetArn")?;
        target.as_str().filter(|target| !target.is_empty())
    }

    /// Returns the members of the model's `FunctionConfiguration`, under `arn`, which has the qualifier
    /// that was asked for.
    pub fn configuration(&self, arn: String) -> Map<String, Value> {
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("FunctionName", self.name.as_str().into());
        put("FunctionArn", arn.into());
        put("Runtime", self.runtime.as_str().into());
        put("Role", self.role.as_str().into());
        put("Handler", self.handler.as_str().into());
        put("CodeSize", self.code_size.into());
        put("Description", self.description.as_str().into());
        put("Timeout", self.timeout_seconds.into());
        put("MemorySize", self.memory_mib.into());
        put("LastModified", last_modified(self.last_modified).into());
        put("CodeSha256", code_sha256(&self.code_hash).into());
        put("Version", version_text(self.version).into());
        if !self.variables.is_empty() {
            put("Environment", json!({ "Variables": self.variables }));
        }
        put("TracingConfig", json!({ "Mode": "PassThrough" }));
        put("RevisionId", self.revision_id.as_str().into());
        put("State", "Active".into());
        put("LastUpdateStatus", "Successful".into());
        put("PackageType", "Zip".into());
        put("Architectures", json!(self.architectures));
        put("EphemeralStorage", json!({ "Size": 512 }));
        put(
            "SnapStart",
            json!({ "ApplyOn": "None", "OptimizationStatus": "Off" }),
        );
        put(
            "LoggingConfig",
            json!({ "LogFormat": "Text", "LogGroup": log_group(&self.name) }),
        );
        if !self.layers.is_empty() {
            let layer = |layer: &LayerUse| json!({"Arn": layer.arn, "CodeSize": layer.code_size});
            put("Layers", self.layers.iter().map(layer).collect());
        }
        for (name, value) in &self.inert {
            put(name, value.clone());
        }
        members
    }
}

/// Returns the name of the log group of `function`.
pub fn log_group(function: &str) -> String {
    format!("/aws/lambda/{function}")
}

/// `2026-03-14T01:59:00.000+0000`: Lambda's own form.
pub fn last_modified(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{}+0000", text.trim_end_matches('Z'))
}

/// Returns the hash in base64, as `CodeSha256` has it.
pub fn code_sha256(code_hash: &str) -> String {
    STANDARD.encode(hex::decode(code_hash).expect("a row's hash was written in hex"))
}
