//! `UntagResource`: takes tags away from a state machine or an activity.

use aws_model::states::UntagResourceInput;
use service::{Failure, Reply};

use super::tag_resource::{ATTEMPTS_MAX, tagged};
use super::{empty_reply, failure};
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: UntagResourceInput = super::read(input)?;
    let arn = &input.resource_arn;
    for _ in 0..ATTEMPTS_MAX {
        let resource = tagged(states, arn).await?;
        if states.tags.remove(arn, resource, &input.tag_keys).await? {
            return Ok(empty_reply());
        }
    }
    Err(failure::unavailable())
}
