//! `ListStateMachineVersions`: the versions of a machine, the newest first, in pages.

use aws_model::states::{
    ListStateMachineVersionsInput, ListStateMachineVersionsOutput, StateMachineVersionListItem,
};
use service::{Failure, Reply};

use super::{aliases, failure};
use crate::page;
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: ListStateMachineVersionsInput = super::read(input)?;
    let arn = &input.state_machine_arn;
    aliases::plain(arn)?;
    let arguments = ["ListStateMachineVersions", arn.as_str()];
    let before = match &input.next_token {
        None => None,
        Some(token) => {
            let cursor = states.pages.open(&arguments, token, states.clock.now())?;
            let number = cursor.try_into().map_err(|_| failure::invalid_token())?;
            Some(u64::from_be_bytes(number))
        }
    };
    let results_max = page::size(input.max_results);
    // One more than the page has, to know whether there is another page.
    let mut versions = states
        .machines
        .versions(arn, before, results_max + 1)
        .await?;
    let more = versions.len() > results_max;
    versions.truncate(results_max);
    let next_token = versions.last().filter(|_| more).map(|last| {
        let cursor = last.number.to_be_bytes();
        states.pages.seal(&arguments, &cursor, states.clock.now())
    });
    let shown = versions
        .into_iter()
        .map(|version| StateMachineVersionListItem {
            state_machine_version_arn: format!("{arn}:{}", version.number),
            creation_date: version.created_at,
        });
    Ok(super::reply(&ListStateMachineVersionsOutput {
        state_machine_versions: shown.collect(),
        next_token,
    }))
}
