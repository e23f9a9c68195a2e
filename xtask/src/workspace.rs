//! Where things are, and how other programs are run.
//!
//! Every command runs in the workspace's root, whatever the directory it was called from, and with
//! the target directory that cargo itself would use.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

/// Returns the workspace's root.
pub fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest
        .parent()
        .expect("xtask lies one level below the root")
        .to_owned()
}

/// Returns the directory that cargo builds into.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// Returns the path of the built program `name`.
pub fn program(name: &str, release: bool) -> PathBuf {
    let profile = if release { "release" } else { "debug" };
    target()
        .join(profile)
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Returns `cargo` with `arguments`, to be run in the root.
pub fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Runs `command` with the terminal as its own; an exit code other than zero is an error.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = line_of(command);
    let status = command
        .status()
        .with_context(|| format!("could not start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs `command` and returns what it wrote to its standard output.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let line = line_of(command);
    let output = command
        .output()
        .with_context(|| format!("could not start `{line}`"))?;
    if !output.status.success() {
        bail!(
            "`{line}` failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` wrote no text"))
}

/// Says whether `program` can be started: it answers `--version`.
pub fn is_installed(program: &str) -> bool {
    let probe = Command::new(program).arg("--version").output();
    probe.is_ok_and(|output| output.status.success())
}

/// Returns the value of option `name` among `arguments`.
pub fn option<'a>(arguments: &'a [String], name: &str) -> anyhow::Result<Option<&'a str>> {
    let Some(position) = arguments.iter().position(|argument| argument == name) else {
        return Ok(None);
    };
    match arguments.get(position + 1) {
        Some(value) => Ok(Some(value)),
        None => bail!("{name} needs a value"),
    }
}

/// Refuses every argument that is neither one of `flags` nor one of `options` with its value.
pub fn refuse_unknown(
    arguments: &[String],
    flags: &[&str],
    options: &[&str],
) -> anyhow::Result<()> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if options.contains(&argument.as_str()) {
            rest.next();
        } else if !flags.contains(&argument.as_str()) {
            bail!("there is no option `{argument}` here; `cargo xtask help` lists them");
        }
    }
    Ok(())
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
