//! The outline of JSON, by a scanner that knows strings and brackets and trusts the rest.

use super::{Builder, Content, Entries, Outline};

pub(super) fn outline(text: &str) -> Outline {
    let bytes = text.as_bytes();
    let mut builder = Builder::default();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' => {}
            b'{' => builder.begin(start, Content::Mapping(Entries::default())),
            b'[' => builder.begin(start, Content::Sequence(Vec::new())),
            b'}' | b']' => builder.end(at),
            b'"' => {
                at = end_of_string(bytes, at);
                if builder.expects_key() {
                    let name = serde_json::from_str(&text[start..at]).unwrap_or_default();
                    builder.key(name, start..at);
                } else {
                    builder.scalar(start..at);
                }
            }
            _ => {
                let is_end = |byte: &u8| b" \t\r\n,:{}[]\"".contains(byte);
                let length = bytes[at..].iter().position(is_end);
                at = length.map_or(bytes.len(), |length| at + length);
                builder.scalar(start..at);
            }
        }
    }
    builder.finish(bytes.len())
}

/// Returns the place behind the closing quote of the string whose opening quote is before `at`.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}
