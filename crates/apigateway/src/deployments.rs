//! The operations on deployments and stages of REST APIs.

use serde_json::{Map, Value, json};
use service::{Failure, Members};

use crate::ApiGateway;
use crate::failure::{bad_request, conflict, not_built, not_found};
use crate::plan::Plan;
use crate::rest_operations::{api, items, patch};
use crate::rows::{ApiRow, id_or_new, seconds};

/// The operations.
pub(crate) const KNOWN: [&str; 9] = [
    "CreateDeployment",
    "GetDeployment",
    "GetDeployments",
    "DeleteDeployment",
    "CreateStage",
    "GetStage",
    "GetStages",
    "UpdateStage",
    "DeleteStage",
];

/// What a caller may say of a stage beside its name and its deployment.
const OF_STAGE: [&str; 9] = [
    "description",
    "variables",
    "tags",
    "tracingEnabled",
    "cacheClusterEnabled",
    "cacheClusterSize",
    "documentationVersion",
    "methodSettings",
    "accessLogSettings",
];

/// Answers a call.
pub(crate) async fn call(
    core: &ApiGateway,
    operation: &str,
    input: &Members,
) -> Result<Value, Failure> {
    let _changing = match operation.starts_with("Get") {
        true => None,
        false => Some(core.changing.lock().await),
    };
    let row = api(core, input).await?;
    match operation {
        "CreateDeployment" => deploy(core, row, input).await,
        "GetDeployment" => deployment(&row, input).cloned(),
        "GetDeployments" => Ok(items(row.deployments.into_values().collect(), input)),
        "DeleteDeployment" => remove_deployment(core, row, input).await,
        "CreateStage" => create_stage(core, row, input).await,
        "GetStage" => stage(&row, input).cloned(),
        "GetStages" => {
            let of = input.text("deploymentId");
            let wanted = |stage: &Value| of.is_none_or(|of| stage["deploymentId"] == of);
            let all: Vec<Value> = row.stages.into_values().filter(wanted).collect();
            Ok(json!({"item": all}))
        }
        "UpdateStage" => update_stage(core, row, input).await,
        _ => {
            let mut row = row;
            stage(&row, input)?;
            row.stages
                .remove(input.text("stageName").unwrap_or_default());
            core.write(&row, None).await?;
            Ok(json!({}))
        }
    }
}

fn deployment<'a>(row: &'a ApiRow, input: &Members) -> Result<&'a Value, Failure> {
    let id = input.text("deploymentId").unwrap_or_default();
    let found = row.deployments.get(id);
    found.ok_or_else(|| not_found("Invalid Deployment identifier specified"))
}

fn stage<'a>(row: &'a ApiRow, input: &Members) -> Result<&'a Value, Failure> {
    let name = input.text("stageName").unwrap_or_default();
    let found = row.stages.get(name);
    found.ok_or_else(|| not_found("Invalid stage identifier specified"))
}

/// Makes a deployment of what the API is now, and the stage that is named, or leads it there.
async fn deploy(core: &ApiGateway, mut row: ApiRow, input: &Members) -> Result<Value, Failure> {
    let id = id_or_new(input.text("id"), 6)?;
    if let Some(there) = row.deployments.get(&id) {
        return Ok(there.clone());
    }
    let snapshot = row.snapshot();
    if !snapshot
        .resources
        .values()
        .any(|one| one["resourceMethods"].is_object())
    {
        return Err(bad_request("The REST API doesn't contain any methods"));
    }
    Plan::of_rest(&snapshot, "", &Value::Null).map_err(|what| not_built(&what))?;
    let mut made = json!({"id": id, "createdDate": seconds(core.clock.now())});
    if let Some(description) = input.get("description") {
        made["description"] = description.clone();
    }
    row.deployments.insert(id.clone(), made.clone());
    if let Some(name) = input.text("stageName") {
        check_name(name)?;
        match row.stages.get_mut(name) {
            Some(stage) => {
                stage["deploymentId"] = id.as_str().into();
                stage["lastUpdatedDate"] = seconds(core.clock.now());
            }
            None => {
                let mut stage = new_stage(core, name, &id);
                for (from, to) in [
                    ("stageDescription", "description"),
                    ("variables", "variables"),
                ] {
                    if let Some(value) = input
                        .get(from)
                        .filter(|value| !value.is_object() || from == to)
                    {
                        stage[to] = value.clone();
                    }
                }
                row.stages.insert(name.to_owned(), stage);
            }
        }
    }
    core.write(&row, Some((&id, &snapshot))).await?;
    Ok(made)
}

async fn remove_deployment(
    core: &ApiGateway,
    mut row: ApiRow,
    input: &Members,
) -> Result<Value, Failure> {
    deployment(&row, input)?;
    let id = input.text("deploymentId").unwrap_or_default();
    if row.stages.values().any(|stage| stage["deploymentId"] == id) {
        return Err(bad_request(
            "Active stages pointing to this deployment must be moved or deleted",
        ));
    }
    row.deployments.remove(id);
    core.remove(&row, Some(id)).await?;
    Ok(json!({}))
}

fn check_name(name: &str) -> Result<(), Failure> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > 128 || !name.bytes().all(letter) {
        return Err(bad_request("Stage name only allows a-zA-Z0-9_"));
    }
    Ok(())
}

fn new_stage(core: &ApiGateway, name: &str, deployment: &str) -> Value {
    let now = seconds(core.clock.now());
    json!({
        "deploymentId": deployment,
        "stageName": name,
        "cacheClusterEnabled": false,
        "cacheClusterStatus": "NOT_AVAILABLE",
        "methodSettings": {},
        "tracingEnabled": false,
        "createdDate": now,
        "lastUpdatedDate": now,
    })
}

async fn create_stage(
    core: &ApiGateway,
    mut row: ApiRow,
    input: &Members,
) -> Result<Value, Failure> {
    let name = input.text("stageName").unwrap_or_default();
    check_name(name)?;
    if row.stages.contains_key(name) {
        return Err(conflict("Stage already exists"));
    }
    deployment(&row, input)?;
    if input.get("canarySettings").is_some() {
        return Err(not_built("canarySettings of a stage"));
    }
    let mut stage = new_stage(core, name, input.text("deploymentId").unwrap_or_default());
    for member in OF_STAGE {
        if let Some(value) = input.get(member) {
            stage[member] = value.clone();
        }
    }
    row.stages.insert(name.to_owned(), stage.clone());
    core.write(&row, None).await?;
    Ok(stage)
}

async fn update_stage(
    core: &ApiGateway,
    mut row: ApiRow,
    input: &Members,
) -> Result<Value, Failure> {
    let mut shown: Map<String, Value> = match stage(&row, input)? {
        Value::Object(shown) => shown.clone(),
        _ => Map::new(),
    };
    let known: Vec<&str> = OF_STAGE.into_iter().chain(["deploymentId"]).collect();
    patch(&mut shown, input, &known)?;
    let deployment = shown["deploymentId"].as_str().unwrap_or_default();
    if !row.deployments.contains_key(deployment) {
        return Err(bad_request("Invalid deployment identifier specified"));
    }
    shown.insert("lastUpdatedDate".to_owned(), seconds(core.clock.now()));
    let name = input.text("stageName").unwrap_or_default();
    row.stages.insert(name.to_owned(), shown.clone().into());
    core.write(&row, None).await?;
    Ok(shown.into())
}
