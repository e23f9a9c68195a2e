//! IAM through the AWS command line: what is made, what is refused and how, and what is there after a crash.

use anyhow::{Context, ensure};
use testkit::Server;

#[test]
fn the_command_line_is_answered_as_by_iam() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let mut lines = include_str!("iam.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    while let Some(line) = lines.next() {
        let expected = lines.next().context("a line without an answer")?;
        check(&server, line, expected).with_context(|| line.to_owned())?;
    }
    let before = details(&server)?;
    server.kill9()?;
    server.restart()?;
    ensure!(details(&server)? == before, "something was lost");
    Ok(())
}

fn details(server: &Server) -> anyhow::Result<serde_json::Value> {
    server
        .aws()?
        .call(&["iam", "get-account-authorization-details"])
}

fn check(server: &Server, line: &str, expected: &str) -> anyhow::Result<()> {
    let written = |text: &str| text.replace("$A", "000000000000");
    let (line, expected) = (written(line), written(expected).replace("\\n", "\n"));
    let arguments: Vec<&str> = std::iter::once("iam").chain(line.split(' ')).collect();
    let answer = server.aws()?.try_call(&arguments)?;
    let (kind, expected) = expected.split_at(1);
    let expected = expected.trim_start();
    match (kind, answer) {
        ("=", Ok(value)) => {
            let text = serde_json::to_string_pretty(&value)?;
            ensure!(text.contains(expected), "{text}");
        }
        ("!", Err(refusal)) => {
            let text = format!("{} {}", refusal.code, refusal.message);
            ensure!(text == expected, "{text}");
        }
        (_, Ok(value)) => anyhow::bail!("it worked: {value}"),
        (_, Err(refusal)) => anyhow::bail!("{} {}", refusal.code, refusal.message),
    }
    Ok(())
}
