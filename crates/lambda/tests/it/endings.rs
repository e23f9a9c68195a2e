//! How invocations end that do not end well, and what the log says of them.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{World, archive, is_there, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_takes_too_long_is_killed_with_all_it_started() {
    if !is_there("node") {
        return;
    }
    let world = World::new().await;
    let code = "const { spawn } = require('child_process');
        exports.handler = async (event) => {
            if (event.quick) return 'quick';
            const child = spawn('sleep', ['1000']);
            console.log('child ' + child.pid);
            await new Promise(() => setInterval(() => {}, 1000));
        }";
    world
        .create(
            "slow",
            "nodejs20.x",
            "index.handler",
            &[("index.js", code)],
            json!({ "Timeout": 1 }),
        )
        .await;
    let begun = Instant::now();
    let answer = world.invoke("slow", json!({})).await;
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    let (error, log) = (answer.json(), answer.log());
    assert!(answer.failed());
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    let message = error["errorMessage"].as_str().expect("a message");
    let request_id = log
        .split("RequestId: ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .expect("an id");
    assert_eq!(
        message,
        format!("RequestId: {request_id} Error: Task timed out after 1.00 seconds")
    );
    assert!(log.contains("Task timed out after 1.00 seconds"), "{log}");
    let child: i32 = log
        .split("child ")
        .nth(1)
        .and_then(|rest| rest.lines().next())
        .expect("a pid")
        .parse()
        .expect("a number");
    until("the function's own child is gone", async || {
        !is_running(child)
    })
    .await;
    assert_eq!(
        world.invoke("slow", json!({ "quick": true })).await.json(),
        "quick"
    );
    world.lambda.shutdown().await;
}

