//! `PublishStateMachineVersion`: the machine as it is now, under the next number.

use aws_model::states::{PublishStateMachineVersionInput, PublishStateMachineVersionOutput};
use service::{Failure, Reply};

use super::{failure, update_state_machine};
use crate::machines::{Change, MachineRecord, VersionRecord};
use crate::service::States;

/// Most versions of a machine (Step Functions quotas).
const VERSIONS_MAX: usize = 1_000;
/// How often the publication is tried again when others change the same machine.
const ATTEMPTS_MAX: usize = 100;
/// What the revision of a machine is called that was never updated.
const INITIAL: &str = "INITIAL";

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: PublishStateMachineVersionInput = super::read(input)?;
    for _ in 0..ATTEMPTS_MAX {
        let machine = update_state_machine::read(states, &input.state_machine_arn).await?;
        let mut record = machine.record.clone();
        let current = record.revision_id.as_deref().unwrap_or(INITIAL);
        if let Some(asked) = input
            .revision_id
            .as_deref()
            .filter(|asked| *asked != current)
        {
            return Err(failure::other_revision(asked, current));
        }
        let (version, is_new) = publish(states, &mut record, input.description.clone()).await?;
        if !is_new {
            return Ok(published(&record, &version));
        }
        let change = states
            .machines
            .replace(&machine, record.clone(), None, Some(&version))
            .await?;
        if change == Change::Done {
            return Ok(published(&record, &version));
        }
    }
    Err(failure::unavailable())
}

/// Returns the version of what `record` is, and whether it is new. Idempotent by the revision: one that
/// has a version gets no second one, unless that was deleted (recorded).
pub(super) async fn publish(
    states: &States,
    record: &mut MachineRecord,
    description: Option<String>,
) -> Result<(VersionRecord, bool), Failure> {
    let versions = states
        .machines
        .versions(&record.arn, None, VERSIONS_MAX)
        .await?;
    if let Some(last) = versions.first()
        && last.revision_at == record.updated_at
    {
        return Ok((last.clone(), false));
    }
    if versions.len() >= VERSIONS_MAX {
        return Err(failure::quota_exceeded("versions", VERSIONS_MAX));
    }
    Ok((record.publish(description, states.clock.now()), true))
}

fn published(record: &MachineRecord, version: &VersionRecord) -> Reply {
    super::reply(&PublishStateMachineVersionOutput {
        creation_date: version.created_at,
        state_machine_version_arn: format!("{}:{}", record.arn, version.number),
    })
}
