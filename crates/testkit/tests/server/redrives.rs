//! Redriven Distributed Maps from outside. Killed by `kill -9` in the middle: what had succeeded is not
//! done again, what had not is done once more, and what was never begun is begun once. And over a bucket.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::client::{ROLE, Target};
use testkit::{Aws, PATIENCE, Server, until};
use tokio::runtime::Runtime;

const ITEMS: u64 = 900;
/// A third of these fail: one more than are tolerated, and the run begins no item behind them that does.
const FLAKY_BEFORE: u64 = 408;
const KILLS: u64 = 3;

/// Of three items one succeeds at once, one fails until it is redriven, and one takes its time.
fn machine(fields: &Value) -> Value {
    let flaky = "States.ArrayGetItem($.pair, States.MathAdd($$.Execution.RedriveCount, -1))";
    let kind =
        |kind: u64, next: &str| json!({"Variable": "$.kind", "NumericEquals": kind, "Next": next});
    let inner = json!({
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Which", "States": {
            "Which": {"Type": "Choice", "Choices": [kind(1, "Flaky"), kind(2, "Slow")], "Default": "Done"},
            "Flaky": {"Type": "Pass", "Parameters": {"first.$": flaky}, "ResultPath": "$.made", "Next": "Done"},
            "Slow": {"Type": "Wait", "Seconds": 2, "Next": "Done"},
            "Done": {"Type": "Pass", "InputPath": "$.n", "End": true}
        }
    });
    let mut map = json!({"Type": "Map", "Label": "Work", "MaxConcurrency": 200,
        "ToleratedFailurePercentage": 15, "ItemProcessor": inner, "End": true});
    for (name, value) in fields.as_object().into_iter().flatten() {
        map[name] = value.clone();
    }
    json!({"StartAt": "Map", "States": {"Map": map}})
}

fn states(aws: &Aws, arguments: &[&str]) -> anyhow::Result<Value> {
    aws.call(&[&["stepfunctions"], arguments].concat())
}

fn until_ended(server: &Server, execution: &str) -> anyhow::Result<Value> {
    until("the end of the execution", || {
        let arguments = ["describe-execution", "--execution-arn", execution];
        let described = states(&server.aws()?, &arguments)?;
        Ok((described["status"] != "RUNNING").then_some(described))
    })
}

