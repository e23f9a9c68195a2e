//! `AWS::Serverless::Api`: a REST API, its deployment and its stage.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;

use super::api_events::{digest, ended};
use super::apis::{self, Draft};
use super::openapi::{self, Preflight};
use super::{
    Expansion, Serverless, companion, is_function, location, members, names, python_json, reference,
};

/// Properties of the stage that have the same name there.
const OF_STAGE: [(&str, &str); 7] = [
    ("CacheClusterEnabled", "CacheClusterEnabled"),
    ("CacheClusterSize", "CacheClusterSize"),
    ("Variables", "Variables"),
    ("MethodSettings", "MethodSettings"),
    ("AccessLogSetting", "AccessLogSetting"),
    ("CanarySetting", "CanarySetting"),
    ("TracingEnabled", "TracingEnabled"),
];

/// Properties of the API that have the same name there.
const OF_API: [(&str, &str); 8] = [
    ("MinimumCompressionSize", "MinimumCompressionSize"),
    ("Name", "Name"),
    ("Description", "Description"),
    ("Mode", "Mode"),
    ("ApiKeySourceType", "ApiKeySourceType"),
    ("Policy", "Policy"),
    ("SecurityPolicy", "SecurityPolicy"),
    ("EndpointAccessMode", "EndpointAccessMode"),
];

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
    for name in ["AlwaysDeploy", "PropagateTags"] {
        if api.take(name) == Some(Value::Bool(true)) {
            let text = format!("{name} (of resource {id})");
            return Err(TemplateError::unsupported(text));
        }
    }
    let Some(stage_name) = api.take("StageName") else {
        return Err(api.sam("Missing required property 'StageName'."));
    };
    let mut stage = members(json!({"RestApiId": reference(id), "StageName": stage_name}));
    api.rename(&mut stage, &OF_STAGE);
    if let Some(Value::Object(tags)) = api.take("Tags") {
        let list = tags
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}));
        stage.insert("Tags".to_owned(), list.collect());
    }
    let mut properties = Map::new();
    if let Some(types) = api.take("BinaryMediaTypes") {
        let types = names.settle(&types);
        if let Some(body) = api.resource.properties.get_mut("DefinitionBody") {
            body["x-amazon-apigateway-binary-media-types"] = slashes(&types);
        }
        properties.insert("BinaryMediaTypes".to_owned(), types);
    }
    endpoint(&mut api, &mut properties)?;
    let version = api.take("OpenApiVersion").as_ref().map(apis::as_text);
    let auth = api.take("Auth").map(|auth| names.settle(&auth));
    let source = match (api.take("DefinitionBody"), api.take("DefinitionUri")) {
        (Some(_), Some(_)) => {
            let text = "Specify either 'DefinitionUri' or 'DefinitionBody' property and not both.";
            return Err(api.sam(text));
        }
        (Some(mut body), None) => {
            share(&mut api, &mut body)?;
            if let Some(auth) = &auth {
                authorize(&api, &mut body, auth)?;
                third(&mut body, version.as_deref());
            }
            if let Some(disabled) = api.take("DisableExecuteApiEndpoint") {
                disable_endpoint(&mut body, &disabled);
            }
            third(&mut body, version.as_deref());
            draft.conditioned(id, &mut body)?;
            properties.insert("Body".to_owned(), body.clone());
            body
        }
        (None, Some(uri)) => {
            for name in ["Cors", "DisableExecuteApiEndpoint"] {
                if api.get(name).is_some() {
                    return Err(api.sam(format!(
                        "{name} works only with inline Swagger specified in 'DefinitionBody' property."
                    )));
                }
            }
            if auth.is_some() {
                let text =
                    "Auth works only with inline Swagger specified in 'DefinitionBody' property.";
                return Err(api.sam(text));
            }
            let place = location(&api, "DefinitionUri", uri, ["Bucket", "Key", "Version"])?;
            properties.insert("BodyS3Location".to_owned(), place.clone());
            place
        }
        (None, None) => Value::Null,
    };
    if let Some(fail) = api.take("FailOnWarnings").filter(|fail| *fail != false) {
        properties.insert("FailOnWarnings".to_owned(), fail);
    }
    api.rename(&mut properties, &OF_API);

    let mut hashed = python_json::compact(&source);
    if let Some(version) = &version {
        hashed.push_str("||");
        hashed.push_str(version);
    }
    let digest = digest(&hashed);
    let deployment_id = format!("{id}Deployment{}", &digest[..10]);
    let mut deployment = members(json!({
        "RestApiId": reference(id),
        "Description": format!("RestApi deployment id: {digest}"),
    }));
    if version.is_none() {
        deployment.insert("StageName".to_owned(), "Stage".into());
    }
    stage.insert("DeploymentId".to_owned(), reference(&deployment_id));
    let stage_id = match stage.get("StageName") {
        Some(Value::String(name)) if name.chars().all(char::is_alphanumeric) => {
            format!("{id}{name}Stage")
        }
        Some(Value::String(name)) => ended(&format!("{id}Stage"), name),
        _ => format!("{id}Stage"),
    };
    let of = &api.resource;
    let deployment = companion(of, "AWS::ApiGateway::Deployment", deployment);
    let stage = companion(of, "AWS::ApiGateway::Stage", stage);
    permissions(&api, auth.as_ref(), expanded)?;
    for (name, made) in [("Stage", &stage_id), ("Deployment", &deployment_id)] {
        expanded
            .renamed
            .insert(format!("{id}.{name}"), made.clone());
    }
    expanded.add(deployment_id, deployment)?;
    expanded.add(stage_id, stage)?;
    expanded.add(
        id.to_owned(),
        api.finish("AWS::ApiGateway::RestApi", properties)?,
    )
}

