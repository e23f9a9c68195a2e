//! The operations on buses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use service::{Failure, Members};
use store::Batch;

use crate::rows::{BusRow, bus_name};
use crate::{Bus, Core, DEFAULT, failure};

/// Most of a page.
const PAGE_MAX: i64 = 100;

pub(crate) fn tags_of(list: &[Value]) -> BTreeMap<String, String> {
    let text = |tag: &Value, name: &str| Some(tag.get(name)?.as_str()?.to_owned());
    let tag = |tag: &Value| Some((text(tag, "Key")?, text(tag, "Value")?));
    list.iter().filter_map(tag).collect()
}

/// Returns a page of what has names, and the token of the next one.
pub(crate) fn page<T>(
    input: &Members,
    all: impl Iterator<Item = (String, T)>,
) -> Result<(Vec<T>, Option<String>), Failure> {
    let most = input
        .integer("Limit")?
        .unwrap_or(PAGE_MAX)
        .clamp(1, PAGE_MAX);
    let most = usize::try_from(most).unwrap_or(1);
    let after = input.text("NextToken").unwrap_or_default();
    let mut behind = all.filter(|(name, _)| name.as_str() > after);
    let page: Vec<(String, T)> = behind.by_ref().take(most).collect();
    let more = behind.next().is_some();
    let next = page.last().filter(|_| more).map(|(name, _)| name.clone());
    Ok((page.into_iter().map(|(_, one)| one).collect(), next))
}

pub(crate) async fn create(core: &Core, input: &Members) -> Result<Value, Failure> {
    let name = input.text("Name").unwrap_or_default();
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    if name.is_empty() || name.len() > 256 || !name.bytes().all(letter) {
        return Err(failure::invalid(format!(
            "1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [/\\.\\-_A-Za-z0-9]+"
        )));
    }
    if name.contains('/') {
        return Err(failure::not_built("A bus of a partner"));
    }
    let _changing = core.changing.lock().await;
    if core.named(name).is_ok() {
        return Err(Failure::client(
            "ResourceAlreadyExistsException",
            format!("Event bus {name} already exists."),
        ));
    }
    let now = core.clock.now();
    let row = BusRow {
        name: name.to_owned(),
        description: input.text("Description").map(str::to_owned),
        policy: None,
        tags: tags_of(input.list("Tags")),
        created_at: now,
        modified_at: now,
    };
    write(
        core,
        Bus {
            row,
            rules: BTreeMap::new(),
        },
    )
    .await?;
    Ok(json!({"EventBusArn": core.bus_arn(name)}))
}

/// Writes a bus's row and puts the bus to work. The caller holds `changing`.
pub(crate) async fn write(core: &Core, mut bus: Bus) -> Result<(), Failure> {
    bus.row.modified_at = core.clock.now();
    let key = format!("b/{}", bus.row.name);
    let written = core.documents.write(&key, &bus.row).await;
    written.map_err(|error| failure::store(&error))?;
    core.put(bus);
    Ok(())
}

pub(crate) async fn update(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let name = input.text("Name").unwrap_or(DEFAULT);
    let mut bus = (*core.named(bus_name(name))?).clone();
    if let Some(description) = input.text("Description") {
        bus.row.description = Some(description.to_owned());
    }
    let shown = json!({
        "Arn": core.bus_arn(&bus.row.name), "Name": bus.row.name, "Description": bus.row.description,
    });
    write(core, bus).await?;
    Ok(shown)
}

/// A bus that is not there is no failure.
pub(crate) async fn delete(core: &Core, input: &Members) -> Result<Value, Failure> {
    let name = bus_name(input.text("Name").unwrap_or_default()).to_owned();
    if name == DEFAULT {
        return Err(failure::invalid("Cannot delete event bus default."));
    }
    let _changing = core.changing.lock().await;
    let Ok(bus) = core.named(&name) else {
        return Ok(Value::Null);
    };
    if !bus.rules.is_empty() {
        return Err(failure::invalid("Rule(s) still exist on the event bus."));
    }
    let removed = core.documents.remove(&format!("b/{name}")).await;
    removed.map_err(|error| failure::store(&error))?;
    core.buses.write().remove(&name);
    Ok(Value::Null)
}

