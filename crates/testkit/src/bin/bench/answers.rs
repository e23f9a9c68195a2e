//! How long it takes from a person's answer to the execution's end, when nothing else is going on.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;
use testkit::Server;
use tokio::runtime::Runtime;

use testkit::client::{Client, NOTHING, ROLE, Target, asking};

const SAMPLES: usize = 300;

/// Measures from SendTaskSuccess being sent to DescribeExecution saying SUCCEEDED.
pub fn measure(runtime: &Runtime) -> anyhow::Result<()> {
    let server = Server::start()?;
    server.aws()?.create_function("nothing", ROLE, NOTHING)?;
    let target = Target::of(&server)?;
    let mut samples = runtime.block_on(async {
        let mut client = target.connect().await?;
        let machine = client.create("asking", &asking("nothing")).await?;
        let mut samples = Vec::with_capacity(SAMPLES);
        for number in 0..SAMPLES {
            samples.push(answer(&mut client, &machine, number).await?);
        }
        anyhow::Ok(samples)
    })?;
    samples.sort_unstable();
    let at =
        |percent: usize| samples[(SAMPLES * percent / 100).min(SAMPLES - 1)].as_secs_f64() * 1000.0;
    println!(
        "\nfrom SendTaskSuccess to the execution's end, as DescribeExecution tells it, one at a time"
    );
    println!(
        "  p50 {:.2} ms, p99 {:.2} ms  ({SAMPLES} answers)",
        at(50),
        at(99)
    );
    Ok(())
}

async fn answer(client: &mut Client, machine: &str, number: usize) -> anyhow::Result<Duration> {
    let execution = client.start(machine, &format!("answer-{number}")).await?;
    let token = loop {
        match client.token(&execution).await? {
            Some(token) => break token,
            None => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    let sent = Instant::now();
    client
        .call(
            "SendTaskSuccess",
            &json!({ "taskToken": token, "output": "{}" }),
        )
        .await?;
    loop {
        let status = client.status(&execution).await?;
        if status != "RUNNING" {
            ensure!(status == "SUCCEEDED", "{execution} is {status}");
            return Ok(sent.elapsed());
        }
    }
}
