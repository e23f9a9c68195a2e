//! The `stepd` binary as a child process: started, asked to stop, killed, started again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::{Aws, binary, roles, until};

/// The region of every test server.
pub const REGION: &str = "us-east-1";
/// The account of every test server.
pub const ACCOUNT: &str = "000000000000";

const ACCESS_KEY_ID: &str = "AKIATESTKITTESTKIT00";
const SECRET_ACCESS_KEY: &str = "testkit/only+a+secret+of+the+tests+000000";

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the data is kept; a temporary directory, removed with the server, when absent.
    pub data_dir: Option<PathBuf>,
    /// More arguments for `stepd serve`.
    pub arguments: Vec<String>,
    /// More of the environment.
    pub environment: Vec<(String, String)>,
}

/// A running server. Dropped, it is killed and its data is removed.
#[derive(Debug)]
pub struct Server {
    child: Option<Child>,
    endpoint: String,
    ready_in: Duration,
    options: Options,
    /// Holds the data, what the server prints, and whatever a test wants to put there.
    folder: TempDir,
    starts: u32,
}

impl Server {
    /// Starts a server with an empty data directory; returns when it is ready.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(Options::default())
    }

    /// Starts a server with `options`; returns when it is ready.
    pub fn start_with(options: Options) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("stepd-test-").tempdir();
        let folder = folder.context("could not create a temporary directory")?;
        let mut server = Self {
            child: None,
            endpoint: String::new(),
            ready_in: Duration::ZERO,
            options,
            folder,
            starts: 0,
        };
        server.launch()?;
        roles::create(&server).with_context(|| server.log())?;
        Ok(server)
    }

    /// Returns `http://127.0.0.1:PORT`; another port after every start.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns how long the last start took, from launching the process to its ready line.
    pub fn ready_in(&self) -> Duration {
        self.ready_in
    }

    /// Returns the directory that the server keeps its data in.
    pub fn data_dir(&self) -> PathBuf {
        self.options
            .data_dir
            .clone()
            .unwrap_or_else(|| self.folder.path().join("data"))
    }

    /// Returns a directory that a test may use; it goes when the server goes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the process id; `None` while the server is down.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Returns the environment that clients need.
    pub fn env(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
        ];
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Returns the AWS command line, pointed at the server as it runs now.
    pub fn aws(&self) -> anyhow::Result<Aws> {
        Aws::new(self.env(), self.folder.path())
    }

    /// Returns `stepd` with `arguments` and the environment of a client.
    pub fn stepd(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(binary::stepd()?);
        without_aws(&mut command);
        command
            .args(arguments)
            .envs(self.env())
            .envs(cache())
            .current_dir(self.folder.path());
        Ok(command)
    }

    /// Deploys the system in `folder` as `stack` with `stepd deploy`; returns what that printed.
    pub fn deploy(&self, folder: &Path, stack: &str) -> anyhow::Result<String> {
        let mut command = self.stepd(&["deploy"])?;
        let output = command.arg(folder).args(["--stack-name", stack]).output();
        let output = output.context("could not start stepd deploy")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!(
                "stepd deploy failed ({})\n{text}\n{errors}\n{}",
                output.status,
                self.log()
            );
        }
        Ok(text)
    }

    /// Kills the server as a power cut would: no handler runs, nothing is flushed.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("the server is not running")?;
        child.kill().context("could not kill the server")?;
        child.wait().context("could not wait for the server")?;
        Ok(())
    }

    /// Asks the server to stop (SIGTERM) and waits until it has.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("the server is not running")?;
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM)
            .context("could not stop the server")?;
        let ended = until("the server stops when it is told to", || {
            Ok(child.try_wait()?)
        });
        if ended.is_err() {
            child.kill().context("could not kill the server")?;
            child.wait().context("could not wait for the server")?;
        }
        let status = ended.with_context(|| self.log())?;
        if !status.success() {
            bail!("the server stopped with {status}\n{}", self.log());
        }
        Ok(())
    }

    /// Starts the server over the same data: after [`Self::kill9`] or [`Self::stop`], or stopping it
    /// first. The port is another one.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        if self.child.is_some() {
            self.stop()?;
        }
        self.launch()
    }

    /// Returns what the server has printed on its standard error, for the message of a failed test.
    pub fn log(&self) -> String {
        let text = std::fs::read(self.folder.path().join("server.log")).unwrap_or_default();
        format!("--- the server's log\n{}", String::from_utf8_lossy(&text))
    }

    fn launch(&mut self) -> anyhow::Result<()> {
        let log = self.folder.path().join("server.log");
        let log = File::options()
            .create(true)
            .append(true)
            .open(log)
            .context("could not open the log")?;
        let mut command = Command::new(binary::stepd()?);
        without_aws(&mut command);
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--region",
            REGION,
            "--account-id",
            ACCOUNT,
        ]);
        command.args([
            "--root-access-key",
            &format!("{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}"),
            "--data-dir",
        ]);
        command
            .arg(self.data_dir())
            .args(&self.options.arguments)
            .envs(cache());
        command.envs(
            self.options
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        );
        let started = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn();
        let child = self.child.insert(child.context("could not start stepd")?);
        self.starts += 1;
        let mut output = BufReader::new(child.stdout.take().expect("the child's output is piped"));
        let endpoint = ready_line(&mut output)?;
        let Some(endpoint) = endpoint else {
            let status = self.child.take().expect("it was just started").wait()?;
            bail!(
                "start {}: the server ended before it was ready ({status})\n{}",
                self.starts,
                self.log()
            );
        };
        self.ready_in = started.elapsed();
        self.endpoint = endpoint;
        // What else it says is read, so that its pipe never fills.
        std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself; then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Reads up to the line that says where the server is ready; `None` when it never comes.
fn ready_line(output: &mut impl BufRead) -> anyhow::Result<Option<String>> {
    let mut line = String::new();
    while output
        .read_line(&mut line)
        .context("could not read what the server says")?
        > 0
    {
        if let Some((_, rest)) = line.split_once("stepd is ready on ") {
            return Ok(rest.split_whitespace().next().map(str::to_owned));
        }
        line.clear();
    }
    Ok(None)
}

/// Takes the caller's own AWS settings out of the child's environment.
pub(crate) fn without_aws(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
}

/// Returns the setting that makes all test servers share one cache of npm and pip packages.
fn cache() -> Option<(&'static str, PathBuf)> {
    binary::tools()
        .ok()
        .map(|tools| ("STEPD_CACHE_DIR", tools.join("cache")))
}

#[cfg(test)]
mod tests {
    use super::ready_line;

    #[test]
    fn the_ready_line_is_found_among_others() {
        let text = "opening\nstepd is ready on http://127.0.0.1:40123 (data in x)\nmore\n";
        let found = ready_line(&mut text.as_bytes()).expect("text can be read");
        assert_eq!(found.as_deref(), Some("http://127.0.0.1:40123"));
        assert_eq!(
            ready_line(&mut "opening\n".as_bytes()).expect("text can be read"),
            None
        );
    }
}
