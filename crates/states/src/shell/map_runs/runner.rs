//! One map run, from where its rows say that it is to its end.
//!
//! The order of its writes is what makes it safe: children are counted as begun *before* they are
//! begun, and begun again after a restart if it is not known that they were; ends are counted in the
//! commit that deletes their announcements.

use std::sync::Arc;

use asl::StateMachine;
use bytes::Bytes;
use engine_core::map_run::{Count, Ended, Failure, MapRunStart, Phase, Settings};
use engine_core::{Command, Status};
use futures::{StreamExt, stream};
use store::{Batch, Key};
use tokio::sync::{mpsc, oneshot};

use service::Principal;

use super::super::dispatcher::session_name;
use super::super::{CommandError, Shared, Shell, Start, load};
use super::children::{Children, Planned};
use super::results::{Results, ResultsError};
use super::{Note, SettingsChange, child_name};
use crate::definitions::Definitions;
use crate::rows::{
    self, Announcement, ChildOf, ChildRow, DefinitionHash, ListingEntry, MapRunEnd, MapRunRecord,
    MapRunRef, StatusCode, Waiter, map_runs,
};

/// Most children that are begun by one step of a run.
const BEGUN_AT_ONCE: usize = 512;
/// Most starts and stops that are on their way at once.
pub(super) const COMMANDS_AT_ONCE: usize = 256;
/// Most ends that are taken by one step.
const ENDS_AT_ONCE: usize = 1_024;

/// Why a run could not go on. It is begun again from its rows.
pub(super) type Broken = CommandError;

pub(super) struct Runner<'s> {
    pub(super) shell: &'s Shell,
    pub(super) run: MapRunRef,
    pub(super) start: Arc<MapRunStart>,
    pub(super) record: MapRunRecord,
    /// The children that were not planned yet; `None` when the source of their items failed.
    children: Option<Children>,
    /// What they run; made with the first of them.
    child_definition: Option<DefinitionHash>,
    machine: Arc<StateMachine>,
    /// The made-up answers of the parent, which its children get too.
    mocks: Option<Arc<str>>,
}

/// Returns the made-up answers of a run's parent, if it has some.
async fn mocks_of(shell: &Shell, run: MapRunRef) -> Result<Option<Arc<str>>, Broken> {
    let unreadable = |_| CommandError::Unavailable;
    let parent = shell.record(run.parent).await.map_err(unreadable)?;
    let Some(hash) = parent.and_then(|parent| parent.mocks) else {
        return Ok(None);
    };
    let text = shell.shared.definitions.text(&hash).await;
    Ok(Some(text.map_err(unreadable)?.into()))
}

impl<'s> Runner<'s> {
    /// Returns the run as its rows say that it is; `None` when it is over and its parent was told.
    pub async fn open(shell: &'s Shell, run: MapRunRef) -> Result<Option<Self>, Broken> {
        let shared = &*shell.shared;
        if get(shared, &map_runs::open_key(run)).await?.is_none() {
            return Ok(None);
        }
        let record = get(shared, &map_runs::record_key(run)).await?;
        let start = get(shared, &map_runs::start_key(run)).await?;
        let (record, start) = record.zip(start).ok_or(CommandError::Unavailable)?;
        let record: MapRunRecord = load::read(&record)?;
        let start: Arc<MapRunStart> = Arc::new(load::read(&start)?);
        let machine = shared.definitions.machine(&record.definition).await;
        let machine = machine.map_err(|_| CommandError::Unavailable)?;
        let mut runner = Self {
            shell,
            run,
            start,
            record,
            children: None,
            child_definition: None,
            mocks: mocks_of(shell, run).await?,
            machine,
        };
        if runner.record.status == StatusCode::Running {
            runner.open_children().await;
        }
        Ok(Some(runner))
    }

