//! `cargo xtask tools`: what the tests use besides Rust and Node.js, installed below the target directory.
//!
//! Nothing outside of it is touched, and nothing is installed twice: the requirements that were
//! installed last are kept beside the environment and compared.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::workspace;

const REQUIREMENTS: &str = "crates/testkit/requirements.txt";

/// What comes from npm, by the folder below the tools: the reference implementation of JSONata in the
/// version that AWS runs, and the SDKs for JavaScript, the old one and the new one.
const PACKAGES: [(&str, &[&str]); 2] = [
    ("jsonata", &["jsonata@2.0.6"]),
    (
        "sdks",
        &["aws-sdk@2.1693.0", "@aws-sdk/client-sfn@3.1164.0"],
    ),
];

/// The SDK for Rust as a client: a workspace of its own, because no other build needs the SDK.
const RUST_CLIENT: &str = "crates/testkit/clients/rust/Cargo.toml";

/// The SAM command line, which deploys as the workshop's page does.
const SAM: &str = "aws-sam-cli==1.170.0";

/// Installs the AWS and the SAM command line, the SDKs for Python, JavaScript and Rust and JSONata's reference
/// implementation; returns the directory of the tools.
pub fn install() -> anyhow::Result<PathBuf> {
    let tools = workspace::target().join("tools");
    for (folder, packages) in PACKAGES {
        install_packages(&tools.join(folder), packages)?;
    }
    install_sam(&tools)?;
    build_rust_client(&tools)?;
    let environment = tools.join("venv");
    let requirements = workspace::root().join(REQUIREMENTS);
    let wanted = read(&requirements)?;
    let installed = environment.join("installed-requirements.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(tools);
    }
    if !workspace::is_installed("python3") {
        bail!(
            "python3 is not installed; the tests drive the server with the AWS command line, which needs it"
        );
    }
    println!(
        "installing the AWS command line into {}",
        environment.display()
    );
    std::fs::create_dir_all(&tools)
        .with_context(|| format!("could not create {}", tools.display()))?;
    create_environment(&environment)?;
    let pip = environment.join("bin/pip");
    let options = [
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
    ];
    workspace::run(Command::new(pip).args(options).arg(&requirements))?;
    std::fs::write(&installed, wanted)
        .with_context(|| format!("could not write {}", installed.display()))?;
    Ok(tools)
}

/// Installs the SAM command line into an environment of its own: it wants other versions of what the
/// AWS command line brings.
fn install_sam(tools: &Path) -> anyhow::Result<()> {
    let environment = tools.join("sam");
    let installed = environment.join("installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == SAM) {
        return Ok(());
    }
    if !workspace::is_installed("python3") {
        return Ok(());
    }
    println!("installing {SAM} into {}", environment.display());
    std::fs::create_dir_all(tools)
        .with_context(|| format!("could not create {}", tools.display()))?;
    create_environment(&environment)?;
    let mut pip = Command::new(environment.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", SAM]);
    workspace::run(&mut pip)?;
    std::fs::write(&installed, SAM)
        .with_context(|| format!("could not write {}", installed.display()))
}

/// Builds the client that uses the SDK for Rust; does nothing where nothing of it has changed.
fn build_rust_client(tools: &Path) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--quiet", "--locked", "--manifest-path"])
        .arg(workspace::root().join(RUST_CLIENT))
        .arg("--target-dir")
        .arg(tools.join("rust"));
    workspace::run(&mut cargo)
}

/// Installs packages of npm's into a folder of their own.
fn install_packages(folder: &Path, packages: &[&str]) -> anyhow::Result<()> {
    let installed = folder.join("installed.txt");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    if !workspace::is_installed("npm") {
        bail!(
            "npm is not installed; the tests use {} from there",
            packages.join(", ")
        );
    }
    println!(
        "installing {} into {}",
        packages.join(", "),
        folder.display()
    );
    std::fs::create_dir_all(folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--no-save",
        "--prefix",
    ])
    .arg(folder)
    .args(packages);
    workspace::run(&mut npm)?;
    std::fs::write(&installed, wanted)
        .with_context(|| format!("could not write {}", installed.display()))
}

/// Creates a Python environment; systems that ship Python without `ensurepip` get `virtualenv`.
fn create_environment(environment: &Path) -> anyhow::Result<()> {
    let mut venv = Command::new("python3");
    let created = workspace::output(venv.args(["-m", "venv", "--clear"]).arg(environment));
    let Err(error) = created else { return Ok(()) };
    let site = environment.with_file_name("virtualenv");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--target"])
        .arg(&site)
        .arg("virtualenv");
    workspace::output(&mut pip).with_context(|| {
        format!("Python's venv does not work here ({error:#}), nor does pip; install python3-venv")
    })?;
    let mut virtualenv = Command::new("python3");
    virtualenv
        .args(["-m", "virtualenv", "--clear"])
        .arg(environment)
        .env("PYTHONPATH", &site);
    workspace::output(&mut virtualenv).map(drop)
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
}
