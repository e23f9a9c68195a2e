//! `TagResource`: gives a state machine tags, or those it has new values.

use aws_model::states::TagResourceInput;
use service::{Failure, Reply};

use super::names::{self, MachineArn};
use super::{empty_reply, failure};
use crate::machines::Machine;
use crate::service::States;

/// How often a change of tags is tried again when the machine changes meanwhile.
pub(super) const ATTEMPTS_MAX: usize = 100;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: TagResourceInput = super::read(input)?;
    let arn = &input.resource_arn;
    for _ in 0..ATTEMPTS_MAX {
        let machine = tagged(states, arn).await?;
        if states.tags.add(arn, machine.expectation(), input.tags.clone()).await? {
            return Ok(empty_reply());
        }
    }
    Err(failure::unavailable())
}

/// Returns the machine that `arn` names, as it is stored. Activities are not built yet, and versions
/// have no tags.
pub(super) async fn tagged(states: &States, arn: &str) -> Result<Machine, Failure> {
    let missing = || failure::resource_not_found(arn);
    let (resource_type, _) = names::resource(arn)?;
    if resource_type == "activity" {
        return Err(missing());
    }
    match names::parse_machine_arn(arn)? {
        MachineArn::Plain { name } => {
            let machine = states.machines.read(name).await?;
            machine.filter(|machine| &*machine.arn == arn).ok_or_else(missing)
        }
        MachineArn::Qualified | MachineArn::Labelled => Err(missing()),
    }
}
