//! Users, groups and roles: made, read, changed, listed, deleted.

use std::collections::{BTreeMap, BTreeSet};

use iam_policy::{Kind, Policy};
use serde_json::{Value, json};
use service::{Failure, Principal};

use crate::failure;
use crate::input::{draw_id, encoded, moment, tags_value};
use crate::rows::{Change, Identity, IdentityKind, RoleFacts, Row, folded};
use crate::{Answer, Ask};

/// Longest names (IAM quotas).
pub(crate) const USER_CHARS_MAX: usize = 64;
pub(crate) const GROUP_CHARS_MAX: usize = 128;

/// Most bytes of a trust policy: the default quota.
const TRUST_BYTES_MAX: usize = 2_048;

/// Most groups a user is in, and most keys a user has (IAM quotas).
const GROUPS_MAX: usize = 10;

impl Ask<'_> {
    /// Returns the identity that the input names.
    pub(crate) fn identity(&self, kind: IdentityKind) -> Result<Identity, Failure> {
        let name = self.input.required(&format!("{}Name", kind.title()))?;
        self.named(kind, name)
    }

    pub(crate) fn named(&self, kind: IdentityKind, name: &str) -> Result<Identity, Failure> {
        let found = self.account.identity(kind, name);
        found
            .map(|identity| Identity::clone(identity))
            .ok_or_else(|| failure::no_identity(kind, name))
    }

    /// Returns the user that the input names; without a name, the caller.
    pub(crate) fn user_or_caller(&self) -> Result<Identity, Failure> {
        if self.input.text("UserName").is_some() {
            return self.identity(IdentityKind::User);
        }
        let user = match self.caller {
            Principal::User { user_arn } => self.account.by_arn(user_arn),
            _ => None,
        };
        user.map(|identity| Identity::clone(identity))
            .ok_or_else(|| {
                failure::invalid(
                    "Must specify userName when calling with non-User credentials".to_owned(),
                )
            })
    }

    pub(crate) fn put(&mut self, identity: Identity) {
        self.changes.push(Change::Put(Row::Identity(identity)));
    }

    fn name_chars_max(kind: IdentityKind) -> usize {
        match kind {
            IdentityKind::User | IdentityKind::Role => USER_CHARS_MAX,
            IdentityKind::Group => GROUP_CHARS_MAX,
        }
    }

    fn trust(&self, document: &str) -> Result<(), Failure> {
        Policy::parse(document, Kind::Trust).map_err(|error| failure::malformed(&error))?;
        if compact_length(document) > TRUST_BYTES_MAX {
            return Err(failure::limit(format!(
                "Cannot exceed quota for ACLSizePerRole: {TRUST_BYTES_MAX}"
            )));
        }
        Ok(())
    }
}

/// Returns the length of a document without white space, which is how IAM counts.
pub(crate) fn compact_length(document: &str) -> usize {
    document
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .count()
}

pub(crate) fn create(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let member = format!("{}Name", kind.title());
    let name = ask
        .input
        .name(&member, Ask::name_chars_max(kind))?
        .to_owned();
    if ask.account.similar(kind, &name).is_some() {
        let title = kind.title();
        return Err(failure::exists(format!(
            "{title} with name {name} already exists."
        )));
    }
    let role = match kind {
        IdentityKind::Role => {
            let trust = ask.input.required("AssumeRolePolicyDocument")?;
            ask.trust(trust)?;
            Some(RoleFacts {
                trust: trust.to_owned(),
                description: ask.input.text("Description").map(str::to_owned),
                session_seconds_max: session_seconds(ask)?.unwrap_or(3_600),
            })
        }
        IdentityKind::User | IdentityKind::Group => None,
    };
    let boundary = match ask.input.text("PermissionsBoundary") {
        Some(arn) if kind != IdentityKind::Group => Some(ask.attachable(arn)?),
        _ => None,
    };
    let identity = Identity {
        kind,
        path: ask.input.path()?,
        id: draw_id(kind.id_prefix(), 17),
        name,
        created_at: ask.now,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        boundary,
        tags: ask.input.tags()?,
        keys: Vec::new(),
        groups: BTreeSet::new(),
        role,
    };
    let shown = shown(ask, &identity, true);
    ask.put(identity);
    Ok(json!({ kind.title(): shown }))
}

fn session_seconds(ask: &Ask<'_>) -> Result<Option<u64>, Failure> {
    let Some(seconds) = ask.input.number("MaxSessionDuration")? else {
        return Ok(None);
    };
    let (bound, most) = match seconds {
        0..3_600 => ("greater", 3_600),
        43_201.. => ("less", 43_200),
        _ => return Ok(Some(seconds)),
    };
    Err(failure::invalid(format!(
        "1 validation error detected: Value '{seconds}' at 'maxSessionDuration' failed to satisfy constraint: Member must have value {bound} than or equal to {most}"
    )))
}

