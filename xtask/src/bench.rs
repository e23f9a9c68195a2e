//! `cargo xtask bench`: the server's figures, taken over HTTP from the release binary.

use crate::{tools, workspace};

/// Builds the server and the load generator with optimization, and runs them.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let tools = tools::install()?;
    // Built in one go, so that both share every dependency.
    let build = [
        "build",
        "--release",
        "--package",
        "stepd",
        "--package",
        "testkit",
        "--bins",
    ];
    workspace::run(&mut workspace::cargo(&build))?;
    let mut bench = std::process::Command::new(workspace::program("bench", true));
    bench
        .args(arguments)
        .env("STEPD_BIN", workspace::program("stepd", true));
    bench.env("STEPD_TOOLS", tools);
    workspace::run(bench.current_dir(workspace::root()))
}
