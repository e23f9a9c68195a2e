//! `DescribeActivity`: what is known of an activity.

use aws_model::states::{DescribeActivityInput, DescribeActivityOutput};
use service::{Failure, Reply};

use super::{failure, names, settings};
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: DescribeActivityInput = super::read(input)?;
    let arn = &input.activity_arn;
    let name = names::parse_activity_arn(arn)?;
    let record = states.shell.activities().read(name).await?;
    let record = record.filter(|record| record.arn == *arn);
    let record = record.ok_or_else(|| failure::activity_does_not_exist(arn))?;
    Ok(super::reply(&DescribeActivityOutput {
        activity_arn: record.arn,
        name: record.name,
        creation_date: record.created_at,
        encryption_configuration: Some(settings::encryption_shown()),
    }))
}
