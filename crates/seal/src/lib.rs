//! Text that only this server reads again.
//!
//! What callers want kept secret is sealed before it is stored (XChaCha20-Poly1305, a fresh nonce each
//! time), under a key that is derived from the server's master key for one purpose, and bound to what it
//! belongs to: a sealed text that is moved elsewhere does not open.

#![forbid(unsafe_code)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

const NONCE_BYTES: usize = 24;

/// Seals and opens.
#[derive(Clone)]
pub struct Seal(XChaCha20Poly1305);

/// A text that was not sealed by this server, or not for this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(***)")
    }
}

impl Seal {
    /// Returns the seal for `purpose` under the server's master key.
    pub fn new(master: &[u8], purpose: &str) -> Self {
        let mut derived =
            <Hmac<Sha256> as Mac>::new_from_slice(master).expect("HMAC takes keys of every length");
        derived.update(purpose.as_bytes());
        let key: [u8; 32] = derived.finalize().into_bytes().into();
        Self(XChaCha20Poly1305::new(Key::from_slice(&key)))
    }

    /// Seals `text`, which belongs to `owner`.
    pub fn seal(&self, text: &[u8], owner: &str) -> String {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload {
            msg: text,
            aad: owner.as_bytes(),
        };
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), payload);
        let sealed = sealed.expect("no text is as long as the cipher's limit");
        STANDARD.encode([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for `owner`.
    ///
    /// # Errors
    /// When it was not.
    pub fn open(&self, sealed: &str, owner: &str) -> Result<Vec<u8>, Broken> {
        let bytes = STANDARD.decode(sealed).map_err(|_| Broken)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(Broken)?;
        let payload = Payload {
            msg: sealed,
            aad: owner.as_bytes(),
        };
        let opened = self.0.decrypt(XNonce::from_slice(nonce), payload);
        opened.map_err(|_| Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_opens() {
        let seal = Seal::new(b"master", "secrets");
        let sealed = seal.seal(b"hush", "a");
        assert!(!sealed.contains("hush"));
        assert_eq!(seal.open(&sealed, "a").as_deref(), Ok(&b"hush"[..]));
        assert_eq!(seal.open(&sealed, "b"), Err(Broken));
        assert_eq!(
            Seal::new(b"master", "other").open(&sealed, "a"),
            Err(Broken)
        );
        assert_eq!(seal.open("x", "a"), Err(Broken));
        assert_ne!(seal.seal(b"hush", "a"), sealed);
    }
}
