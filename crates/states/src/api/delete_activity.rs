//! `DeleteActivity`: nobody polls it any more, and no execution offers tasks to it.

use aws_model::states::DeleteActivityInput;
use service::{Failure, Reply};

use super::{empty_reply, failure, names};
use crate::service::States;

/// How often the deletion is tried again when others change the same activity.
const ATTEMPTS_MAX: usize = 100;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: DeleteActivityInput = super::read(input)?;
    let arn = &input.activity_arn;
    let name = names::parse_activity_arn(arn)?;
    let activities = states.shell.activities();
    for _ in 0..ATTEMPTS_MAX {
        let record = activities.read(name).await?;
        // One that is not there is what the caller wants (recorded: deleting twice works).
        let Some(record) = record.filter(|record| record.arn == *arn) else {
            return Ok(empty_reply());
        };
        if activities.delete(&record).await? {
            states.shell.polls().deleted(arn);
            return Ok(empty_reply());
        }
    }
    Err(failure::unavailable())
}
