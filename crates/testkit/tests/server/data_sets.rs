//! A Distributed Map over data sets that the AWS command line put into buckets: every format, and the
//! results that it writes back.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context, ensure};
use flate2::write::GzEncoder;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};
use testkit::{Aws, Server};

use crate::command_line::{closed, create, start};

/// Puts `bytes` into the bucket as a person would.
fn put(server: &Server, aws: &Aws, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let file = server.folder().join("upload");
    std::fs::write(&file, bytes)?;
    let file = file.to_str().context("the path is text")?;
    let copied = aws
        .command(&["s3", "cp", file, &format!("s3://data/{key}")])
        .output()?;
    ensure!(
        copied.status.success(),
        "could not copy {key}: {}\n{}",
        String::from_utf8_lossy(&copied.stderr),
        server.log()
    );
    Ok(())
}

/// Returns the text of an object.
fn get(aws: &Aws, address: &str) -> anyhow::Result<String> {
    let copied = aws.command(&["s3", "cp", address, "-"]).output()?;
    ensure!(
        copied.status.success(),
        "{}",
        String::from_utf8_lossy(&copied.stderr)
    );
    Ok(String::from_utf8(copied.stdout)?)
}

fn gzip(text: &str) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?)
}

fn parquet() -> anyhow::Result<Vec<u8>> {
    let schema = "message m { required int64 id; required binary name (UTF8); }";
    let schema = Arc::new(parse_message_type(schema)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default())?;
    let mut group = writer.next_row_group()?;
    let mut column = group.next_column()?.context("two columns")?;
    column
        .typed::<Int64Type>()
        .write_batch(&[1, 2], None, None)?;
    column.close()?;
    let mut column = group.next_column()?.context("two columns")?;
    let names = [ByteArray::from("x"), ByteArray::from("y")];
    column
        .typed::<ByteArrayType>()
        .write_batch(&names, None, None)?;
    column.close()?;
    group.close()?;
    Ok(writer.into_inner()?)
}

/// A Map state over what `reader` says, whose children return their input. `name` is
/// its state's: within one definition a name is there once.
fn map(name: &str, reader: Value, more: Value) -> Value {
    let mut state = json!({
        "Type": "Map",
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
            "StartAt": format!("{name}Item"),
            "States": { format!("{name}Item"): { "Type": "Pass", "End": true } },
        },
        "End": true,
    });
    if !reader.is_null() {
        state["ItemReader"] = reader;
    }
    for (field, value) in more.as_object().into_iter().flatten() {
        state[field] = value.clone();
    }
    json!({ "StartAt": name, "States": { name: state } })
}

fn object(key: &str, config: Value) -> Value {
    json!({ "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config,
        "Parameters": { "Bucket.$": "$.Bucket", "Key": key } })
}

