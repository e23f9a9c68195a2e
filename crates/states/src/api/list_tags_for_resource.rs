//! `ListTagsForResource`: the tags of a state machine or an activity.

use aws_model::states::{ListTagsForResourceInput, ListTagsForResourceOutput};
use service::{Failure, Reply};

use super::tag_resource::tagged;
use crate::service::States;

pub(crate) async fn call(states: &States, input: &[u8]) -> Result<Reply, Failure> {
    let input: ListTagsForResourceInput = super::read(input)?;
    let arn = &input.resource_arn;
    tagged(states, arn).await?;
    let tags = states.tags.of(arn).await?;
    Ok(super::reply(&ListTagsForResourceOutput {
        tags: Some(tags),
    }))
}
