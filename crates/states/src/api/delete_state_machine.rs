//! `DeleteStateMachine`: no execution begins any more, those that run are stopped, the machine is gone.
//!
//! A machine without running executions is gone when the call answers. Otherwise it is `DELETING`, and
//! a task stops its executions; a row says so, and the next start of the server goes on with it.

use std::sync::Arc;
use std::time::Duration;

use aws_model::states::DeleteStateMachineInput;
use engine_core::Command;
use parking_lot::Mutex;
use service::{Failure, Reply};
use store::{Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::names::{self, MachineArn};
use super::{empty_reply, failure};
use crate::definitions::unreadable;
use crate::machines::{Change, Machine, MachineStatus, Machines};
use crate::rows::{self, ListingEntry, StatusCode};
use crate::service::States;
use crate::shell::{CommandError, Shell};

/// How many executions are read from the listing at once.
const EXECUTIONS_AT_ONCE: usize = 256;
/// How long to wait after a fault of ours.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the deletion is tried again when others change the same machine.
const ATTEMPTS_MAX: usize = 100;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: DeleteStateMachineInput = super::read(input)?;
    let arn = &input.state_machine_arn;
    let name = match names::parse_machine_arn(arn)? {
        MachineArn::Plain { name } => name,
        MachineArn::Qualified { .. } => {
            return Err(failure::validation(
                "The state machine ARN must not have a version or an alias",
            ));
        }
        MachineArn::Labelled => return Err(failure::labelled_arn_not_supported()),
    };
    for _ in 0..ATTEMPTS_MAX {
        let machine = states
            .machines
            .read(name)
            .await?
            .filter(|machine| *machine.arn == **arn);
        // A machine that is not there, or is going, is what the caller wants.
        let Some(machine) = machine.filter(|found| found.record.status == MachineStatus::Active)
        else {
            return Ok(empty_reply());
        };
        if states.deletions.begin(&machine).await? {
            return Ok(empty_reply());
        }
    }
    Err(failure::unavailable())
}

/// The deletions that are under way.
pub(crate) struct Deletions {
    work: Work,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// What a deletion works with.
#[derive(Clone)]
struct Work {
    machines: Arc<Machines>,
    shell: Shell,
    store: Arc<dyn Store>,
}

impl Deletions {
    /// Returns no deletions.
    pub(crate) fn new(machines: Arc<Machines>, shell: Shell, store: Arc<dyn Store>) -> Self {
        let work = Work {
            machines,
            shell,
            store,
        };
        Self {
            work,
            stop: watch::Sender::new(false),
            tasks: Mutex::default(),
        }
    }

    /// Goes on with the deletions that an earlier run of the server began.
    pub(crate) async fn resume(&self) -> Result<(), StoreError> {
        for name in self.work.machines.deleting().await? {
            self.spawn(name);
        }
        Ok(())
    }

    /// Begins to delete `machine`, or returns false when it is not as it was read.
    async fn begin(&self, machine: &Machine) -> Result<bool, Failure> {
        let change = match self.work.running(&machine.arn, None, 1).await?.is_empty() {
            true => return Ok(self.work.machines.delete(machine).await? == Change::Done),
            false => self.work.machines.begin_deletion(machine).await?,
        };
        if change == Change::Done {
            self.spawn(machine.record.name.clone());
        }
        Ok(change == Change::Done)
    }

    /// Stops an execution that was on its way to begin when its machine was deleted: the deletion may
    /// have looked for running ones before it was there.
    pub(crate) async fn stop_late(&self, machine: &Machine, found_as: &str) -> Result<(), Failure> {
        match self.work.machines.get(&machine.arn).await {
            Ok(now) if now.record.status == MachineStatus::Active => Ok(()),
            Ok(_) | Err(_) => self.work.stop(&machine.arn, found_as).await.map(drop),
        }
    }

    fn spawn(&self, name: String) {
        let work = self.work.clone();
        let mut stop = self.stop.subscribe();
        let task = tokio::spawn(async move {
            // A stop of the server is no loss: the row stays, and the next run goes on.
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = work.finish(&name) => {}
            }
        });
        let mut tasks = self.tasks.lock();
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    /// Ends the tasks; their deletions go on at the next start.
    pub(crate) async fn shut_down(&self) {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            // A task that panicked has said so; there is nothing left of it to end.
            let _ = task.await;
        }
    }
}

impl Work {
    /// Deletes the machine, however often it takes.
    async fn finish(&self, name: &str) {
        loop {
            match self.try_to_finish(name).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(failure) => {
                    tracing::warn!(machine = name, %failure, "the machine could not be deleted yet");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Stops what runs; deletes the machine when nothing did. Says whether the machine is gone.
    async fn try_to_finish(&self, name: &str) -> Result<bool, Failure> {
        let machine = self.machines.read(name).await?;
        let Some(machine) = machine.filter(|found| found.record.status == MachineStatus::Deleting)
        else {
            return Ok(true);
        };
        if self.stop_all(&machine.arn).await? > 0 {
            // A start that was on its way when the machine was marked may be listed only now.
            return Ok(false);
        }
        Ok(self.machines.delete(&machine).await? == Change::Done)
    }

    /// Stops every running execution of the machine; returns how many that were.
    async fn stop_all(&self, machine_arn: &str) -> Result<usize, Failure> {
        let mut stopped = 0;
        let mut after: Option<bytes::Bytes> = None;
        loop {
            let lines = self
                .running(machine_arn, after.as_deref(), EXECUTIONS_AT_ONCE)
                .await?;
            for (_, entry) in &lines {
                if self
                    .stop(machine_arn, rows::found_as(&entry.execution_arn))
                    .await?
                {
                    stopped += 1;
                }
            }
            match lines.last() {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(stopped),
            }
        }
    }

    /// Stops one execution; false when it has ended by itself.
    async fn stop(&self, machine_arn: &str, found_as: &str) -> Result<bool, Failure> {
        let Some(execution) = self.shell.find(machine_arn, found_as).await? else {
            return Ok(false);
        };
        let command = Command::StopExecution {
            error: None,
            cause: None,
        };
        match self.shell.submit(execution, command).await {
            Ok(_) => Ok(true),
            Err(CommandError::Rejected(_) | CommandError::NotFound) => Ok(false),
            Err(CommandError::NameTaken { .. } | CommandError::Unavailable) => {
                Err(failure::unavailable())
            }
        }
    }

    async fn running(
        &self,
        machine_arn: &str,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(bytes::Bytes, ListingEntry)>, Failure> {
        let mut range = rows::listing_of(machine_arn, StatusCode::Running);
        if let Some(after) = after {
            range.start = [after, &[0]].concat().into();
        }
        let lines = self.store.scan(&range, limit).await.map_err(unreadable)?;
        let read = |(key, value): (bytes::Bytes, bytes::Bytes)| {
            let entry = minicbor::decode(&value).map_err(|_| failure::unavailable())?;
            Ok((key, entry))
        };
        lines.into_iter().map(read).collect()
    }
}
