//! Signature Version 4: what a request claims, whether the claim holds, and how to make one.
//!
//! [`Claim::read`] needs only the head of a request, so that an unknown key is refused before a body
//! is read; [`Claim::verify`] needs the body and the signing key. Deliberately absent: which keys
//! exist, and a clock.

mod canonical;
mod claim;
mod error;
mod sign;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use vocab::Timestamp;

pub use canonical::percent_decoded;
pub(crate) use claim::header;
pub use claim::{Claim, Scope};
pub use error::SignatureError;
pub use sign::{Signer, presign, sign};

/// How far a signature's time may lie from ours.
pub const SKEW_SECONDS_MAX: u64 = 15 * 60;

/// Longest life of a presigned URL: seven days.
pub const PRESIGNED_SECONDS_MAX: u64 = 604_800;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";

/// A key derived from a secret for one day, region and service. Deriving costs four HMACs: keep it.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// Derives the key of `secret_access_key` for `date` (`YYYYMMDD`), `region` and `service`.
    pub fn derive(secret_access_key: &str, date: &str, region: &str, service: &str) -> Self {
        let first = [b"AWS4", secret_access_key.as_bytes()].concat();
        let date = hmac(&first, date.as_bytes());
        let region = hmac(&date, region.as_bytes());
        let service = hmac(&region, service.as_bytes());
        Self(hmac(&service, TERMINATOR.as_bytes()))
    }

    fn sign(&self, text: &str) -> [u8; 32] {
        hmac(&self.0, text.as_bytes())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Returns `moment` as signatures write it: `20160314T015900Z`.
pub fn amz_date(moment: Timestamp) -> String {
    let mut text = moment.to_string();
    // `2016-03-14T01:59:00.000Z` without punctuation and milliseconds.
    text.truncate(19);
    text.retain(|c| c != '-' && c != ':');
    text.push('Z');
    text
}

/// Parses `20160314T015900Z`.
fn parse_amz_date(text: &str) -> Option<Timestamp> {
    let digits = |from: usize, to: usize| {
        text.get(from..to)
            .filter(|part| part.bytes().all(|b| b.is_ascii_digit()))
    };
    if text.len() != 16 || text.as_bytes()[8] != b'T' || text.as_bytes()[15] != b'Z' {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(4, 6)?, digits(6, 8)?);
    let (hour, minute, second) = (digits(9, 11)?, digits(11, 13)?, digits(13, 15)?);
    Timestamp::parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        for (text, millis) in [
            ("20160314T015900Z", Some(1_457_920_740_000)),
            ("20161314T015900Z", None),
        ] {
            let parsed = parse_amz_date(text);
            assert_eq!(parsed.map(Timestamp::as_millis), millis, "{text}");
            assert!(parsed.is_none_or(|moment| amz_date(moment) == text));
        }
        for bad in [
            "",
            "20160314T015900",
            "2016031éT15900Z",
            "20160314t015900Z",
            "20160314T01590éZ",
        ] {
            assert_eq!(parse_amz_date(bad), None, "{bad}");
        }
    }

    /// The example of AWS's documentation ("Deriving a signing key").
    #[test]
    fn derives_the_documented_key() {
        let key = SigningKey::derive(
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "20150830",
            "us-east-1",
            "iam",
        );
        assert_eq!(
            hex::encode(key.0),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }
}
