//! What ended is kept for so long, and then nothing of it is left.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use common::{World, callback, execution_arn, machine_arn, pass};
use engine_core::Limits;
use serde_json::{Value, json};
use service::Failure;
use store::{Batch, Key, Range, Space, Store as _};

const DAY_MILLIS: i64 = 86_400_000;

async fn rows(world: &World, space: Space) -> usize {
    let all = Range::prefix(space, b"");
    world
        .store
        .scan(&all, usize::MAX)
        .await
        .expect("reads")
        .len()
}

async fn forget(world: &World) -> u64 {
    world.states.forget_old().await.expect("sweeps")
}

async fn listed(world: &World, machine: &str) -> Vec<String> {
    let input = json!({"stateMachineArn": machine_arn(machine)});
    let page = world.ok("ListExecutions", input).await;
    let names = page["executions"].as_array().expect("a list").iter();
    names
        .map(|one| one["name"].as_str().expect("a name").to_owned())
        .collect()
}

#[tokio::test]
async fn what_ended_long_ago_is_gone_and_what_runs_is_not() {
    let mut world = World::new().await;
    world.create("M", &pass()).await;
    // Its task may be answered for years.
    let waits = json!({"StartAt": "A", "States": {"A": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": true,
        "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}},
    }}});
    world.create("W", &waits).await;
    for number in 0..40 {
        let arn = world.start("M", &format!("old{number}"), "{}").await;
        world.until_closed(&arn).await;
    }
    let runs = world.start("W", "runs", "{}").await;
    let token = world.token().await;
    world.clock.advance_millis(89 * DAY_MILLIS);
    let young = world.start("M", "young", "{}").await;
    world.until_closed(&young).await;
    assert_eq!(forget(&world).await, 0, "nothing is over yet");
    world.clock.advance_millis(2 * DAY_MILLIS);
    assert_eq!(forget(&world).await, 40);
    let gone = json!({"executionArn": execution_arn("M", "old0")});
    for operation in [
        "DescribeExecution",
        "GetExecutionHistory",
        "RedriveExecution",
    ] {
        let refused = world.err(operation, gone.clone()).await;
        assert!(refused.starts_with("ExecutionDoesNotExist"), "{refused}");
    }
    assert_eq!(listed(&world, "M").await, ["young"]);
    assert_eq!(rows(&world, Space::Executions).await, 2);
    assert_eq!(rows(&world, Space::ExecutionNames).await, 2);
    assert_eq!(forget(&world).await, 0, "once");
    // What runs goes on, and names and numbers are given anew, but no number twice.
    world.restart().await;
    for number in 0..40 {
        let arn = world.start("M", &format!("old{number}"), "{}").await;
        world.until_closed(&arn).await;
    }
    let answer = json!({"taskToken": token, "output": "1"});
    world.ok("SendTaskSuccess", answer).await;
    assert_eq!(world.until_closed(&runs).await["status"], "SUCCEEDED");
    world.clock.advance_millis(91 * DAY_MILLIS);
    assert_eq!(forget(&world).await, 42);
    for space in [
        Space::Executions,
        Space::ExecutionNames,
        Space::ExecutionListing,
        Space::Journal,
    ] {
        assert_eq!(rows(&world, space).await, 0, "{space:?}");
    }
}

#[tokio::test]
async fn whatever_goes_the_next_number_is_noted() {
    let world = World::new().await;
    world.create("M", &pass()).await;
    let mut expected = BTreeSet::new();
    for name in ["old", "young"] {
        for number in 0..40 {
            let arn = world.start("M", &format!("{name}{number}"), "{}").await;
            world.until_closed(&arn).await;
        }
        if name == "old" {
            let all = Range::prefix(Space::Executions, b"");
            let records = world.store.scan(&all, usize::MAX).await.expect("reads");
            expected.extend(records.into_iter().map(|(key, _)| key[..2].to_vec()));
            world.clock.advance_millis(91 * DAY_MILLIS);
        }
    }
    // What is the last of its partition stays.
    assert_eq!(forget(&world).await, 40);
    let notes = Range::prefix(Space::Meta, b"executions/next/");
    let notes = world.store.scan(&notes, usize::MAX).await.expect("reads");
    let partition = |key: &[u8]| key[key.len() - 2..].to_vec();
    let noted: BTreeSet<_> = notes.iter().map(|(key, _)| partition(key)).collect();
    assert_eq!(noted, expected);
}

#[tokio::test]
async fn a_token_of_what_is_gone_answers_nobody_else() {
    let mut world = World::new().await;
    world.create("W", &callback()).await;
    let arn = world.start("W", "a", "{}").await;
    let token = world.token().await;
    world
        .ok("StopExecution", json!({"executionArn": arn}))
        .await;
    world.clock.advance_millis(91 * DAY_MILLIS);
    assert_eq!(forget(&world).await, 1);
    world.restart().await;
    // In the same partition, with the same first task.
    let again = world.start("W", "a", "{}").await;
    world.token().await;
    let late = json!({"taskToken": token, "output": "1"});
    let refused = world.err("SendTaskSuccess", late).await;
    assert!(refused.starts_with("TaskDoesNotExist"), "{refused}");
    let shown = world
        .ok("DescribeExecution", json!({"executionArn": again}))
        .await;
    assert_eq!(shown["status"], "RUNNING");
}

