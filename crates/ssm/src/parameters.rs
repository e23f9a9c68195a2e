//! The operations that change parameters.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use service::{Failure, Members, Principal};
use store::Batch;

use crate::names::{Wanted, check, invalid, not_found};
use crate::{Core, Parameter, Version, key, store_failure};

/// Most versions that are kept.
const VERSIONS_MAX: usize = 100;
/// Longest values.
const STANDARD_BYTES_MAX: usize = 4096;
const ADVANCED_BYTES_MAX: usize = 8192;

fn tags_of(list: &[Value]) -> BTreeMap<String, String> {
    let text = |tag: &Value, name: &str| Some(tag.get(name)?.as_str()?.to_owned());
    let tag = |tag: &Value| Some((text(tag, "Key")?, text(tag, "Value")?));
    list.iter().filter_map(tag).collect()
}

pub(crate) async fn put(
    core: &Core,
    input: &Members,
    principal: &Principal,
) -> Result<Value, Failure> {
    let wanted = Wanted::read(input.text("Name").unwrap_or_default(), &core.site);
    let name = wanted.name.as_str();
    check(name)?;
    let value = input.text("Value").unwrap_or_default();
    if value.is_empty() {
        return Err(invalid(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.",
        ));
    }
    let _changing = core.changing.lock().await;
    let known = core.find(name).await?;
    let overwrite = input.flag("Overwrite") == Some(true);
    if known.is_some() && !overwrite {
        return Err(Failure::client(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    let tags = tags_of(input.list("Tags"));
    if overwrite && known.is_some() && !tags.is_empty() {
        return Err(invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
        ));
    }
    let latest = known.as_ref().and_then(|known| known.versions.last());
    let kind = match (input.text("Type"), latest) {
        (Some(kind @ ("String" | "StringList" | "SecureString")), _) => kind.to_owned(),
        (Some(kind), _) => {
            return Err(invalid(format!(
                "1 validation error detected: Value '{kind}' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [SecureString, StringList, String]"
            )));
        }
        (None, Some(latest)) => latest.kind.clone(),
        (None, None) => {
            return Err(invalid(
                "A parameter type is required when you create a parameter.",
            ));
        }
    };
    let data_type = input.text("DataType").unwrap_or("text");
    if data_type != "text" {
        let message = format!("The data type {data_type} is not served here yet");
        return Err(Failure::client("NotImplemented", message).with_status(501));
    }
    let tier = match input.text("Tier").unwrap_or("Standard") {
        "Intelligent-Tiering" if value.len() > STANDARD_BYTES_MAX => "Advanced",
        "Intelligent-Tiering" => "Standard",
        tier => tier,
    };
    let most = if tier == "Advanced" {
        ADVANCED_BYTES_MAX
    } else {
        STANDARD_BYTES_MAX
    };
    if value.len() > most {
        return Err(invalid(format!(
            "{tier} tier parameters support a maximum parameter value of {most} characters."
        )));
    }
    if let Some(pattern) = input.text("AllowedPattern") {
        let message = format!("AllowedPattern ({pattern}) is not served here yet");
        return Err(Failure::client("NotImplemented", message).with_status(501));
    }
    let owned = |name: &str| input.text(name).map(str::to_owned);
    let secure = kind == "SecureString";
    let number = latest.map_or(0, |latest| latest.number) + 1;
    let version = Version {
        number,
        value: match secure {
            true => core.seal.seal(value.as_bytes(), name),
            false => value.to_owned(),
        },
        description: owned("Description")
            .or_else(|| latest.and_then(|latest| latest.description.clone())),
        allowed_pattern: None,
        key_id: secure.then(|| owned("KeyId").unwrap_or_else(|| "alias/aws/ssm".to_owned())),
        tier: tier.to_owned(),
        data_type: data_type.to_owned(),
        labels: Vec::new(),
        modified_at: core.clock.now(),
        modified_by: principal.arn(),
        kind,
    };
    let mut parameter = known.unwrap_or_else(|| Parameter {
        name: name.to_owned(),
        tags,
        versions: Vec::new(),
    });
    parameter.versions.push(version);
    if parameter.versions.len() > VERSIONS_MAX {
        let oldest = &parameter.versions[0];
        if !oldest.labels.is_empty() {
            return Err(Failure::client(
                "ParameterMaxVersionLimitExceeded",
                format!(
                    "You attempted to create a new version of {name} by calling the PutParameter API with the overwrite flag. Version {}, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.",
                    oldest.number
                ),
            ));
        }
        parameter.versions.remove(0);
    }
    core.write(&parameter).await?;
    Ok(json!({"Version": number, "Tier": tier}))
}

pub(crate) async fn delete(core: &Core, input: &Members) -> Result<Value, Failure> {
    let wanted = Wanted::read(input.text("Name").unwrap_or_default(), &core.site);
    let _changing = core.changing.lock().await;
    let parameter = core.wanted(&wanted).await?.ok_or_else(not_found)?;
    let removed = core.documents.remove(&key(&parameter.name)).await;
    removed.map_err(|error| store_failure(&error))?;
    Ok(json!({}))
}

pub(crate) async fn delete_many(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let (mut gone, mut unknown) = (Vec::new(), Vec::new());
    let mut batch = Batch::default();
    for name in input.texts("Names") {
        let wanted = Wanted::read(name, &core.site);
        match core.wanted(&wanted).await? {
            Some(parameter) => {
                batch.delete.push(core.documents.key(&key(&parameter.name)));
                gone.push(name);
            }
            None => unknown.push(name),
        }
    }
    let committed = core.documents.commit(batch).await;
    committed.map_err(|error| store_failure(&error))?;
    Ok(json!({"DeletedParameters": gone, "InvalidParameters": unknown}))
}

async fn tagged(core: &Core, input: &Members) -> Result<Parameter, Failure> {
    let kind = input.text("ResourceType").unwrap_or_default();
    if kind != "Parameter" {
        return Err(Failure::client(
            "InvalidResourceType",
            format!("{kind} is not a valid resource type."),
        ));
    }
    let id = input.text("ResourceId").unwrap_or_default();
    let found = core.wanted(&Wanted::read(id, &core.site)).await?;
    found.ok_or_else(|| {
        Failure::client(
            "InvalidResourceId",
            "The resource ID is not valid. Verify that you entered the correct ID and try again.",
        )
    })
}

pub(crate) async fn tag(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut parameter = tagged(core, input).await?;
    parameter.tags.extend(tags_of(input.list("Tags")));
    core.write(&parameter).await?;
    Ok(json!({}))
}

pub(crate) async fn untag(core: &Core, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut parameter = tagged(core, input).await?;
    for key in input.texts("TagKeys") {
        parameter.tags.remove(key);
    }
    core.write(&parameter).await?;
    Ok(json!({}))
}

pub(crate) async fn tags(core: &Core, input: &Members) -> Result<Value, Failure> {
    let parameter = tagged(core, input).await?;
    let tags = parameter
        .tags
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}));
    Ok(json!({"TagList": tags.collect::<Vec<_>>()}))
}
