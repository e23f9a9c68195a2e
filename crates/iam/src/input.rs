//! Reading the input of an operation, and the forms that many outputs share.
//!
//! Over HTTP every value is text, as forms have it; calls in process may give numbers and booleans.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use service::Failure;

use crate::failure;

/// The members that an operation was given.
pub(crate) struct Input<'a>(pub &'a Map<String, Value>);

/// What a page has where nothing is said.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;

/// Documents travel encoded as in URLs.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

impl Input<'_> {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    pub fn required(&self, name: &str) -> Result<&str, Failure> {
        self.text(name).ok_or_else(|| {
            failure::invalid(format!(
                "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                lower_first(name)
            ))
        })
    }

    /// Returns a name: of a user, role, group or policy.
    pub fn name(&self, member: &str, length_max: usize) -> Result<&str, Failure> {
        let name = self.required(member)?;
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@-_".contains(&byte);
        if !name.bytes().all(letter) {
            return Err(failure::invalid(format!(
                "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
                lower_first(member)
            )));
        }
        if name.len() > length_max {
            return Err(failure::invalid(format!(
                "1 validation error detected: Value '{name}' at '{}' failed to satisfy constraint: Member must have length less than or equal to {length_max}",
                lower_first(member)
            )));
        }
        Ok(name)
    }

    pub fn path(&self) -> Result<String, Failure> {
        let path = self.text("Path").unwrap_or("/");
        let valid = path.starts_with('/')
            && path.ends_with('/')
            && path.len() <= 512
            && path.bytes().all(|byte| byte.is_ascii_graphic());
        valid.then(|| path.to_owned()).ok_or_else(|| {
            failure::invalid(
                "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.".to_owned(),
            )
        })
    }

    pub fn flag(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    pub fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) if number.as_u64().is_some() => Ok(number.as_u64()),
            Some(Value::String(text)) if let Ok(number) = text.parse() => Ok(Some(number)),
            Some(other) => Err(Failure::client(
                "MalformedInput",
                format!("{other} is no number for {name}"),
            )),
        }
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        let values = self.0.get(name).and_then(Value::as_array);
        let texts = values.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    /// Returns `Tags`.
    pub fn tags(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut tags: Vec<(String, String)> = Vec::new();
        let given = self.0.get("Tags").and_then(Value::as_array);
        for tag in given.into_iter().flatten() {
            let text = |name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default();
            let (key, value) = (text("Key"), text("Value"));
            if key.is_empty() || key.len() > 128 || value.len() > 256 {
                return Err(failure::invalid(format!(
                    "1 validation error detected: Value '{key}' at 'tags.1.member.key' failed to satisfy constraint: Member must have length between 1 and 128"
                )));
            }
            if tags
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(key))
            {
                let message =
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
                return Err(Failure::client("InvalidInput", message));
            }
            tags.push((key.to_owned(), value.to_owned()));
        }
        if tags.len() > 50 {
            return Err(failure::limit(
                "The number of tags has reached the maximum limit.".to_owned(),
            ));
        }
        Ok(tags)
    }

    /// Returns one page of `items`, which are in the order of their names, as the member `member`.
    pub fn page(&self, member: &str, items: Vec<(String, Value)>) -> Result<Value, Failure> {
        let size = self.number("MaxItems")?.map_or(PAGE, |size| size as usize);
        let size = size.clamp(1, PAGE_MAX);
        let behind = match self.text("Marker") {
            None => None,
            Some(marker) => {
                let name = URL_SAFE_NO_PAD.decode(marker).ok();
                let name = name.and_then(|bytes| String::from_utf8(bytes).ok());
                Some(name.ok_or_else(|| failure::invalid("Invalid Marker.".to_owned()))?)
            }
        };
        let mut rest = items
            .into_iter()
            .filter(|(name, _)| behind.as_ref().is_none_or(|behind| name > behind));
        let page: Vec<(String, Value)> = rest.by_ref().take(size).collect();
        let more = rest.next().is_some();
        let mut answer = json!({"IsTruncated": more});
        if more && let Some((last, _)) = page.last() {
            answer["Marker"] = URL_SAFE_NO_PAD.encode(last).into();
        }
        answer[member] = page.into_iter().map(|(_, value)| value).collect();
        Ok(answer)
    }
}

/// Returns tags as outputs have them.
pub(crate) fn tags_value(tags: &[(String, String)]) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

/// Returns a document as outputs have it.
pub(crate) fn encoded(document: &str) -> Value {
    utf8_percent_encode(document, ENCODED).to_string().into()
}

pub(crate) fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// Returns a moment as IAM writes it: in whole seconds.
pub(crate) fn moment(at: vocab::Timestamp) -> String {
    let whole = vocab::Timestamp::from_millis(at.as_millis().div_euclid(1_000) * 1_000);
    whole.to_string().replace(".000Z", "Z")
}

/// Draws a unique id.
pub(crate) fn draw_id(prefix: &str, length: usize) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let draw = || char::from(LETTERS[rand::random_range(0..LETTERS.len())]);
    let end = std::iter::repeat_with(draw).take(length);
    prefix.chars().chain(end).collect()
}
