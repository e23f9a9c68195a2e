//! Attributes of messages: read, checked, counted, and their digest as AWS computes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use service::Failure;

use crate::failure::invalid;
use crate::rows::{Attribute, Content};

/// Most attributes of one message.
const COUNT_MAX: usize = 10;

/// Reads `MessageAttributes`; they are kept in the order of their names.
pub(crate) fn read(given: Option<&Map<String, Value>>) -> Result<Vec<Attribute>, Failure> {
    let Some(given) = given else {
        return Ok(Vec::new());
    };
    if given.len() > COUNT_MAX {
        return Err(invalid(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{COUNT_MAX}].",
            given.len()
        )));
    }
    let mut attributes: Vec<Attribute> = given
        .iter()
        .map(|(name, value)| read_one(name, value))
        .collect::<Result<_, _>>()?;
    attributes.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(attributes)
}

fn read_one(name: &str, value: &Value) -> Result<Attribute, Failure> {
    check_name(name)?;
    let member = |name: &str| value.get(name).filter(|value| !value.is_null());
    for list in ["StringListValues", "BinaryListValues"] {
        if member(list).is_some_and(|list| list.as_array().is_some_and(|list| !list.is_empty())) {
            return Err(invalid(
                "Message attribute list values in SendMessage operation are not supported.",
            ));
        }
    }
    let kind = member("DataType")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if kind.is_empty() {
        return Err(invalid(format!(
            "The message attribute '{name}' must contain non-empty message attribute type."
        )));
    }
    let base = kind.split('.').next().unwrap_or_default();
    if kind.len() > 256 || !matches!(base, "String" | "Number" | "Binary") {
        return Err(invalid(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
        )));
    }
    let empty = || {
        invalid(format!(
            "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{base}'."
        ))
    };
    let content = if base == "Binary" {
        let text = member("BinaryValue").and_then(Value::as_str);
        let bytes = text.and_then(|text| STANDARD.decode(text).ok());
        let bytes = bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(empty)?;
        Content::Binary(bytes)
    } else {
        let text = member("StringValue").and_then(Value::as_str);
        let text = text.filter(|text| !text.is_empty()).ok_or_else(empty)?;
        if base == "Number" && !is_number(text) {
            return Err(invalid(format!(
                "Can't cast the value of message attribute '{name}' to a number."
            )));
        }
        check_letters(text)?;
        Content::Text(text.to_owned())
    };
    Ok(Attribute {
        name: name.to_owned(),
        kind: kind.to_owned(),
        content,
    })
}

fn is_number(text: &str) -> bool {
    let digits = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    text.bytes().all(digits) && text.parse::<f64>().is_ok()
}

fn check_name(name: &str) -> Result<(), Failure> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let small = name.to_ascii_lowercase();
    let valid = !name.is_empty()
        && name.len() <= 256
        && name.bytes().all(letter)
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !small.starts_with("aws.")
        && !small.starts_with("amazon.");
    if valid {
        return Ok(());
    }
    Err(invalid(
        "Message attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.) characters.",
    ))
}

/// Refuses letters that XML 1.0 does not have.
pub(crate) fn check_letters(text: &str) -> Result<(), Failure> {
    let valid = |letter: char| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if text.chars().all(valid) {
        return Ok(());
    }
    Err(Failure::client(
        "InvalidMessageContents",
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    ))
}

/// Returns how many bytes attributes count for: names, types and values.
pub(crate) fn size(attributes: &[Attribute]) -> usize {
    let of = |attribute: &Attribute| {
        let content = match &attribute.content {
            Content::Text(text) => text.len(),
            Content::Binary(bytes) => bytes.len(),
        };
        attribute.name.len() + attribute.kind.len() + content
    };
    attributes.iter().map(of).sum()
}

/// Returns the digest of attributes, which are in the order of their names: for each its name and type
/// behind their lengths, a byte that says text or bytes, and the value behind its length.
pub(crate) fn digest<'a>(attributes: impl Iterator<Item = &'a Attribute>) -> Option<String> {
    let mut digest = Md5::new();
    let mut any = false;
    let part = |digest: &mut Md5, bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        digest.update(length.to_be_bytes());
        digest.update(bytes);
    };
    for attribute in attributes {
        any = true;
        part(&mut digest, attribute.name.as_bytes());
        part(&mut digest, attribute.kind.as_bytes());
        match &attribute.content {
            Content::Text(text) => {
                digest.update([1]);
                part(&mut digest, text.as_bytes());
            }
            Content::Binary(bytes) => {
                digest.update([2]);
                part(&mut digest, bytes);
            }
        }
    }
    any.then(|| hex::encode(digest.finalize()))
}

/// Returns the digest of a body.
pub(crate) fn body_digest(body: &str) -> String {
    hex::encode(Md5::digest(body))
}

/// Shows an attribute as `ReceiveMessage` does.
pub(crate) fn shown(attribute: &Attribute) -> Value {
    match &attribute.content {
        Content::Text(text) => json!({"StringValue": text, "DataType": attribute.kind}),
        Content::Binary(bytes) => {
            json!({"BinaryValue": STANDARD.encode(bytes), "DataType": attribute.kind})
        }
    }
}

/// Says whether `MessageAttributeNames` ask for the attribute `name`.
pub(crate) fn is_asked_for(asked: &[&str], name: &str) -> bool {
    asked.iter().any(|asked| match *asked {
        "All" | ".*" => true,
        asked => match asked.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => asked == name,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_as_clients_check_them() {
        // Computed by the rule in the developer guide, with Python.
        let given = json!({
            "b": {"DataType": "Binary", "BinaryValue": "AQI="},
            "a": {"DataType": "Number.int", "StringValue": "42"},
        });
        let attributes = read(given.as_object()).expect("attributes");
        let expected = {
            let mut bytes = Vec::new();
            for (name, kind, tag, value) in [
                ("a", "Number.int", 1u8, &b"42"[..]),
                ("b", "Binary", 2, &[1, 2]),
            ] {
                for part in [name.as_bytes(), kind.as_bytes()] {
                    bytes.extend((part.len() as u32).to_be_bytes());
                    bytes.extend(part);
                }
                bytes.push(tag);
                bytes.extend((value.len() as u32).to_be_bytes());
                bytes.extend(value);
            }
            hex::encode(Md5::digest(bytes))
        };
        assert_eq!(digest(attributes.iter()), Some(expected));
        assert_eq!(digest([].iter()), None);
        assert_eq!(body_digest("hello"), "5d41402abc4b2a76b9719d911017c592");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (given, part) in [
            (
                json!({"a": {}}),
                "must contain non-empty message attribute type",
            ),
            (
                json!({"a": {"DataType": "Text"}}),
                "invalid message attribute type",
            ),
            (
                json!({"a": {"DataType": "String"}}),
                "non-empty message attribute value",
            ),
            (
                json!({"a": {"DataType": "Number", "StringValue": "x"}}),
                "to a number",
            ),
            (
                json!({"a b": {"DataType": "String", "StringValue": "x"}}),
                "name can contain",
            ),
            (
                json!({"a": {"DataType": "String", "StringValue": "\u{1}"}}),
                "Invalid characters",
            ),
        ] {
            let refused = read(given.as_object()).expect_err("wrong").to_string();
            assert!(refused.contains(part), "{given}: {refused}");
        }
    }
}
