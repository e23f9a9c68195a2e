//! `PropagateTags`: the tags of a function or a machine on whatever the transform makes for it.

use serde_json::{Map, Value, json};

use crate::template::Resource;

/// The types with tags that the transform makes.
const TAGGED: [&str; 4] = [
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
];

/// Takes `PropagateTags` and returns the tags that it is about, if there are some.
pub(super) fn take(kind: &str, resource: &mut Resource) -> Option<Map<String, Value>> {
    if !matches!(kind, "Function" | "StateMachine") {
        return None;
    }
    let propagated = resource.properties.shift_remove("PropagateTags");
    match (propagated, resource.properties.get("Tags")) {
        (Some(Value::Bool(true)), Some(Value::Object(tags))) if !tags.is_empty() => {
            Some(tags.clone())
        }
        _ => None,
    }
}

/// Puts `tags` on `made`, in the place of what SAM says of itself there.
pub(super) fn carry_out<'a>(
    tags: &Map<String, Value>,
    made: impl Iterator<Item = &'a mut Resource>,
) {
    let tag = |(key, value): (&String, &Value)| json!({"Key": key, "Value": value});
    let tags: Value = tags.iter().map(tag).collect();
    for resource in made {
        let is_machine = resource.kind == "AWS::StepFunctions::StateMachine";
        if is_machine || TAGGED.contains(&resource.kind.as_str()) {
            resource.properties.insert("Tags".to_owned(), tags.clone());
        }
    }
}
