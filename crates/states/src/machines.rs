//! The records of state machines: stored, cached, and changed only as they are expected to be.
//!
//! A start reads its machine from memory. Every change goes through here, and what is cached is
//! forgotten before the change is answered: a start that follows an answered update sees the update.
//! Deliberately absent: locks; two writers meet in the store, and one of them reads again.

mod record;
mod versions;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use service::Failure;
use store::{Batch, Expectation, Key, Range, Space, Store, StoreError};
use vocab::Timestamp;

pub(crate) use record::{LevelCode, Logging, MachineRecord, MachineStatus, TypeCode};
pub(crate) use versions::{AliasRecord, Route, TargetVersion, VersionRecord};

use crate::api::failure;
use crate::api::names::{self, MachineArn};
use crate::definitions::{Definitions, unreadable};
use crate::rows::{self, ExecutionRecord};
use crate::tags::Tags;

/// How many machines are kept in memory.
const CACHED_MAX: usize = 10_000;

/// How many revisions before its start are looked at for the one that an execution pins.
const REVISIONS_LOOKED_AT: usize = 4;

/// A machine as it was read.
pub(crate) struct Machine {
    /// What is stored.
    pub(crate) record: MachineRecord,
    /// The stored bytes: what a change expects to find.
    row: Bytes,
    /// The parts that every start shares.
    pub(crate) arn: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) role_arn: Arc<str>,
}

impl Machine {
    fn read(row: Bytes) -> Result<Self, Failure> {
        let record = decode(&row)?;
        let MachineRecord {
            arn,
            name,
            role_arn,
            ..
        } = &record;
        let (arn, name, role_arn) = (
            arn.as_str().into(),
            name.as_str().into(),
            role_arn.as_str().into(),
        );
        Ok(Self {
            record,
            row,
            arn,
            name,
            role_arn,
        })
    }
}

/// What a change of a machine came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is durable.
    Done,
    /// The machine was not as it was read; nothing changed. Read again and decide again.
    Outdated,
}

/// All state machines.
pub(crate) struct Machines {
    store: Arc<dyn Store>,
    cache: RwLock<Cache>,
}

#[derive(Default)]
struct Cache {
    /// Counts what was forgotten: a reader that began before must not cache what it read.
    forgotten: u64,
    by_arn: HashMap<Arc<str>, Arc<Machine>>,
}

