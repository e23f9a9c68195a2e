//! `kill -9` at random moments, under a workload with functions and callbacks.
//!
//! What must hold afterwards: every execution whose start was acknowledged is there and comes to its one
//! right end; every answer that was acknowledged is its result; no result stands in a history twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::client::{Client, NOTHING, ROLE, Target};
use testkit::{PATIENCE, Server};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use vocab::Entropy;

const KILLS: usize = 5;
const EXECUTIONS: usize = 60;
const CALLERS: usize = 6;

/// What the callers know for sure: only what was acknowledged.
#[derive(Default)]
struct Known {
    /// Executions by name, with their ARN once the start was acknowledged.
    started: BTreeMap<usize, String>,
    /// Executions whose answer was acknowledged.
    answered: BTreeSet<usize>,
}

/// A function's result, a pause that somebody ends, and a wait that a timer ends.
fn machine() -> Value {
    json!({ "StartAt": "Call", "States": {
        "Call": {
            "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:nothing",
            "ResultPath": "$.called", "Next": "Ask"
        },
        "Ask": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": { "FunctionName": "nothing", "Payload": { "token.$": "$$.Task.Token" } },
            "TimeoutSeconds": 3600, "ResultPath": "$.answer", "Next": "Rest"
        },
        "Rest": { "Type": "Wait", "Seconds": 1, "End": true }
    } })
}

#[test]
fn nothing_is_lost_or_done_twice_when_the_server_is_killed() -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let mut server = Server::start()?;
    server.aws()?.create_function("nothing", ROLE, NOTHING)?;
    let machine = runtime.block_on(async {
        let mut client = Target::of(&server)?.connect().await?;
        client.create("crashed", &machine()).await
    })?;
    let known = Arc::new(Mutex::new(Known::default()));
    // Another seed every time; printed, although the moments depend on the machine's speed too.
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut entropy = Entropy::from_seed(seed);
    for _ in 0..KILLS {
        let acknowledged = 1 + entropy.below(40) as usize;
        runtime.block_on(work_until(&server, &machine, &known, acknowledged))?;
        server.kill9()?;
        server.restart()?;
    }
    runtime
        .block_on(finish(&server, &machine, &known))
        .with_context(|| server.log())?;
    runtime
        .block_on(check(&server, &known))
        .with_context(|| server.log())?;
    server.stop()
}

/// Lets callers work until so many of their calls were acknowledged; they stop wherever they are.
async fn work_until(
    server: &Server,
    machine: &str,
    known: &Arc<Mutex<Known>>,
    acknowledged: usize,
) -> anyhow::Result<()> {
    let (told, mut heard) = mpsc::unbounded_channel();
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (target, machine) = (Target::of(server)?, machine.to_owned());
        let (known, told, next) = (known.clone(), told.clone(), next.clone());
        callers.spawn(async move {
            let mut client = target.connect().await?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed) % EXECUTIONS;
                if advance(&mut client, &machine, &known, number).await? && told.send(()).is_err() {
                    return anyhow::Ok(());
                }
            }
        });
    }
    let enough = async {
        for _ in 0..acknowledged {
            heard.recv().await;
        }
    };
    // When all is answered there may be less to acknowledge than was asked for.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(3), enough).await;
    callers.abort_all();
    Ok(())
}

/// Takes the next step with one execution; says whether something new was acknowledged.
async fn advance(
    client: &mut Client,
    machine: &str,
    known: &Mutex<Known>,
    number: usize,
) -> anyhow::Result<bool> {
    let started = known.lock().await.started.get(&number).cloned();
    let Some(execution) = started else {
        // The same name and input: a start whose acknowledgement was lost is found again.
        let execution = client.start(machine, &format!("crash-{number}")).await?;
        known.lock().await.started.insert(number, execution);
        return Ok(true);
    };
    if known.lock().await.answered.contains(&number) {
        return Ok(false);
    }
    let Some(token) = client.token(&execution).await? else {
        return Ok(false);
    };
    let output = json!({ "decision": number }).to_string();
    let answer = json!({ "taskToken": token, "output": output });
    match client.call("SendTaskSuccess", &answer).await {
        Ok(_) => {}
        // An answer whose acknowledgement was lost: the first one counted.
        Err(error) if error.to_string().contains("TaskTimedOut") => {}
        Err(error) => return Err(error),
    }
    known.lock().await.answered.insert(number);
    Ok(true)
}

/// Starts and answers all that is left, and waits for every execution's end.
async fn finish(server: &Server, machine: &str, known: &Mutex<Known>) -> anyhow::Result<()> {
    let mut client = Target::of(server)?.connect().await?;
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        for number in 0..EXECUTIONS {
            advance(&mut client, machine, known, number).await?;
        }
        let all = known.lock().await.answered.len() == EXECUTIONS;
        if all && !client.is_busy(machine).await? {
            return Ok(());
        }
        ensure!(
            std::time::Instant::now() < end,
            "some executions do not come to their end"
        );
        tokio::task::yield_now().await;
    }
}

async fn check(server: &Server, known: &Mutex<Known>) -> anyhow::Result<()> {
    let mut client = Target::of(server)?.connect().await?;
    let known = known.lock().await;
    ensure!(known.started.len() == EXECUTIONS, "not all were started");
    for (number, execution) in &known.started {
        check_execution(&mut client, *number, execution)
            .await
            .with_context(|| format!("execution {number}"))?;
    }
    Ok(())
}

async fn check_execution(
    client: &mut Client,
    number: usize,
    execution: &str,
) -> anyhow::Result<()> {
    let described = client
        .call("DescribeExecution", &json!({ "executionArn": execution }))
        .await?;
    ensure!(described["status"] == "SUCCEEDED", "ended as {described}");
    let output: Value = serde_json::from_str(described["output"].as_str().unwrap_or_default())?;
    let expected = json!({ "called": null, "answer": { "decision": number } });
    ensure!(output == expected, "its output is {output}");
    let history = client
        .call("GetExecutionHistory", &json!({ "executionArn": execution }))
        .await?;
    let events = history["events"]
        .as_array()
        .context("a history has events")?;
    let types: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    let expected = [
        "ExecutionStarted",
        "TaskStateEntered",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "WaitStateEntered",
        "WaitStateExited",
        "ExecutionSucceeded",
    ];
    ensure!(types == expected, "its history is {types:?}");
    for (event, id) in events.iter().zip(1..) {
        ensure!(event["id"] == id, "event {id} is {event}");
    }
    Ok(())
}
