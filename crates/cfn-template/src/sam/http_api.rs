//! `AWS::Serverless::HttpApi`: an HTTP API and its stage.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;

use super::api_events::ended;
use super::apis::Draft;
use super::{
    Expansion, Serverless, companion, is_function, location, members, names, openapi, reference,
};

const DEFAULT: &str = "$default";

pub(super) fn expand(
    id: &str,
    draft: Draft,
    names: &names::Names,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let mut api = Serverless {
        id,
        resource: draft.resource.clone(),
        names,
    };
    api.take("PropagateTags");
    let mut properties = Map::new();
    let name = api.take("StageName").unwrap_or(DEFAULT.into());
    let mut stage = members(json!({"ApiId": reference(id), "StageName": name, "AutoDeploy": true}));
    let same = [
        "StageVariables",
        "AccessLogSettings",
        "DefaultRouteSettings",
        "RouteSettings",
    ];
    api.rename(&mut stage, &same.map(|name| (name, name)));
    let fail = api.take("FailOnWarnings").filter(|fail| *fail != false);
    let auth = api.take("Auth");
    let tags = api.take("Tags");
    match (api.take("DefinitionBody"), api.take("DefinitionUri")) {
        (Some(_), Some(_)) => {
            let text = "Specify either 'DefinitionUri' or 'DefinitionBody' property and not both.";
            return Err(api.sam(text));
        }
        (Some(mut body), None) => {
            let is_document = openapi::is_document(&body, true);
            share(&mut api, &mut body, is_document)?;
            if let Some(auth) = &auth {
                needs(&api, is_document, "Auth")?;
                authorize(&api, &mut body, auth)?;
            }
            if is_document {
                stage.insert("Tags".to_owned(), tag(&mut body, tags));
            }
            if let Some(disabled) = api.take("DisableExecuteApiEndpoint") {
                disable_endpoint(&mut body, &disabled);
            }
            describe(&mut api, &mut body)?;
            draft.conditioned(id, &mut body)?;
            if fail.is_some()
                && let Some(paths) = body["paths"].as_object_mut()
                && let Some(default) = paths.shift_remove(DEFAULT)
            {
                paths.insert(format!("/{DEFAULT}"), default);
            }
            properties.insert("Body".to_owned(), body);
        }
        (None, Some(uri)) => {
            if let Some((name, _)) = [
                ("Auth", auth.is_some()),
                ("Tags", tags.is_some()),
                ("Cors", api.get("CorsConfiguration").is_some()),
                ("Name", api.get("Name").is_some()),
                ("Description", api.get("Description").is_some()),
                (
                    "DisableExecuteApiEndpoint",
                    api.get("DisableExecuteApiEndpoint").is_some(),
                ),
            ]
            .into_iter()
            .find(|(_, given)| *given)
            {
                return Err(api.sam(format!(
                    "{name} works only with inline OpenApi specified in the 'DefinitionBody' property."
                )));
            }
            let place = location(&api, "DefinitionUri", uri, ["Bucket", "Key", "Version"])?;
            properties.insert("BodyS3Location".to_owned(), place);
        }
        (None, None) => {
            return Err(api.sam(
                "'DefinitionUri' or 'DefinitionBody' are required properties of an 'AWS::Serverless::HttpApi'. Add a value for one of these properties or add a 'HttpApi' event to an 'AWS::Serverless::Function'.",
            ));
        }
    }
    if let Some(fail) = fail {
        properties.insert("FailOnWarnings".to_owned(), fail);
    }
    let stage_id = match stage.get("StageName") {
        Some(Value::String(name)) if name == DEFAULT => format!("{id}ApiGatewayDefaultStage"),
        Some(Value::String(name)) if name.chars().all(char::is_alphanumeric) => {
            format!("{id}{name}Stage")
        }
        Some(Value::String(name)) => ended(&format!("{id}Stage"), name),
        _ => format!("{id}Stage"),
    };
    permissions(&api, auth.as_ref(), expanded)?;
    let stage = companion(&api.resource, "AWS::ApiGatewayV2::Stage", stage);
    expanded
        .renamed
        .insert(format!("{id}.Stage"), stage_id.clone());
    expanded.add(stage_id, stage)?;
    expanded.add(
        id.to_owned(),
        api.finish("AWS::ApiGatewayV2::Api", properties)?,
    )
}

fn needs(api: &Serverless<'_>, is_document: bool, what: &str) -> Result<(), TemplateError> {
    if is_document {
        return Ok(());
    }
    Err(api.sam(format!(
        "Unable to add {what} configuration because 'DefinitionBody' does not contain a valid OpenApi definition."
    )))
}