#[test]
fn a_redriven_map_run_that_is_killed_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let runtime = Runtime::new()?;
    // What fails is at the front: an item that is begun by the redrive has had no redrive of its own.
    let kind = |n| match n < FLAKY_BEFORE {
        true => n % 3,
        false => n % 2 * 2,
    };
    let items = (0..ITEMS).map(|n| json!({"n": n, "kind": kind(n), "pair": [1]}));
    let input = serde_json::to_string(&items.collect::<Vec<_>>())?;
    let execution = runtime.block_on(async {
        let mut client = Target::of(&server)?.connect().await?;
        let machine = client.create("redriven", &machine(&json!({}))).await?;
        let start = json!({"stateMachineArn": machine, "name": "e", "input": input});
        let started = client.call("StartExecution", &start).await?;
        let arn = started["executionArn"].as_str();
        arn.map(str::to_owned).context("an ARN")
    })?;
    let failed = until_ended(&server, &execution)?;
    ensure!(
        failed["error"] == "States.ExceedToleratedFailureThreshold",
        "{failed}"
    );
    let listed = states(
        &server.aws()?,
        &["list-map-runs", "--execution-arn", &execution],
    )?;
    let run = listed["mapRuns"][0]["mapRunArn"]
        .as_str()
        .context("a run")?;
    let before = runtime.block_on(children(&server, run))?;
    let of = |status: &str| {
        before
            .values()
            .filter(|child| child["status"] == status)
            .count()
    };
    println!(
        "{} begun: {} succeeded, {} failed, {} aborted",
        before.len(),
        of("SUCCEEDED"),
        of("FAILED"),
        of("ABORTED")
    );
    ensure!(of("SUCCEEDED") > 0 && of("FAILED") > 0, "both happened");
    ensure!((before.len() as u64) < ITEMS, "some were never begun");

    let succeeded = of("SUCCEEDED") as u64;
    states(
        &server.aws()?,
        &["redrive-execution", "--execution-arn", &execution],
    )?;
    for kill in 1..=KILLS {
        let number = succeeded + (ITEMS - succeeded) * kill / (KILLS + 1);
        runtime
            .block_on(counted(&server, run, number))
            .with_context(|| server.log())?;
        server.kill9()?;
        server.restart()?;
    }
    let ended = until_ended(&server, &execution).with_context(|| server.log())?;
    let output = serde_json::to_string(&(0..ITEMS).collect::<Vec<_>>())?;
    ensure!(ended["output"] == output, "the results are {ended}");

    let shown = states(&server.aws()?, &["describe-map-run", "--map-run-arn", run])?;
    let counts = &shown["executionCounts"];
    let right = [
        ("total", ITEMS),
        ("succeeded", ITEMS),
        ("resultsWritten", ITEMS),
        ("pendingRedrive", 0),
    ]
    .iter()
    .all(|(name, number)| counts[*name] == *number);
    ensure!(right && shown["redriveCount"] == 1, "{shown}");
    let after = runtime.block_on(children(&server, run))?;
    ensure!(after.len() as u64 == ITEMS, "{} children", after.len());
    for (name, child) in &after {
        let was = before.get(name).map(|child| &child["status"]);
        let redrives = u64::from(was.is_some_and(|status| status != "SUCCEEDED"));
        ensure!(child["redriveCount"] == redrives, "{child} was {was:?}");
    }
    let arguments = ["get-execution-history", "--execution-arn", &execution];
    let history = states(&server.aws()?, &arguments)?;
    let events = history["events"].as_array().context("events")?;
    let types: Vec<_> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    let expected = "ExecutionStarted MapStateEntered MapStateStarted MapRunStarted MapRunFailed \
        MapStateFailed ExecutionFailed ExecutionRedriven MapRunRedriven MapRunSucceeded \
        MapStateSucceeded MapStateExited ExecutionSucceeded";
    ensure!(types.join(" ") == expected, "{types:?}");
    server.stop()
}

