//! Versions and aliases: revisions under a number, and names that lead to one or two of them.
//!
//! A version points to the stored revision that it was published from. Every change here also changes
//! the machine's row, so that of a deletion, a publication and a change of an alias that meet, one
//! reads again: no alias leads to a version that is gone, none outlives its machine.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use service::Failure;
use store::{Batch, Key, Range, Space};
use vocab::Timestamp;

use super::{Change, Machine, MachineRecord, Machines, decode, machine_key, revision_key};
use crate::api::failure;
use crate::api::names::{self, MachineArn, Qualifier};
use crate::definitions::unreadable;
use crate::rows;

/// Versions, by machine and number.
const VERSIONS: &[u8] = b"v/";
/// Aliases, by machine and name.
const ALIASES: &[u8] = b"s/";

/// A published version.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct VersionRecord {
    /// 1, 2, 3, …: never given twice.
    #[n(0)]
    pub number: u64,
    /// When it was published.
    #[n(1)]
    pub created_at: Timestamp,
    /// For people.
    #[n(2)]
    pub description: Option<String>,
    /// The moment by which its revision is found.
    #[n(3)]
    pub revision_at: Timestamp,
}

/// An alias.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct AliasRecord {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// For people.
    #[n(1)]
    pub description: Option<String>,
    /// Where it leads: to one version or two.
    #[n(2)]
    pub routes: Vec<Route>,
    /// When it was created.
    #[n(3)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[n(4)]
    pub updated_at: Timestamp,
}

/// A version that an alias leads to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Route {
    /// Its number.
    #[n(0)]
    pub version: u64,
    /// Of a hundred starts, so many.
    #[n(1)]
    pub weight: u64,
}

impl AliasRecord {
    /// Returns the version for a number drawn from 0 to 99.
    fn drawn(&self, draw: u64) -> Option<u64> {
        let mut left = draw;
        for route in &self.routes {
            if left < route.weight {
                return Some(route.version);
            }
            left -= route.weight;
        }
        None
    }
}

impl MachineRecord {
    /// Counts one version more, and returns it: what this record is now, under the next number.
    pub(crate) fn publish(&mut self, description: Option<String>, now: Timestamp) -> VersionRecord {
        let number = self.versions.unwrap_or(0) + 1;
        self.versions = Some(number);
        VersionRecord {
            number,
            created_at: now,
            description,
            revision_at: self.updated_at,
        }
    }
}

/// What the ARN of a machine, a version or an alias leads to.
pub(crate) struct Target {
    /// The machine as it is now.
    pub machine: Arc<Machine>,
    /// The version, where the ARN was not the machine's own.
    pub version: Option<TargetVersion>,
}

/// A version with what it takes to run it.
pub(crate) struct TargetVersion {
    /// `…:stateMachine:NAME:NUMBER`.
    pub arn: String,
    /// `…:stateMachine:NAME:ALIAS`, where it was reached through an alias.
    pub alias_arn: Option<String>,
    /// What is stored of it.
    pub record: VersionRecord,
    /// The machine as it was when the version was published.
    pub revision: MachineRecord,
}

impl Target {
    /// Returns the record whose definition and role count.
    pub(crate) fn revision(&self) -> &MachineRecord {
        self.version
            .as_ref()
            .map_or(&self.machine.record, |version| &version.revision)
    }
}

impl Machines {
    /// Returns what `arn` leads to; `draw`, from 0 to 99, chooses among the versions of an alias.
    pub(crate) async fn resolve(&self, arn: &str, draw: u64) -> Result<Target, Failure> {
        let MachineArn::Qualified { base, qualifier } = names::parse_machine_arn(arn)? else {
            let machine = self.get(arn).await?;
            return Ok(Target {
                machine,
                version: None,
            });
        };
        let missing = || failure::state_machine_does_not_exist(arn);
        let machine = self.get(base).await.map_err(|failure| {
            if failure.code == "StateMachineDoesNotExist" {
                missing()
            } else {
                failure
            }
        })?;
        let (number, alias_arn) = match qualifier {
            Qualifier::Version(number) => (Some(number), None),
            Qualifier::Alias(name) => {
                let alias = self.alias(base, name).await?.ok_or_else(missing)?;
                (alias.drawn(draw), Some(arn.to_owned()))
            }
        };
        let number = number.ok_or_else(missing)?;
        let record = self.version(base, number).await?.ok_or_else(missing)?;
        let revision = self.revision_at(base, record.revision_at).await?;
        let version = TargetVersion {
            arn: format!("{base}:{number}"),
            alias_arn,
            record,
            revision: revision.ok_or_else(missing)?,
        };
        Ok(Target {
            machine,
            version: Some(version),
        })
    }

    /// Returns the revision that a machine became at `moment`.
    pub(crate) async fn revision_at(
        &self,
        machine_arn: &str,
        moment: Timestamp,
    ) -> Result<Option<MachineRecord>, Failure> {
        let row = self.store.get(&revision_key(machine_arn, moment)).await;
        row.map_err(unreadable)?.map(|row| decode(&row)).transpose()
    }

