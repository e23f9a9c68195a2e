//! The canonical form of a request: the text that both sides hash.

use std::borrow::Cow;
use std::fmt::Write as _;

use http::{HeaderMap, Method};

use super::{ALGORITHM, Scope, sha256_hex};

/// The parts of a request that a signature covers.
pub(super) struct Canonical<'a> {
    pub method: &'a Method,
    /// As on the wire, percent-encoded.
    pub path: &'a str,
    /// As on the wire, without `?`.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    /// Lower case, joined by `;`.
    pub signed_headers: &'a str,
    /// Hex, or the word that stands for it.
    pub payload_hash: &'a str,
    /// S3 encodes its path once and keeps every slash; all others encode twice and normalize.
    pub is_s3: bool,
}

impl Canonical<'_> {
    /// Returns the text that is signed.
    pub fn string_to_sign(&self, amz_date: &str, scope: &Scope<'_>) -> String {
        let Scope {
            date,
            region,
            service,
        } = scope;
        let hash = sha256_hex(self.text().as_bytes());
        format!("{ALGORITHM}\n{amz_date}\n{date}/{region}/{service}/aws4_request\n{hash}")
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(512);
        text.push_str(self.method.as_str());
        text.push('\n');
        self.write_path(&mut text);
        text.push('\n');
        write_query(&mut text, self.query);
        text.push('\n');
        for name in self.signed_headers.split(';') {
            text.push_str(name);
            text.push(':');
            self.write_values(&mut text, name);
            text.push('\n');
        }
        let _ = write!(text, "\n{}\n{}", self.signed_headers, self.payload_hash);
        text
    }

    fn write_path(&self, text: &mut String) {
        if self.is_s3 {
            text.push_str(if self.path.is_empty() { "/" } else { self.path });
            return;
        }
        let mut segments: Vec<&str> = Vec::new();
        for segment in self.path.split('/') {
            match segment {
                "" | "." => {}
                ".." => {
                    segments.pop();
                }
                segment => segments.push(segment),
            }
        }
        for segment in &segments {
            text.push('/');
            write_encoded(text, segment.as_bytes());
        }
        if segments.is_empty() || self.path.ends_with('/') {
            text.push('/');
        }
    }

    /// Writes all values of a header, joined by commas, with every run of spaces as one.
    fn write_values(&self, text: &mut String, name: &str) {
        for (index, value) in self.headers.get_all(name).iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            let value = String::from_utf8_lossy(value.as_bytes());
            for (index, word) in value.split_ascii_whitespace().enumerate() {
                if index > 0 {
                    text.push(' ');
                }
                text.push_str(word);
            }
        }
    }
}

/// Writes the query's pairs, encoded anew and sorted, without the signature itself.
fn write_query(text: &mut String, query: &str) {
    if query.is_empty() {
        return;
    }
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let encoded = (encoded_anew(name), encoded_anew(value));
        if encoded.0 != "X-Amz-Signature" {
            pairs.push(encoded);
        }
    }
    pairs.sort();
    for (index, (name, value)) in pairs.iter().enumerate() {
        let and = if index == 0 { "" } else { "&" };
        let _ = write!(text, "{and}{name}={value}");
    }
}

fn encoded_anew(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    write_encoded(&mut text, &percent_decoded(part));
    text
}

/// Returns the bytes that `text` stands for; a `%` that begins no escape stands for itself.
pub fn percent_decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let escape = bytes.get(at + 1..at + 3).filter(|_| byte == b'%');
        let mut value = [0];
        if escape.is_some_and(|digits| hex::decode_to_slice(digits, &mut value).is_ok()) {
            decoded.push(value[0]);
            at += 3;
        } else {
            decoded.push(byte);
            at += 1;
        }
    }
    Cow::Owned(decoded)
}

/// Writes `bytes` with all but the unreserved characters of RFC 3986 escaped.
pub(super) fn write_encoded(text: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}