impl Machines {
    /// Returns the machines in `store`.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            cache: RwLock::default(),
        }
    }

    /// Returns the machine that `arn` names; `StateMachineDoesNotExist` where there is none. What
    /// versions and aliases lead to, [`Machines::resolve`] returns.
    pub(crate) async fn get(&self, arn: &str) -> Result<Arc<Machine>, Failure> {
        if let Some(machine) = self.cache.read().by_arn.get(arn) {
            return Ok(machine.clone());
        }
        let name = match names::parse_machine_arn(arn)? {
            MachineArn::Plain { name } => name,
            MachineArn::Qualified { .. } => return Err(failure::state_machine_does_not_exist(arn)),
            MachineArn::Labelled => return Err(failure::labelled_arn_not_supported()),
        };
        let forgotten = self.cache.read().forgotten;
        match self.read(name).await? {
            Some(machine) if &*machine.arn == arn => {
                let machine = Arc::new(machine);
                self.keep(machine.clone(), forgotten);
                Ok(machine)
            }
            Some(_) | None => Err(failure::state_machine_does_not_exist(arn)),
        }
    }

    /// Returns the machine called `name`, past the cache.
    pub(crate) async fn read(&self, name: &str) -> Result<Option<Machine>, Failure> {
        if name.is_empty() {
            return Ok(None);
        }
        let row = self
            .store
            .get(&machine_key(name))
            .await
            .map_err(unreadable)?;
        row.map(Machine::read).transpose()
    }

    fn keep(&self, machine: Arc<Machine>, forgotten: u64) {
        let mut cache = self.cache.write();
        if cache.forgotten != forgotten {
            return;
        }
        if cache.by_arn.len() >= CACHED_MAX {
            // Rare enough that starting over costs less than keeping an order.
            cache.by_arn.clear();
        }
        cache.by_arn.insert(machine.arn.clone(), machine);
    }

    fn forget(&self, arn: &str) {
        let mut cache = self.cache.write();
        cache.forgotten += 1;
        cache.by_arn.remove(arn);
    }

    /// Returns up to `limit` machines in the order of their names, those behind `after`.
    pub(crate) async fn list(
        &self,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<MachineRecord>, Failure> {
        let mut range = Range::prefix(Space::StateMachines, MACHINES);
        if let Some(name) = after {
            range.start = [MACHINES, name, &[0]].concat().into();
        }
        let rows = self.store.scan(&range, limit).await.map_err(unreadable)?;
        rows.iter().map(|(_, row)| decode(row)).collect()
    }

    /// Returns the revision under which `execution` began, also of a machine that is gone.
    pub(crate) async fn revision_of(
        &self,
        execution: &ExecutionRecord,
    ) -> Result<Option<MachineRecord>, Failure> {
        if let Some(qualified) = &execution.qualified {
            let machine_arn = &execution.state_machine_arn;
            return self.revision_at(machine_arn, qualified.revision_at).await;
        }
        // A map run's child belongs to a revision of its parent's machine.
        let machine = execution.state_machine_arn.split('/').next();
        let prefix = revision_prefix(machine.unwrap_or_default());
        let mut range = Range::prefix(Space::StateMachines, &prefix).reversed();
        let behind = moment_bytes(execution.started_at.plus_millis(1));
        range.end = Some([prefix, behind].concat().into());
        let rows = self
            .store
            .scan(&range, REVISIONS_LOOKED_AT)
            .await
            .map_err(unreadable)?;
        let revisions: Vec<MachineRecord> = rows
            .iter()
            .map(|(_, row)| decode(row))
            .collect::<Result<_, _>>()?;
        // Of an update in the millisecond of the start, nobody knows whether it came first.
        let pinned = |revision: &&MachineRecord| {
            revision.definition == execution.definition && revision.role_arn == execution.role_arn
        };
        Ok(revisions.iter().find(pinned).or(revisions.first()).cloned())
    }

    /// Returns the names of the machines whose deletion is under way.
    pub(crate) async fn deleting(&self) -> Result<Vec<String>, StoreError> {
        let range = Range::prefix(Space::StateMachines, DELETIONS);
        let mut names = Vec::new();
        for (key, _) in self.store.scan(&range, usize::MAX).await? {
            names.push(String::from_utf8_lossy(&key[DELETIONS.len()..]).into_owned());
        }
        Ok(names)
    }

    /// Stores a new machine with its definition's text and its tags.
    pub(crate) async fn create(
        self: &Arc<Self>,
        record: MachineRecord,
        definition: String,
        tags: &[(String, String)],
        version: Option<&VersionRecord>,
    ) -> Result<Change, Failure> {
        let mut batch = Batch::default();
        batch
            .expect
            .push((machine_key(&record.name), Expectation::Absent));
        put_revision(&mut batch, &record);
        batch
            .put
            .push((Definitions::key(&record.definition), definition.into()));
        if !tags.is_empty() {
            batch.put.push(Tags::row(&record.arn, tags));
        }
        batch
            .put
            .extend(version.map(|version| versions::version_row(&record.arn, version)));
        self.commit(record.arn, batch).await
    }

    /// Stores `record` in place of `machine`, and the text of its definition where that is new.
    pub(crate) async fn replace(
        self: &Arc<Self>,
        machine: &Machine,
        record: MachineRecord,
        definition: Option<String>,
        version: Option<&VersionRecord>,
    ) -> Result<Change, Failure> {
        let mut batch = Batch::default();
        batch.expect.push(machine.expectation());
        put_revision(&mut batch, &record);
        if let Some(text) = definition {
            batch
                .put
                .push((Definitions::key(&record.definition), text.into()));
        }
        batch
            .put
            .extend(version.map(|version| versions::version_row(&record.arn, version)));
        self.commit(record.arn, batch).await
    }

    /// Marks `machine`: no execution of it begins any more, and its deletion goes on after a restart.
    pub(crate) async fn begin_deletion(
        self: &Arc<Self>,
        machine: &Machine,
    ) -> Result<Change, Failure> {
        let record = MachineRecord {
            status: MachineStatus::Deleting,
            ..machine.record.clone()
        };
        let batch = Batch {
            expect: vec![machine.expectation()],
            put: vec![
                (machine_key(&record.name), rows::encode(&record).into()),
                (deletion_key(&record.name), Bytes::from_static(b"\x01")),
            ],
            delete: Vec::new(),
        };
        self.commit(record.arn, batch).await
    }

    /// Removes `machine`, its versions, aliases and tags. Its revisions stay: executions that ran under them are still
    /// described.
    pub(crate) async fn delete(self: &Arc<Self>, machine: &Machine) -> Result<Change, Failure> {
        let record = &machine.record;
        let mut batch = Batch {
            expect: vec![machine.expectation()],
            put: Vec::new(),
            delete: vec![
                machine_key(&record.name),
                deletion_key(&record.name),
                Tags::key(&record.arn),
            ],
        };
        batch.delete.extend(self.qualified_rows(&record.arn).await?);
        self.commit(record.arn.clone(), batch).await
    }

    /// Commits in a task of its own: a caller that goes away must not leave the old machine cached.
    async fn commit(self: &Arc<Self>, arn: String, batch: Batch) -> Result<Change, Failure> {
        let machines = self.clone();
        let work = tokio::spawn(async move {
            let committed = machines.store.commit(batch).await;
            machines.forget(&arn);
            committed
        });
        match work.await {
            Ok(Ok(())) => Ok(Change::Done),
            Ok(Err(StoreError::Conflict { .. })) => Ok(Change::Outdated),
            Ok(Err(error)) => Err(unreadable(error)),
            Err(_) => Err(failure::unavailable()),
        }
    }
}

