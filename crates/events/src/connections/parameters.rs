//! What a connection authenticates with: which members there must be, and which of them are secret.

use http::Uri;
use serde_json::{Map, Value};
use service::Failure;

use crate::failure;

/// Types of authorization, and the member that each needs.
const TYPES: [(&str, &str); 3] = [
    ("BASIC", "BasicAuthParameters"),
    ("OAUTH_CLIENT_CREDENTIALS", "OAuthParameters"),
    ("API_KEY", "ApiKeyAuthParameters"),
];
/// Lists of parameters that may be secret.
const LISTS: [&str; 3] = [
    "HeaderParameters",
    "QueryStringParameters",
    "BodyParameters",
];
/// Most parameters of a list.
const LIST_MAX: usize = 100;

/// Returns the type of authorization that is asked for.
pub(super) fn authorization_type(input: &Map<String, Value>) -> Result<&str, Failure> {
    let asked = input.get("AuthorizationType").and_then(Value::as_str);
    let asked = asked.unwrap_or_default();
    if TYPES.iter().any(|(known, _)| *known == asked) {
        return Ok(asked);
    }
    let rule = "satisfy enum value set: [BASIC, OAUTH_CLIENT_CREDENTIALS, API_KEY]";
    Err(failure::constraint(asked, "authorizationType", rule))
}

/// Checks the parameters of a connection and returns them as they are stored.
pub(super) fn read(authorization_type: &str, given: Option<&Value>) -> Result<Value, Failure> {
    let needed = TYPES.iter().find(|(known, _)| *known == authorization_type);
    let needed = needed.map_or("", |(_, needed)| *needed);
    let own = given.and_then(|given| given.get(needed));
    let Some(own) = own.filter(|own| own.is_object()) else {
        let message = format!(
            "Authorization type {authorization_type} needs the authorization parameters {needed}."
        );
        return Err(Failure::client("ValidationException", message));
    };
    let members: &[&[&str]] = match needed {
        "BasicAuthParameters" => &[&["Username"], &["Password"]],
        "ApiKeyAuthParameters" => &[&["ApiKeyName"], &["ApiKeyValue"]],
        _ => &[
            &["ClientParameters", "ClientID"],
            &["ClientParameters", "ClientSecret"],
            &["AuthorizationEndpoint"],
            &["HttpMethod"],
        ],
    };
    for path in members {
        let mut value = Some(own);
        for name in *path {
            value = value.and_then(|value| value.get(name));
        }
        let text = value.and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() || text.len() > 2048 {
            let name = path.last().unwrap_or(&"");
            let message = format!("{needed} needs a {name} of 1 to 2048 letters.");
            return Err(Failure::client("ValidationException", message));
        }
    }
    if let Some(endpoint) = own.get("AuthorizationEndpoint").and_then(Value::as_str)
        && needed == "OAuthParameters"
    {
        check_endpoint(endpoint)?;
    }
    let mut kept = Map::new();
    kept.insert(needed.to_owned(), own.clone());
    let http = given.and_then(|given| given.get("InvocationHttpParameters"));
    for http in [http, own.get("OAuthHttpParameters")].into_iter().flatten() {
        check_lists(http)?;
    }
    if let Some(http) = http {
        kept.insert("InvocationHttpParameters".to_owned(), http.clone());
    }
    Ok(Value::Object(kept))
}

/// Checks where a token is asked for: by the rule of the endpoints of HTTP tasks.
fn check_endpoint(endpoint: &str) -> Result<(), Failure> {
    let uri = endpoint.parse::<Uri>().ok();
    let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("https" | "http")));
    let authority = uri.as_ref().and_then(Uri::authority);
    // A user in it would be shown by `DescribeConnection`.
    if authority.is_some_and(|authority| !authority.as_str().contains('@')) {
        return Ok(());
    }
    let message = "OAuthParameters needs an AuthorizationEndpoint that is a URL of https.";
    Err(Failure::client("ValidationException", message))
}

fn check_lists(http: &Value) -> Result<(), Failure> {
    for name in LISTS {
        let Some(list) = http.get(name) else { continue };
        let parameters = list.as_array().filter(|list| list.len() <= LIST_MAX);
        let good = |parameter: &Value| {
            parameter.get("Key").is_some_and(Value::is_string)
                && parameter.get("Value").is_none_or(Value::is_string)
        };
        if !parameters.is_some_and(|parameters| parameters.iter().all(good)) {
            let message =
                format!("{name} is a list of up to {LIST_MAX} parameters with Key and Value.");
            return Err(Failure::client("ValidationException", message));
        }
    }
    Ok(())
}

/// Returns the parameters as `DescribeConnection` shows them.
pub(super) fn without_secrets(parameters: &Value) -> Value {
    let mut shown = parameters.clone();
    for (structure, secret) in [
        ("BasicAuthParameters", "Password"),
        ("ApiKeyAuthParameters", "ApiKeyValue"),
    ] {
        if let Some(Value::Object(members)) = shown.get_mut(structure) {
            members.shift_remove(secret);
        }
    }
    if let Some(oauth) = shown.get_mut("OAuthParameters") {
        if let Some(Value::Object(client)) = oauth.get_mut("ClientParameters") {
            client.shift_remove("ClientSecret");
        }
        if let Some(http) = oauth.get_mut("OAuthHttpParameters") {
            hide(http);
        }
    }
    if let Some(http) = shown.get_mut("InvocationHttpParameters") {
        hide(http);
    }
    shown
}

fn hide(http: &mut Value) {
    for name in LISTS {
        let list = http.get_mut(name).and_then(Value::as_array_mut);
        for parameter in list.into_iter().flatten() {
            if parameter["IsValueSecret"] == true
                && let Value::Object(members) = parameter
            {
                members.shift_remove("Value");
            }
        }
    }
}
