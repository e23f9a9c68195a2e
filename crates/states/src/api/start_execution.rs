//! `StartExecution`: begins an execution, once for a name and an input. The hot path: the machine comes
//! from memory, the input is parsed once, and the only wait is for the commit.

use aws_model::states::{StartExecutionInput, StartExecutionOutput};
use engine_core::Payload;
use service::{Failure, Reply};
use uuid::Uuid;

use super::{failure, names};
use crate::machines::{Machine, MachineStatus, TargetVersion, TypeCode};
use crate::rows::Qualified;
use crate::service::States;
use crate::shell::{CommandError, Start};
use asl::JsonFault;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: StartExecutionInput = super::read_within(input, &states.limits)?;
    if let Some(name) = &input.name {
        names::check_name(name)?;
    }
    let draw = rand::random::<u64>() % 100;
    let (state_machine_arn, case) = match &states.mocks {
        Some(_) => super::mocked::split(&input.state_machine_arn),
        None => (&*input.state_machine_arn, None),
    };
    let target = states.machines.resolve(state_machine_arn, draw).await?;
    let machine = &target.machine;
    let mocks = super::mocked::text_of(states, &machine.name, case)?;
    check_startable(machine)?;
    let payload = match &input.input {
        None => Payload::empty_object(),
        Some(text) => parse_input(text, states.limits.payload_bytes_max)?,
    };
    let name = input.name.map_or_else(random_name, Into::into);
    let start = Start {
        state_machine_arn: machine.arn.clone(),
        state_machine_name: machine.name.clone(),
        name: name.clone(),
        definition: target.revision().definition,
        role_arn: match &target.version {
            Some(version) => version.revision.role_arn.as_str().into(),
            None => machine.role_arn.clone(),
        },
        input: payload,
        trace_header: input.trace_header.map(Into::into),
        child_of: None,
        qualified: target.version.as_ref().map(qualified),
        logging: target.revision().logging.pinned(),
        mocks,
    };
    match states.shell.start(start).await {
        Ok(started) => {
            states.deletions.stop_late(machine, &name).await?;
            Ok(super::reply(&StartExecutionOutput {
                execution_arn: started.execution_arn,
                start_date: started.started_at,
            }))
        }
        Err(CommandError::NameTaken { execution_arn }) => {
            Err(failure::execution_already_exists(&execution_arn))
        }
        Err(CommandError::Rejected(_) | CommandError::NotFound | CommandError::Unavailable) => {
            Err(failure::unavailable())
        }
    }
}

fn qualified(version: &TargetVersion) -> Qualified {
    Qualified {
        version_arn: version.arn.clone(),
        alias_arn: version.alias_arn.clone(),
        revision_at: version.record.revision_at,
    }
}

fn check_startable(machine: &Machine) -> Result<(), Failure> {
    match (machine.record.status, machine.record.machine_type) {
        (MachineStatus::Deleting, _) => Err(failure::state_machine_deleting(&machine.arn)),
        (MachineStatus::Active, TypeCode::Express) => {
            Err(failure::not_built("executions of EXPRESS state machines"))
        }
        (MachineStatus::Active, TypeCode::Standard) => Ok(()),
    }
}

/// "If you don't specify a name, Step Functions generates one": a version 4 UUID.
fn random_name() -> std::sync::Arc<str> {
    let mut buffer = Uuid::encode_buffer();
    let name: &str = Uuid::new_v4().hyphenated().encode_lower(&mut buffer);
    name.into()
}

pub(super) fn parse_input(text: &str, bytes_max: usize) -> Result<Payload, Failure> {
    if text.trim_ascii().is_empty() {
        return Err(failure::invalid_execution_input("Invalid execution input."));
    }
    if text.len() > bytes_max {
        let detail = format!("The input is longer than {bytes_max} bytes.");
        return Err(failure::invalid_execution_input(&detail));
    }
    Payload::parse(text)
        .map_err(|error| failure::invalid_execution_input(&JsonFault::of(text, &error).message))
}
