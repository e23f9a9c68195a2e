//! Timers: rows in the order of their moments, of which only the next few are in memory.
//!
//! A year of waiting costs a row. A timer fires by a command; its row goes away with the events that
//! the command leads to, so a timer that fires and is lost fires again at the next start.

use std::collections::BTreeSet;
use std::time::Duration;

use engine_core::{Command, Timer};
use tokio::sync::mpsc;
use vocab::Timestamp;

use super::{CommandError, Shell};
use crate::rows::{self, ExecutionRef};

/// How far ahead timers are read from the store.
const HORIZON_MILLIS: i64 = 60_000;
/// Most timers read from the store at once.
const READ_MAX: usize = 4_096;
/// Longest sleep: a clock that was set is noticed after this time.
const SLEEP_MAX: Duration = Duration::from_millis(500);
/// How long a timer whose command could not be carried out is left alone.
const AGAIN_MILLIS: i64 = 1_000;

/// A timer and when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub due_at: Timestamp,
    pub execution: ExecutionRef,
    pub timer: Timer,
}

pub(super) struct Timers {
    shell: Shell,
    started: mpsc::UnboundedReceiver<Due>,
    failed: (mpsc::UnboundedSender<Due>, mpsc::UnboundedReceiver<Due>),
    /// All timers that are due before the horizon and have not been fired.
    near: BTreeSet<Due>,
    /// With the moment at which to try again, which is not the timer's own.
    again: BTreeSet<(Timestamp, Due)>,
    /// Up to here the store has been read; later timers are only there.
    horizon: Timestamp,
    /// Where the reading goes on when one read did not reach the horizon.
    resume_at: Option<bytes::Bytes>,
}

impl Timers {
    pub fn new(shell: Shell, started: mpsc::UnboundedReceiver<Due>) -> Self {
        Self {
            shell,
            started,
            failed: mpsc::unbounded_channel(),
            near: BTreeSet::new(),
            again: BTreeSet::new(),
            horizon: Timestamp::from_millis(0),
            resume_at: None,
        }
    }

    pub async fn run(mut self) {
        let shared = self.shell.shared.clone();
        let stopped = shared.stopped();
        tokio::pin!(stopped);
        loop {
            self.read_ahead().await;
            self.fire();
            let sleep = self.sleep();
            tokio::select! {
                () = &mut stopped => return,
                started = self.started.recv() => match started {
                    Some(due) => self.add(due),
                    None => return,
                },
                Some(due) = self.failed.1.recv() => {
                    let again = self.shell.shared.clock.now().plus_millis(AGAIN_MILLIS);
                    self.again.insert((again, due));
                }
                () = tokio::time::sleep(sleep) => {}
            }
            while let Ok(due) = self.started.try_recv() {
                self.add(due);
            }
        }
    }

    fn add(&mut self, due: Due) {
        if due.due_at < self.horizon {
            self.near.insert(due);
        }
    }

    fn sleep(&self) -> Duration {
        let next = self.near.first().map(|due| due.due_at).into_iter();
        let next = next.chain(self.again.first().map(|(at, _)| *at)).min();
        let millis = next.map_or(i64::MAX, |at| {
            at.as_millis() - self.shell.shared.clock.now().as_millis()
        });
        Duration::from_millis(millis.max(0) as u64).min(SLEEP_MAX)
    }

    /// Reads the timers up to the horizon, when half of the way to it is gone.
    async fn read_ahead(&mut self) {
        let now = self.shell.shared.clock.now();
        let enough = self.horizon.as_millis() - now.as_millis() > HORIZON_MILLIS / 2;
        if enough && self.resume_at.is_none() {
            return;
        }
        if self.resume_at.is_some() && self.near.len() >= READ_MAX {
            // Enough to do before the rest is read.
            return;
        }
        let horizon = if self.resume_at.is_some() {
            self.horizon
        } else {
            now.plus_millis(HORIZON_MILLIS)
        };
        let from = self
            .resume_at
            .take()
            .unwrap_or_else(|| rows::moment_bytes(self.horizon));
        let range = rows::timers_between(from.clone(), horizon);
        match self.shell.shared.store.scan(&range, READ_MAX).await {
            Ok(found) => {
                self.horizon = horizon;
                self.resume_at = (found.len() == READ_MAX).then(|| {
                    let last = &found[READ_MAX - 1].0;
                    [last, [0].as_slice()].concat().into()
                });
                let rows = found.iter().filter_map(|(key, _)| rows::timer_of_key(key));
                self.near.extend(rows.map(|(due_at, execution, timer)| Due {
                    due_at,
                    execution,
                    timer,
                }));
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "timers could not be read"
                );
                self.resume_at = Some(from);
            }
        }
    }

    /// Sends the commands of all timers that are due.
    fn fire(&mut self) {
        let now = self.shell.shared.clock.now();
        while let Some(due) = self.near.first().copied().filter(|due| due.due_at <= now) {
            self.near.remove(&due);
            self.send(due);
        }
        while let Some((at, due)) = self.again.first().copied().filter(|(at, _)| *at <= now) {
            self.again.remove(&(at, due));
            self.send(due);
        }
    }

    fn send(&self, due: Due) {
        let shell = self.shell.clone();
        let failed = self.failed.0.clone();
        tokio::spawn(async move {
            let command = Command::TimerFired {
                timer: due.timer,
                due_at: due.due_at,
            };
            match shell.submit(due.execution, command).await {
                // Rejected: it was cancelled while it was on its way. That is how cancelling works.
                Ok(_) | Err(CommandError::Rejected(_) | CommandError::NotFound) => {}
                Err(CommandError::Unavailable | CommandError::NameTaken { .. }) => {
                    {
                        // The wheel has gone with the server: the row is there at the next start.
                        let _ = failed.send(due);
                    }
                }
            }
        });
    }
}
