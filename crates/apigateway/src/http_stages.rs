//! The operations on stages and deployments of HTTP APIs.

use serde_json::{Value, json};
use service::{Failure, Members};

use crate::ApiGateway;
use crate::failure::{bad_request, conflict, not_built, not_found};
use crate::http_operations::items;
use crate::plan::Plan;
use crate::rows::{ApiRow, id_or_new, moment};

/// The operations.
pub(crate) const KNOWN: [&str; 9] = [
    "GetStages",
    "GetStage",
    "CreateStage",
    "UpdateStage",
    "DeleteStage",
    "GetDeployments",
    "GetDeployment",
    "CreateDeployment",
    "DeleteDeployment",
];

const OF_STAGE: [&str; 8] = [
    "autoDeploy",
    "deploymentId",
    "description",
    "stageVariables",
    "defaultRouteSettings",
    "routeSettings",
    "accessLogSettings",
    "tags",
];

/// Answers a call on the API `row`.
pub(crate) async fn call(
    core: &ApiGateway,
    operation: &str,
    mut row: ApiRow,
    input: &Members,
) -> Result<Value, Failure> {
    let name = input.text("stageName").unwrap_or_default().to_owned();
    let id = input.text("deploymentId").unwrap_or_default().to_owned();
    let no_stage = || not_found("Invalid stage identifier specified");
    let no_deployment = || not_found("Invalid Deployment identifier specified");
    match operation {
        "GetStages" => return Ok(items(row.stages.into_values().collect(), input)),
        "GetStage" => return row.stages.remove(&name).ok_or_else(no_stage),
        "GetDeployments" => return Ok(items(row.deployments.into_values().collect(), input)),
        "GetDeployment" => return row.deployments.remove(&id).ok_or_else(no_deployment),
        "DeleteStage" => {
            row.stages.remove(&name).ok_or_else(no_stage)?;
            core.write(&row, None).await?;
            return Ok(json!({}));
        }
        "DeleteDeployment" => {
            row.deployments.remove(&id).ok_or_else(no_deployment)?;
            if row
                .stages
                .values()
                .any(|stage| stage["deploymentId"] == *id)
            {
                return Err(bad_request(
                    "Active stages pointing to this deployment must be moved or deleted",
                ));
            }
            core.remove(&row, Some(&id)).await?;
            return Ok(json!({}));
        }
        "CreateDeployment" => return deploy(core, row, input).await,
        _ => {}
    }
    let mut stage = match (operation, row.stages.get(&name)) {
        ("CreateStage", Some(_)) => return Err(conflict("Stage already exists")),
        ("CreateStage", None) => {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            if name != "$default" && (name.is_empty() || !name.bytes().all(letter)) {
                return Err(bad_request("Stage name only allows a-zA-Z0-9_"));
            }
            new_stage(core, &name)
        }
        (_, Some(stage)) => stage.clone(),
        (_, None) => return Err(no_stage()),
    };
    for member in OF_STAGE {
        if let Some(value) = input.get(member) {
            stage[member] = value.clone();
        }
    }
    let deployment = stage["deploymentId"].as_str();
    if deployment.is_some_and(|id| !row.deployments.contains_key(id)) {
        return Err(no_deployment());
    }
    stage["lastUpdatedDate"] = moment(core.clock.now());
    row.stages.insert(name, stage.clone());
    core.write(&row, None).await?;
    Ok(stage)
}

/// Returns a stage that nothing was said of.
pub(crate) fn new_stage(core: &ApiGateway, name: &str) -> Value {
    let now = moment(core.clock.now());
    json!({
        "stageName": name,
        "autoDeploy": false,
        "createdDate": now,
        "lastUpdatedDate": now,
        "defaultRouteSettings": {"detailedMetricsEnabled": false},
        "routeSettings": {},
        "stageVariables": {},
        "tags": {},
    })
}

async fn deploy(core: &ApiGateway, mut row: ApiRow, input: &Members) -> Result<Value, Failure> {
    let id = id_or_new(input.text("id"), 6)?;
    if let Some(there) = row.deployments.get(&id) {
        return Ok(there.clone());
    }
    if row.routes.is_empty() {
        return Err(bad_request(
            "At least one route is required before deploying the Api.",
        ));
    }
    let snapshot = row.snapshot();
    Plan::of_http(&snapshot, "", &Value::Null).map_err(|what| not_built(&what))?;
    let mut made = json!({
        "deploymentId": id,
        "autoDeployed": false,
        "createdDate": moment(core.clock.now()),
        "deploymentStatus": "DEPLOYED",
    });
    if let Some(description) = input.get("description") {
        made["description"] = description.clone();
    }
    if let Some(name) = input.text("stageName") {
        let stage = row.stages.get_mut(name);
        let stage = stage.ok_or_else(|| not_found("Invalid stage identifier specified"))?;
        stage["deploymentId"] = id.as_str().into();
    }
    row.deployments.insert(id.clone(), made.clone());
    core.write(&row, Some((&id, &snapshot))).await?;
    Ok(made)
}
