//! Tags of log groups, by the two families of operations that AWS has for them.

use std::collections::BTreeMap;

use aws_model::logs::{
    ListTagsForResourceInput, ListTagsForResourceOutput, ListTagsLogGroupInput,
    ListTagsLogGroupOutput, TagLogGroupInput, TagResourceInput, UntagLogGroupInput,
    UntagResourceInput,
};
use service::{Failure, Reply};

use crate::rows::GroupRecord;
use crate::{Core, failure, groups, names, reply};

/// Most tags of a group.
const TAGS_MAX: usize = 50;

pub(crate) async fn tag_resource(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: TagResourceInput = failure::read(input)?;
    add(core, &named(core, &input.resource_arn)?, input.tags).await
}

pub(crate) async fn untag_resource(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: UntagResourceInput = failure::read(input)?;
    remove(core, &named(core, &input.resource_arn)?, &input.tag_keys).await
}

pub(crate) async fn list_of_resource(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: ListTagsForResourceInput = failure::read(input)?;
    let tags = Some(list(core, &named(core, &input.resource_arn)?).await?);
    Ok(reply(&ListTagsForResourceOutput { tags }))
}

pub(crate) async fn tag_group(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: TagLogGroupInput = failure::read(input)?;
    add(core, &input.log_group_name, input.tags).await
}

pub(crate) async fn untag_group(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: UntagLogGroupInput = failure::read(input)?;
    remove(core, &input.log_group_name, &input.tags).await
}

pub(crate) async fn list_of_group(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: ListTagsLogGroupInput = failure::read(input)?;
    let tags = Some(list(core, &input.log_group_name).await?);
    Ok(reply(&ListTagsLogGroupOutput { tags }))
}

/// Checks tags that a group is created with, or has after a change.
pub(crate) fn check(tags: &BTreeMap<String, String>) -> Result<(), Failure> {
    if tags.keys().any(|key| key.starts_with("aws:")) {
        return Err(failure::invalid(
            "Tag keys cannot start with the reserved prefix aws:",
        ));
    }
    if tags.len() > TAGS_MAX {
        return Err(too_many());
    }
    Ok(())
}

fn too_many() -> Failure {
    let message = format!("A resource can have no more than {TAGS_MAX} tags.");
    Failure::client("TooManyTagsException", message)
}

fn named(core: &Core, arn: &str) -> Result<String, Failure> {
    names::of_arn(&core.site, arn)
        .ok_or_else(|| failure::not_found("The specified resource does not exist."))
}

async fn add(core: &Core, group: &str, added: BTreeMap<String, String>) -> Result<Reply, Failure> {
    check(&added)?;
    groups::change(core, group, |record| {
        let mut tags = of(record);
        tags.extend(added.clone());
        if tags.len() > TAGS_MAX {
            return Err(too_many());
        }
        record.tags = tags.into_iter().collect();
        Ok(())
    })
    .await
}

async fn remove(core: &Core, group: &str, keys: &[String]) -> Result<Reply, Failure> {
    groups::change(core, group, |record| {
        record.tags.retain(|(key, _)| !keys.contains(key));
        Ok(())
    })
    .await
}

async fn list(core: &Core, group: &str) -> Result<BTreeMap<String, String>, Failure> {
    let (_, record) = core.group(group).await?;
    Ok(of(&record))
}

fn of(record: &GroupRecord) -> BTreeMap<String, String> {
    record.tags.iter().cloned().collect()
}
