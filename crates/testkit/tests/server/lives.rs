//! Templates through the whole life of a stack, the account looked at after every step; and stacks as the
//! CDK writes them, and calls as Terraform makes them.

use std::path::PathBuf;
use std::process::Command;

use testkit::{Server, repository, tools};

fn folder() -> PathBuf {
    repository().join("crates/testkit/tests/lives")
}

/// Runs a program of the folder with the server's address; it prints a list of findings.
fn check(program: &str, arguments: &[String]) {
    let tools = match tools() {
        Ok(tools) => tools,
        Err(why) => {
            eprintln!("skipped: {why:#}");
            return;
        }
    };
    let server = Server::start().expect("starts");
    let output = Command::new(tools.join("venv/bin/python"))
        .arg(folder().join(program))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(server.env())
        .output()
        .expect("python starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let findings: Vec<String> = serde_json::from_str(&printed).expect("a list of texts");
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn every_template_lives_as_documented() {
    let mut templates: Vec<String> = std::fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    templates.sort();
    assert!(templates.len() >= 20, "{} are too few", templates.len());
    let own = folder().to_string_lossy().into_owned();
    let arguments: Vec<String> = std::iter::once(own).chain(templates).collect();
    check("lives.py", &arguments);
}

#[test]
fn corners_of_the_api_answer_as_documented() {
    check("corners.py", &[]);
}

#[test]
fn what_terraform_reads_back_is_what_it_wrote() {
    check("terraform.py", &[]);
}
