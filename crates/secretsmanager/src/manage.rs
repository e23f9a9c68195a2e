//! The operations that make, change and remove secrets.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use service::{Failure, Members};

use crate::rows::{CURRENT, Secret, key};
use crate::versions::{add, given};
use crate::{Core, failure};

const DAY_SECONDS: u64 = 86_400;

fn tags_of(list: &[Value]) -> BTreeMap<String, String> {
    let text = |tag: &Value, name: &str| Some(tag.get(name)?.as_str()?.to_owned());
    let tag = |tag: &Value| Some((text(tag, "Key")?, text(tag, "Value")?));
    list.iter().filter_map(tag).collect()
}

pub(crate) async fn create(core: &Core, input: &Members) -> Result<Value, Failure> {
    let name = input.text("Name").unwrap_or_default();
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
    if name.is_empty() || name.len() > 512 || !name.bytes().all(letter) {
        return Err(Failure::client(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        ));
    }
    if input.get("AddReplicaRegions").is_some() {
        let message = "Replicas of secrets are not served here yet";
        return Err(Failure::client("NotImplemented", message).with_status(501));
    }
    let _changing = core.changing.lock().await;
    let given = given(input)?;
    if let Some(mut known) = core.find(name).await? {
        if known.deleted_at.is_some() {
            return Err(failure::refused(
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ));
        }
        let token = input.text("ClientRequestToken");
        let same = known
            .versions
            .iter()
            .any(|version| Some(version.id.as_str()) == token);
        if let (true, Some(given)) = (same, &given) {
            let id = add(core, &mut known, input, given, &[CURRENT])?;
            return Ok(json!({"ARN": known.arn(core), "Name": known.name, "VersionId": id}));
        }
        return Err(Failure::client(
            "ResourceExistsException",
            format!("The operation failed because the secret {name} already exists."),
        ));
    }
    let now = core.clock.now();
    let mut secret = Secret {
        name: name.to_owned(),
        suffix: letters(),
        description: input.text("Description").map(str::to_owned),
        key_id: input.text("KmsKeyId").map(str::to_owned),
        policy: None,
        tags: tags_of(input.list("Tags")),
        created_at: now,
        changed_at: now,
        deleted_at: None,
        versions: Vec::new(),
    };
    let mut output = json!({"ARN": secret.arn(core), "Name": secret.name});
    if let Some(given) = given {
        output["VersionId"] = add(core, &mut secret, input, &given, &[CURRENT])?.into();
    }
    core.write(&secret).await?;
    Ok(output)
}

/// Returns six letters and digits.
fn letters() -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let letter = |_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())]);
    (0..6).map(letter).collect()
}

pub(crate) async fn update(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut secret = core.live(input).await?;
    for (name, member) in [
        ("Description", &mut secret.description),
        ("KmsKeyId", &mut secret.key_id),
    ] {
        if let Some(text) = input.text(name) {
            *member = Some(text.to_owned());
        }
    }
    secret.changed_at = core.clock.now();
    let mut output = json!({"ARN": secret.arn(core), "Name": secret.name});
    if let Some(given) = given(input)? {
        output["VersionId"] = add(core, &mut secret, input, &given, &[CURRENT])?.into();
    }
    core.write(&secret).await?;
    Ok(output)
}

pub(crate) async fn delete(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let force = input.flag("ForceDeleteWithoutRecovery") == Some(true);
    let days = input.integer("RecoveryWindowInDays")?;
    if force && days.is_some() {
        return Err(failure::invalid(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    let days = days.unwrap_or(30);
    if !(7..=30).contains(&days) {
        return Err(failure::invalid(
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
        ));
    }
    let found = core
        .find(input.text("SecretId").unwrap_or_default())
        .await?;
    let mut secret = found.ok_or_else(failure::no_secret)?;
    let now = core.clock.now();
    let until = now.plus_seconds(if force {
        0
    } else {
        days.unsigned_abs() * DAY_SECONDS
    });
    let answer = json!({
        "ARN": secret.arn(core), "Name": secret.name, "DeletionDate": until.as_epoch_seconds(),
    });
    if force {
        let removed = core.documents.remove(&key(&secret.name)).await;
        removed.map_err(|error| failure::store(&error))?;
        return Ok(answer);
    }
    if secret.deleted_at.is_some() {
        return Err(failure::marked_for_deletion());
    }
    secret.deleted_at = Some((now, until));
    core.write(&secret).await?;
    Ok(answer)
}

pub(crate) async fn restore(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let found = core
        .find(input.text("SecretId").unwrap_or_default())
        .await?;
    let mut secret = found.ok_or_else(failure::no_secret)?;
    secret.deleted_at = None;
    core.write(&secret).await?;
    Ok(json!({"ARN": secret.arn(core), "Name": secret.name}))
}

pub(crate) async fn tag(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut secret = core.live(input).await?;
    secret.tags.extend(tags_of(input.list("Tags")));
    core.write(&secret).await?;
    Ok(json!({}))
}

pub(crate) async fn untag(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut secret = core.live(input).await?;
    for key in input.texts("TagKeys") {
        secret.tags.remove(key);
    }
    core.write(&secret).await?;
    Ok(json!({}))
}

pub(crate) async fn put_policy(core: &Core, input: &Members) -> Result<Value, Failure> {
    let policy = input.text("ResourcePolicy").unwrap_or_default();
    if !serde_json::from_str::<Value>(policy).is_ok_and(|policy| policy.is_object()) {
        return Err(Failure::client(
            "MalformedPolicyDocumentException",
            "This resource policy contains invalid Json.",
        ));
    }
    set_policy(core, input, Some(policy.to_owned())).await
}

pub(crate) async fn delete_policy(core: &Core, input: &Members) -> Result<Value, Failure> {
    set_policy(core, input, None).await
}

async fn set_policy(
    core: &Core,
    input: &Members,
    policy: Option<String>,
) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut secret = core.live(input).await?;
    secret.policy = policy;
    core.write(&secret).await?;
    Ok(json!({"ARN": secret.arn(core), "Name": secret.name}))
}

pub(crate) async fn policy(core: &Core, input: &Members) -> Result<Value, Failure> {
    let secret = core.live(input).await?;
    let mut output = json!({"ARN": secret.arn(core), "Name": secret.name});
    if let Some(policy) = &secret.policy {
        output["ResourcePolicy"] = policy.as_str().into();
    }
    Ok(output)
}