    /// Opens the items from the first child on that is not known to be on disk.
    pub(super) async fn open_children(&mut self) {
        if self.record.confirmed.children == 0
            && let Err(ResultsError::Run(failure)) = self.results().check_target().await
        {
            return self.record.run.fail(failure);
        }
        let opened = Children::open(
            self.machine.clone(),
            self.start.clone(),
            self.record.confirmed,
            self.shell.shared.options.limits.payload_bytes_max,
            self.record.started_at,
            (self.shell.shared.gate.clone(), self.principal()),
        );
        match opened.await {
            Ok(mut children) => {
                let etag = children.etag();
                if self.record.etag.is_some() && etag != self.record.etag {
                    return self.record.run.fail(Failure {
                        error: "States.ItemReaderFailed".into(),
                        cause: "The object that the items are read from was changed.".into(),
                    });
                }
                self.record.etag = etag;
                self.children = Some(children);
            }
            Err(failure) => self.record.run.fail(failure),
        }
    }

    /// Returns as whom the run reads and writes: the parent's role.
    fn principal(&self) -> Principal {
        Principal::Role {
            role_arn: self.record.role_arn.as_str().into(),
            session_name: session_name(self.run.parent),
        }
    }

    /// Goes on to the end, redrives included.
    pub async fn run(mut self, notes: &mut mpsc::UnboundedReceiver<Note>) -> Result<(), Broken> {
        loop {
            self.go_on(notes).await?;
            // Who redrives the run knows how it ended.
            if self.look_for_redrive().await? {
                continue;
            }
            self.tell_parent().await?;
            if self.let_go().await? {
                return Ok(());
            }
        }
    }

    /// Goes on until the run is at its end, if it is not.
    async fn go_on(&mut self, notes: &mut mpsc::UnboundedReceiver<Note>) -> Result<(), Broken> {
        if self.record.status == StatusCode::Running {
            self.begin_again_unconfirmed().await?;
            self.begin_unconfirmed().await?;
        }
        while self.record.status == StatusCode::Running {
            self.look_for_abort().await?;
            let took = self.take_ends().await?;
            let more = self.children.as_ref().is_some_and(Children::more);
            match self.record.run.phase(more) {
                Phase::Begin(room) => self.begin(room).await?,
                Phase::Finish => self.finish().await?,
                Phase::StopChildren | Phase::Wait if took => {}
                Phase::StopChildren => {
                    self.stop_children().await?;
                    self.hear(notes).await?;
                }
                Phase::Wait => self.hear(notes).await?,
            }
            self.hear_all(notes).await?;
        }
        Ok(())
    }

    /// Waits for a note.
    async fn hear(&mut self, notes: &mut mpsc::UnboundedReceiver<Note>) -> Result<(), Broken> {
        match notes.recv().await {
            Some(note) => self.heed(note).await,
            // The server ends; the run goes on at the next start.
            None => std::future::pending().await,
        }
    }

    /// Takes the notes that have come.
    async fn hear_all(&mut self, notes: &mut mpsc::UnboundedReceiver<Note>) -> Result<(), Broken> {
        while let Ok(note) = notes.try_recv() {
            self.heed(note).await?;
        }
        Ok(())
    }

    async fn heed(&mut self, note: Note) -> Result<(), Broken> {
        match note {
            Note::Wake => Ok(()),
            Note::Update(change, reply) => self.update(change, reply).await,
        }
    }

    async fn update(
        &mut self,
        change: SettingsChange,
        reply: oneshot::Sender<Result<(), CommandError>>,
    ) -> Result<(), Broken> {
        if self.record.status != StatusCode::Running {
            // Who no longer listens does not need the answer.
            let _ = reply.send(Err(CommandError::NotFound));
            return Ok(());
        }
        let mut settings: Settings = self.record.run.settings();
        let tolerance = &mut settings.tolerance;
        settings.concurrency = change.concurrency.unwrap_or(settings.concurrency);
        tolerance.count = change.tolerated_failure_count.unwrap_or(tolerance.count);
        tolerance.percentage = change
            .tolerated_failure_percentage
            .unwrap_or(tolerance.percentage);
        self.record.run.update(settings);
        self.write(Batch::default()).await?;
        let _ = reply.send(Ok(()));
        Ok(())
    }