#[test]
fn a_redriven_run_reads_its_bucket_on_and_writes_its_results_again() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let put = |key: &str, body: &Value| {
        let file = server.folder().join("body.json");
        std::fs::write(&file, body.to_string())?;
        let file = file.display().to_string();
        let arguments = [
            "s3api",
            "put-object",
            "--bucket",
            "sets",
            "--key",
            key,
            "--body",
            &file,
        ];
        aws.call(&arguments)
    };
    let get = |key: &str| -> anyhow::Result<Value> {
        let file = server.folder().join("got.json");
        let path = file.display().to_string();
        aws.call(&[
            "s3api",
            "get-object",
            "--bucket",
            "sets",
            "--key",
            key,
            &path,
        ])?;
        Ok(serde_json::from_slice(&std::fs::read(&file)?)?)
    };
    aws.call(&["s3api", "create-bucket", "--bucket", "sets"])?;
    let fields = json!({
        "MaxConcurrency": 1, "ToleratedFailurePercentage": 0,
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"}, "Parameters": {"Bucket": "sets", "Key": "in.json"}},
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "sets", "Prefix": "out"}},
    });
    let definition = machine(&fields).to_string();
    let create = [
        "create-state-machine",
        "--name",
        "bucket",
        "--definition",
        &definition,
        "--role-arn",
        ROLE,
    ];
    let machine = states(&aws, &create)?;
    let machine = machine["stateMachineArn"].as_str().context("an ARN")?;
    let started = states(&aws, &["start-execution", "--state-machine-arn", machine])?;
    let execution = started["executionArn"].as_str().context("an ARN")?;
    let redrive = || states(&aws, &["redrive-execution", "--execution-arn", execution]);

    // There is nothing to read yet: the same run reads what is there when it is redriven.
    let failed = until_ended(&server, execution)?;
    ensure!(failed["error"] == "States.ItemReaderFailed", "{failed}");
    let items = (0..6).map(|n| json!({"n": n, "kind": u8::from(n == 1), "pair": [1]}));
    put("in.json", &items.collect())?;
    redrive()?;
    let failed = until_ended(&server, execution)?;
    ensure!(
        failed["error"] == "States.ExceedToleratedFailureThreshold",
        "{failed}"
    );
    let listed = states(&aws, &["list-map-runs", "--execution-arn", execution])?;
    ensure!(
        listed["mapRuns"].as_array().map(Vec::len) == Some(1),
        "{listed}"
    );
    let run = listed["mapRuns"][0]["mapRunArn"]
        .as_str()
        .context("a run")?;
    let folder = format!("out/{}", run.rsplit(':').next().unwrap_or_default());
    let files = |manifest: &Value| {
        ["SUCCEEDED", "FAILED", "PENDING"]
            .map(|kind| manifest["ResultFiles"][kind].as_array().map_or(0, Vec::len))
    };
    let manifest = get(&format!("{folder}/manifest.json"))?;
    ensure!(files(&manifest) == [1, 1, 1], "{manifest}");

    redrive()?;
    let ended = until_ended(&server, execution)?;
    ensure!(ended["status"] == "SUCCEEDED", "{ended}\n{}", server.log());
    let manifest = get(&format!("{folder}/manifest.json"))?;
    ensure!(files(&manifest) == [1, 0, 0], "{manifest}");
    let results = get(&format!("{folder}/SUCCEEDED_0.json"))?;
    let results = results.as_array().context("results")?;
    let told = results.iter().map(|child| {
        let redrives = child["RedriveCount"].as_u64();
        (child["Output"].as_str().unwrap_or_default(), redrives)
    });
    // The second item failed, and with it the run; those behind it had not begun.
    let expected = [("0", 0), ("1", 1), ("2", 0), ("3", 0)];
    let expected = expected.map(|(output, redrives)| (output, Some(redrives)));
    ensure!(told.clone().take(4).eq(expected), "{results:?}");
    let shown = states(&aws, &["describe-map-run", "--map-run-arn", run])?;
    ensure!(
        shown["redriveCount"] == 2 && shown["itemCounts"]["resultsWritten"] == 6,
        "{shown}"
    );
    Ok(())
}

/// Waits until so many children have succeeded.
async fn counted(server: &Server, run: &str, number: u64) -> anyhow::Result<()> {
    let mut client = Target::of(server)?.connect().await?;
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let input = json!({"mapRunArn": run});
        let shown = client.call("DescribeMapRun", &input).await?;
        if shown["executionCounts"]["succeeded"].as_u64() >= Some(number) {
            return Ok(());
        }
        ensure!(
            std::time::Instant::now() < end,
            "the run stands still: {shown}"
        );
        tokio::task::yield_now().await;
    }
}

/// Returns the run's children by their names.
async fn children(server: &Server, run: &str) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut client = Target::of(server)?.connect().await?;
    let (mut found, mut token) = (BTreeMap::new(), None);
    loop {
        let mut input = json!({"mapRunArn": run, "maxResults": 1000});
        if let Some(token) = token {
            input["nextToken"] = token;
        }
        let page = client.call("ListExecutions", &input).await?;
        for child in page["executions"].as_array().into_iter().flatten() {
            let name = child["name"].as_str().context("a name")?.to_owned();
            ensure!(found.insert(name, child.clone()).is_none(), "{child} twice");
        }
        match page.get("nextToken") {
            Some(next) => token = Some(next.clone()),
            None => return Ok(found),
        }
    }
}
