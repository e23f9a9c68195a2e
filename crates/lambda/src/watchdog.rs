//! Ends the instances when the server ends, also when it is killed outright.
//!
//! A process of its own, a few lines of POSIX shell, holds the list of the instances' process groups
//! and reads from a pipe that only the server writes to. When the server is gone, for whatever
//! reason, the pipe ends, and the watchdog kills what is on its list. This needs neither `unsafe`
//! nor anything that only one operating system has.

use std::collections::HashSet;
use std::process::Stdio;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

const SCRIPT: &str = r#"
trap '' INT TERM HUP
groups=' '
while read -r word group; do
  case $word in
    add) groups="$groups$group " ;;
    del)
      kept=' '
      for each in $groups; do [ "$each" = "$group" ] || kept="$kept$each "; done
      groups=$kept ;;
  esac
done
for each in $groups; do kill -9 -"$each" 2>/dev/null; done
exit 0
"#;

/// The list of process groups that must not outlive the server.
pub struct Watchdog {
    groups: Mutex<HashSet<i32>>,
    lines: mpsc::UnboundedSender<String>,
    /// Kept so that the child is not waited for by somebody else.
    _child: Mutex<Child>,
}

impl Watchdog {
    /// Starts the watchdog.
    pub fn start() -> std::io::Result<Self> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A signal to the server's group, such as Ctrl-C, is not for the watchdog.
            .process_group(0)
            .spawn()?;
        let mut pipe = child.stdin.take().expect("stdin was asked for");
        let (lines, mut queue) = mpsc::unbounded_channel::<String>();
        tokio::spawn(async move {
            while let Some(line) = queue.recv().await {
                if pipe.write_all(line.as_bytes()).await.is_err() {
                    tracing::warn!("the watchdog of the function instances is gone");
                    return;
                }
            }
        });
        Ok(Self { groups: Mutex::default(), lines, _child: Mutex::new(child) })
    }

    /// Puts the process group on the list.
    pub fn add(&self, group: i32) {
        self.groups.lock().insert(group);
        // Without a watchdog the runtimes still end by themselves when they lose the server.
        let _ = self.lines.send(format!("add {group}\n"));
    }

    /// Takes the process group off the list: all its processes are gone.
    pub fn remove(&self, group: i32) {
        self.groups.lock().remove(&group);
        let _ = self.lines.send(format!("del {group}\n"));
    }

    /// Kills all that is on the list, now.
    pub fn kill_all(&self) {
        for group in &*self.groups.lock() {
            kill_group(*group);
        }
    }
}

/// Kills every process of the group.
pub fn kill_group(group: i32) {
    if let Some(group) = Pid::from_raw(group) {
        // The group is gone already: that is what was wanted.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
