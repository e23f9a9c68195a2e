//! Says in AWS's words why an input is refused.
//!
//! Only reached by inputs that the fast reader did not take, so it may be slow: it walks a JSON value
//! along the shape, first for types (the first wrong one ends it), then for constraints (all of them).

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use crate::schema::{Bounds, Kind, Location, Pattern, Shape, utf16_length};
use crate::{Blob, Input, Raised};

/// Why an input was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Invalid {
    /// `SerializationException` or `ValidationException`.
    pub code: &'static str,
    /// AWS's text; empty where AWS sends none (text that is not JSON at all).
    pub message: String,
}

impl Invalid {
    fn serialization(message: impl Into<String>) -> Self {
        Self {
            code: "SerializationException",
            message: message.into(),
        }
    }
}

/// Reads what the fast reader refused: refuses it with AWS's text, or takes what AWS takes too
/// (a member given twice, a whole number written `10.0`).
pub(crate) fn read_slowly<T: Input>(json: &[u8], raised: &[Raised]) -> Result<T, Invalid> {
    let mut value: Value = serde_json::from_slice(json).map_err(|_| Invalid::serialization(""))?;
    if value.is_null() {
        value = Value::Object(Map::new());
    }
    explain_raised(T::SHAPE, &mut value, raised)?;
    // The two readers agree by construction; should they not, the caller learns what was wrong.
    serde_json::from_value(value).map_err(|error| Invalid::serialization(error.to_string()))
}

/// Checks `value` against `shape`; numbers that AWS would truncate are truncated in place.
///
/// # Errors
/// The first wrong type, or all broken constraints.
pub fn explain(shape: &Shape, value: &mut Value) -> Result<(), Invalid> {
    explain_raised(shape, value, &[])
}

fn explain_raised(shape: &Shape, value: &mut Value, raised: &[Raised]) -> Result<(), Invalid> {
    check_types(shape, value)?;
    let mut found = Violations {
        of_lambda: shape.members().iter().any(|m| starts_upper(m.name)),
        raised,
        texts: Vec::new(),
    };
    if let Value::Object(object) = &*value {
        found.structure(shape, object, "");
    }
    match found.texts.len() {
        0 => Ok(()),
        1 => Err(found.into_invalid("1 validation error detected: ".to_owned())),
        count => Err(found.into_invalid(format!("{count} validation errors detected: "))),
    }
}

fn starts_upper(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
}

/// Walks `value` along `shape`; its depth is that of the model, not of the input.
fn check_types(shape: &Shape, value: &mut Value) -> Result<(), Invalid> {
    if value.is_null() {
        return Ok(());
    }
    match (&shape.kind, &mut *value) {
        (Kind::Structure(members), Value::Object(object)) => {
            for member in members
                .iter()
                .filter(|member| member.location != Location::Payload)
            {
                if let Some(inner) = object.get_mut(member.name) {
                    check_types(member.shape, inner)?;
                }
            }
            Ok(())
        }
        (Kind::List { of, .. }, Value::Array(items)) => {
            items.iter_mut().try_for_each(|item| check_types(of, item))
        }
        (Kind::Map { value: of, .. }, Value::Object(object)) => object
            .values_mut()
            .try_for_each(|inner| check_types(of, inner)),
        (Kind::Text { .. } | Kind::Enumeration(_), Value::String(_))
        | (Kind::Float { .. } | Kind::Timestamp, Value::Number(_))
        | (Kind::Boolean, Value::Bool(_)) => Ok(()),
        (Kind::Integer { .. }, Value::Number(number)) => {
            if let Some(float) = number.as_f64().filter(|_| number.as_i64().is_none()) {
                *number = Number::from(float as i64);
            }
            Ok(())
        }
        (Kind::Blob, Value::String(text)) if Blob::from_base64(text).is_some() => Ok(()),
        (kind, wrong) => Err(Invalid::serialization(wrong_type(kind, wrong))),
    }
}

