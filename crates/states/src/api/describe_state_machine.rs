//! `DescribeStateMachine`: a machine as it is now.

use aws_model::states::{
    DescribeStateMachineInput, DescribeStateMachineOutput, IncludedData, TracingConfiguration,
};
use service::{Failure, Reply};

use super::settings;
use crate::rows::DefinitionHash;
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: DescribeStateMachineInput = super::read(input)?;
    let machine = states.machines.get(&input.state_machine_arn).await?;
    let record = &machine.record;
    let definition = shown_definition(states, &record.definition, input.included_data).await?;
    Ok(super::reply(&DescribeStateMachineOutput {
        state_machine_arn: record.arn.clone(),
        name: record.name.clone(),
        status: Some(record.status.into()),
        definition,
        role_arn: record.role_arn.clone(),
        r#type: record.machine_type.into(),
        creation_date: record.created_at,
        logging_configuration: Some(record.logging.shown()),
        tracing_configuration: Some(TracingConfiguration { enabled: Some(record.tracing) }),
        label: None,
        revision_id: record.revision_id.clone(),
        description: None,
        encryption_configuration: Some(settings::encryption_shown()),
        variable_references: None,
    }))
}

/// Returns the definition's text as it was given, or `{}` where only metadata is asked for
/// (features API-19).
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
