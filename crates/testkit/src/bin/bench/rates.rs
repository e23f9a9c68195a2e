//! How many executions a second come from StartExecution to their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::Server;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use testkit::client::Target;

/// How many states an execution enters.
const STATES: u64 = 5;

const CONCURRENCIES: [usize; 3] = [1, 16, 128];

/// Measures a machine of five Pass states at several concurrencies, each on a fresh server.
pub fn measure(runtime: &Runtime, duration: Duration) -> anyhow::Result<()> {
    println!("\nfive Pass states, StartExecution over HTTP with unique names, counted when closed");
    for concurrency in CONCURRENCIES {
        let server = Server::start()?;
        let target = Target::of(&server)?;
        let (executions, took) = runtime.block_on(load(target, concurrency, duration))?;
        let rate = executions as f64 / took.as_secs_f64();
        println!(
            "  {concurrency:>4} callers: {rate:>8.0} executions/s, {:>8.0} transitions/s  ({executions} in {:.1} s)",
            rate * STATES as f64,
            took.as_secs_f64()
        );
    }
    Ok(())
}

/// Starts executions from `concurrency` connections for `duration`; returns how many were closed,
/// and how long it took until none was running.
async fn load(
    target: Target,
    concurrency: usize,
    duration: Duration,
) -> anyhow::Result<(u64, Duration)> {
    let mut control = target.connect().await?;
    let machine: Arc<str> = control.create("five", &five()).await?.into();
    let started = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..concurrency {
        let (machine, started) = (Arc::clone(&machine), Arc::clone(&started));
        let mut client = target.connect().await?;
        callers.spawn(async move {
            let mut last = None;
            let mut number = 0;
            while begun.elapsed() < duration {
                last = Some(
                    client
                        .start(&machine, &format!("{caller}-{number}"))
                        .await?,
                );
                started.fetch_add(1, Ordering::Relaxed);
                number += 1;
            }
            anyhow::Ok(last)
        });
    }
    let mut last = Vec::new();
    while let Some(outcome) = callers.join_next().await {
        last.extend(outcome.context("a caller ended badly")??);
    }
    while control.is_busy(&machine).await? {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = begun.elapsed();
    for execution in last {
        let status = control.status(&execution).await?;
        ensure!(status == "SUCCEEDED", "{execution} is {status}");
    }
    Ok((started.load(Ordering::Relaxed), took))
}

/// A machine of five Pass states.
pub fn five() -> Value {
    let names = ["A", "B", "C", "D", "E"];
    let states = names.iter().enumerate().map(|(index, name)| {
        let state = match names.get(index + 1) {
            Some(next) => json!({ "Type": "Pass", "Next": next }),
            None => json!({ "Type": "Pass", "End": true }),
        };
        ((*name).to_owned(), state)
    });
    json!({ "StartAt": "A", "States": states.collect::<serde_json::Map<_, _>>() })
}