fn slashes(types: &Value) -> Value {
    match types {
        Value::String(text) => text.replace("~1", "/").into(),
        Value::Array(items) => items.iter().map(slashes).collect(),
        Value::Object(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|(name, value)| (name.replace("~1", "/"), slashes(value)));
            Value::Object(entries.collect())
        }
        scalar => scalar.clone(),
    }
}

fn endpoint(
    api: &mut Serverless<'_>,
    properties: &mut Map<String, Value>,
) -> Result<(), TemplateError> {
    let Some(endpoint) = api.take("EndpointConfiguration") else {
        return Ok(());
    };
    let mut configuration = Map::new();
    let kind = match &endpoint {
        Value::Object(given) if given.contains_key("Type") => {
            for (name, value) in given {
                match name.as_str() {
                    "Type" => {}
                    "VPCEndpointIds" | "VpcEndpointIds" => {
                        configuration.insert("VpcEndpointIds".to_owned(), value.clone());
                    }
                    "IpAddressType" => {
                        configuration.insert(name.clone(), value.clone());
                    }
                    other => {
                        return Err(TemplateError::unsupported(format!(
                            "EndpointConfiguration.{other} (of resource {})",
                            api.id
                        )));
                    }
                }
            }
            given["Type"].clone()
        }
        kind => kind.clone(),
    };
    configuration.insert("Types".to_owned(), json!([kind]));
    properties.insert("EndpointConfiguration".to_owned(), configuration.into());
    let parameters = json!({"endpointConfigurationTypes": kind});
    properties.insert("Parameters".to_owned(), parameters);
    Ok(())
}

fn disable_endpoint(body: &mut Value, disabled: &Value) {
    const EXTENSION: &str = "x-amazon-apigateway-endpoint-configuration";
    let say = |target: &mut Value| {
        if !target[EXTENSION].is_object() {
            target[EXTENSION] = json!({});
        }
        target[EXTENSION]["disableExecuteApiEndpoint"] = disabled.clone();
    };
    if body.get("openapi").is_some() {
        if !body["servers"].is_array() {
            body["servers"] = json!([{}]);
        }
        let servers = body["servers"].as_array_mut();
        servers.into_iter().flatten().for_each(say);
    } else {
        say(body);
    }
}

fn needs_document(api: &Serverless<'_>, body: &Value, what: &str) -> Result<(), TemplateError> {
    if openapi::is_document(body, false) {
        return Ok(());
    }
    Err(api.sam(format!(
        "Unable to add {what} configuration because 'DefinitionBody' does not contain a valid Swagger definition."
    )))
}

/// Takes `Cors`.
fn share(api: &mut Serverless<'_>, body: &mut Value) -> Result<(), TemplateError> {
    let cors = match api.take("Cors") {
        None | Some(Value::Null) => return Ok(()),
        Some(cors) => cors,
    };
    let mut given = match cors {
        Value::Object(given) if !is_function(&given) => given,
        origin @ (Value::String(_) | Value::Object(_)) => members(json!({"AllowOrigin": origin})),
        _ => return Err(api.sam("Invalid value for 'Cors' property")),
    };
    let preflight = Preflight {
        methods: given.shift_remove("AllowMethods"),
        headers: given.shift_remove("AllowHeaders"),
        max_age: given.shift_remove("MaxAge"),
        origin: given.shift_remove("AllowOrigin").unwrap_or("'*'".into()),
        credentials: given.shift_remove("AllowCredentials") == Some(Value::Bool(true)),
    };
    if let Some(key) = given.keys().next() {
        return Err(api.sam(format!("Invalid key '{key}' for 'Cors' property.")));
    }
    needs_document(api, body, "Cors")?;
    if preflight.credentials && preflight.origin == "'*'" {
        return Err(api.sam(
            "Unable to add Cors configuration because 'AllowCredentials' can not be true when 'AllowOrigin' is \"'*'\" or not set",
        ));
    }
    openapi::share(body, &preflight);
    Ok(())
}

