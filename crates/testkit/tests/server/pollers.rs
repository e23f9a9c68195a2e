//! Workers that wait: two thousand polls at once, and polls that a restart of the server ends.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::client::{Client, Target};
use testkit::{Server, until};
use tokio::task::JoinSet;

use crate::command_line::{create, start};

const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:";
/// A thousand may poll one activity.
const POLLERS_OF_ACTIVITY: usize = 1_000;
const ACTIVITIES: [&str; 2] = ["left", "right"];
/// What a poll may cost: its connection, its request and its seat. A thread alone would take more.
const POLL_BYTES_MAX: u64 = 64 << 10;

fn work(activity: &str) -> Value {
    json!({"StartAt": "W", "States": {"W": {
        "Type": "Task", "Resource": format!("{ACTIVITY}{activity}"), "End": true}}})
}

/// Returns the server's resident memory in bytes.
fn memory(server: &Server) -> anyhow::Result<u64> {
    let status = format!("/proc/{}/status", server.id().context("it runs")?);
    let status = std::fs::read_to_string(status)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: u64 = kilobytes.context("a line")?.parse()?;
    Ok(kilobytes * 1_024)
}

async fn poll(mut client: Client, activity: &'static str) -> anyhow::Result<String> {
    let input = json!({"activityArn": format!("{ACTIVITY}{activity}")});
    loop {
        match client.call("GetActivityTask", &input).await {
            Ok(task) => return Ok(task["taskToken"].as_str().unwrap_or_default().to_owned()),
            // Whoever tries whether all seats are taken may have the last one for a moment.
            Err(error) if error.to_string().contains("ActivityWorkerLimitExceeded") => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn two_thousand_polls_cost_little_and_get_a_task_each() -> anyhow::Result<()> {
    let server = Server::start()?;
    let target = Target::of(&server)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut control = target.connect().await?;
        for activity in ACTIVITIES {
            control
                .call("CreateActivity", &json!({"name": activity}))
                .await?;
            control.create(activity, &work(activity)).await?;
        }
        let before = memory(&server)?;
        let mut polls = JoinSet::new();
        for _ in 0..POLLERS_OF_ACTIVITY {
            for activity in ACTIVITIES {
                let client = target.connect().await?;
                polls.spawn(poll(client, activity));
            }
        }
        // The seats are taken when one more is refused.
        for activity in ACTIVITIES {
            let input = json!({"activityArn": format!("{ACTIVITY}{activity}")});
            loop {
                let mut client = target.connect().await?;
                let refused = client.call("GetActivityTask", &input);
                match tokio::time::timeout(std::time::Duration::from_millis(200), refused).await {
                    Ok(Err(error)) => {
                        let error = error.to_string();
                        ensure!(error.contains("ActivityWorkerLimitExceeded"), "{error}");
                        break;
                    }
                    Ok(Ok(task)) => anyhow::bail!("there is no task yet: {task}"),
                    // It got a seat, and gave it back when it was dropped.
                    Err(_) => {}
                }
            }
        }
        let each = memory(&server)?.saturating_sub(before) / (2 * POLLERS_OF_ACTIVITY as u64);
        println!("a poll takes {each} bytes of the server's memory");
        ensure!(each < POLL_BYTES_MAX, "a poll takes {each} bytes");
        for number in 0..POLLERS_OF_ACTIVITY {
            for activity in ACTIVITIES {
                let machine =
                    format!("arn:aws:states:us-east-1:000000000000:stateMachine:{activity}");
                control.start(&machine, &format!("e{number}")).await?;
            }
        }
        let mut tokens = std::collections::BTreeSet::new();
        while let Some(token) = polls.join_next().await {
            tokens.insert(token??);
        }
        ensure!(
            tokens.len() == 2 * POLLERS_OF_ACTIVITY,
            "{} tokens",
            tokens.len()
        );
        ensure!(!tokens.contains(""), "every poll got a task");
        Ok(())
    })
}

#[test]
fn a_restart_sends_pollers_away_and_keeps_what_waits() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let aws = server.aws()?;
    aws.call(&["stepfunctions", "create-activity", "--name", "left"])?;
    let machine = create(&aws, "work", &work("left"))?;
    let arn = format!("{ACTIVITY}left");
    let arguments = ["stepfunctions", "get-activity-task", "--activity-arn", &arn];
    let mut waiting = aws.command(&arguments);
    let waiting = waiting
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // It has a seat when the server has its connection, and an answer only because the server stops.
    let connections = format!("/proc/{}/fd", server.id().context("it runs")?);
    let is_socket = |entry: std::io::Result<std::fs::DirEntry>| {
        let link = entry
            .ok()
            .and_then(|entry| std::fs::read_link(entry.path()).ok());
        link.is_some_and(|link| link.to_string_lossy().starts_with("socket:"))
    };
    let sockets = || {
        std::fs::read_dir(&connections).map(|entries| {
            entries
                .filter_map(|entry| is_socket(entry).then_some(()))
                .count()
        })
    };
    let idle = sockets()?;
    until("somebody polls", || Ok((sockets()? > idle).then_some(())))?;
    server.stop()?;
    let polled = waiting.wait_with_output()?;
    ensure!(
        !String::from_utf8_lossy(&polled.stdout).contains("\"taskToken\": \""),
        "there was no task: {polled:?}"
    );
    server.restart()?;
    let aws = server.aws()?;
    let execution = start(&aws, &machine, "e", r#"{"n":1}"#)?;
    let task = aws.call(&arguments)?;
    ensure!(task["input"] == r#"{"n":1}"#, "{task}");
    // Given away before the restart, answered after it.
    server.stop()?;
    server.restart()?;
    let aws = server.aws()?;
    let token = task["taskToken"].as_str().context("a token")?;
    let answer = [
        "stepfunctions",
        "send-task-success",
        "--task-token",
        token,
        "--task-output",
        "7",
    ];
    aws.call(&answer)?;
    let described = aws.call(&[
        "stepfunctions",
        "describe-execution",
        "--execution-arn",
        &execution,
    ])?;
    ensure!(described["output"] == "7", "{described}");
    Ok(())
}
