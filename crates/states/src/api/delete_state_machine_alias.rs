//! `DeleteStateMachineAlias`: a name leads nowhere any more; the executions that it began go on.

use aws_model::states::DeleteStateMachineAliasInput;
use service::{Failure, Reply};

use super::{aliases, empty_reply, failure};
use crate::machines::Change;
use crate::service::States;

/// How often the deletion is tried again when others change the same machine.
const ATTEMPTS_MAX: usize = 100;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: DeleteStateMachineAliasInput = super::read(input)?;
    let (machine_arn, name) = aliases::parts(&input.state_machine_alias_arn)?;
    for _ in 0..ATTEMPTS_MAX {
        // What is not there is what the caller wants (recorded: deleting twice works).
        let Some(machine) = aliases::machine(states, machine_arn).await? else {
            return Ok(empty_reply());
        };
        if states.machines.alias(machine_arn, name).await?.is_none() {
            return Ok(empty_reply());
        }
        if states.machines.delete_alias(&machine, name).await? == Change::Done {
            return Ok(empty_reply());
        }
    }
    Err(failure::unavailable())
}
