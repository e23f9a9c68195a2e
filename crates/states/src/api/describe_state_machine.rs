//! `DescribeStateMachine`: a machine as it is now.

use std::collections::BTreeMap;

use aws_model::states::{
    DescribeStateMachineInput, DescribeStateMachineOutput, IncludedData, TracingConfiguration,
};
use service::{Failure, Reply};

use super::names::{self, MachineArn, Qualifier};
use super::{failure, settings};
use crate::rows::DefinitionHash;
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: DescribeStateMachineInput = super::read(input)?;
    let arn = &input.state_machine_arn;
    // A version is a machine of its own here; an alias is not (model: "stateMachineArn").
    if let Ok(MachineArn::Qualified {
        qualifier: Qualifier::Alias(_),
        ..
    }) = names::parse_machine_arn(arn)
    {
        return Err(failure::state_machine_does_not_exist(arn));
    }
    let target = states.machines.resolve(arn, 0).await?;
    let machine = &target.machine;
    let record = target.revision();
    let version = target.version.as_ref();
    let definition = shown_definition(states, &record.definition, input.included_data).await?;
    let variable_references =
        shown_variables(states, &record.definition, input.included_data).await?;
    Ok(super::reply(&DescribeStateMachineOutput {
        state_machine_arn: arn.clone(),
        name: record.name.clone(),
        status: Some(machine.record.status.into()),
        definition,
        role_arn: record.role_arn.clone(),
        r#type: record.machine_type.into(),
        creation_date: version.map_or(record.created_at, |version| version.record.created_at),
        logging_configuration: Some(record.logging.shown()),
        tracing_configuration: Some(TracingConfiguration {
            enabled: Some(record.tracing),
        }),
        label: None,
        revision_id: record.revision_id.clone(),
        description: version.and_then(|version| version.record.description.clone()),
        encryption_configuration: Some(settings::encryption_shown()),
        variable_references,
    }))
}

/// Returns the definition's text as it was given, or `{}` where only metadata is asked for.
pub(super) async fn shown_definition(
    states: &States,
    hash: &DefinitionHash,
    included: Option<IncludedData>,
) -> Result<String, Failure> {
    match included {
        None | Some(IncludedData::AllData) => states.definitions.text(hash).await,
        Some(IncludedData::MetadataOnly) => Ok("{}".to_owned()),
    }
}

/// Returns the variables that each state reads, by the state's name; `None` where none reads any, or
/// where only metadata is asked for.
pub(super) async fn shown_variables(
    states: &States,
    hash: &DefinitionHash,
    included: Option<IncludedData>,
) -> Result<Option<BTreeMap<String, Vec<String>>>, Failure> {
    if matches!(included, Some(IncludedData::MetadataOnly)) {
        return Ok(None);
    }
    let machine = states.definitions.machine(hash).await?;
    let reading = machine.states().iter();
    let reading = reading.filter(|state| !state.variables.is_empty());
    let references: BTreeMap<_, _> = reading
        .map(|state| {
            let names = state.variables.iter().map(ToString::to_string);
            (state.name.to_string(), names.collect())
        })
        .collect();
    Ok((!references.is_empty()).then_some(references))
}
