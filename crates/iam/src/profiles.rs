//! Instance profiles: names around a role. There are no instances here that would use one.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use service::Failure;

use crate::failure;
use crate::identities;
use crate::input::{draw_id, moment, tags_value};
use crate::rows::{Change, IdentityKind, Profile, Row, folded};
use crate::{Answer, Ask};

impl Ask<'_> {
    fn profile(&self) -> Result<Profile, Failure> {
        let name = self.input.required("InstanceProfileName")?;
        let found = self.account.similar_profile(name);
        found
            .filter(|profile| profile.name == name)
            .map(|profile| Profile::clone(profile))
            .ok_or_else(|| failure::absent(format!("Instance Profile {name} cannot be found.")))
    }
}

pub(crate) fn shown(ask: &Ask<'_>, profile: &Profile) -> Value {
    let roles = profile.roles.iter();
    let roles = roles.filter_map(|name| ask.account.identity(IdentityKind::Role, name));
    let roles: Vec<Value> = roles
        .map(|role| identities::shown(ask, role, false))
        .collect();
    json!({
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": ask.account.profile_arn(profile),
        "CreateDate": moment(profile.created_at),
        "Roles": roles,
        "Tags": tags_value(&profile.tags),
    })
}

pub(crate) fn create(ask: &mut Ask<'_>) -> Answer {
    let name = ask.input.name("InstanceProfileName", 128)?.to_owned();
    if ask.account.similar_profile(&name).is_some() {
        return Err(failure::exists(format!(
            "Instance Profile {name} already exists."
        )));
    }
    let profile = Profile {
        name,
        path: ask.input.path()?,
        id: draw_id("AIPA", 17),
        created_at: ask.now,
        roles: BTreeSet::new(),
        tags: ask.input.tags()?,
    };
    let shown = shown(ask, &profile);
    ask.changes.push(Change::Put(Row::Profile(profile)));
    Ok(json!({"InstanceProfile": shown}))
}

pub(crate) fn get(ask: &mut Ask<'_>) -> Answer {
    let profile = ask.profile()?;
    Ok(json!({"InstanceProfile": shown(ask, &profile)}))
}

pub(crate) fn list(ask: &mut Ask<'_>) -> Answer {
    let prefix = ask.input.text("PathPrefix").unwrap_or("/");
    let all = ask.account.profiles();
    let all = all.filter(|profile| profile.path.starts_with(prefix));
    let items = all.map(|profile| (folded(&profile.name), shown(ask, profile)));
    ask.input.page("InstanceProfiles", items.collect())
}

pub(crate) fn list_for_role(ask: &mut Ask<'_>) -> Answer {
    let role = ask.identity(IdentityKind::Role)?;
    let all = ask.account.profiles();
    let all = all.filter(|profile| profile.roles.contains(&role.name));
    let items = all.map(|profile| (folded(&profile.name), shown(ask, profile)));
    ask.input.page("InstanceProfiles", items.collect())
}

pub(crate) fn delete(ask: &mut Ask<'_>) -> Answer {
    let profile = ask.profile()?;
    if !profile.roles.is_empty() {
        return Err(failure::conflict(
            "Cannot delete entity, must remove roles from instance profile first.",
        ));
    }
    ask.changes.push(Change::DeleteProfile(profile.name));
    Ok(Value::Null)
}

pub(crate) fn add_role(ask: &mut Ask<'_>) -> Answer {
    let mut profile = ask.profile()?;
    let role = ask.identity(IdentityKind::Role)?;
    if !profile.roles.is_empty() {
        return Err(failure::limit(
            "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1".to_owned(),
        ));
    }
    profile.roles.insert(role.name);
    ask.changes.push(Change::Put(Row::Profile(profile)));
    Ok(Value::Null)
}

pub(crate) fn remove_role(ask: &mut Ask<'_>) -> Answer {
    let mut profile = ask.profile()?;
    let role = ask.identity(IdentityKind::Role)?;
    if !profile.roles.remove(&role.name) {
        return Err(failure::absent(format!(
            "The role with name {} cannot be found in instance profile {}.",
            role.name, profile.name
        )));
    }
    ask.changes.push(Change::Put(Row::Profile(profile)));
    Ok(Value::Null)
}
