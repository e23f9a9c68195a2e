//! Page tokens: where a listing goes on, sealed so that a token works only for the listing it came from.
//!
//! A token holds its cursor and the moment it ends, and an HMAC of both and of the call's other
//! arguments. Nothing is kept for it: a page is read from its cursor on, whatever its depth.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use service::Failure;
use sha2::Sha256;
use vocab::Timestamp;

/// The first byte of every token of this form.
const VERSION: u8 = 1;
/// How long a token works (API model: "Each pagination token expires after 24 hours").
const LIFE_SECONDS: u64 = 86_400;
/// Version and end.
const HEAD_BYTES: usize = 1 + 8;
/// Of the 32 bytes of the MAC, these many are kept: 128 bits.
const MAC_BYTES: usize = 16;
/// What keeps the key of page tokens apart from that of task tokens.
const PURPOSE: &[u8] = b"stepd page token";

/// How many results a page has when the caller does not say, or says 0 (`PageSize` of the API model).
const PAGE_RESULTS_DEFAULT: usize = 100;

/// Returns how many results a page may have. The model has checked that there are at most 1,000.
pub(crate) fn size(max_results: Option<i64>) -> usize {
    match max_results {
        None | Some(0) => PAGE_RESULTS_DEFAULT,
        Some(asked) => usize::try_from(asked).unwrap_or(PAGE_RESULTS_DEFAULT),
    }
}

/// Seals and opens page tokens.
#[derive(Clone)]
pub(crate) struct PageSealer {
    mac: Hmac<Sha256>,
}

impl PageSealer {
    /// Returns the sealer that belongs to the server's token key.
    pub(crate) fn new(token_key: &[u8; 32]) -> Self {
        let derived = keyed(token_key).chain_update(PURPOSE).finalize().into_bytes();
        Self { mac: keyed(&derived) }
    }

    /// Returns the token that goes on at `cursor` in the listing that `arguments` ask for.
    pub(crate) fn seal(&self, arguments: &[&str], cursor: &[u8], now: Timestamp) -> String {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + cursor.len() + MAC_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&now.plus_seconds(LIFE_SECONDS).as_millis().to_be_bytes());
        bytes.extend_from_slice(cursor);
        let mac = self.over(arguments, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns the cursor of `token`, or `InvalidToken` when it is not ours, is of another listing, or
    /// has ended.
    pub(crate) fn open(
        &self,
        arguments: &[&str],
        token: &str,
        now: Timestamp,
    ) -> Result<Vec<u8>, Failure> {
        self.cursor(arguments, token, now).ok_or_else(crate::api::failure::invalid_token)
    }

    fn cursor(&self, arguments: &[&str], token: &str, now: Timestamp) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        self.over(arguments, body).verify_truncated_left(mac).ok()?;
        let (version, rest) = body.split_first()?;
        let (ends_at, cursor) = rest.split_first_chunk()?;
        let ends_at = Timestamp::from_millis(i64::from_be_bytes(*ends_at));
        (*version == VERSION && now < ends_at).then(|| cursor.to_vec())
    }

    /// The MAC over `arguments`, each with its length so that none runs into the next, and `body`.
    fn over(&self, arguments: &[&str], body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        for argument in arguments {
            mac.update(&(argument.len() as u64).to_be_bytes());
            mac.update(argument.as_bytes());
        }
        mac.update(&u64::MAX.to_be_bytes());
        mac.update(body);
        mac
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_its_own_listing_and_only_for_a_day() {
        let sealer = PageSealer::new(&[3; 32]);
        let now = Timestamp::from_millis(1_700_000_000_000);
        let token = sealer.seal(&["ListExecutions", "arn", ""], b"cursor", now);
        let open = |arguments: &[&str], token: &str, at| sealer.cursor(arguments, token, at);
        let here = ["ListExecutions", "arn", ""];
        assert_eq!(open(&here, &token, now).as_deref(), Some(&b"cursor"[..]));
        let almost = now.plus_seconds(LIFE_SECONDS).plus_millis(-1);
        assert!(open(&here, &token, almost).is_some());
        assert_eq!(open(&here, &token, almost.plus_millis(1)), None, "after a day");
        for other in [
            &["ListExecutions", "arn2", ""][..],
            &["ListExecutions", "ar", "n"][..],
            &["ListExecutions", "arn"][..],
            &["ListStateMachines", "arn", ""][..],
        ] {
            assert_eq!(open(other, &token, now), None, "{other:?}");
        }
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("ASCII");
            assert_eq!(open(&here, &forged, now), None, "changed at {at}");
        }
        for garbage in ["", "A", "no token", "====", &"A".repeat(1024)] {
            assert_eq!(open(&here, garbage, now), None, "{garbage}");
        }
        assert_eq!(PageSealer::new(&[4; 32]).cursor(&here, &token, now), None, "another server's");
    }
}
