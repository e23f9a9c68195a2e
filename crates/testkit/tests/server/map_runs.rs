//! Distributed Maps from outside: killed in the middle, and over a bucket.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::client::{ROLE, Target};
use testkit::{Aws, Server, until};
use tokio::runtime::Runtime;

/// How many items the killed run has; a number in `STEPD_MAP_ITEMS` takes its place.
const ITEMS: u64 = 3_000;
const KILLS: u64 = 3;

fn map(fields: Value, inner: Value) -> Value {
    let mut map = json!({ "Type": "Map", "Label": "Work", "ItemProcessor": {
        "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
        "StartAt": "Inner", "States": { "Inner": inner } }, "End": true });
    if let (Value::Object(map), Value::Object(fields)) = (&mut map, fields) {
        map.extend(fields);
    }
    json!({ "StartAt": "Map", "States": { "Map": map } })
}

/// Runs `aws stepfunctions ARGUMENTS…`.
fn states(aws: &Aws, arguments: &[&str]) -> anyhow::Result<Value> {
    aws.call(&[&["stepfunctions"], arguments].concat())
}

fn text<'v>(value: &'v Value, member: &str) -> anyhow::Result<&'v str> {
    value[member]
        .as_str()
        .with_context(|| format!("no {member} in {value}"))
}

fn run_of(aws: &Aws, execution: &str) -> anyhow::Result<String> {
    until("a map run", || {
        let listed = states(aws, &["list-map-runs", "--execution-arn", execution])?;
        Ok(listed["mapRuns"][0]["mapRunArn"]
            .as_str()
            .map(str::to_owned))
    })
}

#[test]
fn a_map_run_that_is_killed_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let items: u64 = match std::env::var("STEPD_MAP_ITEMS") {
        Ok(number) => number.parse().context("STEPD_MAP_ITEMS is a number")?,
        Err(_) => ITEMS,
    };
    let mut server = Server::start()?;
    let input: Vec<u64> = (0..items).map(|item| item % 10).collect();
    let input = serde_json::to_string(&input)?;
    let definition = map(json!({}), json!({ "Type": "Pass", "End": true }));
    let runtime = Runtime::new()?;
    let execution = runtime.block_on(async {
        let mut client = Target::of(&server)?.connect().await?;
        let machine = client.create("killed", &definition).await?;
        let start = json!({ "stateMachineArn": machine, "name": "e", "input": input });
        let started = client.call("StartExecution", &start).await?;
        text(&started, "executionArn").map(str::to_owned)
    })?;
    let began = std::time::Instant::now();
    let run = run_of(&server.aws()?, &execution)?;
    for kill in 1..=KILLS {
        // Wherever the run is when so many children have ended, and whatever it is at.
        runtime.block_on(counted(&server, &run, items * kill / (KILLS + 1)))?;
        server.kill9()?;
        server.restart()?;
    }
    runtime
        .block_on(counted(&server, &run, items))
        .with_context(|| server.log())?;
    let described = until("the end of the execution", || {
        let aws = server.aws()?;
        let described = states(&aws, &["describe-execution", "--execution-arn", &execution])?;
        Ok((described["status"] != "RUNNING").then_some(described))
    })?;
    println!(
        "{items} items, {KILLS} kills: {:.1} s, {}",
        began.elapsed().as_secs_f64(),
        peak(&server)
    );
    ensure!(
        described["output"] == input,
        "the results are not the items"
    );
    let shown = states(&server.aws()?, &["describe-map-run", "--map-run-arn", &run])?;
    for counts in ["itemCounts", "executionCounts"] {
        let counts = &shown[counts];
        let all = ["total", "succeeded", "resultsWritten"]
            .iter()
            .all(|name| counts[*name] == items);
        ensure!(all, "counted {counts}");
    }
    ensure!(shown["status"] == "SUCCEEDED", "{shown}");
    let children = runtime.block_on(children(&server, &run))?;
    ensure!(
        children.len() as u64 == items,
        "{} children",
        children.len()
    );
    server.stop()
}

