//! `DescribeStateMachineForExecution`: the machine as it was when the execution began.

use aws_model::states::{
    DescribeStateMachineForExecutionInput, DescribeStateMachineForExecutionOutput,
    TracingConfiguration,
};
use service::{Failure, Reply};

use super::describe_state_machine::{shown_definition, shown_variables};
use super::executions::Sight;
use super::{executions, settings};
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    answer(states, input, Sight::Api).await
}

/// Answers for those who see what `sight` shows.
pub(crate) async fn answer(states: &States, input: &[u8], sight: Sight) -> Result<Reply, Failure> {
    let input: DescribeStateMachineForExecutionInput = super::read(input)?;
    let (_, execution) = executions::find_by(states, &input.execution_arn, sight).await?;
    let machine_arn = &execution.state_machine_arn;
    let name = machine_arn.rsplit(':').next().unwrap_or_default();
    let label = name.split_once('/').map(|(_, label)| label);
    let revision = states.machines.revision_of(&execution).await?;
    let definition = shown_definition(states, &execution.definition, input.included_data).await?;
    let variables = shown_variables(states, &execution.definition, input.included_data).await?;
    let mut shown = DescribeStateMachineForExecutionOutput::new(
        machine_arn,
        name,
        definition,
        &execution.role_arn,
        revision
            .as_ref()
            .map_or(execution.started_at, |revision| revision.updated_at),
    );
    if let Some(revision) = revision {
        shown.logging_configuration = Some(revision.logging.shown());
        shown.tracing_configuration = Some(TracingConfiguration {
            enabled: Some(revision.tracing),
        });
        shown.revision_id = revision.revision_id;
    }
    if let Some(child) = execution.child_of {
        shown.map_run_arn = Some(child.map_run_arn);
        shown.label = label.map(str::to_owned);
    }
    shown.variable_references = variables;
    shown.encryption_configuration = Some(settings::encryption_shown());
    Ok(super::reply(&shown))
}
