//! What filled parameters must be for their integration to start.
//!
//! What a definition says itself is checked when it is created; here is what only its input could fill.

use asl::Flow;
use asl::query::Template;
use serde_json::Value;

/// Returns what keeps the parameters of `service:action` from starting the task.
pub(super) fn faults(flow: &Flow, service: &str, action: &str, parameters: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if matches!(flow, Flow::JsonPath(_)) && names_paths(parameters) {
        faults = Template::faults_of_payload(parameters);
    }
    if (service, action) == ("apigateway", "invoke") {
        let lists = ["Headers", "QueryParameters"];
        let wrong = lists
            .into_iter()
            .filter(|field| !parameters.get(field).is_none_or(has_lists_of_text))
            .map(|field| format!("The value of the field '{field}' has an invalid format"));
        faults.extend(wrong);
        let headers = parameters.get("Headers").and_then(Value::as_object);
        faults.extend(headers.and_then(asl::unsupported_headers));
    }
    faults
}

/// Says whether a field looks like one of a template: `name.$`.
fn names_paths(value: &Value) -> bool {
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.ends_with(".$") || names_paths(value)),
        Value::Array(items) => items.iter().any(names_paths),
        _ => false,
    }
}

/// API Gateway takes a list of texts for each header and query parameter.
fn has_lists_of_text(value: &Value) -> bool {
    let is_list =
        |value: &Value| matches!(value, Value::Array(items) if items.iter().all(Value::is_string));
    match value {
        Value::Null => true,
        Value::Object(members) => members.values().all(is_list),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn says_what_is_wrong_with_filled_parameters() {
        let headers = "The value of the field 'Headers' has an invalid format";
        let query = "The value of the field 'QueryParameters' has an invalid format";
        let token = "The value for the field 'token.$' must be a valid JSONPath or a valid intrinsic function call";
        for (service, action, parameters, expected) in [
            (
                "apigateway",
                "invoke",
                json!({"Headers": {"a": "b"}}),
                vec![headers],
            ),
            (
                "apigateway",
                "invoke",
                json!({"Headers": {"a": ["b"]}}),
                vec![],
            ),
            (
                "apigateway",
                "invoke",
                json!({"Headers": {"a": [1]}}),
                vec![headers],
            ),
            ("apigateway", "invoke", json!({"Headers": null}), vec![]),
            (
                "apigateway",
                "invoke",
                json!({"QueryParameters": "?a=b", "Headers": []}),
                vec![headers, query],
            ),
            ("lambda", "invoke", json!({"Headers": {"a": "b"}}), vec![]),
            (
                "lambda",
                "invoke",
                json!({"Payload": [{"token.$": "AQC"}]}),
                vec![token],
            ),
            (
                "lambda",
                "invoke",
                json!({"Payload": {"token.$": "$$.Task.Token"}}),
                vec![],
            ),
        ] {
            let found = faults(
                &Flow::JsonPath(Box::default()),
                service,
                action,
                &parameters,
            );
            assert_eq!(found, expected, "{service}:{action} {parameters}");
        }
        let payload = json!({"Payload": {"token.$": "AQC"}});
        assert!(
            faults(
                &Flow::Jsonata(Default::default()),
                "lambda",
                "invoke",
                &payload
            )
            .is_empty()
        );
    }
}