/// Returns AWS's text for a `value` that cannot be of `kind`.
fn wrong_type(kind: &Kind, value: &Value) -> String {
    let java = match kind {
        Kind::Text { .. } | Kind::Enumeration(_) => "a String",
        Kind::Integer { java: "Long", .. } => "a Long",
        Kind::Integer { .. } => "an Integer",
        Kind::Float { java: "Double", .. } => "a Double",
        Kind::Float { .. } => "a Float",
        Kind::Boolean => "a Boolean",
        Kind::Timestamp => "milliseconds since epoch",
        Kind::Blob => "a Blob",
        Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } => "",
    };
    match (value, kind) {
        (Value::Object(_), _) => "Start of structure or map found where not expected.".to_owned(),
        (Value::Array(_), _) => "Start of list found where not expected".to_owned(),
        (_, Kind::List { .. }) => "Expected list or null".to_owned(),
        (_, Kind::Map { .. }) => "Expected map or null".to_owned(),
        (_, Kind::Structure(_)) => "Expected null".to_owned(),
        (_, _) => format!("{} can not be converted to {java}", token(value)),
    }
}

const fn token(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

/// Broken constraints, in the order of the model's members.
struct Violations<'r> {
    /// Lambda's members begin with a capital letter in JSON and with a small one in messages.
    of_lambda: bool,
    raised: &'r [Raised],
    texts: Vec<String>,
}

impl Violations<'_> {
    fn into_invalid(self, mut message: String) -> Invalid {
        message.push_str(&self.texts.join("; "));
        Invalid {
            code: "ValidationException",
            message,
        }
    }

    fn add(&mut self, shape: &Shape, value: &Value, path: &str, constraint: &str) {
        let value = if shape.sensitive {
            String::new()
        } else {
            format!(" '{}'", java_text(shape, value))
        };
        self.texts.push(format!(
            "Value{value} at '{path}' failed to satisfy constraint: {constraint}"
        ));
    }

    fn structure(&mut self, shape: &Shape, object: &Map<String, Value>, path: &str) {
        for member in shape
            .members()
            .iter()
            .filter(|member| member.location != Location::Payload)
        {
            let path = self.member_path(path, member.name);
            match object.get(member.name) {
                None | Some(Value::Null) if member.required => {
                    self.texts
                        .push(format!("Value null at '{path}' failed to satisfy constraint: Member must not be null"));
                }
                None | Some(Value::Null) => {}
                Some(value) => self.value(member.shape, value, &path),
            }
        }
    }

    fn member_path(&self, path: &str, name: &str) -> String {
        let mut whole = path.to_owned();
        if !whole.is_empty() {
            whole.push('.');
        }
        let mut letters = name.chars();
        match letters.next() {
            Some(first) if self.of_lambda => {
                whole.push(first.to_ascii_lowercase());
                whole.push_str(letters.as_str());
            }
            Some(_) | None => whole.push_str(name),
        }
        whole
    }

    fn value(&mut self, shape: &Shape, value: &Value, path: &str) {
        match (&shape.kind, value) {
            (Kind::Structure(_), Value::Object(object)) => self.structure(shape, object, path),
            (Kind::List { of, bounds }, Value::Array(items)) => {
                self.bounds(shape, value, path, *bounds, items.len() as f64, "length");
                if matches!(of.kind, Kind::Structure(_)) {
                    for (index, item) in items.iter().enumerate() {
                        self.value(of, item, &format!("{path}.{}.member", index + 1));
                    }
                } else if !items.iter().all(|item| admits(of, item)) {
                    self.add(
                        shape,
                        value,
                        path,
                        &format!("Member must satisfy constraint: {}", all_of(of)),
                    );
                }
            }
            (Kind::Map { key, value: of }, Value::Object(object)) => {
                if !object.keys().all(|name| key.admits_text(name)) {
                    self.add(
                        shape,
                        value,
                        path,
                        &format!("Map keys must satisfy constraint: {}", all_of(key)),
                    );
                }
                if let Kind::Structure(_) = of.kind {
                    for (name, inner) in object {
                        self.value(of, inner, &format!("{path}.{name}.member"));
                    }
                } else if !object.values().all(|inner| admits(of, inner)) {
                    self.add(
                        shape,
                        value,
                        path,
                        &format!("Map value must satisfy constraint: {}", all_of(of)),
                    );
                }
            }
            (Kind::Text { bounds, pattern }, Value::String(text)) => {
                self.bounds(
                    shape,
                    value,
                    path,
                    *bounds,
                    utf16_length(text) as f64,
                    "length",
                );
                if let Some(pattern) = pattern.filter(|pattern| !pattern.admits(text)) {
                    self.add(shape, value, path, &pattern_text(pattern));
                }
            }
            (Kind::Enumeration(values), Value::String(text))
                if !values.contains(&text.as_str()) =>
            {
                self.add(shape, value, path, &enum_text(values));
            }
            (Kind::Integer { bounds, .. } | Kind::Float { bounds, .. }, Value::Number(number)) => {
                self.bounds(
                    shape,
                    value,
                    path,
                    *bounds,
                    number.as_f64().unwrap_or(f64::NAN),
                    "value",
                );
            }
            // Types were checked before; what is left has no constraints.
            (_, _) => {}
        }
    }

    fn bounds(
        &mut self,
        shape: &Shape,
        value: &Value,
        path: &str,
        bounds: Bounds,
        measure: f64,
        what: &str,
    ) {
        let Bounds { min, max } = bounds;
        let raised = self.raised.iter().find(|raised| raised.shape == shape.name);
        let max = raised.map_or(max, |raised| Some(raised.length_max));
        if let Some(max) = max.filter(|max| measure > *max as f64) {
            self.add(shape, value, path, &at_most(what, max));
        }
        if let Some(min) = min.filter(|min| measure < *min as f64) {
            self.add(shape, value, path, &at_least(what, min));
        }
    }
}