/// Returns an identity as outputs have it; lists leave tags and boundaries out.
pub(crate) fn shown(ask: &Ask<'_>, identity: &Identity, whole: bool) -> Value {
    let title = identity.kind.title();
    let mut shown = json!({
        "Path": identity.path,
        format!("{title}Name"): identity.name,
        format!("{title}Id"): identity.id,
        "Arn": ask.account.arn(identity),
        "CreateDate": moment(identity.created_at),
    });
    if let Some(role) = &identity.role {
        shown["AssumeRolePolicyDocument"] = encoded(&role.trust);
        if let Some(description) = &role.description {
            shown["Description"] = description.as_str().into();
        }
        shown["MaxSessionDuration"] = role.session_seconds_max.into();
    }
    if whole {
        if let Some(boundary) = &identity.boundary {
            shown["PermissionsBoundary"] = json!({
                "PermissionsBoundaryType": "Policy",
                "PermissionsBoundaryArn": boundary,
            });
        }
        if !identity.tags.is_empty() {
            shown["Tags"] = tags_value(&identity.tags);
        }
    }
    shown
}

pub(crate) fn get(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    if kind == IdentityKind::User
        && ask.input.text("UserName").is_none()
        && let Principal::Root { account } = ask.caller
    {
        return Ok(
            json!({"User": {"Path": "/", "UserId": &**account, "Arn": ask.caller.arn(), "CreateDate": vocab::Timestamp::from_millis(0).to_string()}}),
        );
    }
    let identity = match kind {
        IdentityKind::User => ask.user_or_caller()?,
        IdentityKind::Role | IdentityKind::Group => ask.identity(kind)?,
    };
    let mut answer = json!({ kind.title(): shown(ask, &identity, true) });
    if kind == IdentityKind::Group {
        let members = ask.account.identities(IdentityKind::User);
        let members = members.filter(|user| user.groups.contains(&identity.name));
        let users = members.map(|user| (folded(&user.name), shown(ask, user, false)));
        let page = ask.input.page("Users", users.collect())?;
        for (name, value) in page.as_object().into_iter().flatten() {
            answer[name] = value.clone();
        }
    }
    Ok(answer)
}

pub(crate) fn list(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let prefix = ask.input.text("PathPrefix").unwrap_or("/");
    let all = ask.account.identities(kind);
    let all = all.filter(|identity| identity.path.starts_with(prefix));
    let items = all.map(|identity| (folded(&identity.name), shown(ask, identity, false)));
    ask.input
        .page(&format!("{}s", kind.title()), items.collect())
}

pub(crate) fn delete(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let identity = ask.identity(kind)?;
    let member = |user: &&std::sync::Arc<Identity>| user.groups.contains(&identity.name);
    let mut profiles = ask.account.profiles();
    let kept = if !identity.attached.is_empty() {
        Some("Cannot delete entity, must detach all policies first.")
    } else if !identity.inline.is_empty() {
        Some("Cannot delete entity, must delete policies first.")
    } else if !identity.keys.is_empty() {
        Some("Cannot delete entity, must delete access keys first.")
    } else if !identity.groups.is_empty() {
        Some("Cannot delete entity, must remove user from all groups first.")
    } else if kind == IdentityKind::Group
        && ask
            .account
            .identities(IdentityKind::User)
            .any(|user| member(&user))
    {
        Some("Cannot delete entity, must remove users from group first.")
    } else if kind == IdentityKind::Role
        && profiles.any(|profile| profile.roles.contains(&identity.name))
    {
        Some("Cannot delete entity, must remove roles from instance profile first.")
    } else {
        None
    };
    if let Some(message) = kept {
        return Err(failure::conflict(message));
    }
    ask.changes
        .push(Change::DeleteIdentity(kind, identity.name));
    Ok(Value::Null)
}

/// Gives a user or group another name or path. What names a group goes with it.
pub(crate) fn rename(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let mut identity = ask.identity(kind)?;
    let before = identity.name.clone();
    if ask.input.text("NewPath").is_some() {
        let moved = json!({"Path": ask.input.text("NewPath")});
        let moved = moved.as_object().cloned().unwrap_or_default();
        identity.path = crate::input::Input(&moved).path()?;
    }
    let member = format!("New{}Name", kind.title());
    if ask.input.text(&member).is_some() {
        let name = ask.input.name(&member, Ask::name_chars_max(kind))?;
        let other = ask.account.similar(kind, name);
        if other.is_some_and(|other| other.name != before) {
            let title = kind.title();
            return Err(failure::exists(format!(
                "{title} with name {name} already exists."
            )));
        }
        identity.name = name.to_owned();
    }
    if folded(&before) != folded(&identity.name) {
        ask.changes
            .push(Change::DeleteIdentity(kind, before.clone()));
    }
    if kind == IdentityKind::Group && before != identity.name {
        let members: Vec<Identity> = ask
            .account
            .identities(IdentityKind::User)
            .filter(|user| user.groups.contains(&before))
            .map(|user| Identity::clone(user))
            .collect();
        for mut user in members {
            user.groups.remove(&before);
            user.groups.insert(identity.name.clone());
            ask.put(user);
        }
    }
    ask.put(identity);
    Ok(Value::Null)
}

