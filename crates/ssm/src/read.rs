//! The operations that show parameters.

use serde_json::{Value, json};
use service::{Failure, Members};

use crate::names::{Wanted, invalid, not_found};
use crate::{Core, Parameter, Version, store_failure};

/// Most parameters of one call.
const NAMES_MAX: usize = 10;

fn shown(
    core: &Core,
    parameter: &Parameter,
    version: &Version,
    wanted: &Wanted,
    open: bool,
) -> Result<Value, Failure> {
    let mut shown = json!({
        "Name": parameter.name,
        "Type": version.kind,
        "Value": core.value(&parameter.name, version, open)?,
        "Version": version.number,
        "LastModifiedDate": version.modified_at.as_epoch_seconds(),
        "ARN": core.arn(&parameter.name),
        "DataType": version.data_type,
    });
    if let Some(selector) = &wanted.selector {
        shown["Selector"] = selector.as_str().into();
    }
    Ok(shown)
}

pub(crate) async fn one(core: &Core, input: &Members) -> Result<Value, Failure> {
    let wanted = Wanted::read(input.text("Name").unwrap_or_default(), &core.site);
    let parameter = core.wanted(&wanted).await?.ok_or_else(not_found)?;
    let version = wanted.version(&parameter)?;
    let open = input.flag("WithDecryption") == Some(true);
    Ok(json!({"Parameter": shown(core, &parameter, version, &wanted, open)?}))
}

pub(crate) async fn many(core: &Core, input: &Members) -> Result<Value, Failure> {
    let names = input.texts("Names");
    if names.is_empty() || names.len() > NAMES_MAX {
        let bound = if names.is_empty() {
            "greater than or equal to 1"
        } else {
            "less than or equal to 10"
        };
        return Err(invalid(format!(
            "1 validation error detected: Value '[{}]' at 'names' failed to satisfy constraint: Member must have length {bound}",
            names.join(", ")
        )));
    }
    let open = input.flag("WithDecryption") == Some(true);
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        let wanted = Wanted::read(name, &core.site);
        let parameter = core.wanted(&wanted).await?;
        let version = parameter
            .as_ref()
            .and_then(|known| wanted.version(known).ok());
        match (&parameter, version) {
            (Some(parameter), Some(version)) => {
                found.push(shown(core, parameter, version, &wanted, open)?);
            }
            _ => unknown.push(name),
        }
    }
    Ok(json!({"Parameters": found, "InvalidParameters": unknown}))
}

async fn all(core: &Core, prefix: &str) -> Result<Vec<Parameter>, Failure> {
    let all = core.documents.all(&format!("p/{prefix}")).await;
    let all = all.map_err(|error| store_failure(&error))?;
    Ok(all.into_iter().map(|(_, parameter)| parameter).collect())
}

/// Returns a page, and the token of the next.
fn page(
    input: &Members,
    parameters: Vec<Parameter>,
    most: i64,
) -> Result<(Vec<Parameter>, Option<String>), Failure> {
    let most = input.integer("MaxResults")?.unwrap_or(most).clamp(1, 50);
    let most = usize::try_from(most).unwrap_or(1);
    let after = input.text("NextToken").unwrap_or_default().to_owned();
    let mut behind = parameters.into_iter().filter(|one| one.name > after);
    let page: Vec<Parameter> = behind.by_ref().take(most).collect();
    let more = behind.next().is_some();
    let next = page.last().filter(|_| more).map(|last| last.name.clone());
    Ok((page, next))
}

