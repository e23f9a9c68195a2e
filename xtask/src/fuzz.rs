//! `cargo xtask fuzz`: the targets of `fuzz/` under a fuzzer, on stable Rust.
//!
//! The sanitizers of `cargo fuzz` need a nightly compiler; the code forbids `unsafe`, and panics,
//! overflows and failed assertions are found without them.

use std::process::Command;

use anyhow::Context;

use crate::workspace;

/// The targets, in the order in which all of them are run.
const TARGETS: [&str; 5] = [
    "definition",
    "jsonpath",
    "intrinsics",
    "jsonata",
    "interpreter",
];

/// Longest input in bytes, longest time of one input in seconds, most memory in MiB.
const LIMITS: [&str; 3] = ["-max_len=4096", "-timeout=25", "-rss_limit_mb=3000"];

/// Runs one target, or all one after the other, each so many seconds; a finding ends the run.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let (target, seconds) = match arguments {
        [] => (None, "60"),
        [one] if one.parse::<u64>().is_ok() => (None, one.as_str()),
        [target] => (Some(target.as_str()), "60"),
        [target, seconds] => (Some(target.as_str()), seconds.as_str()),
        _ => anyhow::bail!("usage: cargo xtask fuzz [TARGET] [SECONDS]"),
    };
    seconds
        .parse::<u64>()
        .with_context(|| format!("`{seconds}` is no number of seconds"))?;
    if let Some(target) = target.filter(|target| !TARGETS.contains(target)) {
        anyhow::bail!(
            "there is no target `{target}`; there are {}",
            TARGETS.join(", ")
        );
    }
    for known in TARGETS {
        if target.is_none_or(|target| target == known) {
            workspace::run(&mut fuzz(known, seconds)).context(
                "`cargo install cargo-fuzz` brings the command; a finding is in fuzz/artifacts",
            )?;
        }
    }
    Ok(())
}

/// What is found grows in `fuzz/corpus`, which is not committed; it begins with `fuzz/seeds`.
fn fuzz(target: &str, seconds: &str) -> Command {
    let seeds = format!("fuzz/seeds/{target}");
    let corpus = format!("fuzz/corpus/{target}");
    // Where this fails, the fuzzer says so.
    let _ = std::fs::create_dir_all(workspace::root().join(&corpus));
    let mut command = workspace::cargo(&["fuzz", "run", "--sanitizer", "none", target]);
    command
        .args([&corpus, &seeds])
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .args(LIMITS);
    command
}
