//! A Swagger or OpenAPI document as the resources, methods and authorizers of a REST API
//! (API Gateway guide, "Develop REST APIs using OpenAPI").

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use service::Failure;

use crate::failure::{bad_request, not_built};
use crate::rows::{ApiRow, new_id};

const INTEGRATION: &str = "x-amazon-apigateway-integration";
pub(crate) const ANY: &str = "x-amazon-apigateway-any-method";
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// Returns the scheme of security called `name`.
pub(crate) fn scheme<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    let second = document["securityDefinitions"].get(name);
    second.or_else(|| document["components"]["securitySchemes"].get(name))
}

/// Returns the text of what may be a number to YAML.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns the operations of a document: path, method in capitals (`ANY`), definition.
pub(crate) fn operations(document: &Value) -> Vec<(&str, String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, definition) in item.as_object().into_iter().flatten() {
            let small = method.to_ascii_lowercase();
            if small == ANY {
                found.push((path.as_str(), "ANY".to_owned(), definition));
            } else if METHODS.contains(&small.as_str()) {
                found.push((path.as_str(), small.to_ascii_uppercase(), definition));
            }
        }
    }
    found
}

/// Says whether a document switches the API's own host off.
pub(crate) fn is_disabled(document: &Value) -> bool {
    let say = |place: &Value| {
        let value =
            &place["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"];
        text_of(value) == "true"
    };
    say(document)
        || document["servers"]
            .as_array()
            .into_iter()
            .flatten()
            .any(say)
}

/// Puts what a document says in the place of what `row` had.
pub(crate) fn overwrite(row: &mut ApiRow, document: &Value, merge: bool) -> Result<(), Failure> {
    if !document["paths"].is_object()
        || (document.get("swagger").is_none() && document.get("openapi").is_none())
    {
        return Err(bad_request(
            "Invalid OpenAPI input. The document needs 'swagger' or 'openapi', and 'paths'.",
        ));
    }
    if !merge {
        row.resources.retain(|_, resource| resource["path"] == "/");
        for root in row.resources.values_mut() {
            if let Value::Object(root) = root {
                root.remove("resourceMethods");
            }
        }
        row.authorizers.clear();
    }
    if let Some(types) = document.get("x-amazon-apigateway-binary-media-types") {
        row.shown
            .insert("binaryMediaTypes".to_owned(), types.clone());
    }
    let disabled = is_disabled(document);
    row.shown
        .insert("disableExecuteApiEndpoint".to_owned(), disabled.into());
    if document.get("x-amazon-apigateway-policy").is_some() {
        return Err(not_built(
            "resource policies of APIs (x-amazon-apigateway-policy)",
        ));
    }
    let mut names = BTreeMap::new();
    for (path, method, definition) in operations(document) {
        let mut shown = json!({
            "httpMethod": method,
            "authorizationType": "NONE",
            "apiKeyRequired": false,
        });
        if let Some(name) = definition.get("operationId") {
            shown["operationName"] = name.clone();
        }
        secure(row, document, definition, &mut names, &mut shown)?;
        let responses = definition["responses"].as_object().into_iter().flatten();
        let responses = responses.map(|(code, _)| (code.clone(), json!({"statusCode": code})));
        shown["methodResponses"] = Value::Object(responses.collect());
        if let Some(integration) = definition.get(INTEGRATION) {
            shown["methodIntegration"] = integration_of(integration)?;
        }
        let id = resource(row, path);
        let resource = row.resources.get_mut(&id);
        if let Some(resource) = resource {
            if !resource["resourceMethods"].is_object() {
                resource["resourceMethods"] = json!({});
            }
            resource["resourceMethods"][&method] = shown;
        }
    }
    Ok(())
}

/// Returns the id of the resource at a path, which is made with those above it where it is not there.
pub(crate) fn resource(row: &mut ApiRow, path: &str) -> String {
    let mut at = String::new();
    let mut parent = match row.resource_at("/") {
        Some(root) => text_of(&root["id"]),
        None => {
            let id = new_id(10);
            row.resources
                .insert(id.clone(), json!({"id": id, "path": "/"}));
            id
        }
    };
    for part in path.split('/').filter(|part| !part.is_empty()) {
        at.push('/');
        at.push_str(part);
        let known = row
            .resource_at(&at)
            .map(|resource| text_of(&resource["id"]));
        parent = known.unwrap_or_else(|| {
            let id = new_id(6);
            let resource = json!({"id": id, "parentId": parent, "pathPart": part, "path": at});
            row.resources.insert(id.clone(), resource);
            id
        });
    }
    parent
}

