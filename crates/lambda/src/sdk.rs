//! The AWS SDKs that Lambda's runtimes bring along: installed once, when a function first needs one.
//!
//! A set is a folder in the cache directory, named after what is in it, so that several servers and
//! versions share it. It appears under its name only when it is whole. Nothing is installed when the
//! server starts, and a function that uses no SDK never waits for one.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::sync::Mutex;

/// How long an installation may take.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(180);
/// How long a failed installation is not tried again.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// aws-sdk v2, for `nodejs16.x` and older.
const NODE_V2: &[&str] = &["aws-sdk@2.1693.0"];

/// The clients of aws-sdk v3 that a workflow's functions use, for `nodejs18.x` and newer.
const NODE_V3: &[&str] = &[
    "@aws-sdk/client-dynamodb@3.1164.0",
    "@aws-sdk/client-eventbridge@3.1169.0",
    "@aws-sdk/client-lambda@3.1164.0",
    "@aws-sdk/client-s3@3.1169.0",
    "@aws-sdk/client-secrets-manager@3.1163.0",
    "@aws-sdk/client-sfn@3.1163.0",
    "@aws-sdk/client-sns@3.1169.0",
    "@aws-sdk/client-sqs@3.1169.0",
    "@aws-sdk/client-ssm@3.1169.0",
    "@aws-sdk/client-sts@3.1169.0",
    "@aws-sdk/lib-dynamodb@3.1162.0",
    "@aws-sdk/s3-request-presigner@3.1163.0",
    "@aws-sdk/util-dynamodb@3.996.9",
];

/// boto3, for Python.
const PYTHON: &[&str] = &["boto3==1.43.11"];

/// One set of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SdkSet {
    /// `aws-sdk`.
    NodeV2,
    /// `@aws-sdk/*`.
    NodeV3,
    /// `boto3`.
    Python,
}

impl SdkSet {
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::NodeV2 => NODE_V2,
            Self::NodeV3 => NODE_V3,
            Self::Python => PYTHON,
        }
    }

    /// The folder's name; its number is raised whenever the packages change.
    fn folder(self) -> &'static str {
        match self {
            Self::NodeV2 => "node-aws-sdk-2.1693.0",
            Self::NodeV3 => "node-aws-sdk-v3-1",
            Self::Python => "python-boto3-1.43.11",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::NodeV2 => "aws-sdk",
            Self::NodeV3 => "@aws-sdk",
            Self::Python => "boto3",
        }
    }
}

/// The cache of SDKs.
pub struct SdkCache {
    directory: PathBuf,
    /// One installation at a time, and when each last failed and why.
    failures: Mutex<Vec<(SdkSet, Instant, String)>>,
}

impl SdkCache {
    /// Keeps SDKs in `directory`, which is created when the first is installed.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, failures: Mutex::default() }
    }

    /// Returns the folder in which modules of `set` are found, after installing it if need be.
    ///
    /// `program` is what runs functions that use the set: for Python it is also what installs.
    /// The error is a sentence for whoever's function misses the SDK.
    pub async fn ensure(&self, set: SdkSet, program: &Path) -> Result<PathBuf, String> {
        let target = self.directory.join(set.folder());
        let modules = match set {
            SdkSet::NodeV2 | SdkSet::NodeV3 => target.join("node_modules"),
            SdkSet::Python => target.clone(),
        };
        if modules.is_dir() {
            return Ok(modules);
        }
        let mut failures = self.failures.lock().await;
        if modules.is_dir() {
            return Ok(modules);
        }
        failures.retain(|(_, at, _)| at.elapsed() < RETRY_AFTER);
        if let Some((_, _, problem)) = failures.iter().find(|(failed, _, _)| *failed == set) {
            return Err(problem.clone());
        }
        match self.install(set, program, &target).await {
            Ok(()) => Ok(modules),
            Err(reason) => {
                let problem = format!(
                    "stepd provides {} as Lambda does, but could not install it into its cache: {reason}",
                    set.name()
                );
                tracing::warn!(sdk = set.name(), %reason, "could not install an SDK for functions");
                failures.push((set, Instant::now(), problem.clone()));
                Err(problem)
            }
        }
    }

    async fn install(&self, set: SdkSet, program: &Path, target: &Path) -> Result<(), String> {
        let partial = self.directory.join(format!(".partial-{}", uuid::Uuid::new_v4().simple()));
        tokio::fs::create_dir_all(&partial).await.map_err(|error| format!("the cache: {error}"))?;
        tracing::info!(sdk = set.name(), "installing an SDK for functions");
        let started = Instant::now();
        let mut command = match set {
            SdkSet::NodeV2 | SdkSet::NodeV3 => npm_install(&partial),
            SdkSet::Python => pip_install(program, &partial),
        };
        command.args(set.packages());
        let mut result = run(command).await;
        if result.is_ok() {
            result = match tokio::fs::rename(&partial, target).await {
                Ok(()) => Ok(()),
                // Another server installed the same.
                Err(_) if target.is_dir() => Ok(()),
                Err(error) => Err(format!("the cache: {error}")),
            };
        }
        // Gone already when it was renamed.
        let _ = tokio::fs::remove_dir_all(&partial).await;
        tracing::info!(sdk = set.name(), seconds = started.elapsed().as_secs_f64(), ok = result.is_ok(), "installed");
        result
    }
}

fn npm_install(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command
        .args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"])
        .args(["--fetch-retries=1", "--prefix"])
        .arg(folder)
        .current_dir(folder);
    command
}

fn pip_install(python: &Path, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary=:all:"])
        .args(["--retries", "1", "--target"])
        .arg(folder)
        .current_dir(folder);
    command
}

async fn run(mut command: Command) -> Result<(), String> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{name} is not installed"),
        _ => format!("{name} could not be started: {error}"),
    })?;
    let output = match tokio::time::timeout(INSTALL_TIMEOUT, child.wait_with_output()).await {
        Ok(output) => output.map_err(|error| format!("{name}: {error}"))?,
        Err(_) => return Err(format!("{name} took longer than {} seconds", INSTALL_TIMEOUT.as_secs())),
    };
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no reason given");
    Err(format!("{name} failed: {last}"))
}
