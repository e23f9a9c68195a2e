//! Topics, rules, schedules, parameters and secrets through boto3 (`clients/messaging.py`), and what a kill
//! leaves of them.

use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::{Server, tools};

/// Runs chapters of the program against `server`.
fn run(server: &Server, chapters: &[&str]) -> anyhow::Result<()> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/messaging.py");
    let output = Command::new(tools()?.join("venv/bin/python"))
        .arg(script)
        .args(chapters)
        .envs(server.env())
        .output()
        .context("could not start python")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{chapters:?}: {text}");
    Ok(())
}

#[test]
fn topics_rules_and_executions_are_heard_of() -> anyhow::Result<()> {
    let server = Server::start()?;
    run(&server, &["topics", "fifo", "rules", "executions"])
}

#[test]
fn schedules_parameters_and_secrets_are_kept() -> anyhow::Result<()> {
    let server = Server::start()?;
    run(&server, &["schedules", "secrets"])
}

#[test]
fn templates_have_all_of_them() -> anyhow::Result<()> {
    let server = Server::start()?;
    run(&server, &["templates"])
}

#[test]
fn templates_change_what_they_made() -> anyhow::Result<()> {
    let server = Server::start()?;
    run(&server, &["template_changes"])
}

#[test]
fn what_was_missed_fires_once() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let aws = server.aws()?;
    let made = aws.call(&["sqs", "create-queue", "--queue-name", "ticks"])?;
    ensure!(made["QueueUrl"].is_string(), "{made}");
    let target = json!({"Arn": "arn:aws:sqs:us-east-1:000000000000:ticks", "Input": "{}",
        "RoleArn": "arn:aws:iam::000000000000:role/any"});
    let now = aws.call(&[
        "sqs",
        "get-queue-attributes",
        "--queue-url",
        "ticks",
        "--attribute-names",
        "All",
    ])?;
    let now: i64 = now["Attributes"]["CreatedTimestamp"]
        .as_str()
        .context("a time")?
        .parse()?;
    // Due while nobody is there; the server is killed before.
    let due = vocab_time((now + 8) * 1000);
    aws.call(&[
        "scheduler",
        "create-schedule",
        "--name",
        "once",
        "--schedule-expression",
        &format!("at({due})"),
        "--flexible-time-window",
        "Mode=OFF",
        "--target",
        &target.to_string(),
    ])?;
    server.kill9()?;
    testkit::until("the time has passed", || {
        let passed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        Ok((passed.as_secs() as i64 > now + 8).then_some(()))
    })?;
    server.restart()?;
    let aws = server.aws()?;
    let receive = [
        "sqs",
        "receive-message",
        "--queue-url",
        "ticks",
        "--wait-time-seconds",
    ];
    let first = aws.call(&[&receive[..], &["20"]].concat())?;
    ensure!(
        first["Messages"].as_array().map(Vec::len) == Some(1),
        "{first}"
    );
    let more = aws.call(&[&receive[..], &["1"]].concat())?;
    ensure!(more.get("Messages").is_none_or(Value::is_null), "{more}");
    Ok(())
}

/// Returns a moment as schedules write it.
fn vocab_time(millis: i64) -> String {
    let text = vocab::Timestamp::from_millis(millis).to_string();
    text.split('.').next().unwrap_or_default().to_owned()
}

#[test]
fn signatures_are_of_the_same_key_after_a_kill() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let mut names = Vec::new();
    for _ in 0..2 {
        let aws = server.aws()?;
        let arn = "arn:aws:sqs:us-east-1:000000000000:signed";
        let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}});
        let attributes = json!({"Policy": policy.to_string()}).to_string();
        let make = ["sqs", "create-queue", "--queue-name", "signed"];
        aws.call(&[&make[..], &["--attributes", &attributes]].concat())?;
        let topic = aws.call(&["sns", "create-topic", "--name", "signed"])?;
        let topic = topic["TopicArn"].as_str().context("an ARN")?;
        let subscribe = ["sns", "subscribe", "--topic-arn", topic];
        let queue = ["--protocol", "sqs", "--notification-endpoint", arn];
        aws.call(&[&subscribe[..], &queue].concat())?;
        aws.call(&["sns", "publish", "--topic-arn", topic, "--message", "x"])?;
        let receive = ["sqs", "receive-message", "--queue-url", "signed"];
        let received = aws.call(&[&receive[..], &["--wait-time-seconds", "20"]].concat())?;
        let body = received["Messages"][0]["Body"].as_str();
        let body: Value = serde_json::from_str(body.context("a message")?)?;
        ensure!(body["SignatureVersion"] == "1", "{body}");
        let url = body["SigningCertURL"].as_str().context("an address")?;
        names.push(url.rsplit('/').next().map(str::to_owned));
        let handle = received["Messages"][0]["ReceiptHandle"].as_str();
        let delete = ["sqs", "delete-message", "--queue-url", "signed"];
        let handle = ["--receipt-handle", handle.context("a handle")?];
        aws.call(&[&delete[..], &handle].concat())?;
        server.kill9()?;
        server.restart()?;
    }
    ensure!(names[0] == names[1], "{names:?}");
    Ok(())
}
