//! `CreateStateMachineAlias`: a name for one version of a machine, or for two.

use aws_model::states::{CreateStateMachineAliasInput, CreateStateMachineAliasOutput};
use service::{Failure, Reply};

use super::{aliases, failure};
use crate::machines::{AliasRecord, Change};
use crate::service::States;

/// Most aliases of a machine (Step Functions quotas).
const ALIASES_MAX: usize = 100;
/// How often the alias is created again when others change the same machine.
const ATTEMPTS_MAX: usize = 100;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: CreateStateMachineAliasInput = super::read(input)?;
    let (machine_arn, routes) = aliases::routes(&input.routing_configuration)?;
    let now = states.clock.now();
    let alias = AliasRecord {
        name: input.name,
        description: input.description,
        routes,
        created_at: now,
        updated_at: now,
    };
    for _ in 0..ATTEMPTS_MAX {
        let machine = aliases::with_versions(states, machine_arn, &alias.routes).await?;
        let known = states
            .machines
            .aliases(machine_arn, None, usize::MAX)
            .await?;
        // Idempotent by name, description and routes.
        if let Some(known) = known.iter().find(|known| known.name == alias.name) {
            let same = known.description == alias.description && known.routes == alias.routes;
            return match same {
                true => Ok(created(machine_arn, known)),
                false => Err(failure::other_alias()),
            };
        }
        if known.len() >= ALIASES_MAX {
            return Err(failure::quota_exceeded("aliases", ALIASES_MAX));
        }
        if states.machines.put_alias(&machine, &alias).await? == Change::Done {
            return Ok(created(machine_arn, &alias));
        }
    }
    Err(failure::unavailable())
}

fn created(machine_arn: &str, alias: &AliasRecord) -> Reply {
    super::reply(&CreateStateMachineAliasOutput {
        state_machine_alias_arn: format!("{machine_arn}:{}", alias.name),
        creation_date: alias.created_at,
    })
}