/// Writes `Auth` into the document.
fn authorize(api: &Serverless<'_>, body: &mut Value, auth: &Value) -> Result<(), TemplateError> {
    const KNOWN: [&str; 6] = [
        "Authorizers",
        "DefaultAuthorizer",
        "InvokeRole",
        "AddDefaultAuthorizerToCorsPreflight",
        "AddApiKeyRequiredToCorsPreflight",
        "ApiKeyRequired",
    ];
    for name in auth.as_object().into_iter().flat_map(Map::keys) {
        match name.as_str() {
            "ResourcePolicy" | "UsagePlan" => {
                let what = format!("Auth.{name} (of resource {})", api.id);
                return Err(TemplateError::unsupported(what));
            }
            name if KNOWN.contains(&name) => {}
            _ => return Err(api.sam("Invalid value for 'Auth' property")),
        }
    }
    needs_document(api, body, "Auth")?;
    let default = auth.get("DefaultAuthorizer").and_then(Value::as_str);
    let own = auth.get("Authorizers").and_then(Value::as_object);
    let mut schemes: Vec<(String, Value, Value)> = Vec::new();
    if default == Some("AWS_IAM") {
        schemes.push(("AWS_IAM".to_owned(), openapi::signed(), json!([])));
    }
    for (name, authorizer) in own.into_iter().flatten() {
        let scopes = authorizer
            .get("AuthorizationScopes")
            .cloned()
            .unwrap_or(json!([]));
        schemes.push((name.clone(), scheme(api, name, authorizer)?, scopes));
    }
    for (name, scheme, _) in &schemes {
        if !body["securityDefinitions"].is_object() {
            body["securityDefinitions"] = json!({});
        }
        body["securityDefinitions"][name] = scheme.clone();
    }
    if let Some(default) = default.filter(|_| !schemes.is_empty()) {
        let scopes = schemes.iter().find(|(name, ..)| name == default);
        let Some((_, _, scopes)) = scopes else {
            return Err(api.sam(format!(
                "Unable to set DefaultAuthorizer because '{default}' was not defined in 'Authorizers'."
            )));
        };
        let preflights = auth["AddDefaultAuthorizerToCorsPreflight"] != false;
        let names = schemes.iter().map(|(name, ..)| name.as_str());
        let names: Vec<&str> = names.chain(["AWS_IAM"]).collect();
        let mut signed = false;
        for (method, definition) in openapi::methods(body) {
            if preflights || method != "options" {
                set_default(definition, &names, default, scopes);
                signed |= definition["security"][0].get("AWS_IAM").is_some();
            }
        }
        if signed {
            openapi::define_security(body, "AWS_IAM", openapi::signed());
        }
    }
    if auth["ApiKeyRequired"] == true {
        openapi::define_security(body, "api_key", openapi::api_key());
        let preflights = auth["AddApiKeyRequiredToCorsPreflight"] != false;
        for (method, definition) in openapi::methods(body) {
            require_key(definition, preflights || method != "options");
        }
    }
    Ok(())
}

/// Gives a method the default authorizer, unless it has one of its own or wants none.
fn set_default(definition: &mut Value, names: &[&str], default: &str, scopes: &Value) {
    let has =
        |security: &Value, names: &[&str]| names.iter().any(|name| security.get(name).is_some());
    let (own, mut other): (Vec<Value>, Vec<Value>) = openapi::security(definition)
        .into_iter()
        .partition(|security| has(security, names));
    let added = match other.iter().position(|security| has(security, &["NONE"])) {
        Some(none) => {
            other.remove(none);
            Vec::new()
        }
        None if !own.is_empty() => own,
        None => vec![json!({default: scopes})],
    };
    other.extend(added);
    if !other.is_empty() {
        definition["security"] = other.into();
    }
}

fn require_key(definition: &mut Value, wanted: bool) {
    let before = openapi::security(definition);
    let is_key = |security: &Value| {
        security.get("api_key").is_some() || security.get("api_key_false").is_some()
    };
    let (keys, mut security): (Vec<Value>, Vec<Value>) = before.iter().cloned().partition(is_key);
    let refused = keys
        .iter()
        .any(|security| security.get("api_key_false").is_some());
    if wanted && !refused {
        security.push(json!({"api_key": []}));
    }
    if security != before {
        definition["security"] = security.into();
    }
}

