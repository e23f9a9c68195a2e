//! `UpdateStateMachineAlias`: where an alias leads from now on, and what is said of it.

use aws_model::states::{UpdateStateMachineAliasInput, UpdateStateMachineAliasOutput};
use service::{Failure, Reply};

use super::{aliases, failure};
use crate::machines::Change;
use crate::service::States;

/// How often the update is tried again when others change the same machine.
const ATTEMPTS_MAX: usize = 100;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: UpdateStateMachineAliasInput = super::read(input)?;
    let (machine_arn, name) = aliases::parts(&input.state_machine_alias_arn)?;
    let routes = match &input.routing_configuration {
        None => None,
        Some(configuration) => {
            let (of, routes) = aliases::routes(configuration)?;
            if of != machine_arn {
                let arns = configuration.iter();
                let arns = arns.map(|item| item.state_machine_version_arn.as_str());
                let received = arns.collect::<Vec<_>>().join(", ");
                return Err(failure::routing(
                    "contain versions of the alias's state machine",
                    &received,
                ));
            }
            Some(routes)
        }
    };
    if routes.is_none() && input.description.is_none() {
        return Err(failure::validation(
            "Either the description or the routing configuration must be specified",
        ));
    }
    for _ in 0..ATTEMPTS_MAX {
        let wanted = routes.as_deref().unwrap_or_default();
        let machine = aliases::with_versions(states, machine_arn, wanted).await?;
        let alias = states.machines.alias(machine_arn, name).await?;
        let mut alias = alias.ok_or_else(failure::missing_resource)?;
        if let Some(description) = &input.description {
            alias.description = Some(description.clone());
        }
        if let Some(routes) = &routes {
            alias.routes.clone_from(routes);
        }
        alias.updated_at = states.clock.now();
        if states.machines.put_alias(&machine, &alias).await? == Change::Done {
            return Ok(super::reply(&UpdateStateMachineAliasOutput {
                update_date: alias.updated_at,
            }));
        }
    }
    Err(failure::unavailable())
}