    /// Looks whether the parent wants nothing of the run any more.
    async fn look_for_abort(&mut self) -> Result<(), Broken> {
        if self.record.run.is_aborted() {
            return Ok(());
        }
        let row = get(&self.shell.shared, &map_runs::abort_key(self.run)).await?;
        let redrives = self.record.redrives.unwrap_or(0);
        // What was wanted before a redrive is not wanted any more.
        if row.is_some_and(|row| map_runs::redrives_at_abort(&row) >= redrives) {
            self.record.run.abort();
        }
        Ok(())
    }

    /// Counts the children that have ended; says whether any had.
    async fn take_ends(&mut self) -> Result<bool, Broken> {
        let range = rows::announcements_to(Waiter::MapRun(self.run));
        let store = &self.shell.shared.store;
        let found = store.scan(&range, ENDS_AT_ONCE).await;
        let found = found.map_err(load::unavailable)?;
        if found.is_empty() {
            return Ok(false);
        }
        let mut batch = Batch::default();
        for (key, row) in found {
            let end: Announcement = load::read(&row)?;
            self.record.run.child_ended(Ended {
                status: end.status.into(),
                items: end.items,
            });
            batch.delete.push(Key::new(range.space, key));
        }
        self.write(batch).await?;
        Ok(true)
    }

    /// Begins the next children, at most `room`.
    async fn begin(&mut self, room: u64) -> Result<(), Broken> {
        let most = usize::try_from(room)
            .unwrap_or(BEGUN_AT_ONCE)
            .min(BEGUN_AT_ONCE);
        if self.record.again.is_some() {
            return self.begin_again(most).await;
        }
        let Some(children) = &mut self.children else {
            return Ok(());
        };
        let (planned, failure) = children.take(most).await;
        let exhausted = !children.more();
        let count = count(&planned);
        let run = &mut self.record.run;
        run.begin(count);
        match failure {
            Some(failure) => run.fail(failure),
            None if exhausted => run.exhaust(),
            None => {}
        }
        self.record.planned.children += count.children;
        self.record.planned.items += count.items;
        self.write(Batch::default()).await?;
        self.begin_planned(planned).await
    }

    /// Begins what was planned when the run was cut off. Some of it may be on disk, and even at its end.
    async fn begin_unconfirmed(&mut self) -> Result<(), Broken> {
        while self.record.confirmed.children < self.record.planned.children {
            let missing = self.record.planned.children - self.record.confirmed.children;
            let Some(children) = &mut self.children else {
                return self.give_up_unconfirmed().await;
            };
            let most = usize::try_from(missing).unwrap_or(BEGUN_AT_ONCE);
            let (planned, failure) = children.take(most.min(BEGUN_AT_ONCE)).await;
            if let Some(failure) = failure {
                self.record.run.fail(failure);
            }
            if planned.is_empty() {
                return self.give_up_unconfirmed().await;
            }
            self.begin_planned(planned).await?;
        }
        Ok(())
    }

    /// Counts as aborted what was planned and cannot be made any more: its items are gone.
    async fn give_up_unconfirmed(&mut self) -> Result<(), Broken> {
        let mut items = self.record.planned.items - self.record.confirmed.items;
        let mut missing = 0u64;
        for index in self.record.confirmed.children..self.record.planned.children {
            let key = map_runs::child_key(self.run, index);
            match get(&self.shell.shared, &key).await? {
                Some(row) => items -= load::read::<ChildRow>(&row)?.items.min(items),
                None => missing += 1,
            }
        }
        for _ in 0..missing {
            self.record.run.child_ended(Ended {
                status: Status::Aborted,
                // Which of them had how many is not known any more.
                items: std::mem::take(&mut items),
            });
        }
        self.record.confirmed = self.record.planned;
        self.write(Batch::default()).await
    }