fn shown(core: &Core, row: &BusRow) -> Value {
    let mut shown = json!({
        "Name": row.name,
        "Arn": core.bus_arn(&row.name),
        "CreationTime": row.created_at.as_epoch_seconds(),
        "LastModifiedTime": row.modified_at.as_epoch_seconds(),
    });
    for (name, value) in [("Description", &row.description), ("Policy", &row.policy)] {
        if let Some(value) = value {
            shown[name] = value.as_str().into();
        }
    }
    shown
}

pub(crate) fn describe(core: &Core, input: &Members) -> Result<Value, Failure> {
    let name = input.text("Name").unwrap_or(DEFAULT);
    Ok(shown(core, &core.named(bus_name(name))?.row))
}

pub(crate) fn list(core: &Core, input: &Members) -> Result<Value, Failure> {
    let prefix = input.text("NamePrefix").unwrap_or_default();
    let buses: Vec<_> = core.buses.read().values().cloned().collect();
    let all = buses.iter().filter(|bus| bus.row.name.starts_with(prefix));
    let all = all.map(|bus| (bus.row.name.clone(), shown(core, &bus.row)));
    let (page, next) = page(input, all)?;
    let mut output = json!({ "EventBuses": page });
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}

pub(crate) async fn put_permission(core: &Core, input: &Members) -> Result<Value, Failure> {
    change_policy(core, input, |statements, arn| {
        if let Some(policy) = input.text("Policy") {
            let policy: Value = serde_json::from_str(policy)
                .map_err(|_| failure::invalid("The policy is no JSON document."))?;
            *statements = policy["Statement"].as_array().cloned().unwrap_or_default();
            return Ok(());
        }
        let sid = input.text("StatementId").unwrap_or_default();
        statements.retain(|known| known["Sid"] != sid);
        let principal = match input.text("Principal").unwrap_or_default() {
            "*" => json!("*"),
            account => json!({"AWS": format!("arn:aws:iam::{account}:root")}),
        };
        let mut statement = json!({
            "Sid": sid, "Effect": "Allow", "Principal": principal,
            "Action": input.text("Action"), "Resource": arn,
        });
        if let Some(condition) = input.map("Condition") {
            let text = |name: &str| {
                condition
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let pair: Map<String, Value> = [(text("Key").to_owned(), text("Value").into())]
                .into_iter()
                .collect();
            let kind: Map<String, Value> = [(text("Type").to_owned(), pair.into())]
                .into_iter()
                .collect();
            statement["Condition"] = kind.into();
        }
        statements.push(statement);
        Ok(())
    })
    .await
}

pub(crate) async fn remove_permission(core: &Core, input: &Members) -> Result<Value, Failure> {
    let sid = input.text("StatementId").unwrap_or_default();
    change_policy(core, input, |statements, _| {
        if input.flag("RemoveAllPermissions") == Some(true) {
            statements.clear();
        }
        statements.retain(|known| known["Sid"] != sid);
        Ok(())
    })
    .await
}

async fn change_policy(
    core: &Core,
    input: &Members,
    with: impl FnOnce(&mut Vec<Value>, &str) -> Result<(), Failure>,
) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut bus = (*core.bus(input)?).clone();
    let policy = bus.row.policy.as_deref();
    let policy: Value = policy
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let mut statements = policy["Statement"].as_array().cloned().unwrap_or_default();
    with(&mut statements, &core.bus_arn(&bus.row.name))?;
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    bus.row.policy = (!statements.is_empty()).then(|| policy.to_string());
    write(core, bus).await?;
    Ok(Value::Null)
}

/// Writes rows of one batch. What is deleted is deleted with it.
pub(crate) async fn commit(core: &Core, batch: Batch) -> Result<(), Failure> {
    let committed = core.documents.commit(batch).await;
    committed.map_err(|error| failure::store(&error))
}
