//! `cargo xtask test`: everything that must hold before a change lands, in one command.
//!
//! One profile and one target directory; every step runs even when an earlier one failed, so that
//! one run tells all. The last line sums up.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};

use crate::{codegen, console, tidy, tools, workspace};

/// What the tests said, added up over all test programs.
#[derive(Default)]
struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Runs all steps; `--quick` leaves out those that start a server.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    workspace::refuse_unknown(arguments, &["--quick"], &[])?;
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let started = Instant::now();
    let mut totals = Totals::default();
    let mut failures = Vec::new();
    let mut step = |name: &'static str, work: &mut dyn FnMut() -> anyhow::Result<()>| {
        println!("\n== {name}");
        let begun = Instant::now();
        let outcome = work();
        println!(
            "== {name}: {} in {} s",
            if outcome.is_ok() { "ok" } else { "FAILED" },
            begun.elapsed().as_secs()
        );
        if let Err(error) = outcome {
            eprintln!("error: {error:#}");
            failures.push(name);
        }
    };
    step("format", &mut || {
        workspace::run(&mut workspace::cargo(&["fmt", "--all", "--check"]))
    });
    step("tidy", &mut tidy::run);
    step("generated code", &mut || codegen::run(true));
    step("console", &mut || {
        console::build().and_then(|()| console::test())
    });
    step("clippy", &mut clippy);
    step("tests", &mut || tests(quick, &mut totals));
    if !quick {
        step("walk through the console", &mut || {
            console::walk(&workspace::program("stepd", false), &tools::install()?)
        });
    }
    println!(
        "\n{} tests passed, {} failed, {} ignored; {} s in all",
        totals.passed,
        totals.failed,
        totals.ignored,
        started.elapsed().as_secs()
    );
    if !failures.is_empty() {
        bail!("failed: {}", failures.join(", "));
    }
    println!("everything holds");
    Ok(())
}

fn clippy() -> anyhow::Result<()> {
    let words = [
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    workspace::run(&mut workspace::cargo(&words))
}

/// Builds the server and every test in one go, then runs the tests against that server.
fn tests(quick: bool, totals: &mut Totals) -> anyhow::Result<()> {
    let selection: &[&str] = if quick {
        &["--workspace", "--exclude", "testkit"]
    } else {
        &["--workspace"]
    };
    if quick {
        return count(
            workspace::cargo(&["test", "--no-fail-fast"]).args(selection),
            totals,
        );
    }
    if !workspace::is_installed("node") {
        bail!(
            "node is not installed; the walks run functions on it (Node.js 18 or newer, https://nodejs.org)"
        );
    }
    let tools = tools::install()?;
    // Test targets are named so that the server is built with the same features as the tests.
    workspace::run(workspace::cargo(&["build", "--bins", "--tests"]).args(selection))?;
    let mut test = workspace::cargo(&["test", "--no-fail-fast"]);
    test.args(selection)
        .env("STEPD_BIN", workspace::program("stepd", false))
        .env("STEPD_TOOLS", tools);
    count(&mut test, totals)
}

/// Runs `command`, passes its output on, and adds up the `test result:` lines.
fn count(command: &mut Command, totals: &mut Totals) -> anyhow::Result<()> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start cargo test")?;
    let output = child.stdout.take().expect("the child's output is piped");
    for line in BufReader::new(output).lines() {
        let line = line.context("could not read what the tests print")?;
        println!("{line}");
        if let Some(result) = line.strip_prefix("test result: ") {
            totals.add(result);
        }
    }
    std::io::stdout().flush().context("could not write")?;
    let status = child.wait().context("could not wait for cargo test")?;
    if !status.success() {
        bail!("cargo test failed ({status})");
    }
    Ok(())
}

impl Totals {
    /// Adds `ok. 12 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, result: &str) {
        let words: Vec<&str> = result.split_whitespace().collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else {
                continue;
            };
            match pair[1].trim_end_matches(';') {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Totals;

    #[test]
    fn results_add_up() {
        let mut totals = Totals::default();
        totals.add(
            "ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s",
        );
        totals.add(
            "FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        );
        assert_eq!((totals.passed, totals.failed, totals.ignored), (14, 4, 1));
    }
}