    /// Begins children. Once this returns, they are on disk; that they are is written with the next step.
    async fn begin_planned(&mut self, planned: Vec<Planned>) -> Result<(), Broken> {
        if planned.is_empty() {
            return Ok(());
        }
        let definition = self.child_definition().await?;
        let count = count(&planned);
        let starts: Vec<Start> = planned
            .into_iter()
            .map(|child| self.start_of(child, definition))
            .collect();
        let shell = self.shell;
        let mut started = stream::iter(starts)
            .map(|start| shell.start(start))
            .buffer_unordered(COMMANDS_AT_ONCE);
        while let Some(started) = started.next().await {
            started?;
        }
        self.record.confirmed.children += count.children;
        self.record.confirmed.items += count.items;
        Ok(())
    }

    fn start_of(&self, child: Planned, definition: DefinitionHash) -> Start {
        let machine = &self.record.state_machine_arn;
        let machine_name = machine.rsplit(':').next().unwrap_or_default();
        Start {
            state_machine_arn: machine.as_str().into(),
            state_machine_name: machine_name.into(),
            name: child_name(&self.start.uuid, child.index).into(),
            express: None,
            definition,
            role_arn: self.record.role_arn.as_str().into(),
            input: child.input,
            trace_header: None,
            qualified: None,
            started_by: None,
            logging: self.record.logging.clone(),
            mocks: self.mocks.clone(),
            child_of: Some(ChildOf {
                run: self.run,
                map_run_arn: self.record.map_run_arn.clone(),
                index: child.index,
                items: child.items,
                express: self.start.express,
            }),
        }
    }

    /// Returns the definition that the children pin: what the parent's says inside its Map state.
    async fn child_definition(&mut self) -> Result<DefinitionHash, Broken> {
        if let Some(hash) = self.child_definition {
            return Ok(hash);
        }
        let shared = &self.shell.shared;
        let parent = shared.definitions.text(&self.record.definition).await;
        let parent = parent.map_err(|_| CommandError::Unavailable)?;
        let text = asl::child_definition(&parent, &self.start.state);
        let text = text.ok_or(CommandError::Unavailable)?;
        let hash = Definitions::hash(&text);
        let put = vec![(Definitions::key(&hash), Bytes::from(text))];
        commit(
            shared,
            Batch {
                put,
                ..Batch::default()
            },
        )
        .await?;
        self.child_definition = Some(hash);
        Ok(hash)
    }

    /// Stops the children that run. Those of type EXPRESS are waited for: they cannot be stopped
    /// (Viewing Map Runs, "Aborted").
    async fn stop_children(&mut self) -> Result<(), Broken> {
        if self.start.express {
            return Ok(());
        }
        let mut range = rows::listing_of(&self.record.map_run_arn, StatusCode::Running);
        loop {
            let store = &self.shell.shared.store;
            let found = store.scan(&range, COMMANDS_AT_ONCE).await;
            let found = found.map_err(load::unavailable)?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            range.start = [last, [0].as_slice()].concat().into();
            let mut stops = stream::iter(found)
                .map(|(_, row)| self.stop(row))
                .buffer_unordered(COMMANDS_AT_ONCE);
            while let Some(stopped) = stops.next().await {
                stopped?;
            }
        }
    }

