//! API Gateway: its operations are methods on paths, and policies know them as such; and the calls of APIs.

use std::borrow::Cow;

use serde_json::Value;
use service::Call;

use super::{Members, Need, Place};

/// Returns what a call of `apigateway`, `apigatewayv2` or `execute-api` needs.
pub(super) fn needs(call: &Call, members: &Members<'_>, place: Place<'_>) -> Vec<Need> {
    if call.service == "execute-api" {
        let action = format!("execute-api:{}", call.operation);
        return Need::on_each(&action, members.text("resource").map(Cow::into_owned));
    }
    let binding = aws_model::catalog::service(call.service).and_then(|entry| {
        let mut operations = entry.operations.iter();
        Some(operations.find(|(name, _)| *name == call.operation)?.1)
    });
    let Some((method, path)) = binding.and_then(|binding| binding.split_once(' ')) else {
        return vec![Need::on_any("apigateway:*")];
    };
    let path = path.split('?').next().unwrap_or(path);
    let path = path.strip_prefix("/v2").unwrap_or(path);
    let action = format!("apigateway:{method}");
    let mut resource = format!("arn:aws:apigateway:{}::", place.region);
    let mut needs = Vec::new();
    for segment in path.split('/').skip(1) {
        resource.push('/');
        let label = segment
            .strip_prefix('{')
            .and_then(|label| label.strip_suffix('}'));
        match label {
            None => resource.push_str(segment),
            Some(label) => match labelled(members, label) {
                Some(value) => resource.push_str(&value),
                None => {
                    needs.push(Need::on_some(action.clone(), resource.clone()));
                    break;
                }
            },
        }
    }
    if needs.is_empty() {
        needs.push(Need::new(action, resource));
    }
    let roles = roles(call);
    needs.extend(
        roles
            .iter()
            .map(|role| Need::pass_role(role, "apigateway.amazonaws.com")),
    );
    needs
}

/// Returns the value of a label, which the model may call otherwise. What the path says counts first, here and in
/// the service.
fn labelled<'a>(members: &Members<'a>, label: &str) -> Option<Cow<'a, str>> {
    let mut camel = String::new();
    for (index, part) in label.replace("restapi", "rest_api").split('_').enumerate() {
        let (first, rest) = part.split_at(part.len().min(1));
        match index {
            0 => camel.push_str(part),
            _ => {
                camel.push_str(&first.to_ascii_uppercase());
                camel.push_str(rest);
            }
        }
    }
    let (first, rest) = camel.split_at(camel.len().min(1));
    let pascal = format!("{}{rest}", first.to_ascii_uppercase());
    members.any_text(&[label, &camel, &pascal])
}

/// Returns the roles as which an API is to call what it leads to, each once.
pub(super) fn roles(call: &Call) -> Vec<String> {
    let mut roles = Vec::new();
    for text in [&call.input, &call.payload] {
        if let Ok(value) = serde_json::from_slice(text) {
            collect(&value, &mut roles);
        }
    }
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// The recursion is as deep as JSON may be nested, which has a limit.
fn collect(value: &Value, roles: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let small = name.to_ascii_lowercase();
                match member {
                    Value::String(role)
                        if small.contains("credentials") && role.contains(":role/") =>
                    {
                        roles.push(role.clone());
                    }
                    // A document may be text in a member.
                    Value::String(text) if small == "body" => {
                        if let Ok(document) = serde_json::from_str(text) {
                            collect(&document, roles);
                        }
                    }
                    member => collect(member, roles),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, roles)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
