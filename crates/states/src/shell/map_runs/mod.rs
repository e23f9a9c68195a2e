//! Map runs that go on: one task each, woken by what happens to its children.
//!
//! ```text
//! parent's commit: rows of a run ──► runner: plan ─► begin children ─► take their ends ─► tell parent
//!                                       ▲                                   │
//! child's commit: announcement ─────────┘◄──────────────────────────────────┘
//! ```
//! A runner is the one writer of its run's record. All that it knows is in rows: one that is lost is
//! begun again from them, and does nothing twice. Deliberately absent: items or children in memory
//! beyond the few that are being begun.

mod children;
mod redrive;
mod results;
mod runner;
mod source;

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::runner::Runner;
use super::{CommandError, Shell};
use crate::rows::{MapRunRef, map_runs};

/// How long a run that could not go on is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// Open runs read at once at a start.
const READ_ROWS: usize = 512;

/// What a caller changes of a run; what is absent stays.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SettingsChange {
    /// `maxConcurrency`.
    pub concurrency: Option<u64>,
    /// `toleratedFailureCount`.
    pub tolerated_failure_count: Option<u64>,
    /// `toleratedFailurePercentage`.
    pub tolerated_failure_percentage: Option<f64>,
}

/// What somebody wants of a run.
pub(super) enum Message {
    /// Look at your rows.
    Wake(MapRunRef),
    /// Change what a caller set.
    Update {
        run: MapRunRef,
        change: SettingsChange,
        reply: oneshot::Sender<Result<(), CommandError>>,
    },
}

/// What a runner is told.
enum Note {
    Wake,
    Update(SettingsChange, oneshot::Sender<Result<(), CommandError>>),
}

/// The runs that go on.
pub(super) struct MapRuns {
    shell: Shell,
    messages: mpsc::UnboundedReceiver<Message>,
    ended: (
        mpsc::UnboundedSender<MapRunRef>,
        mpsc::UnboundedReceiver<MapRunRef>,
    ),
    running: HashMap<MapRunRef, Running>,
}

struct Running {
    notes: mpsc::UnboundedSender<Note>,
    task: JoinHandle<()>,
}

impl MapRuns {
    pub fn new(shell: Shell, messages: mpsc::UnboundedReceiver<Message>) -> Self {
        Self {
            shell,
            messages,
            ended: mpsc::unbounded_channel(),
            running: HashMap::new(),
        }
    }

    pub async fn run(mut self) {
        let shared = self.shell.shared.clone();
        let stopped = shared.stopped();
        tokio::pin!(stopped);
        self.take_up().await;
        loop {
            tokio::select! {
                () = &mut stopped => break,
                message = self.messages.recv() => match message {
                    Some(Message::Wake(run)) => self.tell(run, Note::Wake),
                    Some(Message::Update { run, change, reply }) => {
                        self.tell(run, Note::Update(change, reply));
                    }
                    None => break,
                },
                Some(run) = self.ended.1.recv() => self.end(run).await,
            }
        }
        for (_, running) in self.running.drain() {
            running.task.abort();
            // A run that is cut off goes on from its rows at the next start.
            let _ = running.task.await;
        }
    }

    /// Goes on with the runs that are not over, as the last run of the server left them.
    async fn take_up(&mut self) {
        let mut range = map_runs::open();
        loop {
            let found = match self.shell.shared.store.scan(&range, READ_ROWS).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the open map runs could not be read"
                    );
                    return;
                }
            };
            for (key, _) in &found {
                if let Some(run) = map_runs::run_of_key(key) {
                    self.tell(run, Note::Wake);
                }
            }
            match found.last() {
                Some((last, _)) if found.len() == READ_ROWS => {
                    range.start = [last, [0].as_slice()].concat().into();
                }
                Some(_) | None => return,
            }
        }
    }

    fn tell(&mut self, run: MapRunRef, note: Note) {
        let running = self.running.entry(run).or_insert_with(|| {
            let (notes, received) = mpsc::unbounded_channel();
            let (shell, ended) = (self.shell.clone(), self.ended.0.clone());
            let task = tokio::spawn(async move {
                go_on(shell, run, received).await;
                // The runs outlive each of them but for the end of the server.
                let _ = ended.send(run);
            });
            Running { notes, task }
        });
        // A runner that has just ended has nothing to do: what it is told is answered by its absence.
        let _ = running.notes.send(note);
    }

    async fn end(&mut self, run: MapRunRef) {
        self.running.remove(&run);
        // A redrive may have opened the run again while its runner ended.
        let open = self.shell.shared.store.get(&map_runs::open_key(run)).await;
        if open.is_ok_and(|row| row.is_some()) {
            self.tell(run, Note::Wake);
        }
    }
}

/// Drives a run to its end, however often it takes.
async fn go_on(shell: Shell, run: MapRunRef, mut notes: mpsc::UnboundedReceiver<Note>) {
    loop {
        let went = match Runner::open(&shell, run).await {
            Ok(Some(runner)) => runner.run(&mut notes).await,
            Ok(None) => return,
            Err(failed) => Err(failed),
        };
        match went {
            Ok(()) => return,
            Err(failed) => {
                tracing::warn!(?run, ?failed, "a map run could not go on yet");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Returns the name of a run's child: a function of the run's and of the child's number, so that a child
/// that is begun twice is begun once. In the form of the name-based UUIDs that AWS gives.
pub(super) fn child_name(run: &str, index: u64) -> String {
    let digest = Sha256::new()
        .chain_update(run.as_bytes())
        .chain_update(index.to_be_bytes())
        .finalize();
    let mut bytes: [u8; 16] = *digest.first_chunk().expect("a digest has 32 bytes");
    bytes[6] = bytes[6] & 0x0f | 0x30;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    uuid::Uuid::from_bytes(bytes).hyphenated().to_string()
}
