//! The operations on HTTP APIs, their routes, integrations and authorizers
//! (API Gateway Version 2 API reference, 2018-11-29).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use service::{Call, Failure, Members};

use crate::failure::{bad_request, conflict, not_built, not_found};
use crate::integration::{Integration, function_of};
use crate::rest_import::text_of;
use crate::rows::{ApiRow, id_or_new, moment, new_id, page};
use crate::{ApiGateway, http_import, http_stages};

/// Answers a call.
pub(crate) async fn call(core: &ApiGateway, call: Call) -> Result<Value, Failure> {
    let input = named(Members::read(&call.input)?);
    let operation = &*call.operation;
    if operation == "GetApis" {
        let all = core.all(true).await?;
        return Ok(items(
            all.iter().map(|row| shown(core, row)).collect(),
            &input,
        ));
    }
    let _changing = match operation.starts_with("Get") {
        true => None,
        false => Some(core.changing.lock().await),
    };
    if matches!(operation, "CreateApi" | "ImportApi") {
        return create(core, &input).await;
    }
    if !KNOWN.contains(&operation) && !http_stages::KNOWN.contains(&operation) {
        let message = format!("apigatewayv2:{operation} is not served here yet");
        return Err(Failure::client("NotImplemented", message).with_status(501));
    }
    let id = input.text("apiId").unwrap_or_default();
    let row = core.find(id).await?.filter(|row| row.http);
    let mut row = row.ok_or_else(|| {
        not_found(format!(
            "Invalid API identifier specified {}:{id}",
            core.site.account_id
        ))
    })?;
    if http_stages::KNOWN.contains(&operation) {
        return http_stages::call(core, operation, row, &input).await;
    }
    match operation {
        "GetApi" => return Ok(shown(core, &row)),
        "DeleteApi" => {
            core.remove(&row, None).await?;
            return Ok(json!({}));
        }
        "UpdateApi" => settings(&mut row, &input),
        "ReimportApi" => {
            let document = document(input.text("body").unwrap_or_default())?;
            http_import::overwrite(&mut row, &document)?;
        }
        _ => {
            let output = part(&mut row, operation, &input)?;
            if !operation.starts_with("Get") {
                core.write(&row, None).await?;
            }
            return Ok(output);
        }
    }
    core.write(&row, None).await?;
    Ok(shown(core, &row))
}

const KNOWN: [&str; 19] = [
    "GetApi",
    "DeleteApi",
    "UpdateApi",
    "ReimportApi",
    "GetRoutes",
    "GetRoute",
    "CreateRoute",
    "UpdateRoute",
    "DeleteRoute",
    "GetIntegrations",
    "GetIntegration",
    "CreateIntegration",
    "UpdateIntegration",
    "DeleteIntegration",
    "GetAuthorizers",
    "GetAuthorizer",
    "CreateAuthorizer",
    "UpdateAuthorizer",
    "DeleteAuthorizer",
];

/// Returns members as they are written over HTTP, where the model has capitals; those that have none count first.
fn named(input: Members) -> Members {
    let mut named: Map<String, Value> = Map::new();
    for (name, value) in input.0 {
        let (first, rest) = name.split_at(name.len().min(1));
        let small = format!("{}{rest}", first.to_ascii_lowercase());
        if small == name || !named.contains_key(&small) {
            named.insert(small, value);
        }
    }
    Members(named)
}

/// Returns a list as HTTP APIs show it.
pub(crate) fn items(all: Vec<Value>, input: &Members) -> Value {
    let limit = input.integer("maxResults").ok().flatten();
    let (page, next) = page(all, input.text("nextToken"), limit, 100);
    let mut output = json!({"items": page});
    if let Some(next) = next {
        output["nextToken"] = next.into();
    }
    output
}

/// Returns what is shown of an API: its endpoint has the port of today.
fn shown(core: &ApiGateway, row: &ApiRow) -> Value {
    let mut shown = Value::Object(row.shown.clone());
    shown["apiEndpoint"] = format!("http://{}", core.host(&row.id)).into();
    shown
}

fn document(text: &str) -> Result<Value, Failure> {
    crate::rest_operations::document(text.as_bytes())
}

