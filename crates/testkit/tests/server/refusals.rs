//! Bad input through the AWS command line: a row a case, and the server none the worse for it.

use anyhow::{Context, ensure};
use serde_json::json;
use testkit::{Aws, Server};

use crate::command_line::{ROLE, closed, create, passing, start};

const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:there";

/// The most that an input, an output or a definition's text may hold, in bytes.
const INPUT_BYTES_MAX: usize = 262_144;

const CASES: &str = include_str!("refusals.txt");

/// Checks that `aws stepfunctions ARGUMENTS…` is refused with `code` and a message that holds
/// `message`.
fn check(aws: &Aws, arguments: &[&str], code: &str, message: &str) -> anyhow::Result<()> {
    let refusal = aws.refused(&[&["stepfunctions"], arguments].concat())?;
    let shown: String = arguments.join(" ").chars().take(200).collect();
    let expected = refusal.code == code && refusal.message.contains(message);
    ensure!(
        expected,
        "{shown}\n  was refused with {refusal:?}\n  and not with {code}: {message}"
    );
    Ok(())
}

/// Splits `text` at blanks that are not within single quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("it begins with one").push(other),
        }
    }
    words
}

#[test]
fn what_makes_no_sense_is_refused_in_the_words_of_aws() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    ensure!(
        create(&aws, "there", &passing(json!(1)))? == MACHINE,
        "the machine's ARN"
    );
    closed(&aws, &start(&aws, MACHINE, "taken", "{}")?)?;
    let no_machine = MACHINE.replace(":there", ":nowhere");
    let names = [
        (
            "$EXECUTIONS",
            MACHINE.replace(":stateMachine:", ":execution:"),
        ),
        ("$GOOD", passing(json!(1)).to_string()),
        ("$LONG_NAME", "n".repeat(81)),
        ("$MACHINE", MACHINE.to_owned()),
        ("$NO_MACHINE", no_machine),
        ("$OTHER", passing(json!(2)).to_string()),
        ("$ROLE", ROLE.to_owned()),
    ];
    let lines: Vec<&str> = CASES
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let mut failures = Vec::new();
    for case in lines.chunks(2) {
        let [arguments, refusal] = case else {
            anyhow::bail!("a case has two lines: {case:?}")
        };
        let told = |text: &str| {
            names.iter().fold(text.to_owned(), |text, (name, value)| {
                text.replace(name, value)
            })
        };
        let (code, message) = refusal
            .trim_start()
            .split_once(": ")
            .context("a code and a message")?;
        let arguments: Vec<String> = words(arguments).iter().map(|word| told(word)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        failures.extend(
            check(&aws, &arguments, code, &told(message))
                .err()
                .map(|error| error.to_string()),
        );
    }
    ensure!(
        failures.is_empty(),
        "{} of {} cases\n{}",
        failures.len(),
        lines.len() / 2,
        failures.join("\n")
    );
    Ok(())
}

#[test]
fn an_input_may_be_as_long_as_the_limit() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    create(
        &aws,
        "there",
        &json!({ "StartAt": "A", "States": { "A": { "Type": "Succeed" } } }),
    )?;
    let file = |name: &str, bytes: usize| -> anyhow::Result<String> {
        let path = server.folder().join(name);
        let text = format!("\"{}\"", "x".repeat(bytes - 2));
        std::fs::write(&path, text).context("could not write the input")?;
        Ok(format!("file://{}", path.display()))
    };
    let fits = file("fits.json", INPUT_BYTES_MAX)?;
    let execution = start(&aws, MACHINE, "fits", &fits)?;
    let execution = closed(&aws, &execution)?;
    ensure!(
        execution["status"] == "SUCCEEDED",
        "{}",
        execution["status"]
    );
    ensure!(
        execution["output"].as_str().map(str::len) == Some(INPUT_BYTES_MAX),
        "the output is whole"
    );
    let over = file("over.json", INPUT_BYTES_MAX + 1)?;
    let arguments = [
        "start-execution",
        "--state-machine-arn",
        MACHINE,
        "--input",
        &over,
    ];
    check(
        &aws,
        &arguments,
        "ValidationException",
        "Member must have length less than or equal to 262144",
    )
}

#[test]
fn strangers_are_turned_away() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let list = ["stepfunctions", "list-state-machines"];
    let wrong_secret = aws
        .clone()
        .with("AWS_SECRET_ACCESS_KEY", "a-guess")
        .refused(&list)?;
    ensure!(
        wrong_secret.code == "InvalidSignatureException",
        "{wrong_secret:?}"
    );
    let unknown_key = aws
        .clone()
        .with("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .refused(&list)?;
    ensure!(
        unknown_key.code == "UnrecognizedClientException",
        "{unknown_key:?}"
    );
    let unsigned = aws.refused(&[list.as_slice(), &["--no-sign-request"]].concat())?;
    ensure!(
        unsigned.code == "MissingAuthenticationTokenException",
        "{unsigned:?}"
    );
    // A service that is not there says so, and the one that is goes on.
    let elsewhere = aws.refused(&["kms", "list-keys"])?;
    ensure!(elsewhere.message.contains("kms"), "{elsewhere:?}");
    ensure!(
        aws.call(&list)?["stateMachines"] == json!([]),
        "the server goes on"
    );
    Ok(())
}
