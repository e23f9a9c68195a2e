//! Where the server's binary and the tools are.
//!
//! `cargo xtask test` names both in the environment. A single test that is run by hand finds them
//! beside itself, and has cargo bring the binary up to date first.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, bail};

/// Returns the path of the `stepd` binary, built once a test program.
pub fn stepd() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| find_or_build().map_err(|error| format!("{error:#}")));
    built.clone().map_err(anyhow::Error::msg)
}

fn find_or_build() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("STEPD_BIN") {
        return Ok(path.into());
    }
    let profile = profile_folder()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "stepd", "--target-dir"]);
    build.arg(
        profile
            .parent()
            .context("a profile's folder lies in the target directory")?,
    );
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let status = build
        .current_dir(crate::repository())
        .status()
        .context("could not start cargo")?;
    if !status.success() {
        bail!("could not build stepd ({status})");
    }
    Ok(profile.join(format!("stepd{}", std::env::consts::EXE_SUFFIX)))
}

/// Returns the directory that `cargo xtask tools` installs into.
pub fn tools() -> anyhow::Result<PathBuf> {
    let tools = match std::env::var_os("STEPD_TOOLS") {
        Some(path) => PathBuf::from(path),
        None => profile_folder()?.with_file_name("tools"),
    };
    if !tools.join("venv/bin/aws").exists() {
        bail!(
            "the AWS command line is not in {}; run `cargo xtask tools` once",
            tools.display()
        );
    }
    Ok(tools)
}

/// Returns `target/debug`, where the running test program lies in `deps`.
fn profile_folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("could not find the test program itself")?;
    let folder = program
        .ancestors()
        .skip(1)
        .find(|folder| !folder.ends_with("deps"));
    Ok(folder
        .context("the test program lies in no folder")?
        .to_owned())
}
