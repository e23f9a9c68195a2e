//! `ListStateMachineAliases`: the aliases of a machine, or of one version, by name and in pages.

use aws_model::states::{
    ListStateMachineAliasesInput, ListStateMachineAliasesOutput, StateMachineAliasListItem,
};
use service::{Failure, Reply};

use super::names::{self, MachineArn, Qualifier};
use super::{aliases, failure};
use crate::machines::MachineStatus;
use crate::page;
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: ListStateMachineAliasesInput = super::read(input)?;
    let arn = input.state_machine_arn.as_str();
    let (base, version) = match names::parse_machine_arn(arn)? {
        MachineArn::Qualified {
            base,
            qualifier: Qualifier::Version(number),
        } => (base, Some(number)),
        MachineArn::Plain { .. } | MachineArn::Qualified { .. } | MachineArn::Labelled => {
            aliases::plain(arn)?;
            (arn, None)
        }
    };
    let machine = aliases::machine(states, base).await?;
    let machine = machine.ok_or_else(|| failure::state_machine_does_not_exist(arn))?;
    if machine.record.status == MachineStatus::Deleting {
        return Err(failure::state_machine_deleting(arn));
    }
    let arguments = ["ListStateMachineAliases", arn];
    let after = match &input.next_token {
        None => None,
        Some(token) => {
            let cursor = states.pages.open(&arguments, token, states.clock.now())?;
            Some(String::from_utf8(cursor).map_err(|_| failure::invalid_token())?)
        }
    };
    // A machine has at most a hundred: those of a version are picked from all.
    let mut all = states
        .machines
        .aliases(base, after.as_deref(), usize::MAX)
        .await?;
    all.retain(|alias| {
        let mut routes = alias.routes.iter();
        version.is_none_or(|number| routes.any(|route| route.version == number))
    });
    let results_max = page::size(input.max_results);
    let more = all.len() > results_max;
    all.truncate(results_max);
    let next_token = all.last().filter(|_| more).map(|last| {
        states
            .pages
            .seal(&arguments, last.name.as_bytes(), states.clock.now())
    });
    let shown = all.into_iter().map(|alias| StateMachineAliasListItem {
        state_machine_alias_arn: format!("{base}:{}", alias.name),
        creation_date: alias.created_at,
    });
    Ok(super::reply(&ListStateMachineAliasesOutput {
        state_machine_aliases: shown.collect(),
        next_token,
    }))
}
