//! How long `StartSyncExecution` takes, from the request being sent to its answer.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use testkit::Server;
use testkit::client::{Client, ROLE, Target};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::rates::five;

const CONCURRENCIES: [usize; 2] = [1, 16];

/// Measures a machine of five Pass states, one caller at a time and several at once.
pub fn measure(runtime: &Runtime, duration: Duration) -> anyhow::Result<()> {
    println!("\nStartSyncExecution of five Pass states");
    for concurrency in CONCURRENCIES {
        let server = Server::start()?;
        let target = Target::of(&server)?;
        let mut samples = runtime.block_on(load(target, concurrency, duration))?;
        samples.sort_unstable();
        let at = |percent: usize| {
            let place = (samples.len() * percent / 100).min(samples.len() - 1);
            samples[place].as_secs_f64() * 1000.0
        };
        println!(
            "  {concurrency:>4} callers: p50 {:.2} ms, p99 {:.2} ms, {:>8.0} executions/s",
            at(50),
            at(99),
            samples.len() as f64 / duration.as_secs_f64()
        );
    }
    Ok(())
}

async fn load(
    target: Target,
    concurrency: usize,
    duration: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let mut control = target.connect().await?;
    let input = json!({
        "name": "sync", "type": "EXPRESS", "roleArn": ROLE, "definition": five().to_string(),
    });
    let made = control.call("CreateStateMachine", &input).await?;
    let machine = made["stateMachineArn"].clone();
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..concurrency {
        let mut client = target.connect().await?;
        let input = json!({ "stateMachineArn": machine, "input": r#"{"a":1}"# });
        callers.spawn(async move {
            let mut samples = Vec::new();
            while begun.elapsed() < duration {
                samples.push(run(&mut client, &input).await?);
            }
            anyhow::Ok(samples)
        });
    }
    let mut samples = Vec::new();
    while let Some(outcome) = callers.join_next().await {
        samples.extend(outcome.context("a caller ended badly")??);
    }
    ensure!(!samples.is_empty(), "nothing was answered in time");
    Ok(samples)
}

async fn run(client: &mut Client, input: &serde_json::Value) -> anyhow::Result<Duration> {
    let sent = Instant::now();
    let end = client.call("StartSyncExecution", input).await?;
    let took = sent.elapsed();
    ensure!(end["status"] == "SUCCEEDED", "an execution ended as {end}");
    Ok(took)
}
