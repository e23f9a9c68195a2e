//! The results of the children as the state's own output, where they are not written into S3.

use engine_core::Payload;
use serde_json::Value;

use super::child::{ChildResult, OutputType, WriterConfig};

/// Collects what the children returned, in the order in which they are pushed.
pub struct StateOutput {
    config: WriterConfig,
    bytes_max: usize,
    text: String,
    is_empty: bool,
}

/// The output is larger than a state may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputTooLarge;

impl StateOutput {
    /// Returns the output of no children; `bytes_max` is the limit of a payload.
    pub fn new(config: WriterConfig, bytes_max: usize) -> Self {
        Self {
            config,
            bytes_max,
            text: String::new(),
            is_empty: true,
        }
    }

    /// Takes the result of one child; refuses it when the output would be larger than the limit.
    pub fn push(&mut self, child: &ChildResult) -> Result<(), OutputTooLarge> {
        let mut parts = Vec::new();
        child.write(self.config.transformation, &mut parts);
        for part in parts {
            if !self.is_empty {
                self.text.push(self.separator());
            }
            self.is_empty = false;
            self.text.push_str(&part);
            if self.text.len() + 2 > self.bytes_max {
                return Err(OutputTooLarge);
            }
        }
        Ok(())
    }

    /// Returns the state's result: an array, or with `JSONL` one string that holds the lines.
    pub fn finish(self) -> Payload {
        match self.config.output_type {
            OutputType::Json => Payload::parse(&format!("[{}]", self.text))
                .expect("JSON texts between commas are JSON"),
            OutputType::JsonLines => Payload::from_value(Value::String(self.text)),
        }
    }

    fn separator(&self) -> char {
        match self.config.output_type {
            OutputType::Json => ',',
            OutputType::JsonLines => '\n',
        }
    }
}
