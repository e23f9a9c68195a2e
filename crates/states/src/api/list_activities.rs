//! `ListActivities`: all activities by name, in pages.

use aws_model::states::{ActivityListItem, ListActivitiesInput, ListActivitiesOutput};
use service::{Failure, Reply};

use crate::activities::ActivityRecord;
use crate::page;
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: ListActivitiesInput = super::read(input)?;
    let arguments = ["ListActivities"];
    let after = match &input.next_token {
        None => None,
        Some(token) => Some(states.pages.open(&arguments, token, states.clock.now())?),
    };
    let results_max = page::size(input.max_results);
    // One more than the page has, to know whether there is another page.
    let activities = states.shell.activities();
    let mut records = activities.list(after.as_deref(), results_max + 1).await?;
    let more = records.len() > results_max;
    records.truncate(results_max);
    let next_token = records.last().filter(|_| more).map(|last| {
        states
            .pages
            .seal(&arguments, last.name.as_bytes(), states.clock.now())
    });
    Ok(super::reply(&ListActivitiesOutput {
        activities: records.into_iter().map(shown).collect(),
        next_token,
    }))
}

fn shown(record: ActivityRecord) -> ActivityListItem {
    ActivityListItem {
        activity_arn: record.arn,
        name: record.name,
        creation_date: record.created_at,
    }
}
