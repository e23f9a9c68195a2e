//! The operations on resources, methods and integrations of REST APIs.

use serde_json::{Value, json};
use service::{Failure, Members};

use crate::ApiGateway;
use crate::failure::{bad_request, conflict, not_found};
use crate::rest_import::text_of;
use crate::rest_operations::{api, items};
use crate::rows::{ApiRow, id_or_new};

/// The operations.
pub(crate) const KNOWN: [&str; 14] = [
    "GetResources",
    "GetResource",
    "CreateResource",
    "DeleteResource",
    "PutMethod",
    "GetMethod",
    "DeleteMethod",
    "PutMethodResponse",
    "GetMethodResponse",
    "PutIntegration",
    "GetIntegration",
    "DeleteIntegration",
    "PutIntegrationResponse",
    "GetIntegrationResponse",
];

/// Answers a call.
pub(crate) async fn call(
    core: &ApiGateway,
    operation: &str,
    input: &Members,
) -> Result<Value, Failure> {
    let reads = operation.starts_with("Get");
    let _changing = match reads {
        true => None,
        false => Some(core.changing.lock().await),
    };
    let mut row = api(core, input).await?;
    let output = answer(&mut row, operation, input)?;
    if !reads {
        core.write(&row, None).await?;
    }
    Ok(output)
}

fn answer(row: &mut ApiRow, operation: &str, input: &Members) -> Result<Value, Failure> {
    match operation {
        "GetResources" => {
            let embed = input
                .text("embed")
                .is_some_and(|what| what.contains("methods"))
                || input.texts("embed").contains(&"methods");
            let mut all: Vec<Value> = row.resources.values().cloned().collect();
            all.sort_by_key(|one| text_of(&one["path"]));
            let all = all.into_iter().map(|one| shown(one, embed));
            Ok(items(all.collect(), input))
        }
        "GetResource" => Ok(shown(resource(row, input)?.clone(), false)),
        "CreateResource" => create(row, input),
        "DeleteResource" => {
            let path = text_of(&resource(row, input)?["path"]);
            if path == "/" {
                return Err(bad_request("Root resource cannot be removed"));
            }
            let below = format!("{path}/");
            row.resources.retain(|_, one| {
                one["path"] != *path && !text_of(&one["path"]).starts_with(&below)
            });
            Ok(json!({}))
        }
        "PutMethod" => put_method(row, input),
        "GetMethod" => method(row, input).map(|method| method.clone()),
        "DeleteMethod" => {
            method(row, input)?;
            let name = input.text("httpMethod").unwrap_or_default().to_owned();
            if let Some(Value::Object(methods)) =
                resource_mut(row, input)?.get_mut("resourceMethods")
            {
                methods.remove(&name);
            }
            Ok(json!({}))
        }
        "PutIntegration" => put_integration(row, input),
        "GetIntegration" => integration(row, input).map(|one| one.clone()),
        "DeleteIntegration" => {
            if let Value::Object(method) = method(row, input)? {
                method.remove("methodIntegration");
            }
            Ok(json!({}))
        }
        "PutMethodResponse" => {
            let members = ["responseParameters", "responseModels"];
            put_response(method(row, input)?, "methodResponses", input, &members)
        }
        "PutIntegrationResponse" => {
            let members = [
                "selectionPattern",
                "responseParameters",
                "responseTemplates",
                "contentHandling",
            ];
            put_response(
                integration(row, input)?,
                "integrationResponses",
                input,
                &members,
            )
        }
        "GetMethodResponse" => get_response(method(row, input)?, "methodResponses", input),
        _ => get_response(integration(row, input)?, "integrationResponses", input),
    }
}

/// Returns a resource as it is shown: of its methods the names alone, unless all is asked for.
fn shown(mut resource: Value, embed: bool) -> Value {
    if !embed && let Some(Value::Object(methods)) = resource.get_mut("resourceMethods") {
        methods.values_mut().for_each(|method| *method = json!({}));
    }
    resource
}

fn resource<'a>(row: &'a ApiRow, input: &Members) -> Result<&'a Value, Failure> {
    let id = input.text("resourceId").unwrap_or_default();
    let found = row.resources.get(id);
    found.ok_or_else(|| not_found("Invalid Resource identifier specified"))
}

fn resource_mut<'a>(row: &'a mut ApiRow, input: &Members) -> Result<&'a mut Value, Failure> {
    let id = input.text("resourceId").unwrap_or_default();
    let found = row.resources.get_mut(id);
    found.ok_or_else(|| not_found("Invalid Resource identifier specified"))
}

