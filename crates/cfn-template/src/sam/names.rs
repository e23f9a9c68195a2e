//! What names mean before the transform, and the names that change by it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::intrinsics::{Piece, pieces, single};
use crate::resolve::sub_arguments;
use crate::template::Template;

/// The parameters' values, as far as the transform sees them.
pub(super) struct Names {
    parameters: BTreeMap<String, String>,
}

impl Names {
    pub(super) fn of(template: &Template, given: &BTreeMap<String, String>) -> Self {
        let value = |(name, parameter): (&String, &crate::Parameter)| {
            let value = given.get(name).or(parameter.default.as_ref())?;
            Some((name.clone(), value.clone()))
        };
        Self {
            parameters: template.parameters.iter().filter_map(value).collect(),
        }
    }

    /// Puts parameters in the place of what names them. The recursion is as deep as the text was
    /// nested, which has a limit.
    pub(super) fn settle(&self, value: &Value) -> Value {
        match value {
            Value::Object(entries) => match single(entries) {
                Some(("Ref", Value::String(name))) if self.parameters.contains_key(name) => {
                    Value::from(self.parameters[name].as_str())
                }
                Some(("Fn::Sub", Value::String(text))) => {
                    let mut settled = String::new();
                    for piece in pieces(text) {
                        match piece {
                            Piece::Text(text) => settled.push_str(text),
                            Piece::Name(name) => match self.parameters.get(name) {
                                Some(value) => settled.push_str(value),
                                None => settled.push_str(&format!("${{{name}}}")),
                            },
                        }
                    }
                    Value::Object(Map::from_iter([("Fn::Sub".to_owned(), settled.into())]))
                }
                _ => entries
                    .iter()
                    .map(|(name, value)| (name.clone(), self.settle(value)))
                    .collect::<Map<_, _>>()
                    .into(),
            },
            Value::Array(items) => items.iter().map(|item| self.settle(item)).collect(),
            scalar => scalar.clone(),
        }
    }
}

/// Gives everything that names something of `renamed` its new name.
pub(super) fn rename(template: &mut Template, renamed: &BTreeMap<String, String>) {
    if renamed.is_empty() {
        return;
    }
    for resource in template.resources.values_mut() {
        for value in resource.properties.values_mut() {
            rename_in(value, renamed);
        }
        for name in &mut resource.depends_on {
            if let Some(new) = renamed.get(name) {
                name.clone_from(new);
            }
        }
    }
    for output in template.outputs.values_mut() {
        rename_in(&mut output.value, renamed);
    }
}

fn rename_in(value: &mut Value, renamed: &BTreeMap<String, String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rename_in(item, renamed)),
        Value::Object(entries) => {
            let new = match single(entries) {
                Some(("Ref", Value::String(name))) => {
                    renamed.get(name).map(|new| Value::from(new.as_str()))
                }
                Some(("Fn::GetAtt", Value::Array(path))) => attribute(path, renamed),
                Some(("Fn::Sub", arguments)) => substitution(arguments, renamed),
                _ => None,
            };
            if let Some(new) = new
                && let Some(arguments) = entries.values_mut().next()
            {
                *arguments = new;
            }
            entries
                .values_mut()
                .for_each(|value| rename_in(value, renamed));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `[Function, Alias.Arn]` and `[Function.Alias, Arn]` are the same.
fn attribute(path: &[Value], renamed: &BTreeMap<String, String>) -> Option<Value> {
    let texts: Option<Vec<&str>> = path.iter().map(Value::as_str).collect();
    let whole = texts?.join(".");
    let (new, rest) = renamed_start(&whole, renamed)?;
    Some(Value::from(vec![new, rest.strip_prefix('.')?]))
}

fn substitution(arguments: &Value, renamed: &BTreeMap<String, String>) -> Option<Value> {
    let (text, own) = sub_arguments(arguments).ok()?;
    let mut changed = String::new();
    let mut any = false;
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => changed.push_str(text),
            Piece::Name(name) => {
                let new = renamed_start(name, renamed)
                    .filter(|_| own.is_none_or(|own| !own.contains_key(name)));
                any |= new.is_some();
                let name =
                    new.map_or_else(|| name.to_owned(), |(new, rest)| format!("{new}{rest}"));
                changed.push_str(&format!("${{{name}}}"));
            }
        }
    }
    // A literal `${!X}` has lost its mark in the pieces, so a text with one stays as it is.
    if !any || text.contains("${!") {
        return None;
    }
    Some(match own {
        Some(own) => Value::from(vec![Value::from(changed), Value::Object(own.clone())]),
        None => Value::from(changed),
    })
}

/// Returns the new name that `path` begins with, and what follows.
fn renamed_start<'a, 'b>(
    path: &'a str,
    renamed: &'b BTreeMap<String, String>,
) -> Option<(&'b str, &'a str)> {
    let ends = path.match_indices('.').map(|(at, _)| at).take(2);
    let mut candidates: Vec<usize> = ends.chain([path.len()]).collect();
    candidates.reverse();
    candidates
        .into_iter()
        .find_map(|end| Some((renamed.get(&path[..end])?.as_str(), &path[end..])))
}
