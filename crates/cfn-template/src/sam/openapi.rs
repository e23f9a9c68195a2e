//! Documents of APIs, Swagger 2 and OpenAPI 3, as far as events and the properties of APIs change them.

use serde_json::{Map, Value, json};

/// What says where a request goes.
pub(super) const INTEGRATION: &str = "x-amazon-apigateway-integration";
const ANY: &str = "x-amazon-apigateway-any-method";

/// Members of a path that are no methods.
const NO_METHODS: [&str; 3] = ["summary", "description", "parameters"];

/// Returns what documents call a method.
pub(super) fn method(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "any" => ANY.to_owned(),
        small => small.to_owned(),
    }
}

/// Says whether `document` is one that routes can be added to.
pub(super) fn is_document(document: &Value, http: bool) -> bool {
    let version = document.get("openapi").map(super::apis::as_text);
    let third = version.is_some_and(|version| super::apis::is_version_3(&version));
    let second = document
        .get("swagger")
        .is_some_and(|swagger| !swagger.is_null());
    document.get("paths").is_some_and(Value::is_object) && (third || (second && !http))
}

/// Says whether a path and method have somewhere to go.
pub(super) fn has_integration(document: &Value, path: &str, method: &str) -> bool {
    let definition = &document["paths"][path][self::method(method)];
    definition
        .get(INTEGRATION)
        .is_some_and(|integration| !integration.is_null())
}

/// Adds where a path and method go, and `responses` where there are none.
pub(super) fn integrate(
    document: &mut Value,
    (path, method): (&str, &str),
    integration: Value,
    responses: Value,
) {
    let item = object(&mut document["paths"], path);
    let definition = object(item, &self::method(method));
    definition[INTEGRATION] = integration;
    if definition.get("responses").is_none() {
        definition["responses"] = responses;
    }
}

/// Returns the definition of a path and method.
pub(super) fn definition<'a>(
    document: &'a mut Value,
    path: &str,
    method: &str,
) -> Option<&'a mut Value> {
    document["paths"]
        .get_mut(path)?
        .get_mut(self::method(method))
}

/// Returns a member that is an object, made where it is not there.
fn object<'a>(parent: &'a mut Value, member: &str) -> &'a mut Value {
    if !parent[member].is_object() {
        parent[member] = Value::Object(Map::new());
    }
    &mut parent[member]
}

/// Returns the methods that go somewhere, with their definitions.
pub(super) fn methods(document: &mut Value) -> Vec<(String, &mut Value)> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flat_map(Map::values_mut);
    let methods = items
        .filter_map(Value::as_object_mut)
        .flat_map(Map::iter_mut);
    methods
        .filter(|(name, _)| !NO_METHODS.contains(&name.as_str()))
        .filter(|(_, definition)| definition.get(INTEGRATION).is_some())
        .map(|(name, definition)| (method(name), definition))
        .collect()
}

/// Returns the security of a method.
pub(super) fn security(definition: &Value) -> Vec<Value> {
    let list = definition.get("security").and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

/// Adds to the security of a method.
pub(super) fn secure(definition: &mut Value, name: &str, scopes: Value) {
    let mut security = security(definition);
    security.push(json!({name: scopes}));
    definition["security"] = security.into();
}

/// Adds a scheme of Swagger 2 that methods refer to, unless it is there.
pub(super) fn define_security(document: &mut Value, name: &str, scheme: Value) {
    let all = object(document, "securityDefinitions");
    if all.get(name).is_none() {
        all[name] = scheme;
    }
}

/// Returns the scheme of signed requests.
pub(super) fn signed() -> Value {
    json!({
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
    })
}

/// Returns the scheme of API keys.
pub(super) fn api_key() -> Value {
    json!({"type": "apiKey", "name": "x-api-key", "in": "header"})
}

/// What the answers to browsers' preflights say.
pub(super) struct Preflight {
    pub(super) origin: Value,
    pub(super) headers: Option<Value>,
    pub(super) methods: Option<Value>,
    pub(super) max_age: Option<Value>,
    pub(super) credentials: bool,
}

/// Adds a method to each path that answers preflights, where there is none.
pub(super) fn share(document: &mut Value, preflight: &Preflight) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let Some(paths) = paths else { return };
    let mut done: Vec<String> = Vec::new();
    let mut allowed = preflight.methods.clone();
    for (path, item) in paths {
        let normal = match path.as_str() {
            "/" => path.clone(),
            path => path.trim_end_matches('/').to_owned(),
        };
        if done.contains(&normal) {
            continue;
        }
        done.push(normal);
        let Some(item) = item.as_object_mut() else {
            continue;
        };
        if item.contains_key("options") {
            continue;
        }
        allowed.clone_from(&preflight.methods);
        let methods = allowed.take().unwrap_or_else(|| methods_of(item).into());
        item.insert("options".to_owned(), options(preflight, methods));
    }
}

fn methods_of(item: &Map<String, Value>) -> String {
    let mut names: Vec<String> = match item.contains_key(ANY) {
        true => ["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]
            .map(str::to_owned)
            .into(),
        false => {
            let names = item.keys().map(|name| name.to_ascii_uppercase());
            names.chain(["OPTIONS".to_owned()]).collect()
        }
    };
    names.sort_unstable();
    names.dedup();
    format!("'{}'", names.join(","))
}

fn options(preflight: &Preflight, methods: Value) -> Value {
    let mut parameters = Map::new();
    let mut headers = Map::new();
    let said = [
        ("Allow-Origin", Some(preflight.origin.clone()), "string"),
        ("Allow-Headers", preflight.headers.clone(), "string"),
        ("Allow-Methods", Some(methods), "string"),
        ("Max-Age", preflight.max_age.clone(), "integer"),
        (
            "Allow-Credentials",
            preflight.credentials.then(|| "'true'".into()),
            "string",
        ),
    ];
    for (name, value, kind) in said {
        if let Some(value) = value {
            let name = format!("Access-Control-{name}");
            parameters.insert(format!("method.response.header.{name}"), value);
            let header = json!({"type": kind});
            headers.insert(name, header);
        }
    }
    json!({
        "summary": "CORS support",
        "consumes": ["application/json"],
        "produces": ["application/json"],
        INTEGRATION: {
            "type": "mock",
            "requestTemplates": {"application/json": "{\n  \"statusCode\" : 200\n}\n"},
            "responses": {"default": {
                "statusCode": "200",
                "responseParameters": parameters,
                "responseTemplates": {"application/json": "{}\n"},
            }},
        },
        "responses": {"200": {"description": "Default response for CORS method", "headers": headers}},
    })
}