async fn create(core: &ApiGateway, input: &Members) -> Result<Value, Failure> {
    let id = id_or_new(input.text("id"), 10)?;
    if let Some(there) = core.find(&id).await? {
        return Ok(shown(core, &there));
    }
    let mut row = ApiRow {
        id: id.clone(),
        http: true,
        ..ApiRow::default()
    };
    let fixed = json!({
        "apiId": id,
        "name": "",
        "protocolType": "HTTP",
        "createdDate": moment(core.clock.now()),
        "apiKeySelectionExpression": "$request.header.x-api-key",
        "routeSelectionExpression": "$request.method $request.path",
        "disableExecuteApiEndpoint": false,
        "tags": {},
    });
    if let Value::Object(fixed) = fixed {
        row.shown = fixed;
    }
    if let Some(body) = input.text("body") {
        http_import::overwrite(&mut row, &document(body)?)?;
        core.write(&row, None).await?;
        return Ok(shown(core, &row));
    }
    match input.text("protocolType") {
        Some("HTTP") => {}
        Some("WEBSOCKET") => return Err(not_built("WebSocket APIs")),
        _ => {
            return Err(bad_request(
                "Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]",
            ));
        }
    }
    if input.text("name").is_none_or(str::is_empty) {
        return Err(bad_request("Name must not be empty"));
    }
    settings(&mut row, input);
    if let Some(target) = input.text("target") {
        quick(&mut row, core, target, input)?;
    }
    core.write(&row, None).await?;
    Ok(shown(core, &row))
}

/// Takes what may be said of an API.
fn settings(row: &mut ApiRow, input: &Members) {
    for name in [
        "name",
        "description",
        "version",
        "disableExecuteApiEndpoint",
        "tags",
        "routeSelectionExpression",
        "apiKeySelectionExpression",
    ] {
        if let Some(value) = input.get(name) {
            row.shown.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(cors) = input.get("corsConfiguration") {
        row.shown
            .insert("corsConfiguration".to_owned(), http_import::cors_of(cors));
    }
}

/// Makes the one route, its integration and the stage of an API that is made quickly.
fn quick(
    row: &mut ApiRow,
    core: &ApiGateway,
    target: &str,
    input: &Members,
) -> Result<(), Failure> {
    let (integration_id, route_id) = (new_id(7), new_id(7));
    let mut integration = json!({
        "integrationId": integration_id,
        "apiGatewayManaged": true,
        "connectionType": "INTERNET",
        "integrationType": "AWS_PROXY",
        "integrationMethod": "POST",
        "integrationUri": target,
        "payloadFormatVersion": "2.0",
        "timeoutInMillis": 30_000,
    });
    if let Some(role) = input.get("credentialsArn") {
        integration["credentialsArn"] = role.clone();
    }
    Integration::of_http(&integration).map_err(|what| not_built(&what))?;
    let route = json!({
        "routeId": route_id,
        "routeKey": input.text("routeKey").unwrap_or("$default"),
        "apiGatewayManaged": true,
        "apiKeyRequired": false,
        "authorizationType": "NONE",
        "target": format!("integrations/{integration_id}"),
    });
    row.integrations.insert(integration_id, integration);
    row.routes.insert(route_id, route);
    let mut stage = http_stages::new_stage(core, "$default");
    stage["autoDeploy"] = true.into();
    stage["apiGatewayManaged"] = true.into();
    row.stages.insert("$default".to_owned(), stage);
    Ok(())
}

/// One kind of what an API is made of.
struct Part {
    name: &'static str,
    id: &'static str,
    members: &'static [&'static str],
}

const ROUTE: Part = Part {
    name: "Route",
    id: "routeId",
    members: &[
        "routeKey",
        "target",
        "authorizationType",
        "authorizerId",
        "authorizationScopes",
        "operationName",
        "apiKeyRequired",
    ],
};

const INTEGRATION: Part = Part {
    name: "Integration",
    id: "integrationId",
    members: &[
        "integrationType",
        "integrationUri",
        "integrationMethod",
        "integrationSubtype",
        "payloadFormatVersion",
        "timeoutInMillis",
        "credentialsArn",
        "description",
        "connectionType",
        "requestParameters",
        "responseParameters",
    ],
};

const AUTHORIZER: Part = Part {
    name: "Authorizer",
    id: "authorizerId",
    members: &[
        "name",
        "authorizerType",
        "authorizerUri",
        "authorizerCredentialsArn",
        "authorizerPayloadFormatVersion",
        "authorizerResultTtlInSeconds",
        "identitySource",
        "enableSimpleResponses",
        "jwtConfiguration",
    ],
};

fn part(row: &mut ApiRow, operation: &str, input: &Members) -> Result<Value, Failure> {
    let part = [ROUTE, INTEGRATION, AUTHORIZER];
    let part = part
        .into_iter()
        .find(|part| operation.contains(part.name))
        .unwrap_or(ROUTE);
    let verb = operation.split(part.name).next().unwrap_or_default();
    if operation.ends_with('s') {
        let all = of(row, &part).values().cloned().collect();
        return Ok(items(all, input));
    }
    let id = match verb {
        "Create" => id_or_new(input.text("id"), 7)?,
        _ => input.text(part.id).unwrap_or_default().to_owned(),
    };
    let before = of(row, &part).get(&id).cloned();
    let missing = || not_found(format!("Invalid {} identifier specified", part.name));
    match (verb, before) {
        ("Get", before) => before.ok_or_else(missing),
        ("Delete", before) => {
            before.ok_or_else(missing)?;
            let target = Value::from(format!("integrations/{id}"));
            if part.name == "Integration"
                && row.routes.values().any(|route| route["target"] == target)
            {
                return Err(conflict(format!(
                    "Cannot delete Integration '{id}'. Please delete the routes that use it first"
                )));
            }
            of(row, &part).remove(&id);
            Ok(json!({}))
        }
        ("Create", Some(there)) => Ok(there),
        ("Update", None) => Err(missing()),
        (_, before) => {
            let made = changed(row, &part, &id, before, input)?;
            of(row, &part).insert(id, made.clone());
            Ok(made)
        }
    }
}

fn of<'a>(row: &'a mut ApiRow, part: &Part) -> &'a mut BTreeMap<String, Value> {
    match part.name {
        "Route" => &mut row.routes,
        "Integration" => &mut row.integrations,
        _ => &mut row.authorizers,
    }
}

