//! How long `StartSyncExecution` takes, from the request being sent to its answer.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::Server;
use testkit::client::{Client, ROLE, Target};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::rates::five;

const CONCURRENCIES: [usize; 2] = [1, 16];

/// Measures a machine of five Pass states, one caller at a time and several at once, by the account's owner and
/// by a user, about whom policies are asked.
pub fn measure(runtime: &Runtime, duration: Duration) -> anyhow::Result<()> {
    println!("\nStartSyncExecution of five Pass states");
    for (concurrency, is_user) in CONCURRENCIES
        .into_iter()
        .flat_map(|n| [(n, false), (n, true)])
    {
        let server = Server::start()?;
        let target = Target::of(&server)?;
        let callers = match is_user {
            true => runtime.block_on(user(&target))?,
            false => target.clone(),
        };
        let mut samples = runtime.block_on(load(&target, &callers, concurrency, duration))?;
        samples.sort_unstable();
        let at = |percent: usize| {
            let place = (samples.len() * percent / 100).min(samples.len() - 1);
            samples[place].as_secs_f64() * 1000.0
        };
        println!(
            "  {concurrency:>4} callers, {}: p50 {:.2} ms, p99 {:.2} ms, {:>8.0} executions/s",
            if is_user {
                "a user with a policy"
            } else {
                "the owner           "
            },
            at(50),
            at(99),
            samples.len() as f64 / duration.as_secs_f64()
        );
    }
    Ok(())
}

/// Makes a user whom a policy lets call one machine under a condition, beside much that is not asked for; and
/// returns the server as the user calls it.
async fn user(target: &Target) -> anyhow::Result<Target> {
    let mut client = target.connect().await?;
    let others = (0..20).map(|n| {
        json!({"Effect": "Deny", "Action": "states:*", "Resource": format!("arn:aws:states:*:*:*:other-{n}*")})
    });
    let mut statements: Vec<Value> = others.collect();
    statements.push(json!({
        "Effect": "Allow", "Action": "states:Start*", "Resource": "arn:aws:states:*:*:stateMachine:s*",
        "Condition": {"StringEquals": {"aws:PrincipalType": "User", "aws:username": "${aws:username}"}},
    }));
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let name = ("UserName", "caller");
    let ask = [
        vec![("Action", "CreateUser"), name],
        vec![
            ("Action", "PutUserPolicy"),
            name,
            ("PolicyName", "p"),
            ("PolicyDocument", &policy),
        ],
        vec![("Action", "CreateAccessKey"), name],
    ];
    let mut answer = String::new();
    for form in ask {
        let (status, text) = client.query("iam", &form).await?;
        ensure!(status == 200, "{status} {text}");
        answer = text;
    }
    let member = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0)
    };
    let (id, secret) = (member("AccessKeyId"), member("SecretAccessKey"));
    let key = id.zip(secret).context("the answer has no key")?;
    Ok(target.with_key(key.0, key.1))
}

async fn load(
    target: &Target,
    caller: &Target,
    concurrency: usize,
    duration: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let mut control = target.connect().await?;
    let input = json!({
        "name": "sync", "type": "EXPRESS", "roleArn": ROLE, "definition": five().to_string(),
    });
    let made = control.call("CreateStateMachine", &input).await?;
    let machine = made["stateMachineArn"].clone();
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..concurrency {
        let mut client = caller.connect().await?;
        let input = json!({ "stateMachineArn": machine, "input": r#"{"a":1}"# });
        callers.spawn(async move {
            let mut samples = Vec::new();
            while begun.elapsed() < duration {
                samples.push(run(&mut client, &input).await?);
            }
            anyhow::Ok(samples)
        });
    }
    let mut samples = Vec::new();
    while let Some(outcome) = callers.join_next().await {
        samples.extend(outcome.context("a caller ended badly")??);
    }
    ensure!(!samples.is_empty(), "nothing was answered in time");
    Ok(samples)
}

async fn run(client: &mut Client, input: &Value) -> anyhow::Result<Duration> {
    let sent = Instant::now();
    let end = client.call("StartSyncExecution", input).await?;
    let took = sent.elapsed();
    ensure!(end["status"] == "SUCCEEDED", "an execution ended as {end}");
    Ok(took)
}
