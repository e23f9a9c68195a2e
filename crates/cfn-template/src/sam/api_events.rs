//! `Api` and `HttpApi` events: routes of APIs, and the permissions to call what they lead to.

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use crate::error::TemplateError;
use crate::intrinsics::single;

use super::apis::{self, Draft};
use super::events::Event;
use super::{Expansion, get_attribute, openapi, policies, reference};

const ANY: &str = "x-amazon-apigateway-any-method";
/// The path of what no other route takes.
const DEFAULT: &str = "$default";

/// A route of an API that is in the template.
struct Route {
    api: Value,
    api_id: String,
    path: String,
    method: String,
}

/// Takes which route an event is of.
fn route(event: &mut Event<'_>, property: &str, implicit: &str) -> Result<Route, TemplateError> {
    let api = event.take(property).unwrap_or_else(|| reference(implicit));
    let api_id = match &api {
        Value::String(id) => Some(id.clone()),
        Value::Object(entries) => match single(entries) {
            Some(("Ref", Value::String(id))) => Some(id.clone()),
            _ => None,
        },
        _ => None,
    };
    let kind = if implicit == apis::REST {
        "Api"
    } else {
        "HttpApi"
    };
    let Some(api_id) = api_id else {
        return Err(event.wrong(format!(
            "{property} must be a valid reference to an 'AWS::Serverless::{kind}' resource in same template."
        )));
    };
    let text = |event: &mut Event<'_>, property: &str| match event.need(property)? {
        Value::String(text) => Ok(text),
        _ => Err(event.wrong(format!("Property '{property}' should be a string."))),
    };
    Ok(Route {
        path: text(event, "Path")?,
        method: text(event, "Method")?.to_ascii_lowercase(),
        api,
        api_id,
    })
}

/// Returns the API of an event, which must be of the right kind.
fn draft<'a>(
    event: &Event<'_>,
    expanded: &'a mut Expansion,
    route: &Route,
    property: &str,
    kind: &str,
) -> Result<&'a mut Draft, TemplateError> {
    let wanted = format!("AWS::Serverless::{kind}");
    let found = expanded.apis.get_mut(&route.api_id);
    found
        .filter(|draft| draft.resource.kind == wanted)
        .ok_or_else(|| {
            event.wrong(format!(
                "{property} must be a valid reference to an '{wanted}' resource in same template."
            ))
        })
}

/// A route of a REST API to a function.
pub(super) fn rest(event: &mut Event<'_>, expanded: &mut Expansion) -> Result<(), TemplateError> {
    let route = route(event, "RestApiId", apis::REST)?;
    let auth = event.take("Auth");
    let timeout = event.take("TimeoutInMillis");
    let permission = rest_permission(event, expanded, &route);
    let uri = invocation(&event.target.arn, "arn:aws:");
    let owner = &event.owner.resource;
    let settle = |value: &Value| event.owner.names.settle(value);
    let draft = draft(event, expanded, &route, "RestApiId", "Api")?;
    draft.note(&route.path, &route.method, owner);
    let api_auth = draft.resource.properties.get("Auth").map(settle);
    let managed = draft.managed;
    if let Some(body) = draft.body().filter(|_| managed) {
        refuse_twice(event, body, &route)?;
        let mut integration = json!({"type": "aws_proxy", "httpMethod": "POST", "uri": uri});
        if let Some(role) = invoke_role(auth.as_ref(), api_auth.as_ref()) {
            integration["credentials"] = role;
        }
        if let Some(timeout) = timeout {
            integration["timeoutInMillis"] = timeout;
        }
        let place = (route.path.as_str(), route.method.as_str());
        openapi::integrate(body, place, integration, json!({}));
        if let Some(auth) = &auth {
            rest_auth(event, body, &route, auth, api_auth.as_ref())?;
        }
    }
    let (id, permission) = permission;
    let permission = event.permission("apigateway.amazonaws.com", ("SourceArn", permission));
    expanded.add(id, permission)
}

