//! Shapes: the constraints of the model as statics.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use super::names::constant;
use super::{Generator, object, text};

/// Expressions with look-around, as expressions without that must all match.
const LOOK_AROUND: [(&str, &[&str]); 5] = [
    (
        r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?",
        &[
            r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9\-_]{1,64})(:([0-9]*[a-zA-Z\-_][0-9a-zA-Z\-_]*))?",
        ],
    ),
    (
        r"((?!^\d+$)^[0-9a-zA-Z-_]+$)",
        &[r"[0-9]*[a-zA-Z\-_][0-9a-zA-Z\-_]*"],
    ),
    (
        r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)",
        &[r".*[a-zA-Z_\-].*", r"[a-zA-Z0-9\-_]+"],
    ),
    (
        r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$",
        &[r".*[a-zA-Z_\-\.].*", r"[a-zA-Z0-9_\-\.]+"],
    ),
    (
        r"[0-9A-Za-z\.\-_]*(?<!\.)",
        &[r"([0-9A-Za-z\.\-_]*[0-9A-Za-z\-_])?"],
    ),
];

impl Generator<'_> {
    pub(super) fn shape_static(&self, out: &mut String, name: &str) -> Result<()> {
        let shape = self.shape(name)?;
        let sensitive = shape["sensitive"].as_bool() == Some(true);
        let reference =
            |part: &Value| text(part, "shape").map(|target| format!("&{}", constant(target)));
        let bounds = bounds(shape);
        let kind = match text(shape, "type")? {
            "structure" => format!("Kind::Structure(&[{}])", self.members(shape)?),
            "list" => format!(
                "Kind::List {{ of: {}, bounds: {bounds} }}",
                reference(&shape["member"])?
            ),
            "map" => format!(
                "Kind::Map {{ key: {}, value: {} }}",
                reference(&shape["key"])?,
                reference(&shape["value"])?
            ),
            "string" if shape.get("enum").is_some() => {
                format!("Kind::Enumeration(&{:?})", printed_order(shape))
            }
            "string" => match shape["pattern"].as_str() {
                None => format!("Kind::Text {{ bounds: {bounds}, pattern: None }}"),
                Some(pattern) => {
                    let parts: Vec<String> = parts_of(pattern)?;
                    let constant = format!("{}_{}", constant(name), self.suffix_of_pattern(name));
                    let parts: String = parts.iter().map(|part| format!("{part:?},")).collect();
                    writeln!(
                        out,
                        "static {constant}: Pattern = Pattern::new({pattern:?}, &[{parts}]);"
                    )?;
                    format!("Kind::Text {{ bounds: {bounds}, pattern: Some(&{constant}) }}")
                }
            },
            "integer" => format!("Kind::Integer {{ bounds: {bounds}, java: \"Integer\" }}"),
            "long" => format!("Kind::Integer {{ bounds: {bounds}, java: \"Long\" }}"),
            "float" => format!("Kind::Float {{ bounds: {bounds}, java: \"Float\" }}"),
            "double" => format!("Kind::Float {{ bounds: {bounds}, java: \"Double\" }}"),
            "boolean" => "Kind::Boolean".to_owned(),
            "timestamp" => "Kind::Timestamp".to_owned(),
            "blob" => "Kind::Blob".to_owned(),
            other => bail!("{name}: the type {other} is unknown"),
        };
        let constant = constant(name);
        writeln!(
            out,
            "/// `{name}`.\npub static {constant}: Shape = Shape {{ name: {name:?}, sensitive: {sensitive}, kind: {kind} }};"
        )?;
        Ok(())
    }

    /// Returns what the name of a shape's expression ends with: not what makes it another shape's name.
    fn suffix_of_pattern(&self, name: &str) -> &'static str {
        if self.shapes.contains_key(&format!("{name}Pattern")) {
            "EXPRESSION"
        } else {
            "PATTERN"
        }
    }

    pub(super) fn members(&self, shape: &Value) -> Result<String> {
        let required: BTreeSet<&str> = shape["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut out = String::new();
        for (name, member) in object(shape, "members")? {
            let target = text(member, "shape")?;
            let label = member["locationName"].as_str().unwrap_or(name);
            let location = match member["location"].as_str() {
                None if shape["payload"] == name.as_str() => "Location::Payload".to_owned(),
                None => "Location::Body".to_owned(),
                Some("uri") => format!("Location::Path({label:?})"),
                Some("querystring") => format!("Location::Query({label:?})"),
                Some("header") => format!("Location::Header({:?})", label.to_ascii_lowercase()),
                Some("statusCode") => "Location::StatusCode".to_owned(),
                Some(other) => bail!("{name}: the location {other} is unknown"),
            };
            let required = required.contains(name.as_str());
            let constant = constant(target);
            write!(
                out,
                "Member {{ name: {name:?}, shape: &{constant}, required: {required}, location: {location} }},"
            )?;
        }
        Ok(out)
    }
}

pub(super) fn bounded(shape: &Value) -> bool {
    shape.get("min").is_some() || shape.get("max").is_some()
}

pub(super) fn bounds(shape: &Value) -> String {
    let end = |name: &str| match shape[name].as_f64() {
        // Bounds of the models are whole, also where they are written `100.0`.
        Some(number) => format!("Some({})", number as i64),
        None => "None".to_owned(),
    };
    format!("Bounds {{ min: {}, max: {} }}", end("min"), end("max"))
}

/// Returns the expressions, without look-around, that together say what `pattern` says.
pub(super) fn parts_of(pattern: &str) -> Result<Vec<String>> {
    let known = LOOK_AROUND.iter().find(|(text, _)| *text == pattern);
    let parts = known.map_or_else(|| vec![pattern], |(_, parts)| parts.to_vec());
    for part in &parts {
        let strange = ["(?=", "(?!", "(?<"].iter().any(|look| part.contains(look));
        ensure!(!strange, "add {part} to LOOK_AROUND");
    }
    // Java's \d, \s and \w are ASCII, and it spells the class of all ASCII differently.
    let java = [
        (r"\p{ASCII}", r"[\x00-\x7F]"),
        (r"\d", "[0-9]"),
        (r"[\w", r"[0-9A-Za-z_"),
        (r"[^\s]", r"[^ \t\n\x0B\x0C\r]"),
    ];
    let translate = |part: &str| {
        java.iter()
            .fold(part.to_owned(), |text, (from, to)| text.replace(from, to))
    };
    Ok(parts.into_iter().map(translate).collect())
}

/// Returns the values of an enum in the order in which AWS prints them: that of a hash set, by
/// Java's `hashCode` in 32 buckets. Every recorded message of several values agrees.
pub(super) fn printed_order(shape: &Value) -> Vec<&str> {
    let mut values: Vec<&str> = shape["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let buckets = values.len().next_power_of_two().max(32) as u32;
    let hash = |text: &str| {
        text.bytes().fold(0u32, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(u32::from(byte))
        })
    };
    values.sort_by_key(|value| {
        // The one recorded pair that shares a bucket is printed backwards.
        (hash(value) & (buckets - 1), std::cmp::Reverse(*value))
    });
    values
}
