//! The operations on versions of parameters.

use serde_json::{Value, json};
use service::{Failure, Members};

use crate::Core;
use crate::names::{Wanted, not_found};
use crate::read::described;

/// Most labels of a version.
const LABELS_MAX: usize = 10;

pub(crate) async fn show(core: &Core, input: &Members) -> Result<Value, Failure> {
    let wanted = Wanted::read(input.text("Name").unwrap_or_default(), &core.site);
    let parameter = core.wanted(&wanted).await?.ok_or_else(not_found)?;
    let open = input.flag("WithDecryption") == Some(true);
    let most = input.integer("MaxResults")?.unwrap_or(50).clamp(1, 50);
    let after: i64 = input
        .text("NextToken")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let mut behind = parameter
        .versions
        .iter()
        .filter(|version| version.number > after);
    let mut shown = Vec::new();
    let mut last = None;
    for version in behind.by_ref().take(usize::try_from(most).unwrap_or(1)) {
        let mut one = described(core, &parameter.name, version);
        if let Some(one) = one.as_object_mut() {
            one.shift_remove("ARN");
        }
        one["Value"] = core.value(&parameter.name, version, open)?.into();
        one["Labels"] = version.labels.clone().into();
        shown.push(one);
        last = Some(version.number.to_string());
    }
    let mut output = json!({ "Parameters": shown });
    if behind.next().is_some() {
        output["NextToken"] = last.into();
    }
    Ok(output)
}

pub(crate) async fn label(core: &Core, input: &Members) -> Result<Value, Failure> {
    let wanted = Wanted::read(input.text("Name").unwrap_or_default(), &core.site);
    let labels = input.texts("Labels");
    let (valid, invalid): (Vec<&str>, Vec<&str>) = labels.into_iter().partition(|label| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let small = label.to_ascii_lowercase();
        !label.is_empty()
            && label.len() <= 100
            && label.bytes().all(letter)
            && !label.starts_with(|first: char| first.is_ascii_digit())
            && !small.starts_with("aws")
            && !small.starts_with("ssm")
    });
    let _changing = core.changing.lock().await;
    let mut parameter = core.wanted(&wanted).await?.ok_or_else(not_found)?;
    let number = match input.integer("ParameterVersion")? {
        Some(number) => number,
        None => parameter.versions.last().map_or(0, |latest| latest.number),
    };
    let by_number = Wanted {
        selector: Some(format!(":{number}")),
        ..wanted
    };
    by_number.version(&parameter)?;
    for version in &mut parameter.versions {
        // A label is on one version alone.
        version
            .labels
            .retain(|label| !valid.contains(&label.as_str()));
        if version.number == number {
            version
                .labels
                .extend(valid.iter().map(|label| (*label).to_owned()));
            if version.labels.len() > LABELS_MAX {
                return Err(Failure::client(
                    "ParameterVersionLabelLimitExceeded",
                    "An error occurred (ParameterVersionLabelLimitExceeded): A parameter version can have maximum 10 labels.Move one or more labels to another version and try again.",
                ));
            }
        }
    }
    core.write(&parameter).await?;
    Ok(json!({"InvalidLabels": invalid, "ParameterVersion": number}))
}

pub(crate) async fn unlabel(core: &Core, input: &Members) -> Result<Value, Failure> {
    let wanted = Wanted::read(input.text("Name").unwrap_or_default(), &core.site);
    let number = input.integer("ParameterVersion")?.unwrap_or(0);
    let labels = input.texts("Labels");
    let _changing = core.changing.lock().await;
    let mut parameter = core.wanted(&wanted).await?.ok_or_else(not_found)?;
    let (mut removed, mut invalid) = (Vec::new(), Vec::new());
    let Some(version) = parameter
        .versions
        .iter_mut()
        .find(|version| version.number == number)
    else {
        return Err(Failure::client(
            "ParameterVersionNotFound",
            format!(
                "Systems Manager could not find version {number} of {}. Verify the version and try again.",
                wanted.name
            ),
        ));
    };
    for label in labels {
        let before = version.labels.len();
        version.labels.retain(|known| known != label);
        match version.labels.len() < before {
            true => removed.push(label.to_owned()),
            false => invalid.push(label.to_owned()),
        }
    }
    core.write(&parameter).await?;
    Ok(json!({"RemovedLabels": removed, "InvalidLabels": invalid}))
}
