//! Executions that tasks wait for (`startExecution.sync`): their ends are told, and those that nobody
//! waits for any more are stopped.
//!
//! ```text
//! child's commit: job row ─► … ─► announcement ──► tell the task ──► delete both
//! parent's commit: abandoned row ──► stop the child ──► delete it
//! ```
//! All that is to be done is in rows, so that a start of the server finds it. An end is told once the
//! parent knows that its call has returned: `TaskSubmitted` comes before `TaskSucceeded`, however short
//! the child was. Deliberately absent: polling.

use std::sync::Arc;
use std::time::Duration;

use engine_core::{Command, TaskId};
use service::Principal;
use store::{Batch, Range};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::dispatcher::session_name;
use super::load::unavailable;
use super::{CommandError, Shell};
use crate::integrations::states::{Described, describe, stop};
use crate::rows::{self, ExecutionRef, Waiter, Waits};

/// Most tasks that are told at once.
const TOLD_AT_ONCE: usize = 256;
/// How long a task that could not be told is left alone.
const PAUSE: Duration = Duration::from_millis(200);
/// Longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Rows read at once when the last run's are taken up.
const READ_ROWS: usize = 512;
/// Ends that one task can have waiting: of its execution, and of that after a redrive.
const ENDS_MAX: usize = 8;

/// There is news for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct JobNote {
    execution: ExecutionRef,
    task: TaskId,
    /// The task's call is not on its way any more.
    call_over: bool,
}

impl JobNote {
    /// Returns the note that rows of a task are there.
    pub fn news(execution: ExecutionRef, task: TaskId) -> Self {
        Self {
            execution,
            task,
            call_over: false,
        }
    }
}

impl Shell {
    /// Takes note that a task's call is not on its way any more, and that its end is recorded.
    pub(super) fn call_is_over(&self, execution: ExecutionRef, task: TaskId) {
        // The receiver lives as long as the shell does; what is lost at its end is found in the store.
        let _ = self.shared.jobs.send(JobNote {
            execution,
            task,
            call_over: true,
        });
    }
}

pub(super) struct Jobs {
    shell: Shell,
    notes: mpsc::UnboundedReceiver<JobNote>,
    room: Arc<Semaphore>,
    work: JoinSet<()>,
}

impl Jobs {
    pub fn new(shell: Shell, notes: mpsc::UnboundedReceiver<JobNote>) -> Self {
        Self {
            shell,
            notes,
            room: Arc::new(Semaphore::new(TOLD_AT_ONCE)),
            work: JoinSet::new(),
        }
    }

    pub async fn run(mut self) {
        let shared = self.shell.shared.clone();
        let stopped = shared.stopped();
        tokio::pin!(stopped);
        self.work.spawn(take_up(self.shell.clone()));
        loop {
            tokio::select! {
                () = &mut stopped => break,
                note = self.notes.recv() => match note {
                    Some(note) => self.spawn(note),
                    None => break,
                },
                Some(_) = self.work.join_next(), if !self.work.is_empty() => {}
            }
        }
        // What is cut off is found in the rows at the next start.
        self.work.shutdown().await;
    }

