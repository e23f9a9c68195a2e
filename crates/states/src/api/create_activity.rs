//! `CreateActivity`: a queue for workers, or the same one once more.

use aws_model::states::{CreateActivityInput, CreateActivityOutput};
use service::{Failure, Reply};

use super::{failure, names, settings};
use crate::activities::ActivityRecord;
use crate::service::States;
use crate::tags::Tags;

/// Most activities of an account (Step Functions quotas).
const ACTIVITIES_MAX: usize = 100_000;
/// How often the activity is created again when another of its name is deleted meanwhile.
const ATTEMPTS_MAX: usize = 100;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: CreateActivityInput = super::read(input)?;
    names::check_name(&input.name)?;
    settings::check_encryption(input.encryption_configuration.as_ref())?;
    let arn = names::activity_arn(&states.site, &input.name);
    let tags = Tags::check(&arn, input.tags.unwrap_or_default())?;
    let record = ActivityRecord {
        arn,
        name: input.name,
        created_at: states.clock.now(),
    };
    let activities = states.shell.activities();
    for _ in 0..ATTEMPTS_MAX {
        // Idempotent by its name; tags do not count and are not updated.
        if let Some(known) = activities.read(&record.name).await? {
            return Ok(created(known));
        }
        if activities.count() >= ACTIVITIES_MAX {
            return Err(failure::activity_limit_exceeded());
        }
        if activities.create(&record, &tags).await? {
            return Ok(created(record));
        }
    }
    Err(failure::unavailable())
}

fn created(record: ActivityRecord) -> Reply {
    super::reply(&CreateActivityOutput {
        activity_arn: record.arn,
        creation_date: record.created_at,
    })
}