    async fn stop(&self, row: Bytes) -> Result<(), Broken> {
        let entry: ListingEntry = load::read(&row)?;
        if entry.listed_under() != self.record.map_run_arn {
            return Ok(());
        }
        let found = self.shell.find(&entry.state_machine_arn, &entry.name).await;
        let Some(execution) = found.map_err(|_| CommandError::Unavailable)? else {
            return Ok(());
        };
        let command = Command::StopExecution {
            error: None,
            cause: None,
        };
        match self.shell.submit(execution, command).await {
            // Rejected: it has ended by itself.
            Ok(_) | Err(CommandError::Rejected(_) | CommandError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends the run: its children have ended.
    async fn finish(&mut self) -> Result<(), Broken> {
        self.break_off_walk().await?;
        let failure = self.record.run.failure().cloned();
        let aborted = self.record.run.is_aborted();
        if aborted || failure.is_some() {
            self.export().await?;
        }
        let end = match failure {
            _ if aborted => None,
            Some(failure) => Some(MapRunEnd::Failed(failure)),
            None => Some(self.gather().await?),
        };
        self.record.status = match &end {
            None => StatusCode::Aborted,
            Some(MapRunEnd::Failed(_)) => StatusCode::Failed,
            Some(MapRunEnd::Succeeded(_)) => StatusCode::Succeeded,
        };
        self.record.stopped_at = Some(self.shell.shared.clock.now());
        let mut batch = Batch::default();
        if let Some(end) = &end {
            batch
                .put
                .push((map_runs::end_key(self.run), rows::encode(end).into()));
        }
        self.write(batch).await
    }

    fn results(&self) -> Results<'_> {
        Results {
            shared: &self.shell.shared,
            run: self.run,
            start: &self.start,
            record: &self.record,
            principal: self.principal(),
        }
    }

    /// Writes the results of a run without success. That they could not be written changes nothing.
    async fn export(&mut self) -> Result<(), Broken> {
        let mut children = self.children.take();
        match self.results().export(children.as_mut()).await {
            Ok(written) => self.record.results_written = written,
            Err(ResultsError::Run(failure)) => {
                tracing::warn!(
                    arn = self.record.map_run_arn,
                    ?failure,
                    "results were not written"
                );
            }
            Err(ResultsError::Read) => return Err(CommandError::Unavailable),
        }
        Ok(())
    }

    async fn gather(&mut self) -> Result<MapRunEnd, Broken> {
        let gathered = self.results().gather().await;
        match gathered {
            Ok((output, written)) => {
                self.record.results_written = written;
                Ok(MapRunEnd::Succeeded(output))
            }
            Err(ResultsError::Run(failure)) => {
                self.record.run.fail(failure.clone());
                Ok(MapRunEnd::Failed(failure))
            }
            Err(ResultsError::Read) => Err(CommandError::Unavailable),
        }
    }

    /// Tells the parent of the end.
    async fn tell_parent(&self) -> Result<(), Broken> {
        let Some(row) = get(&self.shell.shared, &map_runs::end_key(self.run)).await? else {
            return Ok(());
        };
        let (run, redrives) = (self.run.run, self.record.redrives.unwrap_or(0));
        let command = match load::read::<MapRunEnd>(&row)? {
            MapRunEnd::Succeeded(output) => Command::MapRunSucceeded {
                run,
                redrives,
                output,
            },
            MapRunEnd::Failed(failure) => Command::MapRunFailed {
                run,
                redrives,
                failure,
            },
        };
        match self.shell.submit(self.run.parent, command).await {
            // Rejected: it was told before, or was ended or redriven meanwhile.
            Ok(_) | Err(CommandError::Rejected(_) | CommandError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Commits the record with `batch`.
    pub(super) async fn write(&self, mut batch: Batch) -> Result<(), Broken> {
        let record = rows::encode(&self.record).into();
        batch.put.push((map_runs::record_key(self.run), record));
        commit(&self.shell.shared, batch).await
    }
}

fn count(planned: &[Planned]) -> Count {
    Count {
        children: planned.len() as u64,
        items: planned.iter().map(|child| child.items).sum(),
    }
}

pub(super) async fn get(shared: &Shared, key: &Key) -> Result<Option<Bytes>, Broken> {
    shared.store.get(key).await.map_err(load::unavailable)
}

async fn commit(shared: &Shared, batch: Batch) -> Result<(), Broken> {
    shared.store.commit(batch).await.map_err(load::unavailable)
}
