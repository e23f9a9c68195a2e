//! `TagResource`: gives a state machine or an activity tags, or those it has new values.

use aws_model::states::TagResourceInput;
use service::{Failure, Reply};

use store::{Expectation, Key};

use super::names::{self, MachineArn};
use super::{empty_reply, failure};
use crate::service::States;

/// How often a change of tags is tried again when the machine changes meanwhile.
pub(super) const ATTEMPTS_MAX: usize = 100;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: TagResourceInput = super::read(input)?;
    let arn = &input.resource_arn;
    for _ in 0..ATTEMPTS_MAX {
        let resource = tagged(states, arn).await?;
        if states.tags.add(arn, resource, input.tags.clone()).await? {
            return Ok(empty_reply());
        }
    }
    Err(failure::unavailable())
}

/// Returns what a change of the tags expects of the resource that `arn` names: that it is as it is
/// stored. Versions and aliases have no tags.
pub(super) async fn tagged(states: &States, arn: &str) -> Result<(Key, Expectation), Failure> {
    let missing = || failure::resource_not_found(arn);
    let (resource_type, name) = names::resource(arn)?;
    if resource_type == "activity" {
        let record = states.shell.activities().read(name).await?;
        let record = record.filter(|record| record.arn == arn);
        return record
            .map(|record| record.expectation())
            .ok_or_else(missing);
    }
    match names::parse_machine_arn(arn)? {
        MachineArn::Plain { name } => {
            let machine = states.machines.read(name).await?;
            machine
                .filter(|machine| &*machine.arn == arn)
                .map(|machine| machine.expectation())
                .ok_or_else(missing)
        }
        MachineArn::Qualified { .. } | MachineArn::Labelled => Err(missing()),
    }
}
