//! One operating system process with its group: started, killed whole, and waited for.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::watchdog::{Watchdog, kill_group};

/// A running process; its whole group is killed when this is dropped.
pub struct Process {
    group: i32,
    exited: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts `command` as the leader of a new process group, with its outputs as pipes.
    ///
    /// `place` is given back once the process is gone.
    pub fn start(
        mut command: Command,
        watchdog: Arc<Watchdog>,
        place: OwnedSemaphorePermit,
    ) -> io::Result<(Self, ChildStdout, ChildStderr)> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).expect("it was not waited for yet");
        watchdog.add(group);
        let stdout = child.stdout.take().expect("stdout was asked for");
        let stderr = child.stderr.take().expect("stderr was asked for");
        let (sender, exited) = watch::channel(None);
        tokio::spawn(async move {
            let status = child.wait().await.unwrap_or_else(|_| ExitStatus::from_raw(1 << 8));
            // What the process started and left behind goes with it.
            kill_group(group);
            watchdog.remove(group);
            sender.send_replace(Some(status));
            drop(place);
        });
        Ok((Self { group, exited }, stdout, stderr))
    }

    /// Says how the process ended, if it has.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        *self.exited.borrow()
    }

    /// Returns once the process is gone.
    pub async fn exited(&mut self) -> ExitStatus {
        let status = self.exited.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        match status {
            Some(status) => status,
            // The task that waits for the process was dropped with the async runtime.
            None => std::future::pending().await,
        }
    }

    /// Kills the process and all that it started.
    pub fn kill(&self) {
        if self.exit_status().is_none() {
            kill_group(self.group);
        }
    }

    /// Returns the most memory that the process ever held, in MiB, where the system tells.
    pub fn memory_max_mib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.group)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kib.div_ceil(1024))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Says how a process ended, in the words that Lambda uses.
pub fn describe_exit(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, signal) => {
            let name = match signal {
                Some(4) => "illegal instruction".to_owned(),
                Some(6) => "aborted".to_owned(),
                Some(9) => "killed".to_owned(),
                Some(11) => "segmentation fault".to_owned(),
                Some(15) => "terminated".to_owned(),
                Some(other) => other.to_string(),
                None => "unknown".to_owned(),
            };
            format!("Runtime exited with error: signal: {name}")
        }
    }
}
