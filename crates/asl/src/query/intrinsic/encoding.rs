//! Functions that encode: `States.Base64Encode`, `States.Base64Decode` and `States.Hash`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonpath::java_text;
use serde_json::Value;
use sha2::Digest;

use crate::query::intrinsic::{Outcome, Refusal, text};

/// Longest text that is encoded, decoded or hashed, in characters.
const CHARS_MAX: usize = 10_000;

pub(super) fn base64_encode(plain: &Value) -> Outcome {
    Ok(Value::String(STANDARD.encode(short(text(plain)?)?)))
}

/// `States.Base64Decode`. Nothing is malformed: what is not of the alphabet is passed over, a `=` ends
/// the text, and what the last characters lack is dropped (measured on AWS: `ab==cd` and
/// `!!!invalid!!!` are decoded).
pub(super) fn base64_decode(encoded: &Value) -> Outcome {
    let (mut bits, mut width) = (0u32, 0u32);
    let mut bytes = Vec::new();
    let characters = short(text(encoded)?)?.bytes().take_while(|c| *c != b'=');
    for value in characters.filter_map(value_of) {
        bits = (bits << 6) | u32::from(value);
        width += 6;
        if width >= 8 {
            width -= 8;
            bytes.push((bits >> width) as u8);
            bits &= (1 << width) - 1;
        }
    }
    Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The value of a character of either alphabet, the usual or the one for URLs.
fn value_of(character: u8) -> Option<u8> {
    Some(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// `States.Hash`: the digest in hexadecimal. What is not a text is hashed as Java prints it.
pub(super) fn hash(content: &Value, algorithm: &Value) -> Outcome {
    let printed;
    let content = match content {
        Value::String(text) => text.as_str(),
        other => {
            printed = java_text(other);
            &printed
        }
    };
    digest(short(content)?, text(algorithm)?)
        .map(Value::String)
        .map_err(|_| Refusal::Arguments)
}

/// Returns the digest of `content` in hexadecimal.
pub(crate) fn digest(content: &str, algorithm: &str) -> Result<String, String> {
    let bytes = content.as_bytes();
    Ok(match algorithm {
        "MD5" => hexadecimal(&md5::Md5::digest(bytes)),
        "SHA-1" => hexadecimal(&sha1::Sha1::digest(bytes)),
        "SHA-256" => hexadecimal(&sha2::Sha256::digest(bytes)),
        "SHA-384" => hexadecimal(&sha2::Sha384::digest(bytes)),
        "SHA-512" => hexadecimal(&sha2::Sha512::digest(bytes)),
        other => return Err(format!("there is no hash algorithm {other}")),
    })
}

fn short(text: &str) -> Result<&str, Refusal> {
    // A text has at least as many bytes as characters of UTF-16: most need no counting.
    if text.len() <= CHARS_MAX || text.encode_utf16().count() <= CHARS_MAX {
        Ok(text)
    } else {
        Err(Refusal::Arguments)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