/// Says in `shown` who may call a method.
fn secure(
    row: &mut ApiRow,
    document: &Value,
    definition: &Value,
    names: &mut BTreeMap<String, String>,
    shown: &mut Value,
) -> Result<(), Failure> {
    let own = definition
        .get("security")
        .or_else(|| document.get("security"));
    let all = own.and_then(Value::as_array).into_iter().flatten();
    for name in all.filter_map(Value::as_object).flat_map(Map::keys) {
        let Some(scheme) = scheme(document, name) else {
            continue;
        };
        if let Some(authorizer) = scheme.get("x-amazon-apigateway-authorizer") {
            let id = match names.get(name) {
                Some(id) => id.clone(),
                None => {
                    let (id, made) = authorizer_of(name, scheme, authorizer)?;
                    row.authorizers.insert(id.clone(), made);
                    names.insert(name.clone(), id.clone());
                    id
                }
            };
            shown["authorizationType"] = "CUSTOM".into();
            shown["authorizerId"] = id.into();
        } else if scheme["x-amazon-apigateway-authtype"] == "awsSigv4" {
            shown["authorizationType"] = "AWS_IAM".into();
        } else if scheme["type"] == "apiKey" && scheme["name"] == "x-api-key" {
            shown["apiKeyRequired"] = true.into();
        } else {
            return Err(not_built(&format!("the security scheme '{name}'")));
        }
    }
    Ok(())
}

fn authorizer_of(name: &str, scheme: &Value, inner: &Value) -> Result<(String, Value), Failure> {
    let kind = text_of(&inner["type"]).to_ascii_uppercase();
    if kind != "TOKEN" && kind != "REQUEST" {
        return Err(not_built(&format!(
            "the authorizer type '{}'",
            kind.to_lowercase()
        )));
    }
    let id = new_id(6);
    let source = match (inner.get("identitySource"), kind.as_str()) {
        (Some(source), _) => source.clone(),
        (None, "TOKEN") => format!("method.request.header.{}", text_of(&scheme["name"])).into(),
        (None, _) => "".into(),
    };
    let mut made = json!({
        "id": id,
        "name": name,
        "type": kind,
        "authType": "custom",
        "identitySource": source,
    });
    for member in [
        "authorizerUri",
        "authorizerCredentials",
        "authorizerResultTtlInSeconds",
        "identityValidationExpression",
    ] {
        if let Some(value) = inner.get(member) {
            made[member] = value.clone();
        }
    }
    Ok((id, made))
}

/// Returns an integration as it is shown.
fn integration_of(given: &Value) -> Result<Value, Failure> {
    if given.get("type").is_none() {
        return Err(bad_request("Invalid integration: it has no 'type'."));
    }
    let mut shown = json!({
        "type": text_of(&given["type"]).to_ascii_uppercase(),
        "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": 29_000,
        "cacheKeyParameters": [],
    });
    for member in [
        "httpMethod",
        "uri",
        "credentials",
        "connectionType",
        "contentHandling",
        "requestTemplates",
        "requestParameters",
        "cacheNamespace",
        "cacheKeyParameters",
        "responseTransferMode",
    ] {
        if let Some(value) = given.get(member) {
            shown[member] = value.clone();
        }
    }
    if let Some(behavior) = given.get("passthroughBehavior") {
        shown["passthroughBehavior"] = text_of(behavior).to_ascii_uppercase().into();
    }
    if let Some(timeout) = given.get("timeoutInMillis") {
        shown["timeoutInMillis"] = text_of(timeout).parse::<u64>().unwrap_or(29_000).into();
    }
    let mut responses = Map::new();
    for (pattern, response) in given["responses"].as_object().into_iter().flatten() {
        let code = text_of(&response["statusCode"]);
        let mut one = json!({"statusCode": code});
        if pattern != "default" {
            one["selectionPattern"] = pattern.as_str().into();
        }
        for member in ["responseParameters", "responseTemplates", "contentHandling"] {
            if let Some(value) = response.get(member) {
                one[member] = value.clone();
            }
        }
        responses.insert(code, one);
    }
    if !responses.is_empty() {
        shown["integrationResponses"] = responses.into();
    }
    Ok(shown)
}
