//! Managed policies and their versions; what is attached to whom; inline policies.

use std::collections::BTreeMap;

use iam_policy::{Kind, Policy};
use serde_json::{Value, json};
use service::Failure;

use crate::failure;
use crate::identities::{add_tags, compact_length};
use crate::input::{draw_id, encoded, moment, tags_value};
use crate::managed::{self, AwsManaged};
use crate::rows::{Change, Identity, IdentityKind, Managed, Row, Version, folded};
use crate::{Answer, Ask};

/// Longest name, most bytes, most versions, most attached to one identity (IAM quotas).
const NAME_CHARS_MAX: usize = 128;
const BYTES_MAX: usize = 6_144;
const VERSIONS_MAX: usize = 5;
const ATTACHED_MAX: usize = 10;

impl Ask<'_> {
    /// Returns `arn` if it is the ARN of a managed policy.
    pub(crate) fn attachable(&self, arn: &str) -> Result<String, Failure> {
        if !arn.starts_with("arn:") {
            return Err(Failure::client(
                "InvalidInput",
                format!("ARN {arn} is not valid."),
            ));
        }
        self.account
            .document(arn)
            .map(|_| arn.to_owned())
            .ok_or_else(|| {
                failure::absent(format!("Policy {arn} does not exist or is not attachable."))
            })
    }

    fn own_policy(&self) -> Result<Managed, Failure> {
        let arn = self.input.required("PolicyArn")?;
        let found = self.account.policy(arn);
        found
            .map(|policy| Managed::clone(policy))
            .ok_or_else(|| match managed::find(arn) {
                Some(_) => {
                    let message = "Policies of AWS cannot be changed.";
                    Failure::client("AccessDenied", message).with_status(403)
                }
                None => failure::absent(format!("Policy {arn} was not found.")),
            })
    }

    fn document(&self, kind: Kind) -> Result<String, Failure> {
        let document = self.input.required("PolicyDocument")?;
        Policy::parse(document, kind).map_err(|error| failure::malformed(&error))?;
        Ok(document.to_owned())
    }

    fn managed_document(&self) -> Result<String, Failure> {
        let document = self.document(Kind::Managed)?;
        if compact_length(&document) > BYTES_MAX {
            return Err(failure::limit(format!(
                "Cannot exceed quota for PolicySize: {BYTES_MAX}"
            )));
        }
        Ok(document)
    }
}

pub(crate) fn create(ask: &mut Ask<'_>) -> Answer {
    let name = ask.input.name("PolicyName", NAME_CHARS_MAX)?.to_owned();
    let document = ask.managed_document()?;
    if ask.account.similar_policy(&name).is_some() {
        return Err(failure::exists(format!(
            "A policy called {name} already exists. Duplicate names are not allowed."
        )));
    }
    let version = Version {
        document,
        created_at: ask.now,
    };
    let policy = Managed {
        name,
        path: ask.input.path()?,
        id: draw_id("ANPA", 17),
        description: ask.input.text("Description").map(str::to_owned),
        created_at: ask.now,
        updated_at: ask.now,
        default_version: 1,
        next_version: 2,
        versions: BTreeMap::from([(1, version)]),
        tags: ask.input.tags()?,
    };
    let mut shown = shown(ask, &policy);
    if let Some(shown) = shown.as_object_mut() {
        shown.shift_remove("Description");
    }
    ask.changes.push(Change::Put(Row::Managed(policy)));
    Ok(json!({"Policy": shown}))
}

fn shown(ask: &Ask<'_>, policy: &Managed) -> Value {
    let arn = ask.account.policy_arn(policy);
    let (attached, boundaries) = ask.account.uses(&arn);
    let mut shown = json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": format!("v{}", policy.default_version),
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": boundaries,
        "IsAttachable": true,
        "CreateDate": moment(policy.created_at),
        "UpdateDate": moment(policy.updated_at),
    });
    if let Some(description) = &policy.description {
        shown["Description"] = description.as_str().into();
    }
    if !policy.tags.is_empty() {
        shown["Tags"] = tags_value(&policy.tags);
    }
    shown
}