fn method<'a>(row: &'a mut ApiRow, input: &Members) -> Result<&'a mut Value, Failure> {
    let name = input.text("httpMethod").unwrap_or_default();
    let methods = resource_mut(row, input)?.get_mut("resourceMethods");
    let found = methods.and_then(|methods| methods.get_mut(name));
    found.ok_or_else(|| not_found("Invalid Method identifier specified"))
}

fn integration<'a>(row: &'a mut ApiRow, input: &Members) -> Result<&'a mut Value, Failure> {
    let found = method(row, input)?.get_mut("methodIntegration");
    found.ok_or_else(|| not_found("Invalid Integration identifier specified"))
}

fn create(row: &mut ApiRow, input: &Members) -> Result<Value, Failure> {
    let parent = input.text("parentId").unwrap_or_default();
    let parent = row.resources.get(parent);
    let parent = parent.ok_or_else(|| not_found("Invalid Resource identifier specified"))?;
    let part = input.text("pathPart").unwrap_or_default();
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:{}+,*".contains(&byte);
    if part.is_empty() || !part.bytes().all(letter) {
        return Err(bad_request(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end.",
        ));
    }
    let path = match parent["path"].as_str() {
        Some("/") | None => format!("/{part}"),
        Some(above) => format!("{above}/{part}"),
    };
    let id = id_or_new(input.text("id"), 6)?;
    if let Some(there) = row.resource_at(&path) {
        if there["id"] == *id {
            return Ok(there.clone());
        }
        return Err(conflict(
            "Another resource with the same parent already has this name: ".to_owned() + part,
        ));
    }
    let made = json!({"id": id, "parentId": parent["id"], "pathPart": part, "path": path});
    row.resources.insert(id, made.clone());
    Ok(made)
}

fn copy(input: &Members, names: &[&str], to: &mut Value) {
    for name in names {
        if let Some(value) = input.get(name) {
            to[*name] = value.clone();
        }
    }
}

fn put_method(row: &mut ApiRow, input: &Members) -> Result<Value, Failure> {
    let name = input.text("httpMethod").unwrap_or_default().to_owned();
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ANY",
    ];
    if !methods.contains(&name.as_str()) {
        return Err(bad_request(
            "Invalid HttpMethod specified. Valid options are GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS,ANY",
        ));
    }
    let mut made = json!({
        "httpMethod": name,
        "authorizationType": input.text("authorizationType").unwrap_or("NONE"),
        "apiKeyRequired": input.flag("apiKeyRequired") == Some(true),
    });
    let names = [
        "authorizerId",
        "operationName",
        "requestParameters",
        "requestModels",
        "authorizationScopes",
    ];
    copy(input, &names, &mut made);
    let resource = resource_mut(row, input)?;
    if !resource["resourceMethods"].is_object() {
        resource["resourceMethods"] = json!({});
    }
    resource["resourceMethods"][&name] = made.clone();
    Ok(made)
}

fn put_integration(row: &mut ApiRow, input: &Members) -> Result<Value, Failure> {
    let mut made = json!({
        "type": input.text("type").unwrap_or_default(),
        "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": 29_000,
        "cacheKeyParameters": [],
    });
    let names = [
        "uri",
        "credentials",
        "connectionType",
        "contentHandling",
        "requestTemplates",
        "requestParameters",
        "passthroughBehavior",
        "timeoutInMillis",
        "cacheNamespace",
        "cacheKeyParameters",
    ];
    copy(input, &names, &mut made);
    // Over HTTP the method of the path hides that of the body, which is called so too.
    if let Some(verb) = input.get("integrationHttpMethod") {
        made["httpMethod"] = verb.clone();
    }
    crate::plan::check_integration(&made).map_err(|what| crate::failure::not_built(&what))?;
    method(row, input)?["methodIntegration"] = made.clone();
    Ok(made)
}

fn put_response(
    owner: &mut Value,
    member: &str,
    input: &Members,
    names: &[&str],
) -> Result<Value, Failure> {
    let code = input.get("statusCode").map(text_of).unwrap_or_default();
    let mut made = json!({"statusCode": code});
    copy(input, names, &mut made);
    if !owner[member].is_object() {
        owner[member] = json!({});
    }
    owner[member][&code] = made.clone();
    Ok(made)
}

fn get_response(owner: &Value, member: &str, input: &Members) -> Result<Value, Failure> {
    let code = input.get("statusCode").map(text_of).unwrap_or_default();
    let found = owner[member].get(&code).cloned();
    found.ok_or_else(|| not_found("Invalid Response status code specified"))
}