/// What `ParameterFilters` demand.
fn fits(filter: &Value, parameter: &Parameter) -> Result<bool, Failure> {
    let key = filter["Key"].as_str().unwrap_or_default();
    let option = filter["Option"].as_str().unwrap_or("Equals");
    let values: Vec<&str> = filter["Values"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let Some(latest) = parameter.versions.last() else {
        return Ok(false);
    };
    let found: Vec<&str> = match key {
        "Name" => vec![&parameter.name],
        "Type" => vec![&latest.kind],
        "Tier" => vec![&latest.tier],
        "KeyId" => latest.key_id.as_deref().into_iter().collect(),
        "DataType" => vec![&latest.data_type],
        "Label" => latest.labels.iter().map(String::as_str).collect(),
        "Path" => {
            let under = |path: &&str| {
                let path = path.trim_end_matches('/');
                let rest = parameter
                    .name
                    .strip_prefix(path)
                    .and_then(|rest| rest.strip_prefix('/'));
                rest.is_some_and(|rest| option == "Recursive" || !rest.contains('/'))
            };
            return Ok(values.iter().any(under));
        }
        key => match key.strip_prefix("tag:") {
            Some(tag) => parameter
                .tags
                .get(tag)
                .map(String::as_str)
                .into_iter()
                .collect(),
            None => {
                return Err(Failure::client(
                    "InvalidFilterKey",
                    format!("The filter key '{key}' is not valid."),
                ));
            }
        },
    };
    let fits = |found: &&str| {
        values.is_empty()
            || values.iter().any(|value| match option {
                "BeginsWith" => found
                    .trim_start_matches('/')
                    .starts_with(value.trim_start_matches('/')),
                "Contains" => found.contains(value),
                _ => found == value || found.strip_prefix('/') == Some(value),
            })
    };
    Ok(found.iter().any(fits))
}

fn filtered(input: &Members, parameters: Vec<Parameter>) -> Result<Vec<Parameter>, Failure> {
    let mut kept = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        let mut fits_all = true;
        for filter in input.list("ParameterFilters") {
            fits_all &= fits(filter, &parameter)?;
        }
        if fits_all {
            kept.push(parameter);
        }
    }
    Ok(kept)
}

pub(crate) async fn by_path(core: &Core, input: &Members) -> Result<Value, Failure> {
    let path = input.text("Path").unwrap_or_default();
    if !path.starts_with('/') {
        return Err(invalid(format!(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: /get/parameters2-/by1./path0_. ({path})"
        )));
    }
    let prefix = format!("{}/", path.trim_end_matches('/'));
    let recursive = input.flag("Recursive") == Some(true);
    let mut parameters = all(core, &prefix).await?;
    parameters.retain(|one| recursive || !one.name[prefix.len()..].contains('/'));
    let (page, next) = page(input, filtered(input, parameters)?, 10)?;
    let open = input.flag("WithDecryption") == Some(true);
    let mut found = Vec::with_capacity(page.len());
    for parameter in &page {
        let wanted = Wanted {
            name: parameter.name.clone(),
            slashed: None,
            selector: None,
        };
        found.push(shown(
            core,
            parameter,
            wanted.version(parameter)?,
            &wanted,
            open,
        )?);
    }
    let mut output = json!({ "Parameters": found });
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}

/// Shows what is known of a version beside its value.
pub(crate) fn described(core: &Core, name: &str, version: &Version) -> Value {
    let mut shown = json!({
        "Name": name,
        "ARN": core.arn(name),
        "Type": version.kind,
        "LastModifiedDate": version.modified_at.as_epoch_seconds(),
        "LastModifiedUser": version.modified_by,
        "Version": version.number,
        "Tier": version.tier,
        "Policies": [],
        "DataType": version.data_type,
    });
    for (name, value) in [
        ("Description", &version.description),
        ("KeyId", &version.key_id),
    ] {
        if let Some(value) = value {
            shown[name] = value.as_str().into();
        }
    }
    shown
}

pub(crate) async fn describe(core: &Core, input: &Members) -> Result<Value, Failure> {
    if !input.list("Filters").is_empty() {
        let message = "Filters of DescribeParameters are not served here yet; say ParameterFilters";
        return Err(Failure::client("NotImplemented", message).with_status(501));
    }
    let (page, next) = page(input, filtered(input, all(core, "").await?)?, 50)?;
    let shown = page
        .iter()
        .filter_map(|one| Some(described(core, &one.name, one.versions.last()?)));
    let mut output = json!({"Parameters": shown.collect::<Vec<_>>()});
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}