fn shown_of_aws(ask: &Ask<'_>, policy: &AwsManaged) -> Value {
    let arn = policy.arn();
    let (attached, boundaries) = ask.account.uses(&arn);
    json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id(),
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": "v1",
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": boundaries,
        "IsAttachable": true,
        "CreateDate": managed::WRITTEN,
        "UpdateDate": managed::WRITTEN,
        "Description": policy.description,
    })
}

pub(crate) fn get(ask: &mut Ask<'_>) -> Answer {
    let arn = ask.input.required("PolicyArn")?;
    if let Some(policy) = managed::find(arn) {
        return Ok(json!({"Policy": shown_of_aws(ask, policy)}));
    }
    let policy = ask.own_policy()?;
    Ok(json!({"Policy": shown(ask, &policy)}))
}

pub(crate) fn list(ask: &mut Ask<'_>) -> Answer {
    let scope = ask.input.text("Scope").unwrap_or("All");
    let prefix = ask.input.text("PathPrefix").unwrap_or("/");
    let attached = ask.input.flag("OnlyAttached");
    let mut items = Vec::new();
    if scope != "AWS" {
        for policy in ask.account.policies() {
            items.push((folded(&policy.name), &policy.path, shown(ask, policy)));
        }
    }
    let aws: Vec<(String, String, Value)> = match scope {
        "Local" => Vec::new(),
        _ => managed::ALL
            .iter()
            .map(|policy| {
                let path = policy.path.to_owned();
                (folded(policy.name), path, shown_of_aws(ask, policy))
            })
            .collect(),
    };
    let own = items
        .into_iter()
        .map(|(name, path, shown)| (name, path.clone(), shown));
    let mut all: Vec<(String, Value)> = own
        .chain(aws)
        .filter(|(_, path, _)| path.starts_with(prefix))
        .filter(|(_, _, shown)| !attached || shown["AttachmentCount"] != 0)
        .map(|(name, _, mut shown)| {
            if let Some(shown) = shown.as_object_mut() {
                shown.shift_remove("Description");
                shown.shift_remove("Tags");
            }
            (name, shown)
        })
        .collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    ask.input.page("Policies", all)
}

pub(crate) fn delete(ask: &mut Ask<'_>) -> Answer {
    let policy = ask.own_policy()?;
    let (attached, boundaries) = ask.account.uses(&ask.account.policy_arn(&policy));
    if attached + boundaries > 0 {
        return Err(failure::conflict(
            "Cannot delete a policy attached to entities.",
        ));
    }
    if policy.versions.len() > 1 {
        return Err(failure::conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
        ));
    }
    ask.changes.push(Change::DeleteManaged(policy.name));
    Ok(Value::Null)
}

fn version_shown(policy: &Managed, number: u32, whole: bool) -> Value {
    let Some(version) = policy.versions.get(&number) else {
        return Value::Null;
    };
    let mut shown = json!({
        "VersionId": format!("v{number}"),
        "IsDefaultVersion": number == policy.default_version,
        "CreateDate": moment(version.created_at),
    });
    if whole {
        shown["Document"] = encoded(&version.document);
    }
    shown
}

pub(crate) fn create_version(ask: &mut Ask<'_>) -> Answer {
    let document = ask.managed_document()?;
    let mut policy = ask.own_policy()?;
    if policy.versions.len() >= VERSIONS_MAX {
        return Err(failure::limit(
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.".to_owned(),
        ));
    }
    let number = policy.next_version;
    let version = Version {
        document,
        created_at: ask.now,
    };
    policy.versions.insert(number, version);
    policy.next_version += 1;
    policy.updated_at = ask.now;
    if ask.input.flag("SetAsDefault") {
        policy.default_version = number;
    }
    let shown = version_shown(&policy, number, false);
    ask.changes.push(Change::Put(Row::Managed(policy)));
    Ok(json!({"PolicyVersion": shown}))
}