/// A route of a REST API that starts executions of a state machine.
pub(super) fn machine(
    event: &mut Event<'_>,
    expanded: &mut Expansion,
) -> Result<(), TemplateError> {
    let route = route(event, "RestApiId", apis::REST)?;
    event.take("Stage");
    let auth = event.take("Auth");
    let unescaped = event.take("UnescapeMappingTemplate") == Some(Value::Bool(true));
    let (role_id, machine) = (format!("{}Role", event.id), event.owner.id);
    let start = policies::allowing(
        &format!("{role_id}StartExecutionPolicy"),
        "states:StartExecution",
        reference(machine),
    );
    let mut role = json!({
        "AssumeRolePolicyDocument": policies::trust("apigateway.amazonaws.com"),
        "Policies": [start],
    });
    if let Some(boundary) = event.owner.boundary() {
        role["PermissionsBoundary"] = boundary;
    }
    let role = event.companion("AWS::IAM::Role", role);
    expanded.add(role_id.clone(), role)?;
    let owner = &event.owner.resource;
    let settle = |value: &Value| event.owner.names.settle(value);
    let draft = draft(event, expanded, &route, "RestApiId", "Api")?;
    draft.note(&route.path, &route.method, owner);
    let api_auth = draft.resource.properties.get("Auth").map(settle);
    let managed = draft.managed;
    let Some(body) = draft.body().filter(|_| managed) else {
        return Ok(());
    };
    refuse_twice(event, body, &route)?;
    let input = "$util.escapeJavaScript($input.json('$'))";
    let template = match unescaped {
        true => format!(
            r#"{{"input": "{input}.replaceAll("\\'","'")", "stateMachineArn": "${{{machine}}}"}}"#
        ),
        false => format!(r#"{{"input": "{input}", "stateMachineArn": "${{{machine}}}"}}"#),
    };
    let integration = json!({
        "type": "aws",
        "httpMethod": "POST",
        "uri": {"Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}:states:action/StartExecution"},
        "responses": {"200": {"statusCode": "200"}, "400": {"statusCode": "400"}},
        "credentials": get_attribute(&role_id, "Arn"),
        "requestTemplates": {"application/json": {"Fn::Sub": template}},
    });
    let responses = json!({"200": {"description": "OK"}, "400": {"description": "Bad Request"}});
    let place = (route.path.as_str(), route.method.as_str());
    openapi::integrate(body, place, integration, responses);
    match &auth {
        Some(auth) => rest_auth(event, body, &route, auth, api_auth.as_ref()),
        None => Ok(()),
    }
}

/// A route of an HTTP API to a function.
pub(super) fn http(event: &mut Event<'_>, expanded: &mut Expansion) -> Result<(), TemplateError> {
    let empty = |value: Option<&Value>| value.is_none_or(|value| value.is_null() || value == "");
    if empty(event.get("Path")) && empty(event.get("Method")) {
        event.set("Path", DEFAULT.into());
        event.set("Method", ANY.into());
    }
    let route = route(event, "ApiId", apis::HTTP)?;
    let (auth, timeout) = (event.take("Auth"), event.take("TimeoutInMillis"));
    let version = event.take("PayloadFormatVersion");
    let settings = event.take("RouteSettings");
    event.take("Stage");
    let uri = invocation(&event.target.arn, "arn:${AWS::Partition}:");
    let (owner, function) = (&event.owner.resource, event.owner.id);
    let draft = draft(event, expanded, &route, "ApiId", "HttpApi")?;
    draft.note(&route.path, &route.method, owner);
    if let Some(settings) = settings {
        if owner.condition.is_some() {
            return Err(TemplateError::unsupported(format!(
                "RouteSettings of an event of a function with a condition (of event {} of {function})",
                event.name
            )));
        }
        route_settings(draft, &route, settings);
    }
    let (api_auth, managed) = (
        draft.resource.properties.get("Auth").cloned(),
        draft.managed,
    );
    let mut covered = false;
    if let Some(body) = draft.body() {
        covered = route.path != DEFAULT && leads_to(body, function);
        if managed {
            refuse_twice(event, body, &route)?;
        }
        if !openapi::has_integration(body, &route.path, &route.method) {
            let integration = json!({
                "type": "aws_proxy",
                "httpMethod": "POST",
                "payloadFormatVersion": "2.0",
                "uri": uri,
            });
            let place = (route.path.as_str(), route.method.as_str());
            openapi::integrate(body, place, integration, json!({}));
            if route.path == DEFAULT
                && let Some(definition) = openapi::definition(body, &route.path, &route.method)
                && openapi::method(&route.method) == ANY
            {
                definition["isDefaultRoute"] = true.into();
            }
        }
        if let Some(auth) = &auth {
            http_auth(event, body, &route, auth, api_auth.as_ref())?;
        }
        if let Some(definition) = openapi::definition(body, &route.path, &route.method) {
            if let Some(timeout) = timeout {
                definition[openapi::INTEGRATION]["timeoutInMillis"] = timeout;
            }
            name_parameters(definition, &route.path);
            if let Some(version) = version {
                definition[openapi::INTEGRATION]["payloadFormatVersion"] = version;
            }
        }
    }
    if covered {
        return Ok(());
    }
    let source = source(&http_resource(&route), "arn:${AWS::Partition}:", &route.api);
    let permission = event.permission("apigateway.amazonaws.com", ("SourceArn", source));
    expanded.add(format!("{}Permission", event.id), permission)
}

fn route_settings(draft: &mut Draft, route: &Route, settings: Value) {
    let key = match route.method.as_str() {
        ANY => route.path.clone(),
        method => format!("{} {}", method.to_ascii_uppercase(), route.path),
    };
    let all = draft.resource.properties.entry("RouteSettings");
    let all = all.or_insert_with(|| json!({}));
    if let (Value::Object(all), Value::Object(settings)) = (all, settings) {
        let one = all.entry(key).or_insert_with(|| json!({}));
        if let Value::Object(one) = one {
            one.extend(settings);
        }
    }
}

fn refuse_twice(event: &Event<'_>, body: &Value, route: &Route) -> Result<(), TemplateError> {
    let Route { path, method, .. } = route;
    if openapi::has_integration(body, path, method) {
        return Err(event.wrong(format!(
            "API method \"{method}\" defined multiple times for path \"{path}\"."
        )));
    }
    Ok(())
}

/// Returns where an API calls a function.
fn invocation(arn: &Value, partition: &str) -> Value {
    let short = match arn.as_object().and_then(single) {
        Some(("Fn::GetAtt", Value::Array(path))) => {
            let path: Vec<&str> = path.iter().filter_map(Value::as_str).collect();
            format!("${{{}}}", path.join("."))
        }
        Some(("Ref", Value::String(name))) => format!("${{{name}}}"),
        _ => super::apis::as_text(arn),
    };
    let text = format!(
        "{partition}apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/{short}/invocations"
    );
    json!({"Fn::Sub": text})
}

/// Returns the ARN of what calls, with the API put in.
fn source(resource: &str, partition: &str, api: &Value) -> Value {
    let text = format!("{partition}execute-api:${{AWS::Region}}:${{AWS::AccountId}}:{resource}");
    json!({"Fn::Sub": [text, {"__ApiId__": api, "__Stage__": "*"}]})
}

/// Returns the id of a permission, and what may call.
fn rest_permission(event: &Event<'_>, expanded: &mut Expansion, route: &Route) -> (String, Value) {
    let draft = expanded.apis.get_mut(&route.api_id);
    let stage = draft.map(|draft| draft.resource.properties.get("StageName").cloned());
    let suffix = match stage {
        Some(Some(Value::String(name))) => name,
        _ => "Stage".to_owned(),
    };
    let method = match route.method.as_str() {
        "any" => "*".to_owned(),
        method => method.to_ascii_uppercase(),
    };
    let path = starred(without_slash(&route.path), true);
    let resource = format!("${{__ApiId__}}/${{__Stage__}}/{method}{path}");
    let id = format!("{}Permission", event.id);
    let source = source(&resource, "arn:aws:", &route.api);
    (ended(&id, &suffix), source)
}

/// Returns `id` with an ending: letters and digits as they are, of anything else a digest.
pub(super) fn ended(id: &str, ending: &str) -> String {
    if ending.is_empty() || ending.chars().all(char::is_alphanumeric) {
        return format!("{id}{ending}");
    }
    format!("{id}{}", &digest(ending)[..10])
}

/// Returns the SHA-1 of a text in hexadecimal digits.
pub(super) fn digest(text: &str) -> String {
    let digest = Sha1::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn http_resource(route: &Route) -> String {
    let path = without_slash(&route.path);
    let path = if path == DEFAULT { "" } else { path };
    let path = starred(path, false);
    let any = matches!(route.method.as_str(), "any" | ANY);
    let base = "${__ApiId__}/${__Stage__}";
    if route.method == "any" && path == format!("/{DEFAULT}") {
        return format!("{base}{path}");
    }
    let method = if any {
        "*".to_owned()
    } else {
        route.method.to_ascii_uppercase()
    };
    format!("{base}/{method}{path}")
}

fn without_slash(path: &str) -> &str {
    match path.strip_suffix('/') {
        Some(shorter) if !shorter.is_empty() => shorter,
        _ => path,
    }
}

/// Returns a path with stars in the place of its parameters.
fn starred(path: &str, greedy: bool) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some(begin) = rest.find('{') {
        out.push_str(&rest[..begin]);
        let end = rest[begin..].find('}').map(|end| begin + end);
        let name = end.map(|end| &rest[begin + 1..end]).unwrap_or_default();
        let plain = name
            .strip_suffix('+')
            .filter(|plain| greedy || *plain == "proxy");
        let plain = plain.unwrap_or(name);
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        match end {
            Some(end) if !plain.is_empty() && plain.bytes().all(letter) => {
                out.push('*');
                rest = &rest[end + 1..];
            }
            _ => {
                out.push('{');
                rest = &rest[begin + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Says whether what no other route takes goes to a function.
fn leads_to(body: &Value, function: &str) -> bool {
    let uri = &body["paths"][DEFAULT][ANY][openapi::INTEGRATION]["uri"]["Fn::Sub"];
    uri.as_str()
        .is_some_and(|uri| uri.contains(&format!("${{{function}.Arn}}")))
}

/// Says what parameters a path has.
fn name_parameters(definition: &mut Value, path: &str) {
    let names = path.split('{').skip(1);
    let names: Vec<&str> = names
        .filter_map(|part| Some(part.split_once('}')?.0))
        .collect();
    if names.is_empty() {
        return;
    }
    let mut all = match definition.get("parameters") {
        Some(Value::Array(all)) => all.clone(),
        _ => Vec::new(),
    };
    for name in names {
        let parameter = json!({"name": name, "in": "path", "required": true});
        match all.iter_mut().find(|other| other["name"] == name) {
            Some(Value::Object(other)) => other.extend(super::members(parameter)),
            _ => all.push(parameter),
        }
    }
    definition["parameters"] = all.into();
}

/// Returns whose credentials a signed call goes on with.
fn invoke_role(auth: Option<&Value>, api_auth: Option<&Value>) -> Option<Value> {
    let is_set = |auth: Option<&Value>| {
        auth.and_then(Value::as_object)
            .is_some_and(|auth| !auth.is_empty())
    };
    let by_method = auth.is_some_and(|auth| auth["Authorizer"] == "AWS_IAM");
    let by_api = api_auth.is_some_and(|auth| auth["DefaultAuthorizer"] == "AWS_IAM");
    if !by_method && (!by_api || is_set(auth)) {
        return None;
    }
    let role = |auth: Option<&Value>| {
        let role = auth?.get("InvokeRole")?;
        Some(if role.is_null() || role == "" {
            "NONE".into()
        } else {
            role.clone()
        })
    };
    match role(auth).or_else(|| role(api_auth)) {
        Some(role) if role == "NONE" => None,
        Some(role) if role != "CALLER_CREDENTIALS" => Some(role),
        _ => Some("arn:aws:iam::*:user/*".into()),
    }
}

/// Returns the authorizers that an API defines.
fn authorizers(api_auth: Option<&Value>) -> Option<&Map<String, Value>> {
    api_auth?.get("Authorizers")?.as_object()
}

fn rest_auth(
    event: &Event<'_>,
    body: &mut Value,
    route: &Route,
    auth: &Value,
    api_auth: Option<&Value>,
) -> Result<(), TemplateError> {
    for name in ["ResourcePolicy", "OverrideApiAuth"] {
        if auth.get(name).is_some() {
            return Err(TemplateError::unsupported(format!(
                "Auth.{name} (of event {} of {})",
                event.name, event.owner.id
            )));
        }
    }
    let (path, method) = (&route.path, &route.method);
    let key = auth.get("ApiKeyRequired").filter(|key| !key.is_null());
    let api_key = api_auth.is_some_and(|auth| auth["ApiKeyRequired"] == true);
    if key.is_some_and(|key| *key == false) && !api_key {
        return Err(event.wrong(format!(
            "Unable to set ApiKeyRequired [False] on API method [{method}] for path [{path}] because the related API does not specify any ApiKeyRequired."
        )));
    }
    let scopes = auth.get("AuthorizationScopes");
    let authorizer = auth.get("Authorizer").and_then(Value::as_str);
    if scopes.is_some() && authorizer.is_none() {
        return Err(event.wrong("AuthorizationScopes works only when Authorizer is set"));
    }
    if let Some(name) = authorizer {
        let known = known_authorizer(event, route, name, api_auth, name == "AWS_IAM")?;
        let own = known.and_then(|authorizer| authorizer.get("AuthorizationScopes"));
        let scopes = known.and(scopes.or(own)).cloned().unwrap_or(json!([]));
        if let Some(definition) = openapi::definition(body, path, method) {
            openapi::secure(definition, name, scopes);
            if definition["security"][0].get("AWS_IAM").is_some() {
                openapi::define_security(body, "AWS_IAM", openapi::signed());
            }
        }
    }
    if let Some(required) = key {
        let name = if *required == true {
            "api_key"
        } else {
            "api_key_false"
        };
        if let Some(definition) = openapi::definition(body, path, method) {
            openapi::secure(definition, name, json!([]));
        }
        if *required == true {
            openapi::define_security(body, "api_key", openapi::api_key());
        }
    }
    Ok(())
}

/// Returns what the API says of an authorizer; nothing of those that are built in.
fn known_authorizer<'a>(
    event: &Event<'_>,
    route: &Route,
    name: &str,
    api_auth: Option<&'a Value>,
    built_in: bool,
) -> Result<Option<&'a Value>, TemplateError> {
    let (path, method) = (&route.path, &route.method);
    let all = authorizers(api_auth);
    if built_in {
        return Ok(None);
    }
    if name == "NONE" {
        let default = api_auth.and_then(|auth| auth.get("DefaultAuthorizer"));
        if default.is_none() {
            return Err(event.wrong(format!(
                "Unable to set Authorizer on API method [{method}] for path [{path}] because 'NONE' is only a valid value when a DefaultAuthorizer on the API is specified."
            )));
        }
        return Ok(None);
    }
    let missing = |why: &str| {
        event.wrong(format!(
            "Unable to set Authorizer [{name}] on API method [{method}] for path [{path}] because {why}"
        ))
    };
    let all = all.ok_or_else(|| missing("the related API does not define any Authorizers."))?;
    let one = all.get(name);
    one.map(Some)
        .ok_or_else(|| missing("it wasn't defined in the API's Authorizers."))
}

fn http_auth(
    event: &Event<'_>,
    body: &mut Value,
    route: &Route,
    auth: &Value,
    api_auth: Option<&Value>,
) -> Result<(), TemplateError> {
    let text = |auth: &Value, name: &str| auth.get(name).and_then(Value::as_str).map(str::to_owned);
    let default = api_auth.and_then(|auth| text(auth, "DefaultAuthorizer"));
    let Some(name) = text(auth, "Authorizer").or(default) else {
        return Err(event.wrong(
            "'Auth' section requires either an explicit 'Authorizer' set or a 'DefaultAuthorizer' configured on the HttpApi.",
        ));
    };
    let iam = api_auth.is_some_and(|auth| auth["EnableIamAuthorizer"] == true);
    let known = known_authorizer(event, route, &name, api_auth, name == "AWS_IAM" && iam)?;
    let scopes = auth
        .get("AuthorizationScopes")
        .filter(|scopes| **scopes != json!([]));
    let own = known.and_then(|authorizer| authorizer.get("AuthorizationScopes"));
    let scopes = known.and(scopes.or(own)).cloned().unwrap_or(json!([]));
    if let Some(definition) = openapi::definition(body, &route.path, &route.method) {
        openapi::secure(definition, &name, scopes);
    }
    Ok(())
}
