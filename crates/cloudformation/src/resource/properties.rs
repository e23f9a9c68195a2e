//! Properties as services want them. Parameters make text of everything, so a number or a boolean
//! may arrive as text; a service wants what its model says.

use serde_json::{Map, Number, Value};

/// Returns an object of these members.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Copies the members that are there, under their new names.
pub(crate) fn copy(from: &Map<String, Value>, names: &[(&str, &str)]) -> Map<String, Value> {
    let found = names
        .iter()
        .filter_map(|(from_name, to)| Some(((*to).to_owned(), from.get(*from_name)?.clone())));
    found.collect()
}

/// Makes integers of the members called `names`, at whatever depth. Properties are as deep as the
/// template was, which has a limit.
pub(crate) fn integers(value: &mut Value, names: &[&str]) {
    visit(value, names, &|member| {
        if let Some(integer) = member
            .as_str()
            .and_then(|text| text.trim().parse::<i64>().ok())
        {
            *member = Value::Number(Number::from(integer));
        }
    });
}

/// Makes booleans of the members called `names`, at whatever depth.
pub(crate) fn booleans(value: &mut Value, names: &[&str]) {
    visit(value, names, &|member| match member.as_str() {
        Some("true") => *member = Value::Bool(true),
        Some("false") => *member = Value::Bool(false),
        Some(_) | None => {}
    });
}

fn visit(value: &mut Value, names: &[&str], change: &dyn Fn(&mut Value)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if names.contains(&name.as_str()) {
                    change(member);
                }
                visit(member, names, change);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, names, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns a scalar as text.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns CloudFormation's list of tags as a map of texts.
pub(crate) fn tags(list: Option<&Value>) -> Map<String, Value> {
    let tags = list.and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(|tag| Some((text(tag.get("Key")?), Value::from(text(tag.get("Value")?)))))
        .collect()
}

/// Returns the tags that are new or changed, and the keys of those that are gone.
pub(crate) fn tag_changes(
    before: Option<&Value>,
    after: Option<&Value>,
) -> (Map<String, Value>, Vec<String>) {
    let (before, mut after) = (tags(before), tags(after));
    let gone = before
        .keys()
        .filter(|key| !after.contains_key(*key))
        .cloned()
        .collect();
    after.retain(|key, value| before.get(key) != Some(value));
    (after, gone)
}

/// Says whether any of `names` differs.
pub(crate) fn differ(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    names: &[&str],
) -> bool {
    names
        .iter()
        .any(|name| before.get(*name) != after.get(*name))
}

/// CloudFormation writes `Level` where Step Functions writes `level`. Properties are as deep as the
/// template was, which has a limit.
pub(crate) fn lower_first(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let lowered = members.iter().map(|(name, member)| {
                let mut letters = name.chars();
                let first = letters.next().map(|letter| letter.to_ascii_lowercase());
                (
                    first.into_iter().chain(letters).collect::<String>(),
                    lower_first(member),
                )
            });
            Value::Object(lowered.collect())
        }
        Value::Array(items) => items.iter().map(lower_first).collect(),
        scalar => scalar.clone(),
    }
}
