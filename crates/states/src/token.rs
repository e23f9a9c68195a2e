//! Task tokens: which task an answer is for, sealed so that nobody can make one up.
//!
//! A token is the place of the task (partition, execution, task) and an HMAC-SHA256 of it under the
//! server's key, in URL-safe base64 without padding: it can stand in a link, and it is the same each
//! time it is sealed, so nothing needs to be kept for it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine_core::{EventId, SealToken, TaskId};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::rows::ExecutionRef;

/// The first byte of every token of this form.
const VERSION: u8 = 1;
/// Version, partition, number, task.
const BODY_BYTES: usize = 1 + 2 + 8 + 8;
/// Of the 32 bytes of the MAC, these many are kept: 128 bits.
const MAC_BYTES: usize = 16;

/// Seals and opens task tokens.
#[derive(Clone)]
pub struct TokenSealer {
    mac: Hmac<Sha256>,
}

/// Why a token names no task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token, or not one of this server's.
    #[error("the token was not made by this server")]
    Invalid,
}

impl TokenSealer {
    /// Returns the sealer that belongs to `key`.
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            mac: Hmac::new_from_slice(key).expect("HMAC takes keys of any length"),
        }
    }

    /// Returns the token of `task` of `execution`.
    pub fn seal(&self, execution: ExecutionRef, task: TaskId) -> String {
        let mut bytes = [0; BODY_BYTES + MAC_BYTES];
        bytes[0] = VERSION;
        bytes[1..3].copy_from_slice(&execution.partition.to_be_bytes());
        bytes[3..11].copy_from_slice(&execution.number.to_be_bytes());
        bytes[11..BODY_BYTES].copy_from_slice(&task.0.0.to_be_bytes());
        let mac = self
            .mac
            .clone()
            .chain_update(&bytes[..BODY_BYTES])
            .finalize()
            .into_bytes();
        bytes[BODY_BYTES..].copy_from_slice(&mac[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns the task that `token` is for. The comparison takes the same time wherever it fails.
    pub fn open(&self, token: &str) -> Result<(ExecutionRef, TaskId), TokenError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(token)
            .map_err(|_| TokenError::Invalid)?;
        let (body, mac) = bytes
            .split_at_checked(BODY_BYTES)
            .ok_or(TokenError::Invalid)?;
        if mac.len() != MAC_BYTES || body[0] != VERSION {
            return Err(TokenError::Invalid);
        }
        let sealed = self.mac.clone().chain_update(body);
        sealed
            .verify_truncated_left(mac)
            .map_err(|_| TokenError::Invalid)?;
        let number =
            |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("eight bytes of the body"));
        let execution = ExecutionRef {
            partition: u16::from_be_bytes([body[1], body[2]]),
            number: number(&body[3..11]),
        };
        Ok((execution, TaskId(EventId(number(&body[11..])))))
    }
}

/// A sealer that knows its execution: what the engine is given.
pub(crate) struct SealerOf<'a> {
    pub sealer: &'a TokenSealer,
    pub execution: ExecutionRef,
}

impl SealToken for SealerOf<'_> {
    fn seal(&self, task: TaskId) -> String {
        self.sealer.seal(self.execution, task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_what_it_sealed() {
        let sealer = TokenSealer::new(&[7; 32]);
        let execution = ExecutionRef {
            partition: 9,
            number: 1234,
        };
        let task = TaskId(EventId(77));
        let token = sealer.seal(execution, task);
        assert_eq!(sealer.open(&token), Ok((execution, task)));
        assert!(token.len() <= 1024, "a token has at most 1,024 characters");
        assert_eq!(
            TokenSealer::new(&[8; 32]).open(&token),
            Err(TokenError::Invalid),
            "another server's"
        );
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("ASCII");
            assert_eq!(
                sealer.open(&forged),
                Err(TokenError::Invalid),
                "changed at {at}"
            );
        }
        for garbage in ["", "A", "not a token", "AQ", &"A".repeat(2048)] {
            assert_eq!(sealer.open(garbage), Err(TokenError::Invalid), "{garbage}");
        }
    }
}
