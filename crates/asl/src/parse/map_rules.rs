//! What the parts of a Distributed Map may say: its processor's mode, reader, batcher, writer, label.
//!
//! The numbers among them are in `map_numbers`. Texts are of the kind that AWS uses elsewhere, except
//! where a comment says that they were seen.

use serde_json::Value;
use vocab::limits::PAYLOAD_BYTES_MAX;

use crate::diagnostic::INVALID_LABEL_NAME;
use crate::parse::MachineType;
use crate::parse::fields::Fields;
use crate::parse::matrix;

/// Longest label, in characters (Step Functions developer guide, "Map state in Distributed mode").
const LABEL_CHARS_MAX: usize = 40;

/// What stands in no label, beside blanks and control characters (as above).
const LABEL_FORBIDDEN: &str = "?*<>{}[]:;,\\|^~$#%&`\"";

/// Checks the parts of a Map whose children are executions of their own, beside its numbers.
///
/// What is not of the right type is left to those who read it.
pub(crate) fn check(machine_type: MachineType, map: &Fields<'_>, processor: &Fields<'_>) {
    let Some(config) = object(processor, "ProcessorConfig") else {
        return;
    };
    if machine_type == MachineType::Express {
        config.refuse_field(
            "Mode",
            "Express state machine does not support Distributed Map",
        );
    }
    config.require(&["ExecutionType"]);
    label(map);
    if let Some(reader) = object(map, "ItemReader") {
        self::reader(&reader);
    }
    if let Some(batcher) = object(map, "ItemBatcher") {
        self::batcher(&batcher);
    }
    if let Some(writer) = object(map, "ResultWriter") {
        self::writer(&writer);
    }
}

fn object<'j>(fields: &Fields<'j>, name: &str) -> Option<Fields<'j>> {
    fields.get(name).filter(|value| value.is_object())?;
    fields.object(name)
}

fn label(map: &Fields<'_>) {
    let Some(label) = map.get("Label").and_then(Value::as_str) else {
        return;
    };
    let is_allowed =
        |c: char| !c.is_whitespace() && !c.is_control() && !LABEL_FORBIDDEN.contains(c);
    let message = if label.is_empty() {
        "Label cannot be empty".to_owned()
    } else if label.chars().count() > LABEL_CHARS_MAX {
        format!("Label is longer than {LABEL_CHARS_MAX} characters")
    } else if !label.chars().all(is_allowed) {
        "Label contains characters that are not allowed".to_owned()
    } else {
        return;
    };
    map.refuse_as(INVALID_LABEL_NAME, "Label", message);
}

fn reader(reader: &Fields<'_>) {
    matrix::check_fields(
        reader,
        reader.language(),
        &[&["Resource", "ReaderConfig"]],
        &["Parameters"],
        &["Arguments"],
    );
    reader.require(&["Resource"]);
    action(reader, &["s3:getObject", "s3:listObjectsV2"]);
    let Some(config) = object(reader, "ReaderConfig") else {
        return;
    };
    matrix::check_fields(
        &config,
        reader.language(),
        &[&[
            "InputType",
            "CSVHeaderLocation",
            "CSVHeaders",
            "CSVDelimiter",
            "MaxItems",
            "ManifestType",
            "ItemsPointer",
            "Transformation",
        ]],
        &["MaxItemsPath"],
        &[],
    );
    words(
        &config,
        "InputType",
        &["CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"],
    );
    words(&config, "CSVHeaderLocation", &["FIRST_ROW", "GIVEN"]);
    words(
        &config,
        "CSVDelimiter",
        &["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"],
    );
    words(&config, "ManifestType", &["ATHENA_DATA", "S3_INVENTORY"]);
    words(&config, "Transformation", &["NONE", "LOAD_AND_FLATTEN"]);
    if config.get("CSVHeaderLocation").and_then(Value::as_str) == Some("GIVEN") {
        config.require(&["CSVHeaders"]);
    }
    let headers = config.get("CSVHeaders");
    if headers.is_some_and(|headers| !headers.is_array() && !is_expression(headers)) {
        config.refuse_field("CSVHeaders", "Expected value of type Array");
    }
}

fn batcher(batcher: &Fields<'_>) {
    matrix::check_fields(
        batcher,
        batcher.language(),
        &[&["MaxItemsPerBatch", "MaxInputBytesPerBatch", "BatchInput"]],
        &["MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath"],
        &[],
    );
    let limits = [
        "MaxItemsPerBatch",
        "MaxItemsPerBatchPath",
        "MaxInputBytesPerBatch",
        "MaxInputBytesPerBatchPath",
    ];
    if !limits.iter().any(|name| batcher.has(name)) {
        batcher.refuse(format!(
            "One of these fields is required: [{}]",
            limits.join(", ")
        ));
    }
    let bytes = batcher.get("MaxInputBytesPerBatch").and_then(Value::as_u64);
    if bytes.is_some_and(|bytes| bytes > PAYLOAD_BYTES_MAX as u64) {
        batcher.refuse_field(
            "MaxInputBytesPerBatch",
            format!("Maximum value is {PAYLOAD_BYTES_MAX}"),
        );
    }
}

fn writer(writer: &Fields<'_>) {
    matrix::check_fields(
        writer,
        writer.language(),
        &[&["Resource", "WriterConfig"]],
        &["Parameters"],
        &["Arguments"],
    );
    if writer.names().next().is_none() {
        writer.refuse("Value cannot be empty");
    }
    action(writer, &["s3:putObject"]);
    if let Some(config) = writer.object("WriterConfig") {
        config.allow_only(&[&["OutputType", "Transformation"]]);
        words(&config, "OutputType", &["JSON", "JSONL"]);
        words(&config, "Transformation", &["NONE", "COMPACT", "FLATTEN"]);
    }
}

/// The resource is one of a few integrations, in the text that was seen of a Task's.
fn action(fields: &Fields<'_>, actions: &[&str]) {
    let Some(resource) = fields.get("Resource").and_then(Value::as_str) else {
        return;
    };
    let arn = vocab::Arn::parse(resource);
    let is_known =
        arn.is_some_and(|arn| arn.service == "states" && actions.contains(&arn.resource));
    if !is_known {
        fields.refuse_field(
            "Resource",
            format!(
                "The resource provided {resource} is not recognized. The value is not a valid resource ARN, \
                 or the resource is not available in this region."
            ),
        );
    }
}

fn words(fields: &Fields<'_>, name: &str, words: &[&str]) {
    if !fields.get(name).is_some_and(is_expression) {
        fields.word(name, words);
    }
}

/// What JSONata makes is not known yet.
fn is_expression(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("{%"))
}
