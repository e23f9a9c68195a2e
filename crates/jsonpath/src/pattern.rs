//! The patterns of filters: `[?(@.name =~ /re.*/i)]`. A pattern matches the whole text, as Java's
//! `matches` asks; classes such as `\w` and case mean ASCII, as Java means them.

use regex_lite::{Regex, RegexBuilder};
use serde_json::Value;

use crate::error::ParseError;
use crate::java::java_text;
use crate::parse::Reader;

/// How much a compiled pattern may take, and how deep its groups may nest.
const BYTES_MAX: usize = 1 << 16;
const NESTING_MAX: u32 = 32;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    regex: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    /// Reads `/pattern/flags`.
    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.expect("/")?;
        let mut pattern = String::new();
        loop {
            match reader.advance() {
                Some('/') => break,
                Some('\\') if reader.take("/") => pattern.push('/'),
                Some('\\') => {
                    pattern.push('\\');
                    pattern.extend(reader.advance());
                }
                Some(other) => pattern.push(other),
                None => return Err(reader.error("the pattern does not end")),
            }
        }
        let flags = reader.take_while(|c| c.is_ascii_alphabetic());
        let regex = RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
            .case_insensitive(flags.contains('i'))
            .ignore_whitespace(flags.contains('x'))
            .multi_line(flags.contains('m'))
            .dot_matches_new_line(flags.contains('s'))
            .size_limit(BYTES_MAX)
            .nest_limit(NESTING_MAX)
            .build();
        match regex {
            Ok(regex) if flags.chars().all(|flag| "dixmsuU".contains(flag)) => Ok(Self {
                text: format!("{pattern}/{flags}"),
                regex,
            }),
            Ok(_) => Err(reader.error("an unknown flag after a pattern")),
            Err(error) => Err(reader.error(&format!("the pattern cannot be used: {error}"))),
        }
    }

    /// Says whether the pattern matches a value, or one of a list; what is no text, number or boolean
    /// counts as empty.
    pub(crate) fn matches(&self, value: Option<&Value>) -> bool {
        match value {
            Some(Value::Array(items)) => items.iter().any(|item| self.matches_scalar(item)),
            Some(scalar) => self.matches_scalar(scalar),
            None => self.regex.is_match(""),
        }
    }

    fn matches_scalar(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.regex.is_match(text),
            Value::Number(_) | Value::Bool(_) => self.regex.is_match(&java_text(value)),
            Value::Null | Value::Array(_) | Value::Object(_) => self.regex.is_match(""),
        }
    }
}
