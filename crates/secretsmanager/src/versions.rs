//! New versions, and the stages that they have.

use serde_json::{Value, json};
use service::{Failure, Members};

use crate::rows::{CURRENT, Secret, Version};
use crate::{Core, failure};

/// Longest value.
const VALUE_BYTES_MAX: usize = 65_536;

/// What a call says a secret is.
pub(crate) struct Given {
    text: String,
    binary: bool,
}

/// Returns the value that the call gives, if it gives one.
pub(crate) fn given(input: &Members) -> Result<Option<Given>, Failure> {
    let (text, binary) = (input.text("SecretString"), input.text("SecretBinary"));
    let (value, binary) = match (text, binary) {
        (Some(_), Some(_)) => {
            return Err(failure::invalid(
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            ));
        }
        (Some(text), None) => (text, false),
        (None, Some(bytes)) => (bytes, true),
        (None, None) => return Ok(None),
    };
    if value.is_empty() || value.len() > VALUE_BYTES_MAX {
        return Err(failure::invalid(
            "The secret value must have 1 to 65536 bytes.",
        ));
    }
    Ok(Some(Given {
        text: value.to_owned(),
        binary,
    }))
}

/// Adds a version with these stages; returns its id. The same call again adds nothing.
pub(crate) fn add(
    core: &Core,
    secret: &mut Secret,
    input: &Members,
    given: &Given,
    stages: &[&str],
) -> Result<String, Failure> {
    let id = match input.text("ClientRequestToken") {
        Some(token) if (32..=64).contains(&token.len()) => token.to_owned(),
        Some(_) => {
            return Err(failure::invalid(
                "ClientRequestToken must be 32-64 characters long.",
            ));
        }
        None => uuid::Uuid::new_v4().to_string(),
    };
    if let Some(known) = secret.versions.iter().find(|version| version.id == id) {
        let same = open(core, secret, known)? == given.text && known.binary == given.binary;
        if same {
            return Ok(id);
        }
        return Err(Failure::client(
            "ResourceExistsException",
            format!(
                "You can't use ClientRequestToken {id} because that value is already in use for a version of secret {}.",
                secret.arn(core)
            ),
        ));
    }
    let now = core.clock.now();
    secret.versions.push(Version {
        id: id.clone(),
        stages: Vec::new(),
        created_at: now,
        value: core.seal.seal(given.text.as_bytes(), &owner(secret, &id)),
        binary: given.binary,
    });
    secret.changed_at = now;
    // The first version is the current one whatever is said.
    if secret.versions.len() == 1 && !stages.contains(&CURRENT) {
        secret.move_stage(CURRENT, Some(&id));
    }
    for stage in stages {
        secret.move_stage(stage, Some(&id));
    }
    Ok(id)
}

fn owner(secret: &Secret, version: &str) -> String {
    format!("{}-{}/{version}", secret.name, secret.suffix)
}

/// Returns the value of a version.
pub(crate) fn open(core: &Core, secret: &Secret, version: &Version) -> Result<String, Failure> {
    let opened = core.seal.open(&version.value, &owner(secret, &version.id));
    let text = opened.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(failure::damaged)
}

pub(crate) async fn put(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut secret = core.live(input).await?;
    let Some(given) = given(input)? else {
        return Err(failure::invalid(
            "You must provide either SecretString or SecretBinary.",
        ));
    };
    let mut stages = input.texts("VersionStages");
    if stages.is_empty() {
        stages.push(CURRENT);
    }
    let id = add(core, &mut secret, input, &given, &stages)?;
    core.write(&secret).await?;
    let stages = secret.versions.iter().find(|version| version.id == id);
    Ok(json!({
        "ARN": secret.arn(core), "Name": secret.name, "VersionId": id,
        "VersionStages": stages.map(|version| version.stages.clone()),
    }))
}

pub(crate) async fn stage(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut secret = core.live(input).await?;
    let stage = input.text("VersionStage").unwrap_or_default();
    let (from, to) = (
        input.text("RemoveFromVersionId"),
        input.text("MoveToVersionId"),
    );
    let holder = secret.staged(stage).map(|version| version.id.clone());
    if let Some(from) = from
        && holder.as_deref() != Some(from)
    {
        return Err(failure::invalid(format!(
            "The staging label {stage} isn't attached to version {from}."
        )));
    }
    if from.is_none() && holder.is_some() && holder.as_deref() != to {
        return Err(failure::invalid(format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {}, so you must explicitly reference that version in RemoveFromVersionId.",
            holder.unwrap_or_default()
        )));
    }
    if let Some(to) = to
        && !secret.versions.iter().any(|version| version.id == to)
    {
        return Err(failure::not_found(format!(
            "Secrets Manager can't find the specified secret value for VersionId: {to}"
        )));
    }
    if stage == CURRENT && to.is_none() {
        return Err(failure::invalid(
            "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.",
        ));
    }
    secret.move_stage(stage, to);
    core.write(&secret).await?;
    Ok(json!({"ARN": secret.arn(core), "Name": secret.name}))
}
