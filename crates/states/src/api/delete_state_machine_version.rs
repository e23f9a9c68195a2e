//! `DeleteStateMachineVersion`: a version that no alias leads to is gone; its executions go on.

use aws_model::states::DeleteStateMachineVersionInput;
use service::{Failure, Reply};

use super::names::{self, MachineArn, Qualifier};
use super::{aliases, empty_reply, failure};
use crate::machines::Change;
use crate::service::States;

/// How often the deletion is tried again when others change the same machine.
const ATTEMPTS_MAX: usize = 100;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: DeleteStateMachineVersionInput = super::read(input)?;
    let arn = &input.state_machine_version_arn;
    let (base, number) = match names::parse_machine_arn(arn)? {
        MachineArn::Qualified {
            base,
            qualifier: Qualifier::Version(number),
        } => (base, number),
        MachineArn::Plain { .. } | MachineArn::Qualified { .. } => {
            return Err(failure::validation(
                "The ARN must be that of a state machine version",
            ));
        }
        MachineArn::Labelled => return Err(failure::labelled_arn_not_supported()),
    };
    for _ in 0..ATTEMPTS_MAX {
        // What is not there is what the caller wants (recorded: deleting twice works).
        let Some(machine) = aliases::machine(states, base).await? else {
            return Ok(empty_reply());
        };
        if states.machines.version(base, number).await?.is_none() {
            return Ok(empty_reply());
        }
        let all = states.machines.aliases(base, None, usize::MAX).await?;
        let leads_here = |alias: &&crate::machines::AliasRecord| {
            alias.routes.iter().any(|route| route.version == number)
        };
        let names: Vec<&str> = all
            .iter()
            .filter(leads_here)
            .map(|alias| alias.name.as_str())
            .collect();
        if !names.is_empty() {
            return Err(failure::version_referenced(&names));
        }
        if states.machines.delete_version(&machine, number).await? == Change::Done {
            return Ok(empty_reply());
        }
    }
    Err(failure::unavailable())
}
