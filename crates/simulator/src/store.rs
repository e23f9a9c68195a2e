//! What survives a crash: the rows of one execution, changed by whole batches or not at all.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::map_run::MapRunStart;
use engine_core::{MapRunId, Recorded, TaskCall, TaskId, Timer};
use vocab::Timestamp;

/// The rows of one execution. Events and calls are kept as the bytes that a store would keep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The journal: one event each, encoded.
    pub journal: Vec<Vec<u8>>,
    /// The outbox: calls to be made, encoded.
    pub outbox: BTreeMap<TaskId, Vec<u8>>,
    /// Timers that run.
    pub timers: BTreeSet<(Timestamp, Timer)>,
    /// Map runs that go on, as they were told to, encoded.
    pub map_runs: BTreeMap<MapRunId, Vec<u8>>,
    /// Tasks whose jobs are to be ended.
    pub abandoned: BTreeSet<TaskId>,
    /// What each map run was told, and how often it was redriven: what a redrive goes on with.
    pub map_runs_known: BTreeMap<MapRunId, (Vec<u8>, u64)>,
    /// A turn was cut off and is to be continued.
    pub go_on: bool,
    /// The end is to be announced.
    pub announce: bool,
}

/// One atomic change, made of what a transition says.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Rows that the journal must have before the batch: nobody else has written.
    pub journal_length: usize,
    /// Events to append.
    pub append: Vec<Vec<u8>>,
    /// What else changes, in order.
    pub changes: Vec<Change>,
}

/// A change of a row beside the journal.
#[derive(Clone, Debug)]
pub enum Change {
    /// Put a call into the outbox.
    PutCall(TaskId, Vec<u8>),
    /// Take a call out of the outbox.
    DeleteCall(TaskId),
    /// Start a timer.
    PutTimer(Timestamp, Timer),
    /// Stop a timer.
    DeleteTimer(Timestamp, Timer),
    /// Begin a map run.
    PutMapRun(MapRunId, Vec<u8>),
    /// Go on with a map run, for the so manieth time.
    RedriveMapRun(MapRunId, u64),
    /// End a map run.
    DeleteMapRun(MapRunId),
    /// Have a job ended.
    AbandonJob(TaskId),
    /// Continue, or no more.
    GoOn(bool),
    /// Announce the end, or no more.
    Announce(bool),
}

/// What happens to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Written, and the writer learns so.
    Written,
    /// Not written, and the writer learns so or crashes.
    Lost,
    /// Written, but the writer does not learn so.
    WrittenUnheard,
}

/// A commit did not come back as written: it may be either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeUnknown;

impl Rows {
    /// Writes `batch`, or meets its `fate`.
    pub fn commit(&mut self, batch: Batch, fate: Fate) -> Result<(), OutcomeUnknown> {
        if fate == Fate::Lost || batch.journal_length != self.journal.len() {
            return Err(OutcomeUnknown);
        }
        self.journal.extend(batch.append);
        for change in batch.changes {
            self.change(change);
        }
        if fate == Fate::WrittenUnheard {
            Err(OutcomeUnknown)
        } else {
            Ok(())
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::PutCall(task, call) => drop(self.outbox.insert(task, call)),
            Change::DeleteCall(task) => drop(self.outbox.remove(&task)),
            Change::PutTimer(due_at, timer) => drop(self.timers.insert((due_at, timer))),
            Change::DeleteTimer(due_at, timer) => drop(self.timers.remove(&(due_at, timer))),
            Change::PutMapRun(run, start) => {
                self.map_runs_known.insert(run, (start.clone(), 0));
                self.map_runs.insert(run, start);
            }
            Change::RedriveMapRun(run, redrives) => {
                let known = self.map_runs_known.get_mut(&run);
                let (start, known) = known.expect("a run that is redriven was begun");
                *known = redrives;
                self.map_runs.insert(run, start.clone());
            }
            Change::DeleteMapRun(run) => drop(self.map_runs.remove(&run)),
            Change::AbandonJob(task) => drop(self.abandoned.insert(task)),
            Change::GoOn(go_on) => self.go_on = go_on,
            Change::Announce(announce) => self.announce = announce,
        }
    }

    /// Returns the events, decoded.
    pub fn events(&self) -> Vec<Recorded> {
        self.events_from(0)
    }

    /// Returns the events after the first `seen`, decoded.
    pub fn events_from(&self, seen: usize) -> Vec<Recorded> {
        let decode = |bytes: &Vec<u8>| minicbor::decode(bytes).expect("a stored event decodes");
        self.journal[seen..].iter().map(decode).collect()
    }

    /// Returns what a map run was told at its start, decoded.
    pub fn map_run(&self, run: MapRunId) -> Option<MapRunStart> {
        let bytes = self.map_runs.get(&run)?;
        Some(minicbor::decode(bytes).expect("a stored start decodes"))
    }

    /// Returns how often a map run was redriven.
    pub fn redrives_of(&self, run: MapRunId) -> u64 {
        self.map_runs_known.get(&run).map_or(0, |(_, known)| *known)
    }

    /// Returns a call of the outbox, decoded.
    pub fn call(&self, task: TaskId) -> Option<TaskCall> {
        let bytes = self.outbox.get(&task)?;
        Some(minicbor::decode(bytes).expect("a stored call decodes"))
    }
}
