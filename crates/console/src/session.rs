//! Who is signed in: links that work once, and sessions that need no memory.
//!
//! A link's token is kept (as a hash) until it is used or ten minutes are over. A session is sealed
//! into its cookie, so that a page which is left open goes on after a restart.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use http::header::COOKIE;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use service::Principal;
use sha2::{Digest, Sha256};
use vocab::Timestamp;

/// How long a link works.
pub(crate) const LINK_SECONDS: u64 = 600;
/// How long the account's owner stays signed in.
const OWNER_SECONDS: u64 = 12 * 3_600;
/// How long a role does: no longer than its keys mostly live.
const ROLE_SECONDS: u64 = 3_600;
/// Most links that wait to be used; the oldest give way.
const LINKS_MAX: usize = 1_000;

const SEAL_BYTES: usize = 32;

/// Hands out links and sessions, and knows them again.
pub(crate) struct Sessions {
    key: [u8; 32],
    links: Mutex<HashMap<[u8; 32], Link>>,
    /// Sessions that were signed out and have not ended by themselves yet.
    ended: Mutex<HashMap<[u8; 16], Timestamp>>,
}

struct Link {
    signer: Signer,
    expires_at: Timestamp,
}

/// Who asks for a link, and the key that they sign with: what begins with the link ends with the key.
#[derive(Clone, Debug)]
pub struct Signer {
    /// Who it is.
    pub principal: Principal,
    /// The key's id.
    pub key_id: Arc<str>,
    /// When the key ends by itself; `None` if somebody has to take it away.
    pub key_ends_at: Option<Timestamp>,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub principal: Principal,
    pub expires_at: Timestamp,
    /// The key that it ends with, where that does not end by itself.
    pub key_id: Option<Arc<str>>,
    id: [u8; 16],
}

/// What is sealed of a session, beside its end and its id.
#[derive(Serialize, Deserialize)]
struct SealedSession {
    who: Sealed,
    key: Option<Arc<str>>,
}

/// Who, as it is sealed.
#[derive(Serialize, Deserialize)]
pub(crate) enum Sealed {
    Root(String),
    Role(String, String),
    Other(Principal),
}

impl From<&Principal> for Sealed {
    fn from(principal: &Principal) -> Self {
        match principal {
            Principal::Root { account } => Self::Root(account.to_string()),
            Principal::Role {
                role_arn,
                session_name,
            } => Self::Role(role_arn.to_string(), session_name.to_string()),
            other => Self::Other(other.clone()),
        }
    }
}

impl From<Sealed> for Principal {
    fn from(sealed: Sealed) -> Self {
        match sealed {
            Sealed::Root(account) => Self::Root {
                account: Arc::from(account),
            },
            Sealed::Role(role_arn, session_name) => Self::Role {
                role_arn: Arc::from(role_arn),
                session_name: Arc::from(session_name),
            },
            Sealed::Other(other) => other,
        }
    }
}

