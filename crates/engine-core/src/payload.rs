//! A JSON value as its text, parsed at most once; and shared text.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use minicbor::decode::{Decode, Decoder};
use minicbor::encode::{Encode, Encoder, Write};
use serde_json::Value;

/// Most levels of objects and arrays inside each other. A JSON parser that recurses gives up at 128, and
/// what is stored must be readable.
pub(crate) const NESTING_MAX: usize = 120;

/// An input, output or result. The text is the truth: what passes through unchanged keeps its spaces
/// and its number forms, and what is never looked into is never parsed.
///
/// Made from text that was checked to be JSON, or from a [`Value`].
#[derive(Clone)]
pub struct Payload(Arc<Inner>);

struct Inner {
    text: Box<str>,
    value: OnceLock<Value>,
}

impl Payload {
    /// Returns the payload of `text`, or what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let value: Value = serde_json::from_str(text)?;
        Ok(Self(Arc::new(Inner {
            text: text.into(),
            value: OnceLock::from(value),
        })))
    }

    /// Returns the payload of text that is known to be JSON: it was checked before it was stored.
    pub(crate) fn trusted(text: &str) -> Self {
        Self(Arc::new(Inner {
            text: text.into(),
            value: OnceLock::new(),
        }))
    }

    /// Returns the payload with the compact text of `value`.
    pub fn from_value(value: Value) -> Self {
        let text = value.to_string().into_boxed_str();
        Self(Arc::new(Inner {
            text,
            value: OnceLock::from(value),
        }))
    }

    /// Returns `{}`.
    pub fn empty_object() -> Self {
        Self::trusted("{}")
    }

    /// Returns the JSON text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns the value; parses on first use.
    pub fn value(&self) -> &Value {
        self.0
            .value
            .get_or_init(|| serde_json::from_str(&self.0.text).unwrap_or(Value::Null))
    }

    /// Returns the length of the text in bytes of UTF-8, which is what the service limits.
    pub fn len(&self) -> usize {
        self.0.text.len()
    }

    /// Says whether objects and arrays are inside each other more than `levels` times.
    pub(crate) fn nests_deeper_than(&self, levels: usize) -> bool {
        let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
        for byte in self.0.text.bytes() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = in_text,
                b'"' => in_text = !in_text,
                b'{' | b'[' if !in_text => {
                    depth += 1;
                    if depth > levels {
                        return true;
                    }
                }
                b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        false
    }

    /// Always false: the shortest JSON text has one character.
    pub fn is_empty(&self) -> bool {
        false
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl<C> Encode<C> for Payload {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0.text)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Payload {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(Self::trusted(d.str()?))
    }
}

/// A short text that is shared rather than copied: a name, an error, an ARN.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for Text {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<C> Encode<C> for Text {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Text {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(Self(Arc::from(d.str()?)))
    }
}