/// Returns the scheme of an authorizer.
fn scheme(api: &Serverless<'_>, name: &str, authorizer: &Value) -> Result<Value, TemplateError> {
    let identity = authorizer.get("Identity");
    let of = |member: &str| identity.and_then(|identity| identity.get(member)).cloned();
    let header = of("Header").unwrap_or("Authorization".into());
    let mut scheme = json!({"type": "apiKey", "name": header, "in": "header"});
    let kind = authorizer
        .get("FunctionPayloadType")
        .and_then(Value::as_str)
        .unwrap_or("TOKEN");
    let mut inner = Map::new();
    if let Some(pools) = authorizer.get("UserPoolArn") {
        scheme["x-amazon-apigateway-authtype"] = "cognito_user_pools".into();
        inner.insert("type".to_owned(), "cognito_user_pools".into());
        let pools = if pools.is_array() {
            pools.clone()
        } else {
            json!([pools])
        };
        inner.insert("providerARNs".to_owned(), pools);
    } else {
        scheme["x-amazon-apigateway-authtype"] = "custom".into();
        let function = authorizer.get("FunctionArn").cloned().unwrap_or_default();
        inner = members(json!({
            "type": kind.to_ascii_lowercase(),
            "authorizerUri": {"Fn::Sub": [
                "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${__FunctionArn__}/invocations",
                {"__FunctionArn__": function},
            ]},
        }));
        if let Some(seconds) = of("ReauthorizeEvery") {
            inner.insert("authorizerResultTtlInSeconds".to_owned(), seconds);
        }
        if let Some(role) = authorizer
            .get("FunctionInvokeRole")
            .filter(|role| **role != "NONE")
        {
            inner.insert("authorizerCredentials".to_owned(), role.clone());
        }
        match kind {
            "TOKEN" => {}
            "REQUEST" => {
                scheme["name"] = "Unused".into();
                let mut sources: Vec<String> = Vec::new();
                for (member, prefix) in [
                    ("Headers", "method.request.header."),
                    ("QueryStrings", "method.request.querystring."),
                    ("StageVariables", "stageVariables."),
                    ("Context", "context."),
                ] {
                    let list = of(member);
                    let list = list.iter().filter_map(Value::as_array).flatten();
                    sources
                        .extend(list.filter_map(|one| Some(format!("{prefix}{}", one.as_str()?))));
                }
                if sources.is_empty() && of("ReauthorizeEvery") != Some(0.into()) {
                    return Err(api.sam(format!(
                        "{name} Authorizer must specify Identity with at least one of Headers, QueryStrings, StageVariables, or Context."
                    )));
                }
                if !sources.is_empty() {
                    inner.insert("identitySource".to_owned(), sources.join(", ").into());
                }
            }
            other => {
                return Err(api.sam(format!(
                    "{name} Authorizer has invalid 'FunctionPayloadType': {other}."
                )));
            }
        }
    }
    if let Some(expression) = of("ValidationExpression").filter(|_| scheme["name"] != "Unused") {
        inner.insert("identityValidationExpression".to_owned(), expression);
    }
    scheme["x-amazon-apigateway-authorizer"] = inner.into();
    Ok(scheme)
}

/// Lets the API call the functions that authorize.
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
        if authorizer["DisableFunctionDefaultPermissions"] == true {
            continue;
        }
        let text =
            "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/authorizers/*";
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

/// Moves to where OpenAPI 3 has it what Swagger 2 has elsewhere. Done twice to an API that authorizes, it
/// wraps the headers of preflights twice, as AWS's does.
fn third(body: &mut Value, version: Option<&str>) {
    let own = body.get("openapi").map(apis::as_text);
    let version = version.map(str::to_owned).or(own);
    if body.get("swagger").is_some() || !version.is_some_and(|version| apis::is_version_3(&version))
    {
        return;
    }
    let Some(document) = body.as_object_mut() else {
        return;
    };
    for (from, to) in [
        ("securityDefinitions", "securitySchemes"),
        ("definitions", "schemas"),
    ] {
        if let Some(value) = document.shift_remove(from) {
            let components = document.entry("components").or_insert_with(|| json!({}));
            components[to] = value;
        }
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for item in paths.into_iter().flat_map(Map::values_mut) {
        let Some(Value::Object(options)) = item.get_mut("options") else {
            continue;
        };
        options.shift_remove("produces");
        options.shift_remove("consumes");
        let headers = options
            .get_mut("responses")
            .and_then(|responses| responses.get_mut("200")?.get_mut("headers"));
        for header in headers
            .and_then(Value::as_object_mut)
            .into_iter()
            .flat_map(Map::values_mut)
        {
            *header = json!({"schema": header.take()});
        }
    }
}
