//! Events that nobody waits for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use store::{Range, Space, Store};

use crate::world::{World, data, is_there, until};

async fn rows(world: &World) -> usize {
    let store: Arc<dyn Store> = Arc::clone(&world.store) as _;
    store.scan(&Range::prefix(Space::Functions, b"event/"), 100).await.expect("rows").len()
}

/// Appends a line for every event that it sees, and fails if it is told to.
const CODE: &str = "const fs = require('fs'); exports.handler = async (event) => {
    fs.appendFileSync(process.env.SEEN, event.name + '\\n'); if (event.fail) throw new Error('told to') }";

async fn accept(world: &World, event: serde_json::Value) {
    let input = json!({ "FunctionName": "f", "InvocationType": "Event" });
    let answer = world.call_with("Invoke", input, event.to_string().into()).await.expect("accepted");
    assert_eq!((answer.output, answer.payload), (json!({ "StatusCode": 202 }), Bytes::new()));
}

async fn world_with(delays: Vec<Duration>) -> (World, std::path::PathBuf) {
    let world = World::with(|options| options.event_retry_delays = delays).await;
    let seen = data(&world, "seen");
    std::fs::write(&seen, "").expect("written");
    let variables = json!({ "Environment": { "Variables": { "SEEN": seen } } });
    world.create("f", "nodejs20.x", "index.handler", &[("index.js", CODE)], variables).await;
    (world, seen)
}

fn count(seen: &std::path::Path, name: &str) -> usize {
    std::fs::read_to_string(seen).expect("read").lines().filter(|line| *line == name).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_delivered_once_and_tried_thrice_if_it_fails() {
    if !is_there("node") {
        return;
    }
    let (world, seen) = world_with(vec![Duration::ZERO, Duration::from_millis(10)]).await;
    accept(&world, json!({ "name": "good" })).await;
    accept(&world, json!({ "name": "bad", "fail": true })).await;
    until("every row is done", async || rows(&world).await == 0).await;
    assert_eq!((count(&seen, "good"), count(&seen, "bad")), (1, 3));
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_waits_survives_a_restart() {
    if !is_there("node") {
        return;
    }
    let hour = Duration::from_secs(3600);
    let (mut world, seen) = world_with(vec![hour]).await;
    accept(&world, json!({ "name": "bad", "fail": true })).await;
    until("the first try is over", async || count(&seen, "bad") == 1).await;
    until("the second try is noted", async || {
        let store: Arc<dyn Store> = Arc::clone(&world.store) as _;
        let rows = store.scan(&Range::prefix(Space::Functions, b"event/"), 9).await.expect("rows");
        rows.len() == 1 && String::from_utf8_lossy(&rows[0].1).contains("\"failures\":1")
    })
    .await;
    world.restart(|_| {}).await;
    assert_eq!((rows(&world).await, count(&seen, "bad")), (1, 1), "it waits for its hour");
    // A row that is due: what a server leaves that is killed between accepting and delivering.
    let store: Arc<dyn Store> = Arc::clone(&world.store) as _;
    let found = store.scan(&Range::prefix(Space::Functions, b"event/"), 9).await.expect("rows");
    let mut row: serde_json::Value = serde_json::from_slice(&found[0].1).expect("JSON");
    row["due_at"] = json!(0);
    let put = vec![(store::Key::new(Space::Functions, found[0].0.clone()), Bytes::from(row.to_string()))];
    store.commit(store::Batch { put, ..store::Batch::default() }).await.expect("committed");
    world.restart(|options| options.event_retry_delays = vec![]).await;
    until("every row is done", async || rows(&world).await == 0).await;
    assert_eq!(count(&seen, "bad"), 2);
    world.lambda.shutdown().await;
}
