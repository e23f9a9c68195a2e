//! What became of one child execution, and how it is written into results.

use engine_core::Payload;
use serde_json::{Map, Value, json};
use vocab::Timestamp;

use super::ItemsFailed;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildStatus {
    /// With an output.
    Succeeded,
    /// With an error.
    Failed,
    /// Ended by its own time limit.
    TimedOut,
    /// Stopped.
    Aborted,
    /// Not started when the map run ended.
    Pending,
}

/// One child execution that will not change any more, or was never started.
#[derive(Clone, Debug)]
pub struct ChildResult {
    /// `arn:…:execution:<machine>/<label>:<name>`.
    pub execution_arn: String,
    /// `arn:…:stateMachine:<machine>/<label>`.
    pub state_machine_arn: String,
    /// The last part of its ARN.
    pub name: String,
    /// How it ended.
    pub status: ChildStatus,
    /// What it was given.
    pub input: Payload,
    /// Of a child that succeeded.
    pub output: Option<Payload>,
    /// Of a child that did not.
    pub error: Option<String>,
    /// Of a child that did not.
    pub cause: Option<String>,
    /// None if it never started.
    pub started_at: Option<Timestamp>,
    /// None if it never ended.
    pub stopped_at: Option<Timestamp>,
    /// How many times it was redriven.
    pub redrive_count: u32,
    /// When it was redriven last.
    pub redriven_at: Option<Timestamp>,
    /// `REDRIVABLE`, `NOT_REDRIVABLE`, `REDRIVABLE_BY_MAP_RUN`, as DescribeExecution says it.
    pub redrive_status: Option<String>,
    /// Why it is not, in DescribeExecution's words.
    pub redrive_status_reason: Option<String>,
}

/// `WriterConfig.Transformation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transformation {
    /// The output beside what is known of the execution.
    None,
    /// The output alone.
    Compact,
    /// The output alone; an array's elements instead of the array.
    Flatten,
}

/// `WriterConfig.OutputType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputType {
    /// One JSON array.
    Json,
    /// A JSON text on each line.
    JsonLines,
}

/// A `WriterConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterConfig {
    /// What of a child is written.
    pub transformation: Transformation,
    /// How the children are put together.
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

impl ChildResult {
    /// Adds to `parts` what the child contributes to the results: one JSON text, or with
    /// [`Transformation::Flatten`] one for each element of an array. None of them has a line break.
    ///
    /// What did not succeed is written unchanged, whatever the transformation (AWS, ResultWriter).
    pub(super) fn write(&self, transformation: Transformation, parts: &mut Vec<String>) {
        let output = match (self.status, &self.output) {
            (ChildStatus::Succeeded, Some(output)) => output,
            _ => return parts.push(self.record()),
        };
        match (transformation, output.value()) {
            (Transformation::None, _) => parts.push(self.record()),
            (Transformation::Flatten, Value::Array(elements)) => {
                parts.extend(elements.iter().map(Value::to_string));
            }
            (Transformation::Compact | Transformation::Flatten, value) => {
                parts.push(match output.text().contains(['\n', '\r']) {
                    true => value.to_string(),
                    false => output.text().to_owned(),
                });
            }
        }
    }

    /// Returns all that is known of the child, as AWS writes it: the names in the order of the alphabet,
    /// input and output as texts, and only what there is.
    fn record(&self) -> String {
        let mut record = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                record.insert(name.to_owned(), value);
            }
        };
        let text = |text: &Option<String>| text.clone().map(Value::String);
        let moment = |moment: Option<Timestamp>| moment.map(|at| Value::String(at.to_string()));
        let included = || Some(json!({ "Included": true }));
        let has_started = self.status != ChildStatus::Pending;
        add("Cause", text(&self.cause));
        add("Error", text(&self.error));
        add("ExecutionArn", Some(self.execution_arn.clone().into()));
        add("Input", Some(self.input.text().into()));
        add("InputDetails", included());
        add("Name", Some(self.name.clone().into()));
        if let Some(output) = &self.output {
            add("Output", Some(output.text().into()));
            add("OutputDetails", included());
        }
        if has_started {
            add("RedriveCount", Some(self.redrive_count.into()));
        }
        add("RedriveDate", moment(self.redriven_at));
        add("RedriveStatus", text(&self.redrive_status));
        add("RedriveStatusReason", text(&self.redrive_status_reason));
        add("StartDate", moment(self.started_at));
        add(
            "StateMachineArn",
            Some(self.state_machine_arn.clone().into()),
        );
        add("Status", Some(self.status.name().into()));
        add("StopDate", moment(self.stopped_at));
        Value::Object(record).to_string()
    }
}

impl ChildStatus {
    /// Returns the status as the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
            Self::Pending => "PENDING",
        }
    }
}
