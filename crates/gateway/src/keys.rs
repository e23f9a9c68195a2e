//! Access keys: the root key, users' keys, and temporary keys that need no memory.
//!
//! A temporary key's secret is derived from its id, and its session token is the session itself under
//! a seal, so that a key which was handed out before a restart is good after it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_wire::sigv4::{Claim, SignatureError, SigningKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use parking_lot::RwLock;
use service::{Authority, Principal, TemporaryCredentials};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use vocab::Timestamp;

/// Most derived keys that are kept; a key is one sender, day and service.
const DERIVED_MAX: usize = 4_096;

const SEAL_BYTES: usize = 32;

/// Stands where the length of a role would, in front of a session that is no role's or is held to less.
const AT_LENGTH: u32 = u32::MAX;

/// The letters of access key ids (RFC 4648 base32).
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secrets of a server.
#[derive(Clone)]
pub struct Keys {
    /// The account owner's access key: id and secret.
    pub root: (Arc<str>, Arc<str>),
    /// What temporary keys are derived and sealed with. Whoever has it can be anybody.
    pub master: [u8; 32],
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys(root {}, ***)", self.root.0)
    }
}

/// The access key that a request was signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderKey {
    /// Its id.
    pub id: Arc<str>,
    /// When it ends by itself; `None` if it does not.
    pub ends_at: Option<Timestamp>,
}

/// The keys with what is derived from them.
pub(crate) struct KeyRing {
    master: [u8; 32],
    /// Changes when the owner takes another key.
    root: RwLock<(Arc<str>, Arc<str>)>,
    account: Arc<str>,
    /// Deriving a signing key costs four HMACs, so it is done once.
    derived: RwLock<HashMap<String, SigningKey>>,
    /// Knows whose the keys of users are.
    pub(crate) authority: OnceLock<Arc<dyn Authority>>,
}

/// A sender whose key is known; the signature is still to be verified.
pub(crate) struct Sender {
    pub principal: Principal,
    pub key: SenderKey,
    secret: Secret,
}

enum Secret {
    Root(Arc<str>),
    /// Derived only when no signing key is kept.
    OfUser,
    /// Likewise.
    OfTemporary,
}

impl KeyRing {
    pub fn new(keys: Keys, account: Arc<str>) -> Self {
        Self {
            master: keys.master,
            root: RwLock::new(keys.root),
            account,
            derived: RwLock::new(HashMap::new()),
            authority: OnceLock::new(),
        }
    }

    /// Has the owner sign with another key from now on, and with the one before no more.
    pub fn replace_root(&self, id: Arc<str>, secret: Arc<str>) {
        *self.root.write() = (id, secret);
        self.derived.write().clear();
    }

    /// Returns who holds the claimed key.
    pub fn sender(&self, claim: &Claim<'_>, now: Timestamp) -> Result<Sender, SignatureError> {
        self.holder(&claim.access_key_id, claim.session_token.as_deref(), now)
    }