    fn spawn(&mut self, note: JobNote) {
        let (shell, room) = (self.shell.clone(), self.room.clone());
        self.work.spawn(async move {
            let Ok(_seat) = room.acquire().await else {
                return;
            };
            let mut pause = PAUSE;
            while let Err(error) = carry_out(&shell, note).await {
                tracing::warn!(?note, %error, "a task could not be told of its execution yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        });
    }
}

/// Goes on where the last run of the server stopped.
async fn take_up(shell: Shell) {
    for (range, call_over) in [
        (rows::announcements_to_tasks(), false),
        (rows::abandoned(), true),
    ] {
        if let Err(error) = notes_of(&shell, range, call_over).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(
                error,
                "the executions that tasks wait for could not be read"
            );
        }
    }
}

/// Sends a note for every row of a range. A task that was given up before a start has no call under
/// way: its row of the outbox went with it.
async fn notes_of(shell: &Shell, mut range: Range, call_over: bool) -> Result<(), CommandError> {
    loop {
        let found = shell.shared.store.scan(&range, READ_ROWS).await;
        let found = found.map_err(unavailable)?;
        let tasks = found.iter().filter_map(|(key, _)| rows::task_of_key(key));
        for (execution, task) in tasks {
            let _ = shell.shared.jobs.send(JobNote {
                execution,
                task,
                call_over,
            });
        }
        match found.last() {
            Some((last, _)) if found.len() == READ_ROWS => {
                range.start = [last, [0].as_slice()].concat().into();
            }
            Some(_) | None => return Ok(()),
        }
    }
}

/// Does what the rows of a task ask for.
async fn carry_out(shell: &Shell, note: JobNote) -> Result<(), CommandError> {
    stop_abandoned(shell, note).await?;
    tell_ends(shell, note).await
}

/// Stops the execution that nobody waits for any more.
async fn stop_abandoned(shell: &Shell, note: JobNote) -> Result<(), CommandError> {
    let store = &shell.shared.store;
    let abandoned = rows::abandoned_key(note.execution, note.task);
    if store.get(&abandoned).await.map_err(unavailable)?.is_none() {
        return Ok(());
    }
    let job = rows::job_key(note.execution, note.task);
    let mut batch = Batch::default();
    match store.get(&job).await.map_err(unavailable)? {
        Some(row) => {
            if let Some(child) = rows::execution_of_name(&row) {
                let record = record(shell, child).await?;
                let principal = principal(shell, note.execution).await?;
                stop(&*shell.shared.gate, &record.execution_arn, principal)
                    .await
                    .map_err(|_| CommandError::Unavailable)?;
            }
            batch.delete.push(job);
        }
        // Its call is on its way and may begin it: who makes the call says when it is over.
        None if !note.call_over => return Ok(()),
        None => {}
    }
    batch.delete.push(abandoned);
    store.commit(batch).await.map_err(unavailable)
}

/// Tells a task how the execution ended that it waits for.
async fn tell_ends(shell: &Shell, note: JobNote) -> Result<(), CommandError> {
    let JobNote {
        execution, task, ..
    } = note;
    let store = &shell.shared.store;
    let range = rows::announcements_to(Waiter::Task(execution, task));
    let ends = store.scan(&range, ENDS_MAX).await.map_err(unavailable)?;
    let call = rows::outbox_key(execution, task);
    if ends.is_empty() || store.get(&call).await.map_err(unavailable)?.is_some() {
        return Ok(());
    }
    for (key, _) in ends {
        let child = key.len().checked_sub(10).and_then(|at| key.get(at..));
        let child = child.and_then(rows::execution_of_name);
        if let Some(child) = child
            && tell(shell, note, child).await? == Told::RunsAgain
        {
            continue;
        }
        let delete = vec![
            store::Key::new(store::Space::Announcements, key),
            rows::job_key(execution, task),
        ];
        let batch = Batch {
            delete,
            ..Batch::default()
        };
        store.commit(batch).await.map_err(unavailable)?;
    }
    Ok(())
}

/// Whether a task knows how the execution ended that it waits for.
#[derive(PartialEq, Eq)]
enum Told {
    /// It does, or it waits no more.
    Yes,
    /// Redriven before the task was told: the rows stay, to stop it by and for its next end, which comes
    /// with a note of its own.
    RunsAgain,
}

async fn tell(shell: &Shell, note: JobNote, child: ExecutionRef) -> Result<Told, CommandError> {
    let JobNote {
        execution, task, ..
    } = note;
    let record = record(shell, child).await?;
    let parsed = record.started_by.map(|by| by.waits) == Some(Waits::ForJson);
    let principal = principal(shell, execution).await?;
    let gate = &*shell.shared.gate;
    let command = match describe(gate, &record.execution_arn, parsed, principal).await {
        Described::Running => return Ok(Told::RunsAgain),
        Described::Unavailable => return Err(CommandError::Unavailable),
        Described::Succeeded(output) => Command::TaskSucceeded { task, output },
        Described::Failed { error, cause } => super::dispatcher::failed(task, error, Some(cause)),
    };
    match shell.submit(execution, command).await {
        // Rejected: answered by its token, timed out or stopped meanwhile.
        Ok(_) | Err(CommandError::Rejected(_) | CommandError::NotFound) => Ok(Told::Yes),
        Err(error) => Err(error),
    }
}

async fn record(
    shell: &Shell,
    execution: ExecutionRef,
) -> Result<rows::ExecutionRecord, CommandError> {
    let record = shell.record(execution).await;
    record
        .map_err(|_| CommandError::Unavailable)?
        .ok_or(CommandError::Unavailable)
}

/// Returns as whom a parent asks and stops: its role.
async fn principal(shell: &Shell, parent: ExecutionRef) -> Result<Principal, CommandError> {
    let record = record(shell, parent).await?;
    Ok(Principal::Role {
        role_arn: record.role_arn.into(),
        session_name: session_name(parent),
    })
}
