//! What reading costs when there is much: pages of a million executions, and a long history.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::Server;
use testkit::client::{Client, Target};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const CALLERS: usize = 128;
/// How often a page is read.
const SAMPLES: usize = 200;
/// Items whose iterations fill a history to just under its 25,000 events.
const ITEMS: usize = 6_248;

/// Measures pages of `executions` executions, and the history of one that has 25,000 events.
pub fn measure(runtime: &Runtime, executions: usize) -> anyhow::Result<()> {
    let server = Server::start()?;
    let target = Target::of(&server)?;
    runtime.block_on(history(&target))?;
    runtime.block_on(listing(&target, executions))
}

async fn listing(target: &Target, executions: usize) -> anyhow::Result<()> {
    let mut client = target.connect().await?;
    let pass = json!({ "StartAt": "P", "States": { "P": { "Type": "Pass", "End": true } } });
    let machine = client.create("many", &pass).await?;
    let (next, begun) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (next, machine) = (next.clone(), machine.clone());
        let mut client = target.connect().await?;
        callers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= executions {
                    return anyhow::Ok(());
                }
                client.start(&machine, &format!("e{number}")).await?;
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.context("a caller ended badly")??;
    }
    println!(
        "\nListExecutions with {executions} executions of one machine on disk (made in {:.0} s)",
        begun.elapsed().as_secs_f64()
    );
    let page = |token: &Value| {
        let mut input = json!({ "stateMachineArn": machine, "maxResults": 100 });
        if !token.is_null() {
            input["nextToken"] = token.clone();
        }
        input
    };
    report(
        "first page of 100",
        repeated(&mut client, &page(&Value::Null)).await?,
    );
    let (mut token, mut depth) = (Value::Null, 0);
    while depth < executions / 2 {
        let mut input = page(&token);
        input["maxResults"] = json!(1_000);
        let listed = client.call("ListExecutions", &input).await?;
        token = listed["nextToken"].clone();
        depth += 1_000;
        ensure!(
            !token.is_null() || depth >= executions,
            "the listing ends at {depth}"
        );
    }
    if !token.is_null() {
        let samples = repeated(&mut client, &page(&token)).await?;
        report(&format!("page of 100 behind {depth}"), samples);
    }
    let mut running = page(&Value::Null);
    running["statusFilter"] = json!("RUNNING");
    report(
        "those that run: none",
        repeated(&mut client, &running).await?,
    );
    Ok(())
}

async fn repeated(client: &mut Client, input: &Value) -> anyhow::Result<Vec<Duration>> {
    let mut samples = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let begun = Instant::now();
        client.call("ListExecutions", input).await?;
        samples.push(begun.elapsed());
    }
    Ok(samples)
}

async fn history(target: &Target) -> anyhow::Result<()> {
    let mut client = target.connect().await?;
    let map = json!({ "StartAt": "M", "States": { "M": { "Type": "Map", "End": true, "ItemProcessor": {
        "StartAt": "P", "States": { "P": { "Type": "Pass", "End": true } } } } } });
    let machine = client.create("long", &map).await?;
    let items = json!(vec![0; ITEMS]).to_string();
    let input = json!({ "stateMachineArn": machine, "name": "long", "input": items });
    let started = client.call("StartExecution", &input).await?;
    let execution = started["executionArn"]
        .as_str()
        .context("an ARN")?
        .to_owned();
    while client.status(&execution).await? == "RUNNING" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (mut events, mut pages, mut samples) = (0, 0, Vec::new());
    let begun = Instant::now();
    let mut input = json!({ "executionArn": execution, "maxResults": 1_000 });
    loop {
        let asked = Instant::now();
        let page = client.call("GetExecutionHistory", &input).await?;
        samples.push(asked.elapsed());
        events += page["events"].as_array().map_or(0, Vec::len);
        pages += 1;
        match &page["nextToken"] {
            Value::Null => break,
            token => input["nextToken"] = token.clone(),
        }
    }
    println!(
        "\nGetExecutionHistory of {events} events: {:.0} ms for {pages} pages of 1,000",
        begun.elapsed().as_secs_f64() * 1000.0
    );
    report("a page", samples);
    Ok(())
}

fn report(what: &str, mut samples: Vec<Duration>) {
    samples.sort_unstable();
    let at = |percent: usize| {
        let at = (samples.len() * percent / 100).min(samples.len() - 1);
        samples[at].as_secs_f64() * 1000.0
    };
    println!("  {what}: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
}