    /// Returns who holds the key `id`, which is temporary if there is a token with it.
    pub fn holder(
        &self,
        id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Sender, SignatureError> {
        let (root, secret) = self.root.read().clone();
        match session_token {
            None if id == &*root => {
                let principal = Principal::Root {
                    account: Arc::clone(&self.account),
                };
                Ok(Sender {
                    principal,
                    key: SenderKey {
                        id: root,
                        ends_at: None,
                    },
                    secret: Secret::Root(secret),
                })
            }
            None => {
                let holder = self.authority.get().and_then(|known| known.key_holder(id));
                let holder = holder.filter(|holder| holder.active);
                let holder = holder.ok_or(SignatureError::UnknownKey)?;
                Ok(Sender {
                    principal: holder.principal,
                    key: SenderKey {
                        id: id.into(),
                        ends_at: None,
                    },
                    secret: Secret::OfUser,
                })
            }
            Some(token) => {
                let (principal, expires_at) =
                    self.unseal(id, token).ok_or(SignatureError::UnknownKey)?;
                if expires_at <= now {
                    return Err(SignatureError::ExpiredToken);
                }
                Ok(Sender {
                    principal,
                    key: SenderKey {
                        id: id.into(),
                        ends_at: Some(expires_at),
                    },
                    secret: Secret::OfTemporary,
                })
            }
        }
    }

    /// Says whether the key `id`, which ends not by itself, is one that requests may be signed with.
    pub fn has(&self, id: &str) -> bool {
        let user = || self.authority.get()?.key_holder(id);
        id == &*self.root.read().0 || user().is_some_and(|holder| holder.active)
    }

    /// Returns the secret that the sender's keys are derived from.
    pub fn secret(&self, sender: &Sender, id: &str) -> String {
        match sender.secret {
            Secret::Root(ref secret) => secret.to_string(),
            Secret::OfUser => self.user_secret(id),
            Secret::OfTemporary => self.temporary_secret(id),
        }
    }

    /// Returns the key that the sender signs with in the claim's scope.
    pub fn signing_key(&self, sender: &Sender, claim: &Claim<'_>) -> SigningKey {
        let (id, scope) = (&claim.access_key_id, &claim.scope);
        let name = format!("{id}/{}/{}/{}", scope.date, scope.region, scope.service);
        if let Some(key) = self.derived.read().get(&name) {
            return key.clone();
        }
        let secret = self.secret(sender, id);
        let key = SigningKey::derive(&secret, &scope.date, &scope.region, &scope.service);
        let mut derived = self.derived.write();
        if derived.len() >= DERIVED_MAX {
            derived.clear();
        }
        derived.insert(name, key.clone());
        key
    }

    pub fn issue(&self, principal: &Principal, expires_at: Timestamp) -> TemporaryCredentials {
        let letters =
            rand::random::<[u8; 16]>().map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
        let access_key_id: String = "ASIA".chars().chain(letters).collect();
        TemporaryCredentials {
            secret_access_key: self.temporary_secret(&access_key_id),
            session_token: self.seal(&access_key_id, principal, expires_at),
            access_key_id,
            expires_at,
        }
    }

    /// Returns forty characters, as AWS's secrets have.
    fn temporary_secret(&self, access_key_id: &str) -> String {
        STANDARD_NO_PAD.encode(&self.mac("secret", access_key_id, b"")[..30])
    }

    /// Returns the secret of a user's key, likewise.
    pub fn user_secret(&self, access_key_id: &str) -> String {
        STANDARD_NO_PAD.encode(&self.mac("user secret", access_key_id, b"")[..30])
    }

    /// Returns seal, expiry and whose session it is, as text without padding. A role's is written short:
    /// the length of its ARN, the ARN and the session's name.
    fn seal(&self, access_key_id: &str, principal: &Principal, expires_at: Timestamp) -> String {
        let mut session = Vec::with_capacity(256);
        session.extend(expires_at.as_millis().to_be_bytes());
        match principal {
            Principal::Role {
                role_arn,
                session_name,
            } => {
                session.extend((role_arn.len() as u32).to_be_bytes());
                session.extend(role_arn.as_bytes());
                session.extend(session_name.as_bytes());
            }
            other => {
                session.extend(AT_LENGTH.to_be_bytes());
                let written = serde_json::to_vec(other);
                session.extend(written.expect("a principal is texts and numbers"));
            }
        }
        let mut sealed = self.mac("session", access_key_id, &session).to_vec();
        sealed.extend(session);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Returns what [`Self::seal`] sealed for this key; `None` for all that it did not seal.
    fn unseal(&self, access_key_id: &str, token: &str) -> Option<(Principal, Timestamp)> {
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (seal, session) = sealed.split_at_checked(SEAL_BYTES)?;
        if !bool::from(self.mac("session", access_key_id, session).ct_eq(seal)) {
            return None;
        }
        let (expires_at, rest) = session.split_first_chunk::<8>()?;
        let (role_bytes, rest) = rest.split_first_chunk::<4>()?;
        let expires_at = Timestamp::from_millis(i64::from_be_bytes(*expires_at));
        let role_bytes = u32::from_be_bytes(*role_bytes);
        if role_bytes == AT_LENGTH {
            return Some((serde_json::from_slice(rest).ok()?, expires_at));
        }
        let (role, name) = rest.split_at_checked(role_bytes as usize)?;
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(Arc::from);
        let principal = Principal::Role {
            role_arn: text(role)?,
            session_name: text(name)?,
        };
        Some((principal, expires_at))
    }

    /// The purpose and the length keep the inputs of different seals apart.
    fn mac(&self, purpose: &str, access_key_id: &str, rest: &[u8]) -> [u8; SEAL_BYTES] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.master).expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(&(access_key_id.len() as u64).to_be_bytes());
        mac.update(access_key_id.as_bytes());
        mac.update(rest);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> KeyRing {
        KeyRing::new(
            Keys {
                root: ("AKIDROOT".into(), "secret".into()),
                master: [7; 32],
            },
            "000000000000".into(),
        )
    }

    #[test]
    fn a_sealed_session_opens_only_whole_and_for_its_key() {
        let (ring, role) = (ring(), "arn:aws:iam::000000000000:role/service-role/name");
        let of = |role: &str, name: &str| Principal::Role {
            role_arn: role.into(),
            session_name: name.into(),
        };
        let principal = of(role, "session");
        let made = ring.issue(&principal, Timestamp::from_millis(5));
        let limited = Principal::Limited(Arc::new(service::Limited {
            of: principal.clone(),
            federated_as: None,
            policies: vec!["{}".to_owned()],
            policy_arns: Vec::new(),
            began_at_millis: 1,
        }));
        let other = ring.issue(&limited, Timestamp::from_millis(6));
        assert_eq!(
            ring.unseal(&other.access_key_id, &other.session_token),
            Some((limited, Timestamp::from_millis(6)))
        );
        let opened = (principal, Timestamp::from_millis(5));
        assert_eq!(
            ring.unseal(&made.access_key_id, &made.session_token),
            Some(opened)
        );
        assert_eq!(
            (made.access_key_id.len(), made.secret_access_key.len()),
            (20, 40)
        );
        assert_eq!(ring.unseal("ASIAOTHER", &made.session_token), None);
        for at in 0..made.session_token.len() {
            let mut token = made.session_token.clone().into_bytes();
            token[at] = if token[at] == b'A' { b'B' } else { b'A' };
            let token = String::from_utf8(token).expect("still ASCII");
            assert_eq!(ring.unseal(&made.access_key_id, &token), None, "byte {at}");
        }
        for bad in ["", "A", "not base64!", &made.session_token[..40]] {
            assert_eq!(ring.unseal(&made.access_key_id, bad), None, "{bad}");
        }
        let longest = format!("arn:aws:iam::000000000000:role/{}", "p".repeat(512 + 64));
        let token = ring
            .issue(&of(&longest, &"s".repeat(64)), Timestamp::from_millis(5))
            .session_token;
        assert!(token.len() <= 1_024, "{}", token.len());
    }

    #[test]
    fn secrets_are_not_printed() {
        let ring = ring();
        let root = Principal::Root {
            account: "000000000000".into(),
        };
        let made = ring.issue(&root, Timestamp::from_millis(5));
        let keys = Keys {
            root: ring.root.read().clone(),
            master: ring.master,
        };
        let text = format!("{keys:?} {made:?}");
        assert!(
            !text.contains("secret") && !text.contains(&made.secret_access_key),
            "{text}"
        );
    }
}
