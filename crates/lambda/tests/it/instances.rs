//! How instances come, stay and go.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::world::{World, archive, is_there, until};

const PID: &str = "let count = 0; exports.handler = async (event) => {
    if (event.sleep) await new Promise((done) => setTimeout(done, event.sleep));
    return { pid: process.pid, count: ++count, version: 1 } }";

fn is_there_as(pid: &Value) -> bool {
    std::process::Command::new("kill")
        .args(["-0", &pid.to_string()])
        .output()
        .is_ok_and(|output| output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_are_reused_and_multiply_up_to_the_limit() {
    if !is_there("node") {
        return;
    }
    let world = World::with(|options| options.instances_per_function_max = 3).await;
    world.node("f", PID).await;
    let first = world.invoke("f", json!({})).await.json();
    let second = world.invoke("f", json!({})).await.json();
    assert_eq!(
        (&first["pid"], &second["count"]),
        (&second["pid"], &json!(2))
    );
    let answers = join_all((0..9).map(|_| world.invoke("f", json!({ "sleep": 30 })))).await;
    let pids: HashSet<String> = answers
        .iter()
        .map(|answer| answer.json()["pid"].to_string())
        .collect();
    assert_eq!(pids.len(), 3, "{pids:?}");
    world.lambda.shutdown().await;
    until("nothing is left", async || {
        pids.iter()
            .all(|pid| !is_there_as(&pid.parse().expect("a number")))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_limits_calls_wait_and_are_refused() {
    if !is_there("node") {
        return;
    }
    let world = World::with(|options| {
        options.instances_per_function_max = 1;
        options.instances_max = 1;
        options.queue_timeout = Duration::from_millis(300);
    })
    .await;
    world.node("f", PID).await;
    world.node("g", PID).await;
    world.invoke("f", json!({})).await;
    // The idle instance of f makes room for g.
    world.invoke("g", json!({})).await;
    let mut log = world.starts("g").await;
    let slow = world.invoke("g", json!({ "sleep": 1500 }));
    let refused = async {
        log.next().await;
        let call = |name: &str| {
            world.call_with(
                "Invoke",
                json!({ "FunctionName": name }),
                bytes::Bytes::new(),
            )
        };
        (call("g").await, call("f").await)
    };
    let (slow, (busy, full)) = tokio::join!(slow, refused);
    assert!(!slow.failed());
    for failure in [busy.expect_err("busy"), full.expect_err("full")] {
        assert_eq!(
            (&*failure.code, failure.status, &*failure.message),
            ("TooManyRequestsException", 429, "Rate Exceeded.")
        );
    }
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_lets_the_old_finish_and_starts_the_new() {
    if !is_there("node") {
        return;
    }
    let world = World::new().await;
    world.node("f", PID).await;
    world.invoke("f", json!({})).await;
    let code = STANDARD.encode(archive(&[(
        "index.js",
        &PID.replace("version: 1", "version: 2"),
    )]));
    let mut log = world.starts("f").await;
    let old = world.invoke("f", json!({ "sleep": 400 }));
    let update = async {
        log.next().await;
        world
            .call(
                "UpdateFunctionCode",
                json!({ "FunctionName": "f", "ZipFile": code }),
            )
            .await
            .expect("updated");
        world.invoke("f", json!({})).await
    };
    let (old, new) = tokio::join!(old, update);
    let (old, new) = (old.json(), new.json());
    assert_eq!((&old["version"], &new["version"]), (&json!(1), &json!(2)));
    until("the old instance is gone", async || {
        !is_there_as(&old["pid"])
    })
    .await;
    assert!(is_there_as(&new["pid"]));
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_instances_go_and_dead_ones_are_replaced() {
    if !is_there("node") {
        return;
    }
    let world = World::with(|options| options.idle_timeout = Duration::from_millis(200)).await;
    world.node("f", PID).await;
    let first = world.invoke("f", json!({})).await.json();
    until("the idle instance is gone", async || {
        !is_there_as(&first["pid"])
    })
    .await;
    let second = world.invoke("f", json!({})).await.json();
    assert_ne!(first["pid"], second["pid"]);
    world.lambda.shutdown().await;

    let world = World::new().await;
    // It ends itself after it has answered.
    world.node("f", "exports.handler = async () => { setTimeout(() => process.exit(1), 500); return process.pid }").await;
    let mut pids = HashSet::new();
    for _ in 0..4 {
        let answer = world.invoke("f", json!({})).await;
        assert!(!answer.failed(), "{:?}", answer.json());
        let pid = answer.json();
        // An event that came to it before it has ended would end with it, and rightly so.
        until("the instance has ended", async || !is_there_as(&pid)).await;
        pids.insert(pid.to_string());
    }
    assert_eq!(pids.len(), 4, "{pids:?}");
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_do_not_outlive_their_credentials() {
    if !is_there("node") {
        return;
    }
    let mut world = World::new().await;
    world.node("f", PID).await;
    world.credential_seconds = 70;
    world.restart(|_| {}).await;
    let first = world.invoke("f", json!({})).await.json();
    let second = world.invoke("f", json!({})).await.json();
    // 20 seconds for the function and a minute's margin are more than 70.
    assert_ne!(first["pid"], second["pid"]);
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_does_not_stop_the_function() {
    if !is_there("node") {
        return;
    }
    let world = World::new().await;
    world.node("f", PID).await;
    world.invoke("f", json!({})).await;
    let impatient = tokio::time::timeout(
        Duration::from_millis(50),
        world.invoke("f", json!({ "sleep": 300 })),
    );
    assert!(impatient.await.is_err());
    let begun = Instant::now();
    until(
        "the instance has counted the event that nobody waits for",
        async || {
            world.invoke("f", json!({})).await.json()["count"]
                .as_u64()
                .is_some_and(|count| count > 2)
        },
    )
    .await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    world.lambda.shutdown().await;
}

/// Runs in a process of its own, as the server that the next test kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "not a test: it never ends by itself"]
async fn a_server_to_kill() {
    let world = World::new().await;
    let code = "exports.handler = async () => {
        console.log('instance ' + process.pid);
        for (;;); }";
    world.node("f", code).await;
    let mut log = world.tail("f", true).await;
    let tell = async {
        while let Some(entry) = log.next().await {
            println!("{}", entry.message);
        }
    };
    // Told only once it computes: an instance that waits would see by itself that the server is gone.
    tokio::join!(tell, world.invoke("f", json!({})));
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_end_with_a_server_that_is_killed() {
    if !is_there("node") {
        return;
    }
    // What it leaves behind goes with this folder.
    let directory = tempfile::tempdir().expect("a directory");
    let mut server = tokio::process::Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "instances::a_server_to_kill",
            "--ignored",
            "--nocapture",
        ])
        .env("TMPDIR", directory.path())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    let pid = loop {
        let line = lines
            .next_line()
            .await
            .expect("read")
            .expect("it tells the instance");
        if let Some((_, pid)) = line.split_once("instance ") {
            break json!(pid.trim().parse::<i32>().expect("a number"));
        }
    };
    assert!(is_there_as(&pid));
    server.kill().await.expect("killed");
    until(
        "the instance, which computes without end, is gone",
        async || !is_there_as(&pid),
    )
    .await;
}
