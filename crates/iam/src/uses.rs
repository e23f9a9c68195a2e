//! What roles and users did: the least that a policy would have to allow them.
//!
//! A use is a role or user, an action and a resource. Only its first time is written, behind the call's
//! back; afterwards it costs one look into a set. Resources that are many by nature (objects, executions) are
//! noted as the pattern that all of them have.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use serde_json::{Value, json};
use store::{Batch, Key, Range, Space, Store, StoreError};
use tokio::sync::mpsc;

/// Most uses that are kept: whoever makes more is given `*` by hand.
const USES_MAX: usize = 100_000;

/// Most uses that wait for being written; further ones are noted the next time.
const WAITING_MAX: usize = 1_024;

/// How the rows of uses begin. No other row of IAM does.
pub(crate) const PREFIX: &[u8] = b"use/";

/// What is noted.
pub(crate) struct Uses {
    hasher: RandomState,
    known: RwLock<HashSet<u64>>,
    new: mpsc::Sender<Bytes>,
}

impl Uses {
    /// Reads what is known from `store`, and begins to write what is new.
    pub async fn open(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let (new, waiting) = mpsc::channel(WAITING_MAX);
        let uses = Self {
            hasher: RandomState::new(),
            known: RwLock::default(),
            new,
        };
        for key in keys(&*store, PREFIX).await? {
            if let Some([who, action, resource]) = parts(&key) {
                let hash = uses.hash(&who, &action, &resource);
                uses.known.write().insert(hash);
            }
        }
        tokio::spawn(write(store, waiting));
        Ok(uses)
    }

    fn hash(&self, who: &str, action: &str, resource: &str) -> u64 {
        self.hasher.hash_one((who, action, resource))
    }

    /// Notes a use.
    pub fn note(&self, who: &str, action: &str, resource: &str) {
        let resource = general(resource);
        let hash = self.hash(who, action, &resource);
        if self.known.read().contains(&hash) || self.known.read().len() >= USES_MAX {
            return;
        }
        let mut key = PREFIX.to_vec();
        key.extend(format!("{who}\0{action}\0{resource}").as_bytes());
        if key.len() <= store::KEY_BYTES_MAX && self.new.try_send(key.into()).is_ok() {
            self.known.write().insert(hash);
        }
    }
}

/// Writes what comes, all that waits in one batch.
async fn write(store: Arc<dyn Store>, mut waiting: mpsc::Receiver<Bytes>) {
    let mut keys = Vec::new();
    while waiting.recv_many(&mut keys, WAITING_MAX).await > 0 {
        // A key appears once in a batch.
        let unique: BTreeSet<Bytes> = keys.drain(..).collect();
        let rows = unique.into_iter();
        let batch = Batch {
            put: rows
                .map(|key| (Key::new(Space::Iam, key), Bytes::from_static(b"{}")))
                .collect(),
            ..Batch::default()
        };
        if let Err(error) = store.commit(batch).await {
            tracing::warn!(%error, "what roles did could not be noted");
        }
    }
}

async fn keys(store: &dyn Store, prefix: &[u8]) -> Result<Vec<Bytes>, StoreError> {
    let mut range = Range::prefix(Space::Iam, prefix);
    let mut keys = Vec::new();
    loop {
        let rows = store.scan(&range, 1_000).await?;
        let Some((last, _)) = rows.last() else {
            return Ok(keys);
        };
        let mut next = last.to_vec();
        next.push(0);
        range.start = next.into();
        keys.extend(rows.into_iter().map(|(key, _)| key));
    }
}

fn parts(key: &[u8]) -> Option<[String; 3]> {
    let text = std::str::from_utf8(key.strip_prefix(PREFIX)?).ok()?;
    let parts: Vec<String> = text.split('\0').map(str::to_owned).collect();
    parts.try_into().ok()
}

/// Returns the pattern of resources of which there are many.
fn general(resource: &str) -> String {
    let mut parts: Vec<&str> = resource.splitn(6, ':').collect();
    let [_, _, service, _, _, rest] = parts[..] else {
        return resource.to_owned();
    };
    let pattern = match (service, rest.split_once(['/', ':'])) {
        ("s3", Some((bucket, _))) => format!("{bucket}/*"),
        ("states", Some((kind @ ("execution" | "express" | "mapRun"), name))) => {
            let machine = name.split([':', '/']).next().unwrap_or(name);
            format!("{kind}:{machine}:*")
        }
        ("logs", Some(("log-group", name))) => {
            let group = name.split(':').next().unwrap_or(name);
            format!("log-group:{group}:*")
        }
        _ => return resource.to_owned(),
    };
    parts[5] = &pattern;
    parts.join(":")
}

/// Returns the least policy for a role or user by what it did; `None` where it did nothing.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn least(store: &dyn Store, who: &str) -> Result<Option<Value>, StoreError> {
    let mut prefix = PREFIX.to_vec();
    prefix.extend(format!("{who}\0").as_bytes());
    let mut actions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for key in keys(store, &prefix).await? {
        if let Some([_, action, resource]) = parts(&key) {
            actions.entry(resource).or_default().insert(action);
        }
    }
    // Resources with the same actions share a statement.
    let mut statements: BTreeMap<BTreeSet<String>, Vec<String>> = BTreeMap::new();
    for (resource, actions) in actions {
        statements.entry(actions).or_default().push(resource);
    }
    if statements.is_empty() {
        return Ok(None);
    }
    let statements: Vec<Value> = statements
        .into_iter()
        .map(|(actions, resources)| {
            json!({"Effect": "Allow", "Action": actions, "Resource": resources})
        })
        .collect();
    Ok(Some(
        json!({"Version": "2012-10-17", "Statement": statements}),
    ))
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn many_resources_are_one_pattern() {
        let cases = [
            ("*", "*"),
            ("arn:aws:s3:::b/k/l", "arn:aws:s3:::b/*"),
            ("arn:aws:s3:::b", "arn:aws:s3:::b"),
            (
                "arn:aws:states:r:1:execution:m:e",
                "arn:aws:states:r:1:execution:m:*",
            ),
            (
                "arn:aws:states:r:1:stateMachine:m",
                "arn:aws:states:r:1:stateMachine:m",
            ),
            (
                "arn:aws:logs:r:1:log-group:g:log-stream:s",
                "arn:aws:logs:r:1:log-group:g:*",
            ),
            (
                "arn:aws:lambda:r:1:function:f",
                "arn:aws:lambda:r:1:function:f",
            ),
        ];
        for (resource, pattern) in cases {
            assert_eq!(general(resource), pattern);
        }
    }
}
