//! The operations on groups, and tags, which groups alone have.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use service::{Failure, Members};
use store::Batch;

use crate::rows::GroupRow;
use crate::{Core, DEFAULT, failure};

pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !name.is_empty() && name.len() <= 64 && name.bytes().all(letter) {
        return Ok(());
    }
    Err(failure::invalid(format!(
        "1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$"
    )))
}

fn tags_of(list: &[Value]) -> BTreeMap<String, String> {
    let text = |tag: &Value, name: &str| Some(tag.get(name)?.as_str()?.to_owned());
    let tag = |tag: &Value| Some((text(tag, "Key")?, text(tag, "Value")?));
    list.iter().filter_map(tag).collect()
}

pub(crate) async fn create(core: &Core, input: &Members) -> Result<Value, Failure> {
    let name = input.text("Name").unwrap_or_default();
    check_name(name)?;
    let _changing = core.changing.lock().await;
    if core.groups.read().contains_key(name) {
        return Err(failure::conflict(format!(
            "Schedule group {name} already exists."
        )));
    }
    let row = GroupRow {
        name: name.to_owned(),
        tags: tags_of(input.list("Tags")),
        created_at: core.clock.now(),
    };
    write(core, row).await?;
    Ok(json!({"ScheduleGroupArn": core.arn(&format!("schedule-group/{name}"))}))
}

async fn write(core: &Core, row: GroupRow) -> Result<(), Failure> {
    let written = core
        .documents
        .write(&format!("sg/{}", row.name), &row)
        .await;
    written.map_err(|error| failure::store(&error))?;
    core.groups.write().insert(row.name.clone(), row);
    Ok(())
}

fn shown(core: &Core, row: &GroupRow) -> Value {
    json!({
        "Arn": core.arn(&format!("schedule-group/{}", row.name)),
        "Name": row.name,
        "State": "ACTIVE",
        "CreationDate": row.created_at.as_epoch_seconds(),
        "LastModificationDate": row.created_at.as_epoch_seconds(),
    })
}

pub(crate) fn get(core: &Core, input: &Members) -> Result<Value, Failure> {
    let name = input.text("Name").unwrap_or_default();
    let groups = core.groups.read();
    let row = groups.get(name).ok_or_else(|| failure::no_group(name))?;
    Ok(shown(core, row))
}

/// Deletes a group and its schedules.
pub(crate) async fn delete(core: &Core, input: &Members) -> Result<Value, Failure> {
    let name = input.text("Name").unwrap_or_default();
    if name == DEFAULT {
        return Err(failure::invalid(
            "The default schedule group cannot be deleted.",
        ));
    }
    let _changing = core.changing.lock().await;
    if !core.groups.read().contains_key(name) {
        return Err(failure::no_group(name));
    }
    let keys: Vec<(String, String)> = {
        let plans = core.plans.read();
        plans
            .keys()
            .filter(|(group, _)| group == name)
            .cloned()
            .collect()
    };
    let mut batch = Batch::default();
    batch.delete.push(core.documents.key(&format!("sg/{name}")));
    for (group, schedule) in &keys {
        batch
            .delete
            .push(core.documents.key(&format!("ss/{group}/{schedule}")));
    }
    let committed = core.documents.commit(batch).await;
    committed.map_err(|error| failure::store(&error))?;
    keys.iter().for_each(|key| core.forget(key));
    core.groups.write().remove(name);
    Ok(json!({}))
}

pub(crate) fn list(core: &Core, input: &Members) -> Result<Value, Failure> {
    let prefix = input.text("NamePrefix").unwrap_or_default();
    let groups = core.groups.read();
    let groups = groups.values().filter(|row| row.name.starts_with(prefix));
    Ok(json!({"ScheduleGroups": groups.map(|row| shown(core, row)).collect::<Vec<_>>()}))
}

fn tagged(core: &Core, input: &Members) -> Result<GroupRow, Failure> {
    let arn = input.text("ResourceArn").unwrap_or_default();
    let name = arn.rsplit("schedule-group/").next().unwrap_or_default();
    let found = core.groups.read().get(name).cloned();
    found.ok_or_else(|| failure::no_group(name))
}

pub(crate) fn tags(core: &Core, input: &Members) -> Result<Value, Failure> {
    let row = tagged(core, input)?;
    let tags = row
        .tags
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}));
    Ok(json!({"Tags": tags.collect::<Vec<_>>()}))
}

pub(crate) async fn tag(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut row = tagged(core, input)?;
    row.tags.extend(tags_of(input.list("Tags")));
    write(core, row).await?;
    Ok(json!({}))
}

pub(crate) async fn untag(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut row = tagged(core, input)?;
    let mut gone = input.texts("TagKeys");
    gone.extend(input.text("TagKeys"));
    row.tags.retain(|key, _| !gone.contains(&key.as_str()));
    write(core, row).await?;
    Ok(json!({}))
}
