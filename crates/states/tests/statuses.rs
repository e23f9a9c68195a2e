//! Who wants to hear of executions that begin and end hears of them, and of nothing else.

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use common::{ROLE, World, execution_arn, machine_arn, pass};
use parking_lot::Mutex;
use serde_json::json;
use service::StatusSink;
use store::{Range, Space, Store as _};
use vocab::Timestamp;

/// Hears all but one execution.
#[derive(Default)]
struct Listener {
    /// What was told: the execution, its status, and the milliseconds since the test began.
    told: Mutex<Vec<(String, String, i64)>>,
    /// How the executions end that are not heard.
    deaf_to: Mutex<Option<&'static str>>,
}

#[async_trait]
impl StatusSink for Listener {
    fn wants(&self) -> bool {
        true
    }

    async fn tell(&self, arn: &str, status: &str, at: Timestamp) -> Result<(), String> {
        if self.deaf_to.lock().is_some_and(|end| arn.ends_with(end)) {
            return Err("not now".to_owned());
        }
        let millis = at.as_millis() - 1_700_000_000_000;
        let told = (arn.to_owned(), status.to_owned(), millis);
        self.told.lock().push(told);
        Ok(())
    }
}

/// Waits until so many rows are left to be told.
async fn until_left(world: &World, expected: usize) {
    let all = Range::prefix(Space::StatusBacklog, b"");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let left = world.store.scan(&all, usize::MAX).await.expect("reads");
        if left.len() == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{left:?}");
        tokio::task::yield_now().await;
    }
}

/// Checks what was told since it was checked last.
fn check(listener: &Listener, expected: &[(&str, &str, i64)]) {
    let told = std::mem::take(&mut *listener.told.lock());
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, status, at)| (execution_arn("M", name), (*status).to_owned(), *at))
        .collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn executions_of_express_machines_are_not_told_of() {
    let listener = Arc::new(Listener::default());
    let world = World::heard_by(listener.clone()).await;
    let input = json!({
        "name": "X", "definition": pass().to_string(), "roleArn": ROLE, "type": "EXPRESS",
    });
    world.ok("CreateStateMachine", input).await;
    let start = json!({"stateMachineArn": machine_arn("X")});
    let express = world.ok("StartExecution", start).await;
    let of = json!({"executionArn": express["executionArn"]});
    while world.seen("DescribeExecution", of.clone()).await["status"] == "RUNNING" {
        tokio::task::yield_now().await;
    }
    world.clock.advance_millis(1);
    world.create("M", &pass()).await;
    let arn = world.start("M", "e", "{}").await;
    world.until_closed(&arn).await;
    until_left(&world, 0).await;
    check(&listener, &[("e", "RUNNING", 1), ("e", "SUCCEEDED", 1)]);
}

#[tokio::test]
async fn one_that_is_not_heard_holds_up_no_other() {
    let listener = Arc::new(Listener::default());
    let mut world = World::heard_by(listener.clone()).await;
    world.create("M", &pass()).await;
    *listener.deaf_to.lock() = Some("");
    for name in ["first", "second"] {
        let arn = world.start("M", name, "{}").await;
        world.until_closed(&arn).await;
        world.clock.advance_millis(1);
    }
    *listener.deaf_to.lock() = Some(":first");
    world.restart().await;
    until_left(&world, 2).await;
    check(
        &listener,
        &[("second", "RUNNING", 1), ("second", "SUCCEEDED", 1)],
    );
    *listener.deaf_to.lock() = None;
    world.restart().await;
    until_left(&world, 0).await;
    check(
        &listener,
        &[("first", "RUNNING", 0), ("first", "SUCCEEDED", 0)],
    );
}
