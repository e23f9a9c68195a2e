//! The operations on REST APIs themselves (API Gateway REST API reference, 2015-07-09).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use service::{Call, Failure, Members};

use crate::failure::{bad_request, not_built, not_found};
use crate::rest_import::text_of;
use crate::rows::{ApiRow, id_or_new, new_id, page, seconds};
use crate::{ApiGateway, deployments, rest_import, rest_resources};

/// Answers a call.
pub(crate) async fn call(core: &ApiGateway, call: Call) -> Result<Value, Failure> {
    let input = named(Members::read(&call.input)?);
    match &*call.operation {
        "CreateRestApi" => create(core, &input).await,
        "ImportRestApi" => import(core, &input, &call.payload).await,
        "PutRestApi" => put(core, &input, &call.payload).await,
        "GetRestApis" => list(core, &input).await,
        "GetRestApi" => Ok(api(core, &input).await?.shown.into()),
        "UpdateRestApi" => update(core, &input).await,
        "DeleteRestApi" => delete(core, &input).await,
        "GetAccount" => Ok(json!({
            "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
            "features": ["UsagePlans"],
            "apiKeyVersion": "4",
        })),
        "GetAuthorizers" => {
            let row = api(core, &input).await?;
            Ok(items(row.authorizers.into_values().collect(), &input))
        }
        "GetAuthorizer" => {
            let row = api(core, &input).await?;
            let id = input.text("authorizerId").unwrap_or_default();
            let found = row.authorizers.get(id).cloned();
            found.ok_or_else(|| not_found("Invalid Authorizer identifier specified"))
        }
        other if deployments::KNOWN.contains(&other) => {
            deployments::call(core, other, &input).await
        }
        other if rest_resources::KNOWN.contains(&other) => {
            rest_resources::call(core, other, &input).await
        }
        other => {
            let message = format!("apigateway:{other} is not served here yet");
            Err(Failure::client("NotImplemented", message).with_status(501))
        }
    }
}

/// Returns members under their names in the model: in paths and queries they have others, and what the path says
/// counts before the body.
fn named(input: Members) -> Members {
    let camel = |name: &str| match name {
        "restapi_id" => "restApiId".to_owned(),
        "failonwarnings" => "failOnWarnings".to_owned(),
        other => {
            let mut parts = other.split('_');
            let mut camel = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let (first, rest) = part.split_at(part.len().min(1));
                camel.push_str(&first.to_ascii_uppercase());
                camel.push_str(rest);
            }
            camel
        }
    };
    let (outside, inside): (Vec<_>, Vec<_>) = input
        .0
        .into_iter()
        .partition(|(name, _)| name.contains('_') || name == "failonwarnings");
    let mut named: Map<String, Value> = inside.into_iter().collect();
    if outside.iter().any(|(name, _)| name == "http_method")
        && let Some(verb) = named.remove("httpMethod")
    {
        named.insert("integrationHttpMethod".to_owned(), verb);
    }
    for (name, value) in outside {
        named.insert(camel(&name), value);
    }
    Members(named)
}

/// Returns a list as REST APIs show it.
pub(crate) fn items(all: Vec<Value>, input: &Members) -> Value {
    let limit = input.integer("limit").ok().flatten();
    let (page, position) = page(all, input.text("position"), limit, 25);
    let mut output = json!({"item": page});
    if let Some(position) = position {
        output["position"] = position.into();
    }
    output
}

/// Returns the API that is named.
pub(crate) async fn api(core: &ApiGateway, input: &Members) -> Result<ApiRow, Failure> {
    let id = input.text("restApiId").unwrap_or_default();
    let found = core.find(id).await?.filter(|row| !row.http);
    found.ok_or_else(|| {
        let account = &core.site.account_id;
        not_found(format!("Invalid API identifier specified {account}:{id}"))
    })
}

/// Returns a row for an API of this name.
fn new_row(core: &ApiGateway, id: String, name: &str) -> ApiRow {
    let root = new_id(10);
    let shown = json!({
        "id": id,
        "name": name,
        "createdDate": seconds(core.clock.now()),
        "apiKeySource": "HEADER",
        "endpointConfiguration": {"types": ["EDGE"]},
        "disableExecuteApiEndpoint": false,
        "rootResourceId": root,
    });
    let Value::Object(shown) = shown else {
        return ApiRow::default();
    };
    ApiRow {
        id,
        shown,
        resources: BTreeMap::from([(root.clone(), json!({"id": root, "path": "/"}))]),
        ..ApiRow::default()
    }
}