/// Takes `CorsConfiguration`.
fn share(
    api: &mut Serverless<'_>,
    body: &mut Value,
    is_document: bool,
) -> Result<(), TemplateError> {
    let cors = match api.take("CorsConfiguration") {
        None | Some(Value::Null | Value::Bool(false)) => return Ok(()),
        Some(cors) => api.names.settle(&cors),
    };
    let mut given = match cors {
        Value::Bool(true) => members(json!({"AllowOrigins": ["*"]})),
        Value::Object(given) if is_function(&given) => {
            return Err(TemplateError::unsupported(format!(
                "CorsConfiguration that is computed (of resource {})",
                api.id
            )));
        }
        Value::Object(given) => given,
        _ => return Err(api.sam("Invalid value for 'Cors' property.")),
    };
    needs(api, is_document, "Cors")?;
    let mut cors = match body.get("x-amazon-apigateway-cors") {
        Some(Value::Object(cors)) => cors.clone(),
        _ => Map::new(),
    };
    let credentials = given.get("AllowCredentials") == Some(&Value::Bool(true));
    if credentials
        && given
            .get("AllowOrigins")
            .is_none_or(|origins| *origins == json!(["*"]))
    {
        return Err(api.sam(
            "Unable to add Cors configuration because 'AllowCredentials' can not be true when 'AllowOrigin' is \"'*'\" or not set.",
        ));
    }
    given.entry("AllowOrigins").or_insert_with(|| json!(["*"]));
    for (name, to) in [
        ("AllowOrigins", "allowOrigins"),
        ("AllowHeaders", "allowHeaders"),
        ("AllowMethods", "allowMethods"),
        ("ExposeHeaders", "exposeHeaders"),
        ("MaxAge", "maxAge"),
        ("AllowCredentials", "allowCredentials"),
    ] {
        let value = given.shift_remove(name).filter(|value| *value != false);
        cors.extend(value.map(|value| (to.to_owned(), value)));
    }
    if let Some(key) = given.keys().next() {
        return Err(api.sam(format!("Invalid key '{key}' for 'Cors' property.")));
    }
    body["x-amazon-apigateway-cors"] = cors.into();
    Ok(())
}

/// Writes `Auth` into the document.
fn authorize(api: &Serverless<'_>, body: &mut Value, auth: &Value) -> Result<(), TemplateError> {
    let known = ["Authorizers", "DefaultAuthorizer", "EnableIamAuthorizer"];
    let names = auth.as_object().into_iter().flat_map(Map::keys);
    if names
        .into_iter()
        .any(|name| !known.contains(&name.as_str()))
    {
        return Err(api.sam("Invalid value for 'Auth' property"));
    }
    let mut schemes: Vec<(String, Value, Value)> = Vec::new();
    if auth["EnableIamAuthorizer"] == true {
        schemes.push(("AWS_IAM".to_owned(), openapi::signed(), json!([])));
    }
    let own = auth.get("Authorizers").and_then(Value::as_object);
    for (name, authorizer) in own.into_iter().flatten() {
        let scopes = authorizer
            .get("AuthorizationScopes")
            .cloned()
            .unwrap_or(json!([]));
        schemes.push((name.clone(), scheme(api, name, authorizer)?, scopes));
    }
    for (name, scheme, _) in &schemes {
        let place = &mut body["components"];
        if !place.is_object() {
            *place = json!({});
        }
        if !place["securitySchemes"].is_object() {
            place["securitySchemes"] = json!({});
        }
        place["securitySchemes"][name] = scheme.clone();
    }
    let Some(default) = auth
        .get("DefaultAuthorizer")
        .filter(|default| !default.is_object())
    else {
        return Ok(());
    };
    let found = schemes.iter().find(|(name, ..)| default == name);
    let Some((default, _, scopes)) = found else {
        return Err(api.sam(format!(
            "Unable to set DefaultAuthorizer because '{}' was not defined in 'Authorizers'.",
            super::apis::as_text(default)
        )));
    };
    for (method, definition) in openapi::methods(body) {
        if method != "options" && openapi::security(definition).is_empty() {
            definition["security"] = json!([{default: scopes}]);
        }
    }
    Ok(())
}