#[test]
fn every_format_is_read() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    aws.command(&["s3", "mb", "s3://data"]).output()?;
    let zstd = zstd::encode_all(&b"{\"a\": 1}\n{\"a\": 2}\n"[..], 0)?;
    let manifest = json!({ "destinationBucket": "arn:aws:s3:::data", "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size", "files": [{ "key": "inventory/1.csv.gz" }] });
    for (key, bytes) in [
        ("a.csv", b"x|y\n1|2\n3\n".to_vec()),
        ("a.csv.gz", gzip("1,2\n")?),
        ("a.json", br#"{"in": {"list": [7, 8, 9]}}"#.to_vec()),
        ("a.jsonl.zst", zstd),
        ("a.parquet", parquet()?),
        ("manifest.json", manifest.to_string().into_bytes()),
        ("inventory/1.csv.gz", gzip("\"data\",\"a.csv\",\"9\"\n")?),
        (
            "unload.csv",
            b"s3://data/parts/1\ns3://data/parts/2\n".to_vec(),
        ),
        ("parts/1", b"[1]\n".to_vec()),
        ("parts/2", b"[2]\n[3]\n".to_vec()),
    ] {
        put(&server, &aws, key, &bytes)?;
    }
    let listing = json!({ "Resource": "arn:aws:states:::s3:listObjectsV2",
        "Parameters": { "Bucket.$": "$.Bucket", "Prefix": "parts/" },
        "ReaderConfig": { "InputType": "JSONL", "Transformation": "LOAD_AND_FLATTEN" } });
    let metadata = json!({ "Resource": "arn:aws:states:::s3:listObjectsV2",
        "Parameters": { "Bucket.$": "$.Bucket", "Prefix": "parts/" } });
    let names = json!({ "Key.$": "$$.Map.Item.Value.Key", "Source.$": "$$.Map.Item.Source" });
    let sources = json!({ "Item.$": "$$.Map.Item.Value", "Source.$": "$$.Map.Item.Source" });
    let branches = [
        (
            map(
                "Csv",
                object(
                    "a.csv",
                    json!({ "InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": "PIPE" }),
                ),
                json!({}),
            ),
            json!([{ "x": "1", "y": "2" }, { "x": "3", "y": "" }]),
        ),
        (
            map(
                "Given",
                object(
                    "a.csv.gz",
                    json!({ "InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["p", "q"] }),
                ),
                json!({}),
            ),
            json!([{ "p": "1", "q": "2" }]),
        ),
        (
            map(
                "Json",
                object(
                    "a.json",
                    json!({ "InputType": "JSON", "ItemsPointer": "/in/list", "MaxItems": 3 }),
                ),
                json!({ "ItemBatcher": { "MaxItemsPerBatch": 2 } }),
            ),
            json!([{ "Items": [7, 8] }, { "Items": [9] }]),
        ),
        (
            map(
                "Lines",
                object("a.jsonl.zst", json!({ "InputType": "JSONL" })),
                json!({ "ItemSelector": sources }),
            ),
            json!([{ "Item": { "a": 1 }, "Source": "S3://data/a.jsonl.zst" }, { "Item": { "a": 2 }, "Source": "S3://data/a.jsonl.zst" }]),
        ),
        (
            map(
                "Parquet",
                object("a.parquet", json!({ "InputType": "PARQUET" })),
                json!({}),
            ),
            json!([{ "id": 1, "name": "x" }, { "id": 2, "name": "y" }]),
        ),
        (
            map(
                "Inventory",
                object("manifest.json", json!({ "InputType": "MANIFEST" })),
                json!({}),
            ),
            json!([{ "Bucket": "data", "Key": "a.csv", "Size": "9" }]),
        ),
        (
            map(
                "Athena",
                object(
                    "unload.csv",
                    json!({ "ManifestType": "ATHENA_DATA", "InputType": "JSONL" }),
                ),
                json!({}),
            ),
            json!([[1], [2], [3]]),
        ),
        (map("Contents", listing, json!({})), json!([[1], [2], [3]])),
        (
            map("Listing", metadata, json!({ "ItemSelector": names })),
            json!([{ "Key": "parts/1", "Source": "S3://data" }, { "Key": "parts/2", "Source": "S3://data" }]),
        ),
    ];
    let (maps, expected): (Vec<Value>, Vec<Value>) = branches.into_iter().unzip();
    let definition = json!({ "StartAt": "All", "States": { "All": { "Type": "Parallel", "Branches": maps, "End": true } } });
    let machine = create(&aws, "reading", &definition)?;
    let execution = start(&aws, &machine, "one", r#"{"Bucket":"data"}"#)?;
    let closed = closed(&aws, &execution)?;
    ensure!(
        closed["status"] == "SUCCEEDED",
        "{closed}\n{}",
        server.log()
    );
    let output: Value = serde_json::from_str(closed["output"].as_str().unwrap_or_default())?;
    ensure!(output == Value::Array(expected), "{output}");
    Ok(())
}

#[test]
fn results_are_written_and_what_cannot_be_read_fails() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    aws.command(&["s3", "mb", "s3://data"]).output()?;
    let writer = json!({ "ResultWriter": {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": { "Bucket": "data", "Prefix": "out" },
        "WriterConfig": { "Transformation": "FLATTEN", "OutputType": "JSONL" },
    } });
    let machine = create(&aws, "writing", &map("Written", Value::Null, writer))?;
    let execution = start(&aws, &machine, "one", r#"[[1,{"a":2}],3]"#)?;
    let written = closed(&aws, &execution)?;
    ensure!(
        written["status"] == "SUCCEEDED",
        "{written}\n{}",
        server.log()
    );
    let output: Value = serde_json::from_str(written["output"].as_str().unwrap_or_default())?;
    let key = output["ResultWriterDetails"]["Key"]
        .as_str()
        .context("a key")?;
    let manifest: Value = serde_json::from_str(&get(&aws, &format!("s3://data/{key}"))?)?;
    ensure!(manifest["MapRunArn"] == output["MapRunArn"], "{manifest}");
    let file = manifest["ResultFiles"]["SUCCEEDED"][0]["Key"]
        .as_str()
        .context("a file")?;
    let results = get(&aws, &format!("s3://data/{file}"))?;
    ensure!(results == "1\n{\"a\":2}\n3\n", "{results}");

    // A target that takes nothing is told before the first child runs.
    let nowhere = json!({ "ResultWriter": {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": { "Bucket": "nowhere" },
    } });
    let machine = create(&aws, "nowhere", &map("Nowhere", Value::Null, nowhere))?;
    let execution = start(&aws, &machine, "one", "[1]")?;
    let failed = closed(&aws, &execution)?;
    ensure!(failed["error"] == "States.ResultWriterFailed", "{failed}");
    let runs = aws.call(&[
        "stepfunctions",
        "list-map-runs",
        "--execution-arn",
        &execution,
    ])?;
    let run = runs["mapRuns"][0]["mapRunArn"].as_str().context("a run")?;
    let run = aws.call(&["stepfunctions", "describe-map-run", "--map-run-arn", run])?;
    let counts = &run["executionCounts"];
    ensure!(counts["pending"] == 1 && counts["total"] == 1, "{run}");

    let machine = create(
        &aws,
        "missing",
        &map(
            "Missing",
            object("none.json", json!({ "InputType": "JSON" })),
            json!({}),
        ),
    )?;
    let execution = start(&aws, &machine, "one", r#"{"Bucket":"data"}"#)?;
    let failed = closed(&aws, &execution)?;
    ensure!(failed["error"] == "States.ItemReaderFailed", "{failed}");
    let cause = failed["cause"].as_str().unwrap_or_default();
    ensure!(
        cause.starts_with("The specified key does not exist."),
        "{cause}"
    );
    Ok(())
}
