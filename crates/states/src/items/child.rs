//! What became of one child execution, and how it is written into results.

use engine_core::Payload;
use serde_json::Value;
use vocab::Timestamp;

use super::ItemsFailed;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildStatus {
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
    /// Not started when the map run ended.
    Pending,
}

/// One child execution that will not change any more, or was never started.
#[derive(Clone, Debug)]
pub(crate) struct ChildResult {
    /// `arn:…:execution:<machine>/<label>:<name>`.
    pub execution_arn: String,
    /// `arn:…:stateMachine:<machine>/<label>`.
    pub state_machine_arn: String,
    pub name: String,
    pub status: ChildStatus,
    pub input: Payload,
    /// Of a child that succeeded.
    pub output: Option<Payload>,
    pub error: Option<String>,
    pub cause: Option<String>,
    pub started_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    pub redrive_count: u32,
    pub redriven_at: Option<Timestamp>,
    /// `REDRIVABLE`, `NOT_REDRIVABLE`, `REDRIVABLE_BY_MAP_RUN`, as DescribeExecution says it.
    pub redrive_status: Option<String>,
    /// Why it is not, in DescribeExecution's words.
    pub redrive_status_reason: Option<String>,
}

/// `WriterConfig.Transformation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transformation {
    /// The output beside what is known of the execution.
    None,
    /// The output alone.
    Compact,
    /// The output alone; an array's elements instead of the array.
    Flatten,
}

/// `WriterConfig.OutputType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputType {
    /// One JSON array.
    Json,
    /// A JSON text on each line.
    JsonLines,
}

/// A `WriterConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WriterConfig {
    pub transformation: Transformation,
    pub output_type: OutputType,
}

impl WriterConfig {
    /// What is written into S3 where nothing else is said.
    pub const EXPORT: Self = Self {
        transformation: Transformation::None,
        output_type: OutputType::Json,
    };
    /// What is put into the state's output where nothing else is said.
    pub const OUTPUT: Self = Self {
        transformation: Transformation::Compact,
        output_type: OutputType::Json,
    };

    /// Returns the configuration that the `WriterConfig` field says, over `default`; null says nothing.
    pub fn from_evaluated(config: &Value, default: Self) -> Result<Self, ItemsFailed> {
        let field = |name: &str| config.get(name).and_then(Value::as_str);
        let unknown = |name: &str, value: &str| {
            ItemsFailed::writing(format!(
                "The value '{value}' is not one of the values of the field {name}."
            ))
        };
        Ok(Self {
            transformation: match field("Transformation") {
                None => default.transformation,
                Some("NONE") => Transformation::None,
                Some("COMPACT") => Transformation::Compact,
                Some("FLATTEN") => Transformation::Flatten,
                Some(other) => return Err(unknown("Transformation", other)),
            },
            output_type: match field("OutputType") {
                None => default.output_type,
                Some("JSON") => OutputType::Json,
                Some("JSONL") => OutputType::JsonLines,
                Some(other) => return Err(unknown("OutputType", other)),
            },
        })
    }
}
