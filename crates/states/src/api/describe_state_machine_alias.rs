//! `DescribeStateMachineAlias`: where an alias leads.

use aws_model::states::{DescribeStateMachineAliasInput, DescribeStateMachineAliasOutput};
use service::{Failure, Reply};

use super::{aliases, failure};
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: DescribeStateMachineAliasInput = super::read(input)?;
    let arn = input.state_machine_alias_arn;
    let (machine_arn, name) = aliases::parts(&arn)?;
    let alias = states.machines.alias(machine_arn, name).await?;
    let alias = alias.ok_or_else(failure::missing_resource)?;
    let routing_configuration = Some(aliases::shown(machine_arn, &alias.routes));
    Ok(super::reply(&DescribeStateMachineAliasOutput {
        name: Some(alias.name),
        description: alias.description,
        routing_configuration,
        creation_date: Some(alias.created_at),
        update_date: Some(alias.updated_at),
        state_machine_alias_arn: Some(arn),
    }))
}
