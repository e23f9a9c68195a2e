//! `cargo xtask demo`: a server with the workshop's system deployed, ready to be tried.
//!
//! Builds stepd, starts it, deploys `examples/account-application` and stays until Ctrl-C, which
//! stops the server gracefully. What waits then is still waiting at the next start.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::{console, workspace};

const STACK: &str = "account-application";
const REGION: &str = "us-east-1";
const ACCOUNT: &str = "000000000000";

/// How often the foreground looks whether it was interrupted or the server ended.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// How long a server may take to stop before it is told again.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// Builds, starts, deploys, explains, and waits.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    workspace::refuse_unknown(arguments, &["--debug"], &["--data-dir", "--listen"])?;
    let release = !arguments.iter().any(|argument| argument == "--debug");
    let listen = workspace::option(arguments, "--listen")?.unwrap_or("127.0.0.1:4566");
    let data_dir =
        workspace::root().join(workspace::option(arguments, "--data-dir")?.unwrap_or(".stepd"));
    if !workspace::is_installed("node") {
        bail!(
            "node is not installed; the demo's functions run on it (Node.js 18 or newer, https://nodejs.org)"
        );
    }
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .context("could not listen for Ctrl-C")?;

    build(release)?;
    let stepd = workspace::program("stepd", release);
    let mut server = Server::start(&stepd, &data_dir, listen)?;
    let outcome = deploy(&stepd, &data_dir).and_then(|()| {
        explain(&stepd, &data_dir, &server.endpoint);
        sign_in(&stepd, &data_dir)?;
        server.watch(&interrupted)
    });
    server.stop()?;
    outcome
}

fn build(release: bool) -> anyhow::Result<()> {
    if console::can_build() {
        println!("building the console …");
        console::build()?;
    } else {
        println!("without the console: it is built with Node.js 20.19 or newer");
    }
    let mut cargo = workspace::cargo(&["build", "--package", "stepd"]);
    if release {
        println!("building stepd (the first time takes some minutes; --debug is quicker) …");
        cargo.arg("--release");
    }
    workspace::run(&mut cargo)
}

/// The server, a child of this process.
struct Server {
    child: Child,
    endpoint: String,
}

impl Server {
    /// Starts the server and returns when it says that it is ready.
    fn start(stepd: &Path, data_dir: &Path, listen: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(stepd);
        command.args([
            "serve",
            "--listen",
            listen,
            "--region",
            REGION,
            "--account-id",
            ACCOUNT,
            "--data-dir",
        ]);
        command.arg(data_dir).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("could not start {}", stepd.display()))?;
        let mut output = BufReader::new(child.stdout.take().expect("the child's output is piped"));
        let mut line = String::new();
        loop {
            line.clear();
            if output
                .read_line(&mut line)
                .context("could not read what the server says")?
                == 0
            {
                let status = child.wait().context("could not wait for the server")?;
                bail!("the server ended before it was ready ({status}); what it says above is why");
            }
            print!("{line}");
            if let Some(endpoint) = endpoint_of(&line) {
                pass_on(output);
                return Ok(Self { child, endpoint });
            }
        }
    }

    /// Returns when the person interrupts; a server that ends by itself is an error.
    fn watch(&mut self, interrupted: &AtomicBool) -> anyhow::Result<()> {
        while !interrupted.load(Ordering::Relaxed) {
            if let Some(status) = self
                .child
                .try_wait()
                .context("could not look after the server")?
            {
                bail!("the server ended ({status})");
            }
            std::thread::sleep(WATCH_INTERVAL);
        }
        Ok(())
    }

    /// Stops the server gracefully; one that does not stop in time is killed, which loses nothing.
    fn stop(&mut self) -> anyhow::Result<()> {
        let id = rustix::process::Pid::from_child(&self.child);
        if self.child.try_wait()?.is_none() {
            rustix::process::kill_process(id, rustix::process::Signal::TERM)
                .context("could not stop the server")?;
        }
        let mut waited = Duration::ZERO;
        while self.child.try_wait()?.is_none() {
            if waited >= STOP_PATIENCE {
                self.child.kill().context("could not kill the server")?;
            }
            std::thread::sleep(WATCH_INTERVAL);
            waited += WATCH_INTERVAL;
        }
        Ok(())
    }
}