fn scheme(api: &Serverless<'_>, name: &str, authorizer: &Value) -> Result<Value, TemplateError> {
    let get = |member: &str| authorizer.get(member).filter(|value| !value.is_null());
    if let Some(configuration) = get("JwtConfiguration") {
        let Some(source) = get("IdentitySource") else {
            return Err(api.sam(format!(
                "{name} OAuth2 Authorizer must define 'IdentitySource'."
            )));
        };
        let configuration = configuration.as_object().into_iter().flatten();
        let configuration = configuration.map(|(key, value)| (key.to_lowercase(), value.clone()));
        return Ok(json!({
            "type": "oauth2",
            "x-amazon-apigateway-authorizer": {
                "jwtConfiguration": Value::Object(configuration.collect()),
                "identitySource": source,
                "type": "jwt",
            },
        }));
    }
    let missing = |what: &str| api.sam(format!("{name} Lambda Authorizer must define '{what}'."));
    let function = get("FunctionArn").ok_or_else(|| missing("FunctionArn"))?;
    let version = get("AuthorizerPayloadFormatVersion")
        .ok_or_else(|| missing("AuthorizerPayloadFormatVersion"))?;
    let mut inner = members(json!({
        "type": "request",
        "authorizerUri": {"Fn::Sub": [
            "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${__FunctionArn__}/invocations",
            {"__FunctionArn__": function},
        ]},
        "authorizerPayloadFormatVersion": version,
    }));
    if let Some(role) = get("FunctionInvokeRole").filter(|role| **role != "NONE") {
        inner.insert("authorizerCredentials".to_owned(), role.clone());
    }
    if let Some(identity) = get("Identity") {
        if let Some(seconds) = identity.get("ReauthorizeEvery") {
            inner.insert("authorizerResultTtlInSeconds".to_owned(), seconds.clone());
        }
        let mut sources: Vec<String> = Vec::new();
        for (member, prefix) in [
            ("Headers", "$request.header."),
            ("QueryStrings", "$request.querystring."),
            ("StageVariables", "$stageVariables."),
            ("Context", "$context."),
        ] {
            let list = identity.get(member).and_then(Value::as_array);
            let list = list.into_iter().flatten().filter_map(Value::as_str);
            sources.extend(list.map(|one| format!("{prefix}{one}")));
        }
        inner.insert("identitySource".to_owned(), sources.into());
    }
    if let Some(simple) = get("EnableSimpleResponses").filter(|simple| **simple != false) {
        inner.insert("enableSimpleResponses".to_owned(), simple.clone());
    }
    Ok(json!({
        "type": "apiKey",
        "name": "Unused",
        "in": "header",
        "x-amazon-apigateway-authorizer": inner,
    }))
}

/// Writes tags into the document, with the one that says who made it, and returns them all.
fn tag(body: &mut Value, tags: Option<Value>) -> Value {
    let mut tags = tags.map(members).unwrap_or_default();
    tags.insert("httpapi:createdBy".to_owned(), "SAM".into());
    let mut list = match body.get("tags") {
        Some(Value::Array(list)) => list.clone(),
        _ => Vec::new(),
    };
    for (name, value) in &tags {
        match list.iter_mut().find(|tag| tag["name"] == **name) {
            Some(tag) => tag["x-amazon-apigateway-tag-value"] = value.clone(),
            None => list.push(json!({"name": name, "x-amazon-apigateway-tag-value": value})),
        }
    }
    body["tags"] = list.into();
    tags.into()
}

fn disable_endpoint(body: &mut Value, disabled: &Value) {
    const EXTENSION: &str = "x-amazon-apigateway-endpoint-configuration";
    if !body["servers"].is_array() {
        body["servers"] = json!([{}]);
    }
    let servers = body["servers"].as_array_mut();
    for server in servers
        .into_iter()
        .flatten()
        .filter(|server| server.is_object())
    {
        if !server[EXTENSION].is_object() {
            server[EXTENSION] = json!({});
        }
        server[EXTENSION]["disableExecuteApiEndpoint"] = disabled.clone();
    }
}

/// Takes `Name` and `Description`.
fn describe(api: &mut Serverless<'_>, body: &mut Value) -> Result<(), TemplateError> {
    let twice = |what: &str| {
        format!(
            "Unable to set {what} because it is already defined within inline OpenAPI specified in the 'DefinitionBody' property."
        )
    };
    if let Some(name) = api.take("Name") {
        if body["info"]["title"] != reference("AWS::StackName") {
            return Err(api.sam(twice("Name")));
        }
        body["info"]["title"] = name;
    }
    if let Some(description) = api.take("Description") {
        if body["info"].get("description").is_some() {
            return Err(api.sam(twice("Description")));
        }
        body["info"]["description"] = description;
    }
    Ok(())
}

/// Lets the API call the functions that authorize, where that is asked for.
fn permissions(
    api: &Serverless<'_>,
    auth: Option<&Value>,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let all = auth.and_then(|auth| auth.get("Authorizers")?.as_object());
    for (name, authorizer) in all.into_iter().flatten() {
        let Some(function) = authorizer.get("FunctionArn") else {
            continue;
        };
        if authorizer["EnableFunctionDefaultPermissions"] != true {
            continue;
        }
        let text = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/authorizers/*";
        let permission = members(json!({
            "Action": "lambda:InvokeFunction",
            "FunctionName": function,
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": [text, {"__ApiId__": reference(api.id)}]},
        }));
        let permission = api.companion("AWS::Lambda::Permission", permission);
        expanded.add(format!("{}{name}AuthorizerPermission", api.id), permission)?;
    }
    Ok(())
}
