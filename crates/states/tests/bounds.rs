//! What one caller can make the server keep or look at: bounded, and none of it lost that is owed.

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{ROLE, World, execution_arn, fail, machine_arn, pass};
use engine_core::Limits;
use serde_json::{Value, json};
use service::Failure;
use store::{Batch, Key, Range, Space, Store as _};

const GROUP: &str = "/aws/vendedlogs/states/M";

#[tokio::test]
async fn an_execution_in_memory_is_not_written_down_without_end() {
    let limits = Limits {
        history_events_max: 50,
        ..Limits::default()
    };
    let world = World::within(limits).await;
    let turns = json!({"StartAt": "P", "States": {
        "P": {"Type": "Pass", "Next": "C"},
        "C": {"Type": "Choice", "Default": "P",
              "Choices": [{"Variable": "$.over", "IsPresent": true, "Next": "E"}]},
        "E": {"Type": "Succeed"},
    }});
    let machine = json!({
        "name": "P", "definition": turns.to_string(), "roleArn": ROLE, "type": "EXPRESS",
    });
    world.ok("CreateStateMachine", machine).await;
    let input = json!({"long": "x".repeat(250_000)}).to_string();
    let start = json!({"stateMachineArn": machine_arn("P"), "input": input});
    let end = world.ok("StartSyncExecution", start).await;
    assert_eq!(end["status"], "FAILED");
    let of = json!({"executionArn": end["executionArn"]});
    let shown = world.seen("DescribeExecution", of).await;
    assert_eq!(shown["input"], end["input"]);
    assert_eq!(shown["cause"], end["cause"]);
    let journal = Range::prefix(Space::Journal, b"");
    let rows = world.store.scan(&journal, 9).await.expect("reads");
    let bytes: usize = rows.iter().map(|(_, row)| row.len()).sum();
    assert!(bytes < 5 << 20, "{bytes} bytes of 2,000 events");
}

#[tokio::test]
async fn a_listing_looks_at_so_many_lines_a_page() {
    const LINES: u64 = 10_050;
    let world = World::new().await;
    world.create("F", &fail()).await;
    let arn = world.start("F", "f", "{}").await;
    world.until_closed(&arn).await;
    // Lines as the execution's own, of executions before it.
    let all = Range::prefix(Space::ExecutionListing, b"");
    let listed = world.store.scan(&all, 2).await.expect("reads");
    let [(key, line)] = listed.as_slice() else {
        panic!("one line: {listed:?}");
    };
    let put = (1..=LINES).map(|number| {
        let mut key = key.to_vec();
        let moment = u64::from_be_bytes(*key[9..].first_chunk().expect("a moment"));
        key[9..17].copy_from_slice(&(moment + number).to_be_bytes());
        (Key::new(Space::ExecutionListing, key), line.clone())
    });
    let put: Vec<(Key, Bytes)> = put.collect();
    let batch = Batch {
        put,
        ..Batch::default()
    };
    world.store.commit(batch).await.expect("commits");
    let mut query = json!({"stateMachineArn": machine_arn("F"), "redriveFilter": "REDRIVEN"});
    let page = world.ok("ListExecutions", query.clone()).await;
    assert_eq!(page["executions"], json!([]));
    query["nextToken"] = page["nextToken"].clone();
    assert!(query["nextToken"].is_string(), "{page}");
    let page = world.ok("ListExecutions", query).await;
    assert_eq!(page, json!({"executions": []}));
    // Pages that end early lose no line and repeat none.
    let mut query = json!({"stateMachineArn": machine_arn("F"), "maxResults": 1_000});
    let mut count = 0;
    loop {
        let page = world.ok("ListExecutions", query.clone()).await;
        count += page["executions"].as_array().map_or(0, Vec::len) as u64;
        if page["nextToken"].is_null() {
            break;
        }
        query["nextToken"] = page["nextToken"].clone();
    }
    assert_eq!(count, LINES + 1);
}

#[tokio::test]
async fn a_refused_command_is_told_to_nobody_and_a_redrive_is() {
    let world = World::new().await;
    world.create("F", &fail()).await;
    let arn = world.start("F", "f", "{}").await;
    world.until_closed(&arn).await;
    world.create("C", &common::callback()).await;
    let asks = world.start("C", "c", "{}").await;
    let token = world.token().await;
    world
        .ok("StopExecution", json!({"executionArn": asks}))
        .await;
    let mut changes = world.states.changes().listen();
    let late = json!({"taskToken": token, "output": "1"});
    let refused = world.err("SendTaskSuccess", late).await;
    assert!(refused.starts_with("TaskTimedOut"), "{refused}");
    let of = json!({"executionArn": execution_arn("F", "f")});
    world.ok("RedriveExecution", of).await;
    let told = changes.recv().await.expect("a change");
    assert_eq!(told.len(), 1);
    assert_eq!(&*told[0].execution_arn, arn);
    assert!(told[0].is_listed_anew);
}

async fn sync(world: &World, count: usize) -> Vec<String> {
    let mut arns = Vec::with_capacity(count);
    for _ in 0..count {
        let start = json!({"stateMachineArn": machine_arn("M")});
        let end = world.ok("StartSyncExecution", start).await;
        arns.push(end["executionArn"].as_str().expect("an ARN").to_owned());
    }
    arns
}

async fn look(world: &World, arn: &str) -> Result<(), Failure> {
    let input = json!({"executionArn": arn}).to_string();
    let looked = world.states.look("DescribeExecution", input.as_bytes());
    looked.await.map(drop)
}

#[tokio::test]
async fn what_is_still_to_be_logged_is_not_forgotten() {
    let world = Arc::new(World::new().await);
    world
        .logs("CreateLogGroup", json!({ "logGroupName": GROUP }))
        .await;
    let arn = format!("arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}:*");
    let machine = json!({
        "name": "M", "definition": pass().to_string(), "roleArn": ROLE, "type": "EXPRESS",
        "loggingConfiguration": { "level": "ALL",
            "destinations": [{ "cloudWatchLogsLogGroup": { "logGroupArn": arn } }] },
    });
    world.ok("CreateStateMachine", machine).await;
    *world.functions.failing_group.lock() = Some(GROUP);
    let arns = sync(&world, 10_100).await;
    let (first, last) = (&arns[0], &arns[10_099]);
    world
        .seen("DescribeExecution", json!({"executionArn": last}))
        .await;
    look(&world, first).await.expect("is still to be logged");
    *world.functions.failing_group.lock() = None;
    let deadline = Instant::now() + Duration::from_secs(60);
    let waiting = async || {
        let all = Range::prefix(Space::LogBacklog, b"");
        world.store.scan(&all, 1).await.expect("reads").len()
    };
    while waiting().await > 0 {
        assert!(Instant::now() < deadline, "the backlog stays");
        tokio::task::yield_now().await;
    }
    // What is owed no more goes with the next ones.
    sync(&world, 20).await;
    while look(&world, first).await.is_ok() {
        assert!(Instant::now() < deadline, "the oldest stays");
        tokio::task::yield_now().await;
    }
    let logged: Value = world
        .logs(
            "FilterLogEvents",
            json!({ "logGroupName": GROUP, "filterPattern": format!("\"{first}\"") }),
        )
        .await;
    assert!(
        !logged["events"].as_array().expect("events").is_empty(),
        "{logged}"
    );
}
