//! `StartExecution`: begins an execution, of a STANDARD machine once for a name and an input. The hot
//! path: the machine comes from memory, the input is parsed once, and the only wait is for the commit.

use std::sync::Arc;

use aws_model::states::{StartExecutionInput, StartExecutionOutput};
use engine_core::Payload;
use service::{Failure, Reply};
use uuid::Uuid;

use super::{failure, names};
use crate::integrations::asking::Asking;
use crate::machines::{Machine, MachineStatus, TargetVersion, TypeCode};
use crate::rows::{Qualified, StartedBy};
use crate::service::States;
use crate::shell::{CommandError, Start, drawn_name};
use asl::JsonFault;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let started_by = Asking::read(input).and_then(|asking| {
        let (execution, task) = states.tokens.open(&asking.token).ok()?;
        Some(StartedBy {
            execution,
            task,
            waits: asking.waits(),
        })
    });
    let input: StartExecutionInput = super::read_within(input, &states.limits)?;
    let wanted = Wanted {
        state_machine_arn: &input.state_machine_arn,
        name: input.name.as_deref(),
        input: input.input.as_deref(),
        trace_header: input.trace_header.as_deref(),
        started_by,
    };
    let (machine, start) = prepare(states, wanted, None).await?;
    let found_as = start.found_as().into_owned();
    match states.shell.start(start).await {
        Ok(started) => {
            tracing::debug!(
                execution_arn = started.execution_arn,
                "an execution was started"
            );
            states.deletions.stop_late(&machine, &found_as).await?;
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

/// What a caller says of an execution that is to begin.
pub(super) struct Wanted<'a> {
    pub(super) state_machine_arn: &'a str,
    pub(super) name: Option<&'a str>,
    pub(super) input: Option<&'a str>,
    pub(super) trace_header: Option<&'a str>,
    /// The task that asks for it, if one does.
    pub(super) started_by: Option<StartedBy>,
}

/// Checks what is wanted; `only` says which type of machine the operation is for.
pub(super) async fn prepare(
    states: &States,
    wanted: Wanted<'_>,
    only: Option<TypeCode>,
) -> Result<(Arc<Machine>, Start), Failure> {
    if let Some(name) = wanted.name {
        names::check_name(name)?;
    }
    let draw = rand::random::<u64>() % 100;
    let (state_machine_arn, case) = match &states.mocks {
        Some(_) => super::mocked::split(wanted.state_machine_arn),
        None => (wanted.state_machine_arn, None),
    };
    let target = states.machines.resolve(state_machine_arn, draw).await?;
    let machine = &target.machine;
    let mocks = super::mocked::text_of(states, &machine.name, case)?;
    let machine_type = machine.record.machine_type;
    if machine.record.status == MachineStatus::Deleting {
        return Err(failure::state_machine_deleting(&machine.arn));
    }
    if only.is_some_and(|only| only != machine_type) {
        return Err(failure::state_machine_type_not_supported());
    }
    let input = match wanted.input {
        None => Payload::empty_object(),
        Some(text) => parse_input(text, states.limits.payload_bytes_max)?,
    };
    // Of a task, one name however often it asks: it starts one execution.
    let drawn = || match &wanted.started_by {
        Some(task) => drawn_name(task).into(),
        None => random_name(),
    };
    let start = Start {
        state_machine_arn: machine.arn.clone(),
        state_machine_name: machine.name.clone(),
        name: wanted.name.map_or_else(drawn, Into::into),
        express: (machine_type == TypeCode::Express).then(drawn),
        definition: target.revision().definition,
        role_arn: match &target.version {
            Some(version) => version.revision.role_arn.as_str().into(),
            None => machine.role_arn.clone(),
        },
        input,
        trace_header: wanted.trace_header.map(Into::into),
        child_of: None,
        qualified: target.version.as_ref().map(qualified),
        started_by: wanted.started_by,
        logging: target.revision().logging.pinned(),
        mocks,
    };
    Ok((target.machine.clone(), start))
}

fn qualified(version: &TargetVersion) -> Qualified {
    Qualified {
        version_arn: version.arn.clone(),
        alias_arn: version.alias_arn.clone(),
        revision_at: version.record.revision_at,
    }
}

/// "If you don't specify a name, Step Functions generates one": a version 4 UUID.
fn random_name() -> Arc<str> {
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
