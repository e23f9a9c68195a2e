//! What it costs to wait: memory, disk, and the time to start again, with many executions paused.
//!
//! Every execution calls a function that answers at once, and then waits for its token: the pause of
//! the workshop's page. Memory is that of the server alone, without the processes of the functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use testkit::Server;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use testkit::client::{NOTHING, ROLE, Target, asking};

use crate::footprint::{MIB, disk, memory};

const CALLERS: usize = 64;

/// How many executions are asked whether they wait: spread over all, the last among them.
const SAMPLES: usize = 200;

/// Pauses `count` executions and measures; one of them is then answered, to see that they live.
pub fn measure(runtime: &Runtime, count: usize) -> anyhow::Result<()> {
    println!(
        "\n{count} executions paused by lambda:invoke.waitForTaskToken on a function that returns at once"
    );
    let mut server = Server::start()?;
    server.aws()?.create_function("nothing", ROLE, NOTHING)?;
    let (empty_memory, empty_disk) = (memory(&server)?, disk(&server.data_dir())?);
    let begun = Instant::now();
    let waiting = runtime.block_on(pause(Target::of(&server)?, count))?;
    let took = begun.elapsed().as_secs_f64();
    println!(
        "  all paused after {took:.0} s, {:.0} executions/s",
        count as f64 / took
    );
    println!(
        "  memory {:.0} MiB (empty {:.0} MiB)",
        memory(&server)? as f64 / MIB,
        empty_memory as f64 / MIB
    );
    let bytes = disk(&server.data_dir())?.saturating_sub(empty_disk);
    println!(
        "  disk {:.0} MiB, {:.0} bytes an execution",
        bytes as f64 / MIB,
        bytes as f64 / count.max(1) as f64
    );

    server.stop()?;
    server.restart()?;
    println!(
        "  ready {:.0} ms after the start, stopped gracefully before",
        server.ready_in().as_secs_f64() * 1000.0
    );
    println!(
        "  memory {:.0} MiB after that start",
        memory(&server)? as f64 / MIB
    );
    server.kill9()?;
    server.restart()?;
    println!(
        "  ready {:.0} ms after the start, killed with -9 before",
        server.ready_in().as_secs_f64() * 1000.0
    );

    let Some(execution) = waiting.first() else {
        return Ok(());
    };
    runtime.block_on(answer(Target::of(&server)?, execution))
}

/// Starts `count` executions and waits until the sampled ones wait; returns the sample.
async fn pause(target: Target, count: usize) -> anyhow::Result<Vec<String>> {
    let mut control = target.connect().await?;
    let machine: Arc<str> = control.create("asking", &asking("nothing")).await?.into();
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    let stride = (count / SAMPLES).max(1);
    for _ in 0..CALLERS {
        let (machine, next) = (Arc::clone(&machine), Arc::clone(&next));
        let mut client = target.connect().await?;
        callers.spawn(async move {
            let mut sample = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(sample);
                }
                let execution = client
                    .start(&machine, &format!("paused-{number:06}"))
                    .await?;
                if number % stride == 0 || number + 1 == count {
                    sample.push(execution);
                }
            }
        });
    }
    let mut sample = Vec::new();
    while let Some(outcome) = callers.join_next().await {
        sample.extend(outcome.context("a caller ended badly")??);
    }
    sample.sort_unstable();
    for execution in &sample {
        while control.token(execution).await?.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(sample)
}

async fn answer(target: Target, execution: &str) -> anyhow::Result<()> {
    let mut client = target.connect().await?;
    let token = client
        .token(execution)
        .await?
        .context("an execution stopped waiting")?;
    client
        .call(
            "SendTaskSuccess",
            &json!({ "taskToken": token, "output": "{}" }),
        )
        .await?;
    let status = client.status(execution).await?;
    ensure!(status == "SUCCEEDED", "{execution} is {status}");
    println!("  one of them answered after that: {status}");
    Ok(())
}