impl Sessions {
    pub fn new(master: &[u8; 32]) -> Self {
        // A key of its own, so that no seal of another kind opens here.
        let key = Sha256::new()
            .chain_update(b"stepd console sessions")
            .chain_update(master)
            .finalize();
        Self {
            key: key.into(),
            links: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    /// Returns a token that signs `signer` in once.
    pub fn link(&self, signer: Signer, now: Timestamp) -> String {
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let mut links = self.links.lock();
        links.retain(|_, link| link.expires_at > now);
        if links.len() >= LINKS_MAX {
            let oldest = links.iter().min_by_key(|(_, link)| link.expires_at);
            if let Some(oldest) = oldest.map(|(hash, _)| *hash) {
                links.remove(&oldest);
            }
        }
        let link = Link {
            signer,
            expires_at: now.plus_seconds(LINK_SECONDS),
        };
        links.insert(Sha256::digest(&token).into(), link);
        token
    }

    /// Takes a link's token; it is of no use afterwards.
    pub fn redeem(&self, token: &str, now: Timestamp) -> Option<Session> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let link = self.links.lock().remove(&hash)?;
        if link.expires_at <= now {
            return None;
        }
        let signer = link.signer;
        let seconds = match &signer.principal {
            Principal::Root { .. } => OWNER_SECONDS,
            _ => ROLE_SECONDS,
        };
        let longest = now.plus_seconds(seconds);
        let expires_at = signer
            .key_ends_at
            .map_or(longest, |ends_at| ends_at.min(longest));
        let key_lasts = signer.key_ends_at.is_none();
        (expires_at > now).then(|| Session {
            principal: signer.principal,
            expires_at,
            key_id: key_lasts.then_some(signer.key_id),
            id: rand::random(),
        })
    }

    /// Returns the text that stands for `session`.
    pub fn seal(&self, session: &Session) -> String {
        let sealed = SealedSession {
            who: Sealed::from(&session.principal),
            key: session.key_id.clone(),
        };
        let mut body = session.expires_at.as_millis().to_be_bytes().to_vec();
        body.extend(session.id);
        body.extend(serde_json::to_vec(&sealed).expect("texts have a JSON form"));
        URL_SAFE_NO_PAD.encode(self.sealed("session", &body))
    }

    /// Returns `body` under a seal for one purpose.
    pub fn sealed(&self, purpose: &str, body: &[u8]) -> Vec<u8> {
        let seal = self.mac(purpose, body).finalize().into_bytes();
        [&seal[..], body].concat()
    }

    /// Returns what was sealed for the purpose; `None` for all that was not.
    pub fn unsealed<'t>(&self, purpose: &str, text: &'t [u8]) -> Option<&'t [u8]> {
        let (seal, body) = text.split_at_checked(SEAL_BYTES)?;
        self.mac(purpose, body).verify_slice(seal).ok()?;
        Some(body)
    }

    /// Returns the session of a request, if its cookie holds one that goes on.
    pub fn of(&self, headers: &HeaderMap, name: &str, now: Timestamp) -> Option<Session> {
        let cookies = headers.get_all(COOKIE).iter();
        let mut pairs = cookies
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        pairs.find_map(|(known, value)| {
            (known == name)
                .then(|| self.unseal(value))
                .flatten()
                .filter(|session| session.expires_at > now)
                .filter(|session| !self.is_ended(session))
        })
    }

    /// Says whether a session was ended before its time.
    pub fn is_ended(&self, session: &Session) -> bool {
        self.ended.lock().contains_key(&session.id)
    }

    /// Ends a session before its time.
    pub fn end(&self, session: &Session, now: Timestamp) {
        let mut ended = self.ended.lock();
        ended.retain(|_, expires_at| *expires_at > now);
        ended.insert(session.id, session.expires_at);
    }

    fn unseal(&self, text: &str) -> Option<Session> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let body = self.unsealed("session", &bytes)?;
        let (expires_at, rest) = body.split_first_chunk::<8>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let sealed: SealedSession = serde_json::from_slice(rest).ok()?;
        Some(Session {
            principal: sealed.who.into(),
            key_id: sealed.key,
            expires_at: Timestamp::from_millis(i64::from_be_bytes(*expires_at)),
            id: *id,
        })
    }

    /// The purpose and its length keep seals of different kinds apart.
    fn mac(&self, purpose: &str, body: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.chain_update((purpose.len() as u64).to_be_bytes())
            .chain_update(purpose)
            .chain_update(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn owner() -> Signer {
        Signer {
            principal: Principal::Root {
                account: "000000000000".into(),
            },
            key_id: "AKIDROOT".into(),
            key_ends_at: None,
        }
    }

    fn cookie(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = format!("other=1; name={text}");
        headers.insert(COOKIE, value.parse().expect("a cookie is text"));
        headers
    }

    #[test]
    fn a_link_works_once_and_for_ten_minutes() {
        let sessions = Sessions::new(&[7; 32]);
        let token = sessions.link(owner(), NOW);
        assert!(sessions.redeem("another", NOW).is_none());
        assert!(sessions.redeem(&token, NOW).is_some());
        assert!(sessions.redeem(&token, NOW).is_none());
        let late = sessions.link(owner(), NOW);
        assert!(
            sessions
                .redeem(&late, NOW.plus_seconds(LINK_SECONDS))
                .is_none()
        );
    }

    #[test]
    fn a_session_outlives_the_server_and_not_its_end() {
        let sessions = Sessions::new(&[7; 32]);
        let token = sessions.link(owner(), NOW);
        let session = sessions.redeem(&token, NOW).expect("the link is fresh");
        let text = sessions.seal(&session);
        let again = Sessions::new(&[7; 32]);
        let found = again
            .of(&cookie(&text), "name", NOW)
            .expect("sealed by the same key");
        assert_eq!(found.principal, owner().principal);
        assert_eq!(found.key_id.as_deref(), Some("AKIDROOT"));
        assert!(
            again
                .of(&cookie(&text), "name", session.expires_at)
                .is_none()
        );
        assert!(again.of(&cookie(&text), "another", NOW).is_none());
        assert!(
            Sessions::new(&[8; 32])
                .of(&cookie(&text), "name", NOW)
                .is_none()
        );
        again.end(&found, NOW);
        assert!(again.of(&cookie(&text), "name", NOW).is_none());
    }

    #[test]
    fn a_session_ends_with_the_key_that_signed_for_it() {
        let sessions = Sessions::new(&[7; 32]);
        let role = |seconds| Signer {
            principal: Principal::Role {
                role_arn: "arn:aws:iam::000000000000:role/r".into(),
                session_name: "s".into(),
            },
            key_id: "ASIA".into(),
            key_ends_at: Some(NOW.plus_seconds(seconds)),
        };
        let cases = [(60, Some(60)), (86_400, Some(ROLE_SECONDS)), (0, None)];
        for (key, expected) in cases {
            let session = sessions.redeem(&sessions.link(role(key), NOW), NOW);
            let expected = expected.map(|seconds| NOW.plus_seconds(seconds));
            assert_eq!(session.map(|session| session.expires_at), expected, "{key}");
        }
    }

    #[test]
    fn a_changed_session_is_none() {
        let sessions = Sessions::new(&[7; 32]);
        let token = sessions.link(owner(), NOW);
        let text = sessions.seal(&sessions.redeem(&token, NOW).expect("fresh"));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("still ASCII");
            assert!(
                sessions.of(&cookie(&changed), "name", NOW).is_none(),
                "byte {at}"
            );
        }
    }
}
