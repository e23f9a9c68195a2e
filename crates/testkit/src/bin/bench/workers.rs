//! Workers of activities: what two thousand open polls cost, how soon one wakes, and how many answers a
//! second the server takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::Server;
use testkit::client::{Client, Target};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::footprint::{MIB, memory};

const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:";
/// A thousand may poll one activity.
const POLLERS_OF_ACTIVITY: usize = 1_000;
const ACTIVITIES: [&str; 2] = ["left", "right"];
/// Answers that are sent.
const ANSWERS: usize = 20_000;
const CALLERS: [usize; 2] = [1, 64];

/// Measures both.
pub fn measure(runtime: &Runtime) -> anyhow::Result<()> {
    let server = Server::start()?;
    let target = Target::of(&server)?;
    runtime.block_on(polls(&server, &target))?;
    runtime.block_on(answers(&target))
}

async fn polls(server: &Server, target: &Target) -> anyhow::Result<()> {
    let mut control = target.connect().await?;
    let mut machines = Vec::new();
    for activity in ACTIVITIES {
        control
            .call("CreateActivity", &json!({ "name": activity }))
            .await?;
        machines.push(control.create(activity, &work(activity)).await?);
    }
    let before = memory(server)?;
    let mut polls = JoinSet::new();
    for number in 0..2 * POLLERS_OF_ACTIVITY {
        let (mut client, activity) = (target.connect().await?, ACTIVITIES[number % 2]);
        polls.spawn(async move { take(&mut client, activity).await });
    }
    // What was sent is read within moments; there is nothing to be asked that says so.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let cost = memory(server)?.saturating_sub(before) as f64;
    println!(
        "\n{} open polls of activities: {:.1} MiB of memory, {:.1} KiB each",
        polls.len(),
        cost / MIB,
        cost / 1024.0 / polls.len() as f64
    );
    let mut samples = Vec::new();
    for number in 0..2 * POLLERS_OF_ACTIVITY {
        let begun = Instant::now();
        control
            .start(&machines[number % 2], &format!("e{number}"))
            .await?;
        let taken = polls.join_next().await.context("somebody polls")?;
        let token = taken.context("a poll ended badly")??.context("a task")?;
        samples.push(begun.elapsed());
        // What is measured next begins with nothing open.
        let answer = json!({ "taskToken": token, "output": "{}" });
        control.call("SendTaskSuccess", &answer).await?;
    }
    samples.sort_unstable();
    let at = |percent: usize| samples[samples.len() * percent / 100].as_secs_f64() * 1000.0;
    println!(
        "  from StartExecution being sent to a worker having the task: p50 {:.2} ms, p99 {:.2} ms",
        at(50),
        at(99)
    );
    Ok(())
}

/// Takes a task; returns its token.
async fn take(client: &mut Client, activity: &str) -> anyhow::Result<Option<String>> {
    let input = json!({ "activityArn": format!("{ACTIVITY}{activity}") });
    let task = client.call("GetActivityTask", &input).await?;
    Ok(task["taskToken"].as_str().map(str::to_owned))
}

async fn answers(target: &Target) -> anyhow::Result<()> {
    let mut control = target.connect().await?;
    let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:left";
    println!("\nSendTaskSuccess, each to another execution, which ends with it");
    for callers in CALLERS {
        let count = if callers == 1 { ANSWERS / 10 } else { ANSWERS };
        let tokens = prepare(target, arn, callers, count).await?;
        let tokens = Arc::new(tokens);
        let begun = Instant::now();
        let mut work = JoinSet::new();
        for caller in 0..callers {
            let (tokens, mut client) = (tokens.clone(), target.connect().await?);
            work.spawn(async move {
                for token in tokens.iter().skip(caller).step_by(callers) {
                    let input = json!({ "taskToken": token, "output": "{}" });
                    client.call("SendTaskSuccess", &input).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = work.join_next().await {
            done.context("a caller ended badly")??;
        }
        let rate = tokens.len() as f64 / begun.elapsed().as_secs_f64();
        println!(
            "  {callers:>4} callers: {rate:>8.0} answers/s  ({})",
            tokens.len()
        );
        ensure!(!control.is_busy(arn).await?, "everything ended");
    }
    Ok(())
}

/// Starts executions and takes their tasks; returns the tokens.
async fn prepare(
    target: &Target,
    machine: &str,
    round: usize,
    count: usize,
) -> anyhow::Result<Vec<String>> {
    let mut work = JoinSet::new();
    const PREPARERS: usize = 32;
    for preparer in 0..PREPARERS {
        let (mut client, machine) = (target.connect().await?, machine.to_owned());
        work.spawn(async move {
            let mut tokens = Vec::new();
            for number in (preparer..count).step_by(PREPARERS) {
                client
                    .start(&machine, &format!("r{round}-{number}"))
                    .await?;
                tokens.extend(take(&mut client, ACTIVITIES[0]).await?);
            }
            anyhow::Ok(tokens)
        });
    }
    let mut tokens = Vec::new();
    while let Some(done) = work.join_next().await {
        tokens.extend(done.context("a caller ended badly")??);
    }
    ensure!(tokens.len() == count, "{} tokens of {count}", tokens.len());
    Ok(tokens)
}

fn work(activity: &str) -> Value {
    json!({ "StartAt": "W", "States": { "W": {
        "Type": "Task", "Resource": format!("{ACTIVITY}{activity}"), "End": true } } })
}
