//! `UpdateStateMachine`: what new executions pin from now on. Running ones keep what they pinned.

use aws_model::states::{UpdateStateMachineInput, UpdateStateMachineOutput};
use service::{Failure, Reply};
use uuid::Uuid;
use vocab::Timestamp;

use super::names::{self, MachineArn};
use super::publish_state_machine_version::publish;
use super::{failure, settings};
use crate::definitions::Definitions;
use crate::machines::{Change, Logging, Machine, MachineRecord, MachineStatus};
use crate::service::States;

/// How often the update is tried again when others change the same machine.
const ATTEMPTS_MAX: usize = 100;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: UpdateStateMachineInput = super::read_within(input, &states.limits)?;
    check(&input)?;
    for _ in 0..ATTEMPTS_MAX {
        let machine = read(states, &input.state_machine_arn).await?;
        let mut record = updated(&machine.record, &input, states.clock.now())?;
        if input.logging_configuration.is_some() {
            settings::check_log_destination(states, &record).await?;
        }
        let parsed = match &input.definition {
            Some(text) => Some(settings::parse_definition(
                states,
                text,
                record.machine_type,
            )?),
            None => None,
        };
        let published = match input.publish {
            Some(true) => {
                let description = input.version_description.clone();
                Some(publish(states, &mut record, description).await?)
            }
            Some(false) | None => None,
        };
        let number = published.as_ref().map(|(version, _)| version.number);
        if record == machine.record {
            return Ok(reply(record, number));
        }
        let definition = input.definition.clone();
        if states
            .machines
            .replace(
                &machine,
                record.clone(),
                definition,
                published
                    .as_ref()
                    .filter(|(_, is_new)| *is_new)
                    .map(|(version, _)| version),
            )
            .await?
            == Change::Done
        {
            if let Some(parsed) = parsed {
                states.definitions.keep(record.definition, parsed);
            }
            return Ok(reply(record, number));
        }
    }
    Err(failure::unavailable())
}

fn check(input: &UpdateStateMachineInput) -> Result<(), Failure> {
    let says_nothing = input.definition.is_none()
        && input.role_arn.is_none()
        && input.logging_configuration.is_none()
        && input.tracing_configuration.is_none()
        && input.encryption_configuration.is_none();
    if says_nothing {
        return Err(failure::missing_required_parameter());
    }
    if let Some(role_arn) = &input.role_arn {
        names::check_role_arn(role_arn)?;
    }
    settings::check_publish(input.publish, input.version_description.as_deref())?;
    settings::check_encryption(input.encryption_configuration.as_ref())
}

/// Returns the machine past the cache: a change must be decided on what is stored.
pub(super) async fn read(states: &States, arn: &str) -> Result<Machine, Failure> {
    let name = match names::parse_machine_arn(arn)? {
        MachineArn::Plain { name } => name,
        MachineArn::Qualified { .. } => {
            return Err(failure::validation(
                "The state machine ARN must not have a version or an alias",
            ));
        }
        MachineArn::Labelled => return Err(failure::labelled_arn_not_supported()),
    };
    let machine = states
        .machines
        .read(name)
        .await?
        .filter(|machine| &*machine.arn == arn);
    let machine = machine.ok_or_else(|| failure::state_machine_does_not_exist(arn))?;
    match machine.record.status {
        MachineStatus::Active => Ok(machine),
        MachineStatus::Deleting => Err(failure::state_machine_deleting(arn)),
    }
}

/// Returns the record as the update makes it; itself where nothing changes, also not its revision.
fn updated(
    known: &MachineRecord,
    input: &UpdateStateMachineInput,
    now: Timestamp,
) -> Result<MachineRecord, Failure> {
    let mut record = known.clone();
    if let Some(text) = &input.definition {
        record.definition = Definitions::hash(text);
    }
    if let Some(role_arn) = &input.role_arn {
        record.role_arn.clone_from(role_arn);
    }
    if let Some(logging) = &input.logging_configuration {
        record.logging = Logging::of(Some(logging.clone()))?;
    }
    if let Some(tracing) = &input.tracing_configuration {
        record.tracing = tracing.enabled.unwrap_or(false);
    }
    if !record.is_same_revision(known) {
        record.revision_id = Some(Uuid::new_v4().to_string());
        // Revisions are found by their moments, so no two of a machine have the same.
        record.updated_at = now.max(known.updated_at.plus_millis(1));
    }
    Ok(record)
}

fn reply(record: MachineRecord, version: Option<u64>) -> Reply {
    super::reply(&UpdateStateMachineOutput {
        update_date: record.updated_at,
        revision_id: record.revision_id,
        state_machine_version_arn: version.map(|number| format!("{}:{number}", record.arn)),
    })
}
