//! Functions that encode: `States.Base64Encode`, `States.Base64Decode` and `States.Hash`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::Digest;

use crate::query::intrinsic::{Outcome, text};

/// Longest text that is encoded, decoded or hashed, in characters.
const CHARS_MAX: usize = 10_000;

pub(super) fn base64_encode(plain: &Value) -> Outcome {
    Ok(Value::String(STANDARD.encode(short(text(plain)?)?)))
}

pub(super) fn base64_decode(encoded: &Value) -> Outcome {
    let bytes = STANDARD
        .decode(short(text(encoded)?)?)
        .map_err(|error| error.to_string())?;
    String::from_utf8(bytes)
        .map(Value::String)
        .map_err(|_| "the decoded bytes are not text".to_owned())
}

/// `States.Hash`: the digest in hexadecimal. What is not a text is hashed as JSON.
pub(super) fn hash(content: &Value, algorithm: &Value) -> Outcome {
    let json;
    let content = match content {
        Value::String(text) => text.as_str(),
        other => {
            json = other.to_string();
            &json
        }
    };
    digest(short(content)?, text(algorithm)?).map(Value::String)
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

fn short(text: &str) -> Result<&str, String> {
    // A text has at least as many bytes as characters: most need no counting.
    if text.len() <= CHARS_MAX || text.chars().count() <= CHARS_MAX {
        Ok(text)
    } else {
        Err(format!("the text is longer than {CHARS_MAX} characters"))
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
