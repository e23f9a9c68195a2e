//! A Distributed Map over a large file: how fast, and how little memory, with every child durable.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::Server;
use testkit::client::Target;
use tokio::runtime::Runtime;

use crate::footprint::{MIB, disk, memory};

/// How often the server is looked at while it works.
const LOOK: Duration = Duration::from_millis(100);

/// Measures runs over `items` lines: one child an item, and one child a thousand items; STANDARD
/// children and EXPRESS ones.
pub fn measure(runtime: &Runtime, items: usize) -> anyhow::Result<()> {
    println!("\na Distributed Map over a CSV file of {items} lines, results written to a bucket");
    for (what, kind, batch) in [
        ("STANDARD, an item a child", "STANDARD", 1),
        ("EXPRESS, an item a child", "EXPRESS", 1),
        ("STANDARD, 1000 items a child", "STANDARD", 1_000),
    ] {
        run(runtime, items, what, &machine(kind, batch))?;
    }
    Ok(())
}

fn run(runtime: &Runtime, items: usize, what: &str, machine: &Value) -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let file = server.folder().join("lines.csv");
    std::fs::write(&file, lines(items)).context("could not write the file")?;
    let body = file.to_str().context("a temporary path is text")?;
    aws.call(&["s3api", "create-bucket", "--bucket", "bench"])?;
    aws.call(&[
        "s3api",
        "put-object",
        "--bucket",
        "bench",
        "--key",
        "lines.csv",
        "--body",
        body,
    ])?;
    let (memory_before, disk_before) = (memory(&server)?, disk(&server.data_dir())?);
    let (took, peak) = runtime.block_on(watch(&server, machine))?;
    let bytes = disk(&server.data_dir())?.saturating_sub(disk_before);
    println!(
        "  {what}: {:.1} s, {:.0} items/s; memory {:.0} MiB before, {:.0} MiB at its peak; disk {:.0} MiB",
        took.as_secs_f64(),
        items as f64 / took.as_secs_f64(),
        memory_before as f64 / MIB,
        peak as f64 / MIB,
        bytes as f64 / MIB,
    );
    Ok(())
}

/// Runs `machine`; returns how long it took, and the most memory that was seen.
async fn watch(server: &Server, machine: &Value) -> anyhow::Result<(Duration, u64)> {
    let mut client = Target::of(server)?.connect().await?;
    let machine = client.create("distributed", machine).await?;
    let begun = Instant::now();
    let execution = client.start(&machine, "run").await?;
    let mut peak = 0;
    loop {
        peak = peak.max(memory(server)?);
        let status = client.status(&execution).await?;
        if status != "RUNNING" {
            ensure!(status == "SUCCEEDED", "{execution} is {status}");
            return Ok((begun.elapsed(), peak));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn lines(items: usize) -> String {
    let mut text = String::from("id,name,amount\n");
    for number in 0..items {
        text.push_str(&format!(
            "{number},customer {number},{}\n",
            number * 7 % 1_000
        ));
    }
    text
}

fn machine(kind: &str, batch: u64) -> Value {
    let mut map = json!({
        "Type": "Map",
        "End": true,
        "Label": "Lines",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": { "InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW" },
            "Parameters": { "Bucket": "bench", "Key": "lines.csv" },
        },
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": kind },
            "StartAt": "Each",
            "States": { "Each": { "Type": "Pass", "End": true } },
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": { "Bucket": "bench", "Prefix": "results" },
        },
    });
    if batch > 1 {
        map["ItemBatcher"] = json!({ "MaxItemsPerBatch": batch });
    }
    json!({ "StartAt": "Map", "States": { "Map": map } })
}