/// Returns the address in `stepd is ready on http://127.0.0.1:4566 (data in .stepd)`.
fn endpoint_of(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("ready on ")?;
    rest.split_whitespace().next().map(str::to_owned)
}

/// Prints what else the server says, so that its pipe never fills.
fn pass_on(mut output: impl Read + Send + 'static) {
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::stdout()));
}

fn deploy(stepd: &Path, data_dir: &Path) -> anyhow::Result<()> {
    let script = r#"eval "$("$1" env --data-dir "$2")" && exec "$1" deploy "$3" --stack-name "$4""#;
    let mut command = as_a_person(script, stepd, data_dir);
    workspace::run(command.arg(example()).arg(STACK))
}

/// Prints a link to the console.
fn sign_in(stepd: &Path, data_dir: &Path) -> anyhow::Result<()> {
    println!("The console, for whoever opens this first (`stepd console` prints another link):\n");
    let script = r#"eval "$("$1" env --data-dir "$2")" && exec "$1" console"#;
    workspace::run(&mut as_a_person(script, stepd, data_dir))?;
    println!();
    Ok(())
}

/// Returns a shell that runs `script` with the same environment that a person is told to use.
fn as_a_person(script: &str, stepd: &Path, data_dir: &Path) -> Command {
    let mut command = Command::new("sh");
    for (name, _) in std::env::vars_os() {
        // A person's own AWS account has no part in this.
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command.args(["-c", script, "sh"]).arg(stepd).arg(data_dir);
    command
}

fn example() -> PathBuf {
    workspace::root().join("examples/account-application")
}

/// Prints what to type next; every line can be copied as it is.
fn explain(stepd: &Path, data_dir: &Path, endpoint: &str) {
    let stepd = stepd.display();
    let data = data_dir.display();
    println!(
        r#"
The account application system runs on {endpoint}. In another terminal:

  eval "$({stepd} env --data-dir '{data}')"

Submit an application whose address nobody can check, and see it wait for a person:

  aws lambda invoke --function-name sfn-workshop-SubmitApplication --payload '{{ "name": "Spock", "address": "InvalidAddressFormat" }}' /dev/stdout
  aws lambda invoke --function-name sfn-workshop-FindApplications --payload '{{ "state": "FLAGGED_FOR_REVIEW" }}' /dev/stdout

Decide (with the id that the line before printed):

  aws lambda invoke --function-name sfn-workshop-ReviewApplication --payload '{{ "id": "ID", "decision": "APPROVE" }}' /dev/stdout

Look at what happened:

  MACHINE=$(aws stepfunctions list-state-machines --query 'stateMachines[0].stateMachineArn' --output text)
  aws stepfunctions list-executions --state-machine-arn "$MACHINE"
  EXECUTION=$(aws stepfunctions list-executions --state-machine-arn "$MACHINE" --query 'executions[0].executionArn' --output text)
  aws stepfunctions get-execution-history --execution-arn "$EXECUTION"
  {stepd} logs sfn-workshop-FlagApplication

Ctrl-C stops the server; what waits goes on waiting in {data}, and a kill -9 loses nothing either."#
    );
    if !workspace::is_installed("aws") {
        println!(
            "\nThe AWS command line is not installed. It comes with: python3 -m pip install awscli\n\
             (or: cargo xtask tools, and then {}/tools/venv/bin/aws)",
            workspace::target().display()
        );
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::endpoint_of;

    #[test]
    fn the_ready_line_names_the_address() {
        let line = "stepd is ready on http://127.0.0.1:4566 (data in .stepd)\n";
        assert_eq!(endpoint_of(line).as_deref(), Some("http://127.0.0.1:4566"));
        assert_eq!(endpoint_of("opening the store\n"), None);
    }
}