pub(crate) fn update_role(ask: &mut Ask<'_>) -> Answer {
    let mut identity = ask.identity(IdentityKind::Role)?;
    let seconds = session_seconds(ask)?;
    let description = ask.input.0.contains_key("Description");
    let text = ask.input.text("Description").map(str::to_owned);
    if let Some(role) = &mut identity.role {
        if description {
            role.description = text;
        }
        if let Some(seconds) = seconds {
            role.session_seconds_max = seconds;
        }
    }
    ask.put(identity);
    Ok(json!({}))
}

pub(crate) fn update_role_description(ask: &mut Ask<'_>) -> Answer {
    update_role(ask)?;
    let role = match ask.changes.last() {
        Some(Change::Put(Row::Identity(identity))) => shown(ask, identity, true),
        _ => Value::Null,
    };
    Ok(json!({"Role": role}))
}

pub(crate) fn update_trust(ask: &mut Ask<'_>) -> Answer {
    let mut identity = ask.identity(IdentityKind::Role)?;
    let document = ask.input.required("PolicyDocument")?;
    ask.trust(document)?;
    if let Some(role) = &mut identity.role {
        role.trust = document.to_owned();
    }
    ask.put(identity);
    Ok(Value::Null)
}

pub(crate) fn put_boundary(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let mut identity = ask.identity(kind)?;
    identity.boundary = Some(ask.attachable(ask.input.required("PermissionsBoundary")?)?);
    ask.put(identity);
    Ok(Value::Null)
}

pub(crate) fn delete_boundary(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let mut identity = ask.identity(kind)?;
    if identity.boundary.take().is_none() {
        let (word, name) = (kind.word(), &identity.name);
        return Err(failure::absent(format!(
            "{} {name} does not have a permission boundary attached.",
            if word == "user" { "User" } else { "Role" }
        )));
    }
    ask.put(identity);
    Ok(Value::Null)
}

pub(crate) fn add_to_group(ask: &mut Ask<'_>) -> Answer {
    let group = ask.identity(IdentityKind::Group)?;
    let mut user = ask.identity(IdentityKind::User)?;
    user.groups.insert(group.name);
    if user.groups.len() > GROUPS_MAX {
        return Err(failure::limit(format!(
            "Cannot exceed quota for GroupsPerUser: {GROUPS_MAX}"
        )));
    }
    ask.put(user);
    Ok(Value::Null)
}

pub(crate) fn remove_from_group(ask: &mut Ask<'_>) -> Answer {
    let group = ask.identity(IdentityKind::Group)?;
    let mut user = ask.identity(IdentityKind::User)?;
    if !user.groups.remove(&group.name) {
        return Err(failure::absent(format!(
            "The user with name {} is not in group {}.",
            user.name, group.name
        )));
    }
    ask.put(user);
    Ok(Value::Null)
}

pub(crate) fn groups_of_user(ask: &mut Ask<'_>) -> Answer {
    let user = ask.identity(IdentityKind::User)?;
    let groups = user.groups.iter();
    let groups = groups.filter_map(|name| ask.account.identity(IdentityKind::Group, name));
    let items = groups.map(|group| (folded(&group.name), shown(ask, group, false)));
    ask.input.page("Groups", items.collect())
}

pub(crate) fn tag(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let mut identity = ask.identity(kind)?;
    add_tags(&mut identity.tags, ask.input.tags()?)?;
    ask.put(identity);
    Ok(Value::Null)
}

pub(crate) fn add_tags(
    tags: &mut Vec<(String, String)>,
    more: Vec<(String, String)>,
) -> Result<(), Failure> {
    for (key, value) in more {
        tags.retain(|(known, _)| !known.eq_ignore_ascii_case(&key));
        tags.push((key, value));
    }
    if tags.len() > 50 {
        return Err(failure::limit(
            "The number of tags has reached the maximum limit.".to_owned(),
        ));
    }
    Ok(())
}

pub(crate) fn untag(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let mut identity = ask.identity(kind)?;
    let keys = ask.input.texts("TagKeys");
    identity
        .tags
        .retain(|(known, _)| !keys.iter().any(|key| key.eq_ignore_ascii_case(known)));
    ask.put(identity);
    Ok(Value::Null)
}

pub(crate) fn list_tags(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let identity = ask.identity(kind)?;
    Ok(json!({"Tags": tags_value(&identity.tags), "IsTruncated": false}))
}
