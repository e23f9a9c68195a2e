//! The operations that show secrets.

use serde_json::{Map, Value, json};
use service::{Failure, Members};

use crate::rows::{CURRENT, Secret, Version};
use crate::versions::open;
use crate::{Core, failure};

/// Returns the version that a call names by id, by stage, or not at all.
fn wanted<'a>(secret: &'a Secret, input: &Members) -> Result<&'a Version, Failure> {
    let (id, stage) = (input.text("VersionId"), input.text("VersionStage"));
    let by_id = id.and_then(|id| secret.versions.iter().find(|version| version.id == id));
    if let Some(id) = id {
        let version = by_id.ok_or_else(|| {
            failure::not_found(format!(
                "Secrets Manager can't find the specified secret value for VersionId: {id}"
            ))
        })?;
        if stage.is_some_and(|stage| !version.stages.iter().any(|known| known == stage)) {
            return Err(failure::refused(
                "You provided a VersionStage that is not associated to the provided VersionId.",
            ));
        }
        return Ok(version);
    }
    let stage = stage.unwrap_or(CURRENT);
    secret.staged(stage).ok_or_else(|| {
        failure::not_found(format!(
            "Secrets Manager can't find the specified secret value for staging label: {stage}"
        ))
    })
}

fn shown_value(core: &Core, secret: &Secret, version: &Version) -> Result<Value, Failure> {
    let mut output = json!({
        "ARN": secret.arn(core), "Name": secret.name, "VersionId": version.id,
    });
    let member = if version.binary {
        "SecretBinary"
    } else {
        "SecretString"
    };
    output[member] = open(core, secret, version)?.into();
    output["VersionStages"] = version.stages.clone().into();
    output["CreatedDate"] = version.created_at.as_epoch_seconds().into();
    Ok(output)
}

pub(crate) async fn value(core: &Core, input: &Members) -> Result<Value, Failure> {
    let found = core
        .find(input.text("SecretId").unwrap_or_default())
        .await?;
    let secret = found.ok_or_else(failure::no_secret)?;
    if secret.deleted_at.is_some() {
        return Err(failure::refused(
            "You can't perform this operation on the secret because it was marked for deletion.",
        ));
    }
    shown_value(core, &secret, wanted(&secret, input)?)
}

pub(crate) async fn values(core: &Core, input: &Members) -> Result<Value, Failure> {
    if !input.list("Filters").is_empty() {
        let message = "Filters of BatchGetSecretValue are not served here yet";
        return Err(Failure::client("NotImplemented", message).with_status(501));
    }
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for id in input.texts("SecretIdList") {
        let asked: Map<String, Value> = [("SecretId".to_owned(), id.into())].into_iter().collect();
        match value(core, &Members(asked)).await {
            Ok(value) => values.push(value),
            Err(failure) => errors.push(json!({
                "SecretId": id, "ErrorCode": failure.code, "Message": failure.message,
            })),
        }
    }
    Ok(json!({"SecretValues": values, "Errors": errors}))
}

fn described(core: &Core, secret: &Secret, stages: &str) -> Value {
    let mut shown = json!({"ARN": secret.arn(core), "Name": secret.name});
    for (name, value) in [
        ("Description", &secret.description),
        ("KmsKeyId", &secret.key_id),
    ] {
        if let Some(value) = value {
            shown[name] = value.as_str().into();
        }
    }
    shown["LastChangedDate"] = secret.changed_at.as_epoch_seconds().into();
    if let Some((deleted_at, _)) = secret.deleted_at {
        shown["DeletedDate"] = deleted_at.as_epoch_seconds().into();
    }
    let tags = secret
        .tags
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}));
    shown["Tags"] = tags.collect();
    let staged = secret
        .versions
        .iter()
        .filter(|version| !version.stages.is_empty());
    let staged: Map<String, Value> = staged
        .map(|version| (version.id.clone(), version.stages.clone().into()))
        .collect();
    if !staged.is_empty() {
        shown[stages] = staged.into();
    }
    shown["CreatedDate"] = secret.created_at.as_epoch_seconds().into();
    shown
}

pub(crate) async fn describe(core: &Core, input: &Members) -> Result<Value, Failure> {
    let found = core
        .find(input.text("SecretId").unwrap_or_default())
        .await?;
    let secret = found.ok_or_else(failure::no_secret)?;
    Ok(described(core, &secret, "VersionIdsToStages"))
}

/// Says whether a secret is as a filter wants it. A value with `!` is what is not wanted.
fn fits(filter: &Value, secret: &Secret) -> bool {
    let tag_texts = |values: bool| -> Vec<&str> {
        let tags = secret.tags.iter();
        tags.map(|(key, value)| if values { value.as_str() } else { key.as_str() })
            .collect()
    };
    let description = secret.description.as_deref().unwrap_or_default();
    let texts: Vec<&str> = match filter["Key"].as_str().unwrap_or_default() {
        "name" => vec![&secret.name],
        "description" => vec![description],
        "tag-key" => tag_texts(false),
        "tag-value" => tag_texts(true),
        "all" => [
            tag_texts(false),
            tag_texts(true),
            vec![&secret.name, description],
        ]
        .concat(),
        _ => Vec::new(),
    };
    let values = filter["Values"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let begins = |wanted: &str| {
        let small = wanted.to_lowercase();
        texts
            .iter()
            .any(|text| text.to_lowercase().starts_with(&small))
    };
    let mut any = false;
    for value in values {
        match value.strip_prefix('!') {
            Some(unwanted) => any |= !begins(unwanted),
            None => any |= begins(value),
        }
    }
    any
}

pub(crate) async fn list(core: &Core, input: &Members) -> Result<Value, Failure> {
    let all = core.documents.all::<Secret>("x/").await;
    let all = all.map_err(|error| failure::store(&error))?;
    let deleted = input.flag("IncludePlannedDeletion") == Some(true);
    let most = input.integer("MaxResults")?.unwrap_or(100).clamp(1, 100);
    let after = input.text("NextToken").unwrap_or_default();
    let now = core.clock.now();
    let mut behind = all.into_iter().map(|(_, secret)| secret).filter(|secret| {
        secret.name.as_str() > after
            && !secret.is_gone(now)
            && (deleted || secret.deleted_at.is_none())
            && input
                .list("Filters")
                .iter()
                .all(|filter| fits(filter, secret))
    });
    let page: Vec<Secret> = behind
        .by_ref()
        .take(usize::try_from(most).unwrap_or(1))
        .collect();
    let shown: Vec<Value> = page
        .iter()
        .map(|secret| described(core, secret, "SecretVersionsToStages"))
        .collect();
    let mut output = json!({ "SecretList": shown });
    if behind.next().is_some() {
        output["NextToken"] = page.last().map(|last| last.name.clone()).into();
    }
    Ok(output)
}

pub(crate) async fn versions(core: &Core, input: &Members) -> Result<Value, Failure> {
    let secret = core.live(input).await?;
    let all = input.flag("IncludeDeprecated") == Some(true);
    let versions = secret
        .versions
        .iter()
        .filter(|version| all || !version.stages.is_empty());
    let shown = versions.map(|version| {
        json!({
            "VersionId": version.id, "VersionStages": version.stages,
            "CreatedDate": version.created_at.as_epoch_seconds(),
        })
    });
    Ok(json!({
        "Versions": shown.collect::<Vec<_>>(), "ARN": secret.arn(core), "Name": secret.name,
    }))
}
