//! `ListStateMachines`: all machines by name, in pages.

use aws_model::states::{ListStateMachinesInput, ListStateMachinesOutput, StateMachineListItem};
use service::{Failure, Reply};

use crate::machines::MachineRecord;
use crate::page;
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: ListStateMachinesInput = super::read(input)?;
    let arguments = ["ListStateMachines"];
    let after = match &input.next_token {
        None => None,
        Some(token) => Some(states.pages.open(&arguments, token, states.clock.now())?),
    };
    let results_max = page::size(input.max_results);
    // One more than the page has, to know whether there is another page.
    let mut records = states.machines.list(after.as_deref(), results_max + 1).await?;
    let more = records.len() > results_max;
    records.truncate(results_max);
    let next_token = records.last().filter(|_| more).map(|last| {
        states.pages.seal(&arguments, last.name.as_bytes(), states.clock.now())
    });
    let state_machines = records.into_iter().map(shown).collect();
    Ok(super::reply(&ListStateMachinesOutput { state_machines, next_token }))
}

fn shown(record: MachineRecord) -> StateMachineListItem {
    StateMachineListItem {
        state_machine_arn: record.arn,
        name: record.name,
        r#type: record.machine_type.into(),
        creation_date: record.created_at,
    }
}