/// Returns the version that the input names.
fn version_of(ask: &Ask<'_>, policy: &Managed) -> Result<u32, Failure> {
    let written = ask.input.required("VersionId")?;
    let number = written.strip_prefix('v').and_then(|text| text.parse().ok());
    number
        .filter(|number| policy.versions.contains_key(number))
        .ok_or_else(|| {
            failure::absent(format!(
                "Policy {} version {written} does not exist or is not attachable.",
                ask.account.policy_arn(policy)
            ))
        })
}

pub(crate) fn get_version(ask: &mut Ask<'_>) -> Answer {
    if let Some(policy) = managed::find(ask.input.required("PolicyArn")?) {
        if ask.input.required("VersionId")? != "v1" {
            return Err(failure::absent(format!(
                "Policy {} version {} does not exist or is not attachable.",
                policy.arn(),
                ask.input.required("VersionId")?
            )));
        }
        return Ok(json!({"PolicyVersion": {
            "Document": encoded(policy.document),
            "VersionId": "v1",
            "IsDefaultVersion": true,
            "CreateDate": managed::WRITTEN,
        }}));
    }
    let policy = ask.own_policy()?;
    let number = version_of(ask, &policy)?;
    Ok(json!({"PolicyVersion": version_shown(&policy, number, true)}))
}

pub(crate) fn list_versions(ask: &mut Ask<'_>) -> Answer {
    if managed::find(ask.input.required("PolicyArn")?).is_some() {
        let version =
            json!({"VersionId": "v1", "IsDefaultVersion": true, "CreateDate": managed::WRITTEN});
        return Ok(json!({"Versions": [version], "IsTruncated": false}));
    }
    let policy = ask.own_policy()?;
    let newest = policy.versions.keys().rev();
    let versions: Vec<Value> = newest
        .map(|number| version_shown(&policy, *number, false))
        .collect();
    Ok(json!({"Versions": versions, "IsTruncated": false}))
}

pub(crate) fn set_default(ask: &mut Ask<'_>) -> Answer {
    let mut policy = ask.own_policy()?;
    policy.default_version = version_of(ask, &policy)?;
    policy.updated_at = ask.now;
    ask.changes.push(Change::Put(Row::Managed(policy)));
    Ok(Value::Null)
}

pub(crate) fn delete_version(ask: &mut Ask<'_>) -> Answer {
    let mut policy = ask.own_policy()?;
    let number = version_of(ask, &policy)?;
    if number == policy.default_version {
        return Err(failure::conflict(
            "Cannot delete the default version of a policy.",
        ));
    }
    policy.versions.remove(&number);
    policy.updated_at = ask.now;
    ask.changes.push(Change::Put(Row::Managed(policy)));
    Ok(Value::Null)
}

pub(crate) fn tag(ask: &mut Ask<'_>) -> Answer {
    let mut policy = ask.own_policy()?;
    add_tags(&mut policy.tags, ask.input.tags()?)?;
    ask.changes.push(Change::Put(Row::Managed(policy)));
    Ok(Value::Null)
}

pub(crate) fn untag(ask: &mut Ask<'_>) -> Answer {
    let mut policy = ask.own_policy()?;
    let keys = ask.input.texts("TagKeys");
    policy.tags.retain(|(known, _)| !keys.contains(known));
    ask.changes.push(Change::Put(Row::Managed(policy)));
    Ok(Value::Null)
}

pub(crate) fn list_tags(ask: &mut Ask<'_>) -> Answer {
    let policy = ask.own_policy()?;
    Ok(json!({"Tags": tags_value(&policy.tags), "IsTruncated": false}))
}

pub(crate) fn attach(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let mut identity = ask.identity(kind)?;
    let arn = ask.attachable(ask.input.required("PolicyArn")?)?;
    identity.attached.insert(arn);
    if identity.attached.len() > ATTACHED_MAX {
        return Err(failure::limit(format!(
            "Cannot exceed quota for PoliciesPer{}: {ATTACHED_MAX}",
            kind.title()
        )));
    }
    ask.put(identity);
    Ok(Value::Null)
}