fn at_most(what: &str, max: i64) -> String {
    format!("Member must have {what} less than or equal to {max}")
}

fn at_least(what: &str, min: i64) -> String {
    format!("Member must have {what} greater than or equal to {min}")
}

fn pattern_text(pattern: &Pattern) -> String {
    format!(
        "Member must satisfy regular expression pattern: {}",
        pattern.text
    )
}

fn enum_text(values: &[&str]) -> String {
    format!(
        "Member must satisfy enum value set: [{}]",
        values.join(", ")
    )
}

/// Says whether an element of a list or map is what the scalar `shape` demands.
fn admits(shape: &Shape, item: &Value) -> bool {
    match item {
        Value::Null => false,
        Value::String(text) => shape.admits_text(text),
        Value::Number(number) => shape.bounds().admit(number.as_f64().unwrap_or(f64::NAN)),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => true,
    }
}

/// Returns the list of all constraints of `shape`, as AWS prints it when an element breaks one.
fn all_of(shape: &Shape) -> String {
    let mut texts = Vec::new();
    let Bounds { min, max } = shape.bounds();
    let what = if matches!(shape.kind, Kind::Integer { .. } | Kind::Float { .. }) {
        "value"
    } else {
        "length"
    };
    texts.extend(max.map(|max| at_most(what, max)));
    texts.extend(min.map(|min| at_least(what, min)));
    match &shape.kind {
        Kind::Text {
            pattern: Some(pattern),
            ..
        } => texts.push(pattern_text(pattern)),
        Kind::Enumeration(values) => texts.push(enum_text(values)),
        Kind::Text { pattern: None, .. }
        | Kind::Structure(_)
        | Kind::List { .. }
        | Kind::Map { .. }
        | Kind::Blob
        | Kind::Integer { .. }
        | Kind::Float { .. }
        | Kind::Boolean
        | Kind::Timestamp => {}
    }
    texts.push("Member must not be null".to_owned());
    format!("[{}]", texts.join(", "))
}

/// Prints `value` as Java's `toString` does: `[a, b]`, `{k=v}`, `Name(member=value)`.
fn java_text(shape: &Shape, value: &Value) -> String {
    if shape.sensitive {
        return "***Sensitive Data Redacted***".to_owned();
    }
    match (&shape.kind, value) {
        (_, Value::String(text)) => text.clone(),
        (Kind::List { of, .. }, Value::Array(items)) => {
            let items: Vec<_> = items.iter().map(|item| java_text(of, item)).collect();
            format!("[{}]", items.join(", "))
        }
        (Kind::Map { value: of, .. }, Value::Object(object)) => {
            let pairs: Vec<_> = object
                .iter()
                .map(|(key, inner)| format!("{key}={}", java_text(of, inner)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        (Kind::Structure(members), Value::Object(object)) => {
            let mut text = format!("{}(", shape.name);
            for (index, member) in members.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                let inner = java_text(
                    member.shape,
                    object.get(member.name).unwrap_or(&Value::Null),
                );
                let _ = write!(text, "{comma}{}={inner}", member.name);
            }
            text.push(')');
            text
        }
        (_, other) => other.to_string(),
    }
}