impl Machine {
    /// What a batch expects that relies on the machine being as it was read.
    pub(crate) fn expectation(&self) -> (Key, Expectation) {
        (
            machine_key(&self.record.name),
            Expectation::Holds(self.row.clone()),
        )
    }
}

/// Machines by name.
const MACHINES: &[u8] = b"m/";
/// Names of machines whose deletion is under way.
const DELETIONS: &[u8] = b"x/";
/// Revisions by machine and moment.
const REVISIONS: &[u8] = b"r/";

fn machine_key(name: &str) -> Key {
    Key::new(Space::StateMachines, [MACHINES, name.as_bytes()].concat())
}

fn deletion_key(name: &str) -> Key {
    Key::new(Space::StateMachines, [DELETIONS, name.as_bytes()].concat())
}

fn revision_prefix(machine_arn: &str) -> Vec<u8> {
    [REVISIONS, machine_arn.as_bytes(), &[0]].concat()
}

fn moment_bytes(moment: Timestamp) -> Vec<u8> {
    (moment.as_millis().max(0) as u64).to_be_bytes().to_vec()
}

fn revision_key(machine_arn: &str, moment: Timestamp) -> Key {
    let bytes = [revision_prefix(machine_arn), moment_bytes(moment)].concat();
    Key::new(Space::StateMachines, bytes)
}

fn put_revision(batch: &mut Batch, record: &MachineRecord) {
    let row = Bytes::from(rows::encode(record));
    let revision = revision_key(&record.arn, record.updated_at);
    batch.put.push((revision, row.clone()));
    batch.put.push((machine_key(&record.name), row));
}

fn decode(row: &[u8]) -> Result<MachineRecord, Failure> {
    minicbor::decode(row).map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "a stored state machine cannot be read");
        failure::unavailable()
    })
}