/// Returns a part after a call, which is checked.
fn changed(
    row: &ApiRow,
    part: &Part,
    id: &str,
    before: Option<Value>,
    input: &Members,
) -> Result<Value, Failure> {
    let mut made = before.unwrap_or_else(|| match part.name {
        "Route" => json!({"apiKeyRequired": false, "authorizationType": "NONE"}),
        "Integration" => json!({"connectionType": "INTERNET", "timeoutInMillis": 30_000}),
        _ => json!({}),
    });
    made[part.id] = id.into();
    for name in part.members {
        if let Some(value) = input.get(name) {
            made[*name] = value.clone();
        }
    }
    match part.name {
        "Route" => {
            let key = text_of(&made["routeKey"]);
            let whole = key
                .split_once(' ')
                .is_some_and(|(_, path)| path.starts_with('/'));
            if key != "$default" && !whole {
                return Err(bad_request(
                    "Invalid route key. The route key must be '$default' or METHOD /path.",
                ));
            }
            let same =
                |other: &Value| other["routeKey"] == made["routeKey"] && other["routeId"] != id;
            if row.routes.values().any(same) {
                return Err(conflict(format!(
                    "Route with key {key} already exists for this API"
                )));
            }
            let mut trial = row.clone();
            trial.routes = BTreeMap::from([(id.to_owned(), made.clone())]);
            crate::plan::Plan::of_http(&trial, "", &Value::Null)
                .map_err(|what| not_built(&what))?;
        }
        "Integration" => {
            let is_function = function_of(&text_of(&made["integrationUri"])).is_some();
            if made.get("integrationMethod").is_none() && is_function {
                made["integrationMethod"] = "POST".into();
            }
            if made.get("payloadFormatVersion").is_none() {
                return Err(bad_request(
                    "PayloadFormatVersion is a required parameter for integration type AWS_PROXY",
                ));
            }
            Integration::of_http(&made).map_err(|what| not_built(&what))?;
        }
        _ => {
            crate::authorizer::Authorizer::read(&made, true).map_err(|what| not_built(&what))?;
        }
    }
    Ok(Value::Object(
        made.as_object().cloned().unwrap_or(Map::new()),
    ))
}