#[tokio::test]
async fn a_map_run_goes_with_its_parent() {
    let limits = Limits {
        history_days: 1,
        ..Limits::default()
    };
    let world = World::within(limits).await;
    let map = json!({"StartAt": "M", "States": {"M": {
        "Type": "Map", "End": true, "Label": "L",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}},
        },
    }}});
    world.create("M", &map).await;
    let arn = world.start("M", "e", "[1,2,3]").await;
    assert_eq!(world.until_closed(&arn).await["status"], "SUCCEEDED");
    let runs = world.ok("ListMapRuns", json!({"executionArn": arn})).await;
    let run = json!({"mapRunArn": runs["mapRuns"][0]["mapRunArn"]});
    world.clock.advance_millis(2 * DAY_MILLIS);
    let mut forgotten = 0;
    // Children are in partitions before their parent's, or behind it.
    for _ in 0..2 {
        forgotten += forget(&world).await;
    }
    assert_eq!(forgotten, 4);
    let refused = world.err("DescribeMapRun", run).await;
    assert!(refused.starts_with("ResourceNotFound"), "{refused}");
    for space in [Space::MapRuns, Space::Executions, Space::Journal] {
        assert_eq!(rows(&world, space).await, 0, "{space:?}");
    }
}

#[tokio::test]
async fn what_nobody_is_shown_is_kept_for_a_week() {
    let world = World::new().await;
    let input = json!({
        "name": "X", "definition": pass().to_string(), "roleArn": common::ROLE, "type": "EXPRESS",
    });
    world.ok("CreateStateMachine", input).await;
    let started = world
        .ok(
            "StartExecution",
            json!({"stateMachineArn": machine_arn("X")}),
        )
        .await;
    let of = json!({"executionArn": started["executionArn"]});
    let is_over = |shown: &Value| shown["status"] == "SUCCEEDED";
    while !is_over(&world.seen("DescribeExecution", of.clone()).await) {
        tokio::task::yield_now().await;
    }
    world.clock.advance_millis(6 * DAY_MILLIS);
    assert_eq!(forget(&world).await, 0);
    world.clock.advance_millis(2 * DAY_MILLIS);
    assert_eq!(forget(&world).await, 1);
    assert_eq!(rows(&world, Space::Journal).await, 0);
}

/// Returns a world whose executions are all in one partition.
async fn in_one_partition(limits: Limits) -> World {
    let mut world = World::within(limits).await;
    let one = (
        Key::new(Space::Meta, "partitions"),
        Bytes::from_static(&[0, 1]),
    );
    let batch = Batch {
        put: vec![one],
        ..Batch::default()
    };
    world.store.commit(batch).await.expect("writes");
    world.restart().await;
    world
}

#[tokio::test]
async fn a_sweep_reads_young_executions_once() {
    let world = in_one_partition(Limits::default()).await;
    world.create("M", &pass()).await;
    let input = json!({
        "name": "X", "definition": pass().to_string(), "roleArn": common::ROLE, "type": "EXPRESS",
    });
    world.ok("CreateStateMachine", input).await;
    let start = json!({"stateMachineArn": machine_arn("X")});
    let express = world.ok("StartExecution", start).await;
    let of = json!({"executionArn": express["executionArn"]});
    while world.seen("DescribeExecution", of.clone()).await["status"] == "RUNNING" {
        tokio::task::yield_now().await;
    }
    for number in 0..600 {
        let arn = world.start("M", &format!("e{number}"), "{}").await;
        world.until_closed(&arn).await;
    }
    world.clock.advance_millis(8 * DAY_MILLIS);
    assert_eq!(forget(&world).await, 1);
    world.store.scanned.store(0, Ordering::SeqCst);
    assert_eq!(forget(&world).await, 0);
    let read = world.store.scanned.load(Ordering::SeqCst);
    assert!(read <= 512, "{read}");
}

#[tokio::test]
async fn one_that_began_anew_hides_none_behind_it() {
    let limits = Limits {
        history_days: 1,
        ..Limits::default()
    };
    let world = in_one_partition(limits).await;
    let map = json!({"StartAt": "M", "States": {"M": {
        "Type": "Map", "End": true, "Label": "L",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}},
        },
    }}});
    world.create("M", &map).await;
    world.create("P", &pass()).await;
    let redriven = world.start("M", "e", "[1]").await;
    assert_eq!(world.until_closed(&redriven).await["status"], "FAILED");
    let old = world.start("P", "old", "{}").await;
    world.until_closed(&old).await;
    world.clock.advance_millis(DAY_MILLIS - 3_600_000);
    let of = json!({"executionArn": redriven});
    world.ok("RedriveExecution", of.clone()).await;
    let failed = |answer: &Result<Value, Failure>| {
        let shown = answer.as_ref();
        shown.is_ok_and(|shown| shown["status"] == "FAILED")
    };
    let ended = world.until("DescribeExecution", of, failed).await;
    ended.expect("was just described");
    world.clock.advance_millis(2 * 3_600_000);
    assert_eq!(forget(&world).await, 1);
    let refused = world
        .err("DescribeExecution", json!({"executionArn": old}))
        .await;
    assert!(refused.starts_with("ExecutionDoesNotExist"), "{refused}");
}
