//! `cargo xtask sim`: random machines in a world whose store, clock and services fail.

use crate::workspace;

/// Runs the simulator over a range of seeds; the first seed that breaks an invariant is printed.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    workspace::refuse_unknown(arguments, &[], &["--seeds", "--from"])?;
    let seeds = workspace::option(arguments, "--seeds")?.unwrap_or("200");
    let from = workspace::option(arguments, "--from")?.unwrap_or("0");
    let words = [
        "run",
        "--quiet",
        "--release",
        "--package",
        "simulator",
        "--",
    ];
    workspace::run(workspace::cargo(&words).args(["--seeds", seeds, "--from", from]))
}
