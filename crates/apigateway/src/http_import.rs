//! An OpenAPI document as the routes, integrations and authorizers of an HTTP API
//! (API Gateway guide, "Working with OpenAPI definitions for HTTP APIs").

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use service::Failure;

use crate::failure::{bad_request, not_built};
use crate::rest_import::{is_disabled, operations, scheme, text_of};
use crate::rows::{ApiRow, new_id};

/// Puts what a document says in the place of what `row` had.
pub(crate) fn overwrite(row: &mut ApiRow, document: &Value) -> Result<(), Failure> {
    if !document["paths"].is_object() || document.get("openapi").is_none() {
        return Err(bad_request(
            "Unable to parse API definition: the document needs 'openapi' and 'paths'",
        ));
    }
    row.routes.clear();
    row.integrations.clear();
    row.authorizers.clear();
    row.shown.insert(
        "name".to_owned(),
        text_of(&document["info"]["title"]).into(),
    );
    if let Some(description) = document["info"].get("description") {
        row.shown
            .insert("description".to_owned(), description.clone());
    }
    if let Some(version) = document["info"].get("version") {
        row.shown
            .insert("version".to_owned(), text_of(version).into());
    }
    row.shown.insert(
        "disableExecuteApiEndpoint".to_owned(),
        is_disabled(document).into(),
    );
    row.shown.remove("corsConfiguration");
    if let Some(cors) = document.get("x-amazon-apigateway-cors") {
        row.shown
            .insert("corsConfiguration".to_owned(), cors_of(cors));
    }
    let tags = document["tags"].as_array().into_iter().flatten();
    let tags = tags.filter_map(|tag| {
        let value = tag.get("x-amazon-apigateway-tag-value")?;
        Some((text_of(&tag["name"]), Value::from(text_of(value))))
    });
    row.shown
        .insert("tags".to_owned(), Value::Object(tags.collect()));
    let mut names = BTreeMap::new();
    for (path, method, definition) in operations(document) {
        let key = match path.trim_start_matches('/') {
            "$default" => "$default".to_owned(),
            _ => format!("{method} {path}"),
        };
        let route_id = new_id(7);
        let mut route = json!({
            "routeId": route_id,
            "routeKey": key,
            "apiKeyRequired": false,
            "authorizationType": "NONE",
        });
        if let Some(name) = definition.get("operationId") {
            route["operationName"] = name.clone();
        }
        secure(row, document, definition, &mut names, &mut route)?;
        if let Some(integration) = definition.get("x-amazon-apigateway-integration") {
            let id = new_id(7);
            let integration = integration_of(&id, integration)?;
            row.integrations.insert(id.clone(), integration);
            route["target"] = format!("integrations/{id}").into();
        }
        row.routes.insert(route_id, route);
    }
    Ok(())
}

/// Returns settings for other origins, whose numbers and booleans may be text.
pub(crate) fn cors_of(given: &Value) -> Value {
    let mut cors = Map::new();
    for (name, value) in given.as_object().into_iter().flatten() {
        let (first, rest) = name.split_at(name.len().min(1));
        let name = format!("{}{rest}", first.to_ascii_lowercase());
        let value = match name.as_str() {
            "maxAge" => text_of(value)
                .parse::<i64>()
                .map_or(Value::Null, Value::from),
            "allowCredentials" => (text_of(value) == "true").into(),
            _ if value.is_array() => value.clone(),
            _ => json!([value]),
        };
        cors.insert(name, value);
    }
    cors.into()
}

fn secure(
    row: &mut ApiRow,
    document: &Value,
    definition: &Value,
    names: &mut BTreeMap<String, String>,
    route: &mut Value,
) -> Result<(), Failure> {
    let own = definition
        .get("security")
        .or_else(|| document.get("security"));
    let all = own.and_then(Value::as_array).into_iter().flatten();
    for name in all.filter_map(Value::as_object).flat_map(Map::keys) {
        let Some(scheme) = scheme(document, name) else {
            continue;
        };
        if scheme["x-amazon-apigateway-authtype"] == "awsSigv4" {
            route["authorizationType"] = "AWS_IAM".into();
            continue;
        }
        let Some(inner) = scheme.get("x-amazon-apigateway-authorizer") else {
            return Err(not_built(&format!("the security scheme '{name}'")));
        };
        if inner["type"] != "request" {
            return Err(not_built(&format!(
                "the authorizer type '{}'",
                text_of(&inner["type"])
            )));
        }
        let id = names
            .entry(name.clone())
            .or_insert_with(|| new_id(6))
            .clone();
        let mut made = json!({
            "authorizerId": id,
            "name": name,
            "authorizerType": "REQUEST",
            "identitySource": inner.get("identitySource").cloned().unwrap_or(json!([])),
        });
        for (from, to) in [
            ("authorizerUri", "authorizerUri"),
            ("authorizerCredentials", "authorizerCredentialsArn"),
            (
                "authorizerResultTtlInSeconds",
                "authorizerResultTtlInSeconds",
            ),
            (
                "authorizerPayloadFormatVersion",
                "authorizerPayloadFormatVersion",
            ),
            ("enableSimpleResponses", "enableSimpleResponses"),
        ] {
            if let Some(value) = inner.get(from) {
                made[to] = value.clone();
            }
        }
        if let Some(version) = inner.get("authorizerPayloadFormatVersion") {
            made["authorizerPayloadFormatVersion"] = text_of(version).into();
        }
        if let Some(simple) = inner.get("enableSimpleResponses") {
            made["enableSimpleResponses"] = (text_of(simple) == "true").into();
        }
        row.authorizers.insert(id.clone(), made);
        route["authorizationType"] = "CUSTOM".into();
        route["authorizerId"] = id.into();
    }
    Ok(())
}

fn integration_of(id: &str, given: &Value) -> Result<Value, Failure> {
    let mut shown = json!({
        "integrationId": id,
        "connectionType": "INTERNET",
        "integrationType": text_of(&given["type"]).to_ascii_uppercase(),
        "payloadFormatVersion": "1.0",
        "timeoutInMillis": 30_000,
    });
    for (from, to) in [
        ("httpMethod", "integrationMethod"),
        ("uri", "integrationUri"),
        ("subtype", "integrationSubtype"),
        ("integrationSubtype", "integrationSubtype"),
        ("connectionType", "connectionType"),
        ("credentials", "credentialsArn"),
        ("description", "description"),
        ("requestParameters", "requestParameters"),
        ("responseParameters", "responseParameters"),
    ] {
        if let Some(value) = given.get(from) {
            shown[to] = value.clone();
        }
    }
    if let Some(version) = given.get("payloadFormatVersion") {
        shown["payloadFormatVersion"] = match text_of(version).as_str() {
            "1" => "1.0".into(),
            "2" => "2.0".into(),
            version => version.into(),
        };
    }
    if let Some(timeout) = given.get("timeoutInMillis") {
        shown["timeoutInMillis"] = text_of(timeout).parse::<u64>().unwrap_or(30_000).into();
    }
    crate::integration::Integration::of_http(&shown).map_err(|what| not_built(&what))?;
    Ok(shown)
}