/// Waits until so many children have succeeded.
async fn counted(server: &Server, run: &str, number: u64) -> anyhow::Result<()> {
    let mut client = Target::of(server)?.connect().await?;
    let (mut last, mut seen) = (0, std::time::Instant::now());
    loop {
        let shown = client
            .call("DescribeMapRun", &json!({ "mapRunArn": run }))
            .await?;
        let succeeded = shown["executionCounts"]["succeeded"].as_u64().unwrap_or(0);
        if succeeded >= number {
            return Ok(());
        }
        if succeeded > last {
            (last, seen) = (succeeded, std::time::Instant::now());
        }
        ensure!(
            seen.elapsed() < testkit::PATIENCE,
            "the run stands still: {shown}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Returns the names of the run's children.
async fn children(server: &Server, run: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut client = Target::of(server)?.connect().await?;
    let (mut names, mut token) = (BTreeSet::new(), None);
    loop {
        let mut input =
            json!({ "mapRunArn": run, "maxResults": 1000, "statusFilter": "SUCCEEDED" });
        if let Some(token) = token {
            input["nextToken"] = token;
        }
        let page = client.call("ListExecutions", &input).await?;
        for child in page["executions"].as_array().into_iter().flatten() {
            ensure!(
                names.insert(text(child, "name")?.to_owned()),
                "{child} twice"
            );
        }
        match page.get("nextToken") {
            Some(next) => token = Some(next.clone()),
            None => return Ok(names),
        }
    }
}

/// Returns the most memory that the server has had, where the system tells.
fn peak(server: &Server) -> String {
    let status = server.id().map(|id| format!("/proc/{id}/status"));
    let status = status.and_then(|file| std::fs::read_to_string(file).ok());
    let line = status.as_ref().and_then(|status| {
        let mut lines = status.lines();
        lines.find(|line| line.starts_with("VmHWM"))
    });
    line.unwrap_or("no figure of its memory").to_owned()
}

#[test]
fn a_map_run_reads_a_bucket_and_writes_into_it() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let file = server.folder().join("rows.csv");
    std::fs::write(&file, "name,size\na,1\nb,2\nc,3\n")?;
    let body = file.display().to_string();
    aws.call(&["s3api", "create-bucket", "--bucket", "sets"])?;
    aws.call(&[
        "s3api",
        "put-object",
        "--bucket",
        "sets",
        "--key",
        "in/rows.csv",
        "--body",
        &body,
    ])?;
    let fields = json!({
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": { "InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW" },
            "Parameters": { "Bucket": "sets", "Key.$": "$.key" }
        },
        "ItemSelector": { "row.$": "$$.Map.Item.Value", "from.$": "$$.Map.Item.Source" },
        "ItemBatcher": { "MaxItemsPerBatch": 2 },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": { "Bucket": "sets", "Prefix": "out" }
        }
    });
    let definition = map(fields, json!({ "Type": "Pass", "End": true })).to_string();
    let machine = states(
        &aws,
        &[
            "create-state-machine",
            "--name",
            "bucket",
            "--definition",
            &definition,
            "--role-arn",
            ROLE,
        ],
    )?;
    let machine = text(&machine, "stateMachineArn")?;
    let started = states(
        &aws,
        &[
            "start-execution",
            "--state-machine-arn",
            machine,
            "--input",
            r#"{"key":"in/rows.csv"}"#,
        ],
    )?;
    let execution = text(&started, "executionArn")?.to_owned();
    let described = until("the end of the execution", || {
        let described = states(&aws, &["describe-execution", "--execution-arn", &execution])?;
        Ok((described["status"] != "RUNNING").then_some(described))
    })?;
    ensure!(
        described["status"] == "SUCCEEDED",
        "{described}\n{}",
        server.log()
    );
    let output: Value = serde_json::from_str(text(&described, "output")?)?;
    let run = run_of(&aws, &execution)?;
    ensure!(output["MapRunArn"] == run, "{output}");
    let uuid = run.rsplit(':').next().unwrap_or_default();
    let manifest = format!("out/{uuid}/manifest.json");
    ensure!(
        output["ResultWriterDetails"] == json!({ "Bucket": "sets", "Key": manifest }),
        "{output}"
    );
    let results = server.folder().join("results.json");
    let key = format!("out/{uuid}/SUCCEEDED_0.json");
    aws.call(&[
        "s3api",
        "get-object",
        "--bucket",
        "sets",
        "--key",
        &key,
        &results.display().to_string(),
    ])?;
    let results: Value = serde_json::from_slice(&std::fs::read(&results)?)?;
    let outputs = results.as_array().into_iter().flatten();
    let outputs: Vec<&str> = outputs
        .filter_map(|child| child["Output"].as_str())
        .collect();
    // The fields of a row stand in the order that AWS gives them (docs/adr/0018).
    let row = |name: &str, size: u32| {
        format!(r#"{{"row":{{"size":"{size}","name":"{name}"}},"from":"S3://sets/in/rows.csv"}}"#)
    };
    let expected = [
        format!(r#"{{"Items":[{},{}]}}"#, row("a", 1), row("b", 2)),
        format!(r#"{{"Items":[{}]}}"#, row("c", 3)),
    ];
    ensure!(outputs == expected, "{outputs:?}");
    let children = states(&aws, &["list-executions", "--map-run-arn", &run])?;
    ensure!(
        children["executions"].as_array().map(Vec::len) == Some(2),
        "{children}"
    );
    let shown = states(&aws, &["describe-map-run", "--map-run-arn", &run])?;
    ensure!(
        shown["itemCounts"]["resultsWritten"] == 3 && shown["itemCounts"]["total"] == 3,
        "{shown}"
    );
    Ok(())
}

#[test]
fn a_run_over_a_bucket_goes_on_where_it_was_killed() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let aws = server.aws()?;
    let rows: String = (0..ITEMS)
        .map(|row| format!("{{\"row\":{row}}}\n"))
        .collect();
    let file = server.folder().join("rows.jsonl");
    std::fs::write(&file, rows)?;
    let body = file.display().to_string();
    aws.call(&["s3api", "create-bucket", "--bucket", "sets"])?;
    let put = [
        "s3api",
        "put-object",
        "--bucket",
        "sets",
        "--key",
        "rows.jsonl",
    ];
    aws.call(&[&put[..], &["--body", &body]].concat())?;
    let fields = json!({
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": { "InputType": "JSONL" },
            "Parameters": { "Bucket": "sets", "Key": "rows.jsonl" }
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": { "Bucket": "sets", "Prefix": "out" },
            "WriterConfig": { "Transformation": "COMPACT", "OutputType": "JSON" }
        }
    });
    let definition = map(fields, json!({ "Type": "Pass", "End": true }));
    let runtime = Runtime::new()?;
    let execution = runtime.block_on(async {
        let mut client = Target::of(&server)?.connect().await?;
        let machine = client.create("bucket", &definition).await?;
        client.start(&machine, "e").await
    })?;
    let run = run_of(&aws, &execution)?;
    for kill in 1..=KILLS {
        runtime.block_on(counted(&server, &run, ITEMS * kill / (KILLS + 1)))?;
        server.kill9()?;
        server.restart()?;
    }
    let aws = server.aws()?;
    let described = until("the end of the execution", || {
        let described = states(&aws, &["describe-execution", "--execution-arn", &execution])?;
        Ok((described["status"] != "RUNNING").then_some(described))
    })?;
    ensure!(
        described["status"] == "SUCCEEDED",
        "{described}\n{}",
        server.log()
    );
    let results = server.folder().join("results.json");
    let key = format!(
        "out/{}/SUCCEEDED_0.json",
        run.rsplit(':').next().unwrap_or_default()
    );
    let get = ["s3api", "get-object", "--bucket", "sets", "--key", &key];
    aws.call(&[&get[..], &[&results.display().to_string()]].concat())?;
    let results: Value = serde_json::from_slice(&std::fs::read(&results)?)?;
    let expected: Value = (0..ITEMS).map(|row| json!({ "row": row })).collect();
    ensure!(results == expected, "not every row once, in its order");
    server.stop()
}
