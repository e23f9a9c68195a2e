//! Members as the SDK has them and as the wire calls them.

use std::borrow::Cow;

use serde_json::{Map, Value};
use vocab::Timestamp;

use super::SdkEntry;

impl SdkEntry {
    /// Returns the members of an operation's input as the wire calls them, and the one that is its body, empty
    /// where there is none. Members that are text take JSON, moments are read, and what is null is not sent.
    pub fn sent(
        &self,
        operation: &str,
        mut parameters: Map<String, Value>,
    ) -> (Map<String, Value>, String) {
        let (body, _) = self.payloads_of(operation);
        let payload = match parameters.shift_remove(body) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        };
        (sent(self, parameters), payload)
    }

    /// Returns the members of an output as the SDK shows them.
    pub fn shown(&self, output: Map<String, Value>) -> Map<String, Value> {
        shown(self, output)
    }
}

/// Returns the members of a structure as the wire calls them.
fn sent(sdk: &SdkEntry, members: Map<String, Value>) -> Map<String, Value> {
    let name_of = |name: String| {
        let small = changed_first(&name, |first| first.to_ascii_lowercase());
        match sdk.is_small(&small) {
            true => small.into_owned(),
            false => name,
        }
    };
    let members = members.into_iter();
    // The SDK does not send what is null.
    let members = members.filter(|(_, value)| !value.is_null());
    members
        .map(|(name, value)| {
            let name = name_of(name);
            let value = sent_value(sdk, &name, value);
            (name, value)
        })
        .collect()
}

fn sent_value(sdk: &SdkEntry, name: &str, value: Value) -> Value {
    let (is_map, is_list) = (sdk.is_map(name), sdk.is_list(name));
    match value {
        Value::Object(entries) if is_map => {
            let entries = entries.into_iter();
            let inner = entries.map(|(key, value)| (key, inner_value(sdk, value)));
            Value::Object(inner.collect())
        }
        value @ (Value::Object(_) | Value::Array(_)) if is_map || is_list => {
            inner_value(sdk, value)
        }
        // A member that is text takes JSON (recorded).
        value @ (Value::Object(_) | Value::Array(_)) => Value::String(value.to_string()),
        Value::String(text) if sdk.is_timestamp(name) => match Timestamp::parse_rfc3339(&text) {
            Some(moment) => Value::from(moment.as_millis() as f64 / 1000.0),
            None => Value::String(text),
        },
        other => other,
    }
}

fn inner_value(sdk: &SdkEntry, value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(sent(sdk, members)),
        Value::Array(items) => {
            let items = items.into_iter().map(|item| inner_value(sdk, item));
            Value::Array(items.collect())
        }
        other => other,
    }
}

fn shown(sdk: &SdkEntry, members: Map<String, Value>) -> Map<String, Value> {
    let members = members.into_iter();
    members
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            let value = shown_value(sdk, &name, value);
            let name = match sdk.is_small(&name) {
                true => changed_first(&name, |first| first.to_ascii_uppercase()).into_owned(),
                false => name,
            };
            (name, value)
        })
        .collect()
}

fn shown_value(sdk: &SdkEntry, name: &str, value: Value) -> Value {
    match value {
        Value::Object(entries) if sdk.is_map(name) => {
            let entries = entries.into_iter();
            let inner = entries.map(|(key, value)| (key, shown_inner(sdk, value)));
            Value::Object(inner.collect())
        }
        Value::Number(seconds) if sdk.is_timestamp(name) => {
            let millis = seconds.as_f64().unwrap_or_default() * 1000.0;
            Value::String(Timestamp::from_millis(millis.round() as i64).to_string())
        }
        other => shown_inner(sdk, other),
    }
}

fn shown_inner(sdk: &SdkEntry, value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(shown(sdk, members)),
        Value::Array(items) => {
            let items = items.into_iter().map(|item| shown_inner(sdk, item));
            Value::Array(items.collect())
        }
        other => other,
    }
}

/// Returns `name` with another first letter.
fn changed_first(name: &str, change: impl Fn(&char) -> char) -> Cow<'_, str> {
    match name.chars().next() {
        Some(first) if change(&first) != first => {
            let rest = &name[first.len_utf8()..];
            format!("{}{rest}", change(&first)).into()
        }
        _ => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdk;
    use serde_json::json;

    fn members(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(members) => members,
            other => panic!("an object, not {other}"),
        }
    }

    #[test]
    fn parameters_become_members() {
        for (name, parameters, expected) in [
            (
                "sfn",
                json!({"StateMachineArn": "a", "Input": {"K": {"Key": 1}}, "Name": null}),
                json!({"stateMachineArn": "a", "input": r#"{"K":{"Key":1}}"#}),
            ),
            (
                "sfn",
                json!({"Tags": [{"Key": "k", "Value": "v"}], "LoggingConfiguration": {"Level": "ALL"}}),
                json!({"tags": [{"key": "k", "value": "v"}], "loggingConfiguration": {"level": "ALL"}}),
            ),
            (
                "cloudwatchlogs",
                json!({"LogGroupName": "g", "Tags": {"Team": "T"}}),
                json!({"logGroupName": "g", "tags": {"Team": "T"}}),
            ),
            (
                "dynamodb",
                json!({"Item": {"id": {"S": "1"}, "M": {"M": {"l": {"L": [{"N": "1"}]}}}}}),
                json!({"Item": {"id": {"S": "1"}, "M": {"M": {"l": {"L": [{"N": "1"}]}}}}}),
            ),
            (
                "sqs",
                json!({"MessageBody": {"a": [1]}, "MessageAttributes": {"n": {"DataType": "String"}}}),
                json!({"MessageBody": r#"{"a":[1]}"#, "MessageAttributes": {"n": {"DataType": "String"}}}),
            ),
        ] {
            let sdk = sdk::service(name).expect("is known");
            assert_eq!(
                Value::Object(sent(sdk, members(parameters))),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn bodies_stand_by_themselves() {
        for (name, operation, parameters, expected, body) in [
            (
                "lambda",
                "Invoke",
                json!({"FunctionName": "f", "Payload": {"a": 1}}),
                json!({"FunctionName": "f"}),
                r#"{"a":1}"#,
            ),
            (
                "s3",
                "PutObject",
                json!({"Bucket": "b", "Key": "k", "Body": "text"}),
                json!({"Bucket": "b", "Key": "k"}),
                "text",
            ),
            (
                "sqs",
                "PurgeQueue",
                json!({"QueueUrl": "q"}),
                json!({"QueueUrl": "q"}),
                "",
            ),
        ] {
            let sdk = sdk::service(name).expect("is known");
            let (input, payload) = sdk.sent(operation, members(parameters));
            assert_eq!((Value::Object(input), payload.as_str()), (expected, body));
        }
    }
}