async fn create(core: &ApiGateway, input: &Members) -> Result<Value, Failure> {
    let name = input.text("name").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| bad_request("No API name specified"))?;
    if input.get("cloneFrom").is_some() {
        return Err(not_built("cloneFrom"));
    }
    if input.get("policy").is_some() {
        return Err(not_built("resource policies of APIs (policy)"));
    }
    let id = id_or_new(input.text("id"), 10)?;
    let _changing = core.changing.lock().await;
    // A try that broke off may have made it.
    if let Some(there) = core.find(&id).await? {
        return Ok(there.shown.into());
    }
    let mut row = new_row(core, id, name);
    for member in [
        "description",
        "version",
        "binaryMediaTypes",
        "minimumCompressionSize",
        "apiKeySource",
        "endpointConfiguration",
        "tags",
        "disableExecuteApiEndpoint",
    ] {
        if let Some(value) = input.get(member) {
            row.shown.insert(member.to_owned(), value.clone());
        }
    }
    core.write(&row, None).await?;
    Ok(row.shown.into())
}

/// Reads a document, which is JSON.
pub(crate) fn document(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|_| {
        bad_request(
            "Unable to parse API definition because it is no JSON; YAML is not read here yet",
        )
    })
}

async fn import(core: &ApiGateway, input: &Members, body: &[u8]) -> Result<Value, Failure> {
    let document = document(body)?;
    let name = text_of(&document["info"]["title"]);
    let mut row = new_row(core, id_or_new(input.text("id"), 10)?, &name);
    if let Some(description) = document["info"].get("description") {
        row.shown
            .insert("description".to_owned(), description.clone());
    }
    rest_import::overwrite(&mut row, &document, false)?;
    let _changing = core.changing.lock().await;
    core.write(&row, None).await?;
    Ok(row.shown.into())
}

async fn put(core: &ApiGateway, input: &Members, body: &[u8]) -> Result<Value, Failure> {
    let document = document(body)?;
    let _changing = core.changing.lock().await;
    let mut row = api(core, input).await?;
    let merge = match input.text("mode") {
        None | Some("merge") => true,
        Some("overwrite") => false,
        Some(_) => {
            return Err(bad_request(
                "Invalid mode specified: must be merge or overwrite",
            ));
        }
    };
    rest_import::overwrite(&mut row, &document, merge)?;
    core.write(&row, None).await?;
    Ok(row.shown.into())
}

async fn list(core: &ApiGateway, input: &Members) -> Result<Value, Failure> {
    let all = core.all(false).await?;
    Ok(items(
        all.into_iter().map(|row| row.shown.into()).collect(),
        input,
    ))
}

async fn update(core: &ApiGateway, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let mut row = api(core, input).await?;
    let known = [
        "name",
        "description",
        "apiKeySource",
        "minimumCompressionSize",
        "disableExecuteApiEndpoint",
        "binaryMediaTypes",
        "endpointConfiguration",
        "tags",
    ];
    patch(&mut row.shown, input, &known)?;
    core.write(&row, None).await?;
    Ok(row.shown.into())
}

/// Carries out `patchOperations` on the members that may change; texts of numbers and booleans stand for them.
pub(crate) fn patch(
    shown: &mut Map<String, Value>,
    input: &Members,
    known: &[&str],
) -> Result<(), Failure> {
    for one in input.list("patchOperations") {
        let (operation, path) = (text_of(&one["op"]), text_of(&one["path"]));
        let steps = path.trim_start_matches('/').split('/');
        let mut steps = steps.map(|step| step.replace("~1", "/").replace("~0", "~"));
        let (first, second) = (steps.next().unwrap_or_default(), steps.next());
        if !known.contains(&first.as_str()) {
            return Err(bad_request(format!("Invalid patch path {path}")));
        }
        let value = match one.get("value") {
            Some(Value::String(text)) if text == "true" || text == "false" => {
                (text == "true").into()
            }
            Some(value) => value.clone(),
            None => Value::Null,
        };
        match (operation.as_str(), second) {
            ("add" | "replace", None) => {
                shown.insert(first, value);
            }
            ("remove", None) => {
                shown.remove(&first);
            }
            ("add", Some(item)) if first == "binaryMediaTypes" => {
                let list = shown.entry(first).or_insert_with(|| json!([]));
                if let Value::Array(list) = list {
                    list.push(item.into());
                }
            }
            ("remove", Some(item)) if first == "binaryMediaTypes" => {
                if let Some(Value::Array(list)) = shown.get_mut(&first) {
                    list.retain(|one| *one != *item);
                }
            }
            ("add" | "replace", Some(name)) => {
                let map = shown.entry(first).or_insert_with(|| json!({}));
                if let Value::Object(map) = map {
                    // Variables are texts, whatever they look like.
                    map.insert(name, one.get("value").cloned().unwrap_or_default());
                }
            }
            ("remove", Some(name)) => {
                if let Some(Value::Object(map)) = shown.get_mut(&first) {
                    map.remove(&name);
                }
            }
            _ => {
                return Err(bad_request(format!(
                    "Invalid patch operation specified: {operation}"
                )));
            }
        }
    }
    Ok(())
}

async fn delete(core: &ApiGateway, input: &Members) -> Result<Value, Failure> {
    let _changing = core.changing.lock().await;
    let row = api(core, input).await?;
    core.remove(&row, None).await?;
    Ok(json!({}))
}