    /// Returns the version with this number.
    pub(crate) async fn version(
        &self,
        machine_arn: &str,
        number: u64,
    ) -> Result<Option<VersionRecord>, Failure> {
        let row = self.store.get(&version_key(machine_arn, number)).await;
        row.map_err(unreadable)?.map(|row| read(&row)).transpose()
    }

    /// Returns up to `limit` versions, the newest first, those before `before`.
    pub(crate) async fn versions(
        &self,
        machine_arn: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<VersionRecord>, Failure> {
        let mut range = Range::prefix(Space::StateMachines, &prefix(VERSIONS, machine_arn));
        if let Some(number) = before {
            range.end = Some(version_key(machine_arn, number).bytes);
        }
        self.scan(&range.reversed(), limit).await
    }

    /// Returns the alias called `name`.
    pub(crate) async fn alias(
        &self,
        machine_arn: &str,
        name: &str,
    ) -> Result<Option<AliasRecord>, Failure> {
        let row = self.store.get(&alias_key(machine_arn, name)).await;
        row.map_err(unreadable)?.map(|row| read(&row)).transpose()
    }

    /// Returns up to `limit` aliases in the order of their names, those behind `after`.
    pub(crate) async fn aliases(
        &self,
        machine_arn: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AliasRecord>, Failure> {
        let mut range = Range::prefix(Space::StateMachines, &prefix(ALIASES, machine_arn));
        if let Some(name) = after {
            let last = alias_key(machine_arn, name).bytes;
            range.start = [&last, &[0][..]].concat().into();
        }
        self.scan(&range, limit).await
    }

    /// Removes a version. The caller has seen that no alias leads to it.
    pub(crate) async fn delete_version(
        self: &Arc<Self>,
        machine: &Machine,
        number: u64,
    ) -> Result<Change, Failure> {
        let mut batch = changed(machine);
        batch.delete.push(version_key(&machine.arn, number));
        self.commit(machine.record.arn.clone(), batch).await
    }

    /// Stores an alias, new or changed. The caller has seen that its versions are there.
    pub(crate) async fn put_alias(
        self: &Arc<Self>,
        machine: &Machine,
        alias: &AliasRecord,
    ) -> Result<Change, Failure> {
        let mut batch = changed(machine);
        let key = alias_key(&machine.arn, &alias.name);
        batch.put.push((key, rows::encode(alias).into()));
        self.commit(machine.record.arn.clone(), batch).await
    }

    /// Removes an alias.
    pub(crate) async fn delete_alias(
        self: &Arc<Self>,
        machine: &Machine,
        name: &str,
    ) -> Result<Change, Failure> {
        let mut batch = changed(machine);
        batch.delete.push(alias_key(&machine.arn, name));
        self.commit(machine.record.arn.clone(), batch).await
    }

    /// Returns the rows of all versions and aliases of a machine: they go with it.
    pub(super) async fn qualified_rows(&self, machine_arn: &str) -> Result<Vec<Key>, Failure> {
        let mut keys = Vec::new();
        for kind in [VERSIONS, ALIASES] {
            let range = Range::prefix(Space::StateMachines, &prefix(kind, machine_arn));
            let found = self.store.scan(&range, usize::MAX).await;
            let found = found.map_err(unreadable)?.into_iter();
            keys.extend(found.map(|(key, _)| Key::new(Space::StateMachines, key)));
        }
        Ok(keys)
    }

    async fn scan<T: for<'b> Decode<'b, ()>>(
        &self,
        range: &Range,
        limit: usize,
    ) -> Result<Vec<T>, Failure> {
        let rows = self.store.scan(range, limit).await.map_err(unreadable)?;
        rows.iter().map(|(_, row)| read(row)).collect()
    }
}

/// Returns the row of a version that was just published.
pub(super) fn version_row(machine_arn: &str, version: &VersionRecord) -> (Key, bytes::Bytes) {
    let key = version_key(machine_arn, version.number);
    (key, rows::encode(version).into())
}

/// Returns a batch that relies on the machine as it was read, and makes others that do read again.
fn changed(machine: &Machine) -> Batch {
    let mut record = machine.record.clone();
    record.changes = Some(record.changes.unwrap_or(0) + 1);
    Batch {
        expect: vec![machine.expectation()],
        put: vec![(machine_key(&record.name), rows::encode(&record).into())],
        delete: Vec::new(),
    }
}

fn prefix(kind: &[u8], machine_arn: &str) -> Vec<u8> {
    [kind, machine_arn.as_bytes(), &[0]].concat()
}

fn version_key(machine_arn: &str, number: u64) -> Key {
    let bytes = [prefix(VERSIONS, machine_arn), number.to_be_bytes().to_vec()];
    Key::new(Space::StateMachines, bytes.concat())
}

fn alias_key(machine_arn: &str, name: &str) -> Key {
    let bytes = [prefix(ALIASES, machine_arn), name.as_bytes().to_vec()];
    Key::new(Space::StateMachines, bytes.concat())
}

fn read<'b, T: Decode<'b, ()>>(row: &'b [u8]) -> Result<T, Failure> {
    minicbor::decode(row).map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "a stored version or alias cannot be read");
        failure::unavailable()
    })
}