pub(crate) fn detach(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let mut identity = ask.identity(kind)?;
    let arn = ask.input.required("PolicyArn")?;
    if !identity.attached.remove(arn) {
        return Err(failure::absent(format!("Policy {arn} was not found.")));
    }
    ask.put(identity);
    Ok(Value::Null)
}

pub(crate) fn list_attached(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let identity = ask.identity(kind)?;
    let items = identity.attached.iter().map(|arn| attached_shown(arn));
    ask.input.page("AttachedPolicies", items.collect())
}

fn attached_shown(arn: &str) -> (String, Value) {
    let name = arn.rsplit('/').next().unwrap_or(arn);
    (
        arn.to_owned(),
        json!({"PolicyName": name, "PolicyArn": arn}),
    )
}

/// Returns the managed policies of an identity as details have them.
pub(crate) fn attached_value(identity: &Identity) -> Value {
    let all = identity.attached.iter();
    all.map(|arn| attached_shown(arn).1).collect()
}

pub(crate) fn list_entities(ask: &mut Ask<'_>) -> Answer {
    let arn = ask.attachable(ask.input.required("PolicyArn")?)?;
    let boundary = ask.input.text("PolicyUsageFilter") == Some("PermissionsBoundary");
    let filter = ask.input.text("EntityFilter");
    let mut answer = json!({"IsTruncated": false});
    for kind in [IdentityKind::Group, IdentityKind::User, IdentityKind::Role] {
        let title = kind.title();
        let wanted = filter.is_none_or(|filter| filter == title);
        let all = ask.account.identities(kind);
        let all = all.filter(|identity| match boundary {
            true => identity.boundary.as_ref() == Some(&arn),
            false => identity.attached.contains(&arn),
        });
        let all = all.filter(|_| wanted).map(|identity| {
            json!({format!("{title}Name"): identity.name, format!("{title}Id"): identity.id})
        });
        answer[format!("Policy{title}s")] = all.collect();
    }
    Ok(answer)
}

pub(crate) fn put_inline(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let mut identity = ask.identity(kind)?;
    let name = ask.input.name("PolicyName", NAME_CHARS_MAX)?.to_owned();
    let document = ask.document(Kind::Identity)?;
    identity.inline.insert(name, document);
    let bytes: usize = identity
        .inline
        .values()
        .map(|text| compact_length(text))
        .sum();
    let most = kind.inline_bytes_max();
    if bytes > most {
        let (word, name) = (kind.word(), &identity.name);
        return Err(failure::limit(format!(
            "Maximum policy size of {most} bytes exceeded for {word} {name}"
        )));
    }
    ask.put(identity);
    Ok(Value::Null)
}

fn no_inline(kind: IdentityKind, name: &str) -> Failure {
    let kind = kind.word();
    failure::absent(format!(
        "The {kind} policy with name {name} cannot be found."
    ))
}

pub(crate) fn get_inline(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let identity = ask.identity(kind)?;
    let name = ask.input.required("PolicyName")?;
    let document = identity.inline.get(name);
    let document = document.ok_or_else(|| no_inline(kind, name))?;
    Ok(json!({
        format!("{}Name", kind.title()): identity.name,
        "PolicyName": name,
        "PolicyDocument": encoded(document),
    }))
}

pub(crate) fn delete_inline(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let mut identity = ask.identity(kind)?;
    let name = ask.input.required("PolicyName")?;
    let removed = identity.inline.remove(name);
    removed.ok_or_else(|| no_inline(kind, name))?;
    ask.put(identity);
    Ok(Value::Null)
}

pub(crate) fn list_inline(ask: &mut Ask<'_>, kind: IdentityKind) -> Answer {
    let identity = ask.identity(kind)?;
    let items = identity
        .inline
        .keys()
        .map(|name| (name.clone(), name.as_str().into()));
    ask.input.page("PolicyNames", items.collect())
}