/// Says whether the process is there and not merely waiting to be forgotten.
fn is_running(pid: i32) -> bool {
    let output = std::process::Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .expect("ps");
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_have_lambdas_lines() {
    if !is_there("node") {
        return;
    }
    let world = World::new().await;
    world.node("f", "exports.handler = async () => { console.log('hello\\nyou'); console.error('%s!', 'oh'); process.stderr.write('raw') }").await;
    let log = world.invoke("f", json!({})).await.log();
    let lines: Vec<&str> = log.lines().collect();
    assert!(
        lines[0].starts_with("START RequestId: ") && lines[0].ends_with(" Version: $LATEST"),
        "{log}"
    );
    let id = lines[0].split(' ').nth(2).expect("an id");
    for expected in [
        format!("\t{id}\tINFO\thello\ryou"),
        format!("\t{id}\tERROR\toh!"),
        "raw".to_owned(),
        format!("END RequestId: {id}"),
    ] {
        assert!(
            lines.iter().any(|line| line.ends_with(&expected)),
            "{expected:?} in {log}"
        );
    }
    let last = lines.last().expect("lines");
    assert!(
        last.starts_with(&format!("REPORT RequestId: {id}\tDuration: ")),
        "{log}"
    );
    assert!(
        last.contains("\tBilled Duration: ")
            && last.contains("\tMemory Size: 128 MB")
            && last.contains("\tInit Duration: "),
        "{log}"
    );
    let warm = world.invoke("f", json!({})).await.log();
    assert!(!warm.contains("Init Duration"), "{warm}");

    use futures::StreamExt;
    let entries: Vec<String> = world
        .tail("f", false)
        .await
        .map(|entry| entry.message)
        .collect()
        .await;
    assert_eq!(entries.len(), 12, "{entries:?}");
    let mut live = world.tail("f", true).await.skip(entries.len());
    world.invoke("f", json!({})).await;
    assert!(
        live.next()
            .await
            .expect("an entry")
            .message
            .starts_with("START ")
    );
    assert_eq!(
        world.lambda.log_group("nobody").await.err().map(|e| e.code),
        Some("ResourceNotFoundException".into())
    );
    world.lambda.shutdown().await;
}

/// A custom runtime: a few lines of shell over curl.
fn bootstrap(answer: &str) -> String {
    format!(
        "#!/bin/sh\nset -e\nbase=\"http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime\"\nwhile :; do\n  \
         event=$(curl -sS -D headers.$$ \"$base/invocation/next\" 2>/dev/null || exit 1)\n  \
         id=$(grep -i '^lambda-runtime-aws-request-id' headers.$$ | tr -d '\\r' | cut -d' ' -f2)\n  {answer}\ndone\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_runtimes_answer_what_they_like() {
    if !is_there("curl") {
        return;
    }
    let world = World::new().await;
    let cases = [
        (
            "echo",
            r#"curl -sS -X POST "$base/invocation/$id/response" -d "$event" >/dev/null"#,
            false,
            r#"{"a":1}"#,
        ),
        (
            "garbage",
            r#"curl -sS -X POST "$base/invocation/$id/response" -d 'not { json' >/dev/null"#,
            false,
            "not { json",
        ),
        (
            "nothing",
            r#"curl -sS -X POST "$base/invocation/$id/response" -d '' >/dev/null"#,
            false,
            "",
        ),
        (
            "bad error",
            r#"curl -sS -X POST "$base/invocation/$id/error" -d '}{' >/dev/null"#,
            true,
            "}{",
        ),
        (
            "another's id",
            r#"curl -sS -X POST "$base/invocation/00000000-0000-0000-0000-000000000000/response" -d 1 >/dev/null; curl -sS -X POST "$base/invocation/$id/response" -d 2 >/dev/null"#,
            false,
            "2",
        ),
        (
            "twice",
            r#"curl -sS -X POST "$base/invocation/$id/response" -d 1 >/dev/null; curl -sS -X POST "$base/invocation/$id/response" -d 2 >/dev/null"#,
            false,
            "1",
        ),
    ];
    for (number, (what, answer, failed, expected)) in cases.into_iter().enumerate() {
        let name = format!("f{number}");
        world
            .create(
                &name,
                "provided.al2023",
                "any",
                &[("bootstrap", &bootstrap(answer))],
                json!({}),
            )
            .await;
        for _ in 0..2 {
            let answer = world.invoke(&name, json!({ "a": 1 })).await;
            assert_eq!(
                (answer.failed(), &*answer.payload),
                (failed, expected.as_bytes()),
                "{what}: {}",
                answer.log()
            );
        }
    }
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_that_is_none_is_an_error_of_the_function() {
    let world = World::new().await;
    let cases = [
        (
            "other",
            "x",
            "Runtime.InvalidEntrypoint",
            "Couldn't find valid bootstrap(s)",
        ),
        (
            "bootstrap",
            "\u{0}garbage",
            "Runtime.InvalidEntrypoint",
            "exec format error",
        ),
    ];
    for (number, (file, content, kind, message)) in cases.into_iter().enumerate() {
        let name = format!("f{number}");
        world
            .create(&name, "provided.al2", "any", &[(file, content)], json!({}))
            .await;
        let answer = world.invoke(&name, json!({})).await;
        assert_eq!(
            (answer.failed(), answer.json()["errorType"].as_str()),
            (true, Some(kind))
        );
        assert!(
            answer.json()["errorMessage"]
                .as_str()
                .expect("a message")
                .contains(message),
            "{:?}",
            answer.json()
        );
    }
    assert!(!archive(&[]).is_empty());
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_too_long_is_an_error() {
    if !is_there("node") {
        return;
    }
    let world = World::new().await;
    world
        .node(
            "f",
            "exports.handler = async (event) => 'x'.repeat(event.length)",
        )
        .await;
    assert_eq!(
        world
            .invoke("f", json!({ "length": 6_291_554 }))
            .await
            .payload
            .len(),
        6_291_556
    );
    let answer = world.invoke("f", json!({ "length": 6_291_555 })).await;
    assert_eq!(answer.json()["errorType"], "Function.ResponseSizeTooLarge");
    assert_eq!(
        answer.json()["errorMessage"],
        "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    );
    assert_eq!(world.invoke("f", json!({ "length": 1 })).await.json(), "x");
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_cannot_take_anothers_events() {
    if !is_there("node") {
        return;
    }
    let world = World::new().await;
    let code = "exports.handler = async () => {
        const [address, own] = process.env.AWS_LAMBDA_RUNTIME_API.split('/');
        const paths = ['', '/', `/${'0'.repeat(own.length)}`].map((path) => `http://${address}${path}/2018-06-01/runtime/invocation/next`);
        return Promise.all(paths.map(async (path) => (await fetch(path)).status));
    }";
    world.node("f", code).await;
    assert_eq!(
        world.invoke("f", json!({})).await.json(),
        json!([403, 403, 403])
    );
    world.lambda.shutdown().await;
}
