//! `CreateStateMachine`: a machine under a new name, or the same machine once more.

use aws_model::states::{CreateStateMachineInput, CreateStateMachineOutput};
use service::{Failure, Reply};

use super::{failure, names, settings};
use crate::definitions::Definitions;
use crate::machines::{Change, Logging, MachineRecord, MachineStatus};
use crate::service::States;
use crate::tags::Tags;

/// How often the machine is created again when another of its name is deleted meanwhile.
const ATTEMPTS_MAX: usize = 100;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: CreateStateMachineInput = super::read_within(input, &states.limits)?;
    names::check_name(&input.name)?;
    names::check_role_arn(&input.role_arn)?;
    settings::check_publish(input.publish, input.version_description.as_deref())?;
    settings::check_encryption(input.encryption_configuration.as_ref())?;
    let machine_type = input.r#type.into();
    let parsed = settings::parse_definition(states, &input.definition, machine_type)?;
    let arn = names::machine_arn(&states.site, &input.name);
    let tags = Tags::check(&arn, input.tags.unwrap_or_default())?;
    let now = states.clock.now();
    let publish = input.publish.unwrap_or(false);
    let mut record = MachineRecord {
        arn,
        name: input.name,
        machine_type,
        role_arn: input.role_arn,
        definition: Definitions::hash(&input.definition),
        revision_id: None,
        logging: Logging::of(input.logging_configuration)?,
        tracing: input
            .tracing_configuration
            .and_then(|tracing| tracing.enabled)
            .unwrap_or(false),
        created_at: now,
        updated_at: now,
        status: MachineStatus::Active,
        versions: None,
        changes: None,
        published: publish.then_some(true),
        version_description: input.version_description.clone(),
    };
    let version = publish.then(|| record.publish(input.version_description, now));
    for _ in 0..ATTEMPTS_MAX {
        if let Some(known) = states.machines.read(&record.name).await? {
            return created_before(&known.record, &record);
        }
        settings::check_log_destination(states, &record).await?;
        let definition = input.definition.clone();
        if states
            .machines
            .create(record.clone(), definition, &tags, version.as_ref())
            .await?
            == Change::Done
        {
            states.definitions.keep(record.definition, parsed);
            return Ok(created(&record));
        }
    }
    Err(failure::unavailable())
}

/// Idempotent: the same request answers the same machine, which stays as it is.
fn created_before(known: &MachineRecord, asked: &MachineRecord) -> Result<Reply, Failure> {
    match known.status {
        MachineStatus::Deleting => Err(failure::state_machine_deleting(&known.arn)),
        MachineStatus::Active if known.is_same_request(asked) => Ok(created(known)),
        MachineStatus::Active => Err(failure::state_machine_already_exists(&known.arn)),
    }
}

fn created(record: &MachineRecord) -> Reply {
    super::reply(&CreateStateMachineOutput {
        state_machine_arn: record.arn.clone(),
        creation_date: record.created_at,
        state_machine_version_arn: record.published.map(|_| format!("{}:1", record.arn)),
    })
}
