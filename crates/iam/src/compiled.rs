//! Policies, compiled once and kept until something of the account changes.

use std::collections::HashMap;
use std::sync::Arc;

use iam_policy::{Kind, Policy};
use parking_lot::RwLock;

use crate::account::Account;
use crate::rows::{Identity, IdentityKind};

/// Longest texts, together, of documents of sessions and resources that are kept compiled.
const TEXT_BYTES_MAX: usize = 8 << 20;

/// What is kept.
#[derive(Default)]
pub(crate) struct Compiled {
    identities: RwLock<HashMap<String, Arc<Bearing>>>,
    /// Documents of sessions and resources by their text; nothing changes what a text means.
    texts: RwLock<Texts>,
}

/// Documents, and how long their texts are together.
#[derive(Default)]
struct Texts {
    /// What a text means depends on where it is used.
    compiled: HashMap<Kind, HashMap<String, Option<Arc<Policy>>>>,
    bytes: usize,
}

/// The policies that bear on one user or role.
pub(crate) struct Bearing {
    pub identity: Vec<Arc<Policy>>,
    pub boundary: Option<Arc<Policy>>,
    pub trust: Option<Arc<Policy>>,
    pub name: String,
    pub id: Arc<str>,
    pub tags: Vec<(String, String)>,
}

impl Compiled {
    pub fn forget(&self) {
        self.identities.write().clear();
    }

    /// Returns what bears on the user or role with this ARN; `None` when there is none.
    pub fn bearing(&self, account: &RwLock<Account>, arn: &str) -> Option<Arc<Bearing>> {
        if let Some(found) = self.identities.read().get(arn) {
            return Some(Arc::clone(found));
        }
        // Held while it is compiled and kept: whoever changes the account waits for it, and then forgets.
        let account = account.read();
        let identity = account.by_arn(arn)?;
        let made = Arc::new(bearing(&account, identity));
        self.identities
            .write()
            .insert(arn.to_owned(), Arc::clone(&made));
        Some(made)
    }

    /// Returns a document compiled; `None` when it is malformed.
    pub fn text(&self, document: &str, kind: Kind) -> Option<Arc<Policy>> {
        let texts = self.texts.read();
        let of_kind = texts.compiled.get(&kind);
        if let Some(found) = of_kind.and_then(|texts| texts.get(document)) {
            return found.clone();
        }
        drop(texts);
        let compiled = Policy::parse(document, kind).ok().map(Arc::new);
        let mut texts = self.texts.write();
        if texts.bytes + document.len() > TEXT_BYTES_MAX {
            *texts = Texts::default();
        }
        let of_kind = texts.compiled.entry(kind).or_default();
        let before = of_kind.insert(document.to_owned(), compiled.clone());
        if before.is_none() {
            texts.bytes += document.len();
        }
        compiled
    }

    /// Returns a managed policy compiled.
    pub fn managed(&self, account: &RwLock<Account>, arn: &str) -> Option<Arc<Policy>> {
        let account = account.read();
        self.text(account.document(arn)?, Kind::Identity)
    }
}

/// Returns the documents that bear on an identity: its own, those attached, and its groups'.
pub(crate) fn documents<'a>(
    account: &'a Account,
    identity: &'a Identity,
) -> Vec<(String, &'a str)> {
    let groups = identity.groups.iter();
    let groups = groups.filter_map(|name| account.identity(IdentityKind::Group, name));
    let holders = std::iter::once(identity).chain(groups.map(|group| &**group));
    let mut all = Vec::new();
    for holder in holders {
        for (name, document) in &holder.inline {
            let id = format!("{}_{}_{name}", holder.kind.word(), holder.name);
            all.push((id, document.as_str()));
        }
        for arn in &holder.attached {
            if let Some(document) = account.document(arn) {
                all.push((arn.clone(), document));
            }
        }
    }
    all
}

fn bearing(account: &Account, identity: &Identity) -> Bearing {
    let compile = |document: &str, kind: Kind| {
        // What is stored was read once; a release that reads more strictly denies rather than allows.
        match Policy::parse(document, kind) {
            Ok(policy) => Some(Arc::new(policy)),
            Err(error) => {
                tracing::error!(identity = identity.name, %error, "a stored policy is not understood");
                None
            }
        }
    };
    let documents = documents(account, identity);
    let identity_policies = documents.iter();
    let nothing = || Policy::parse(DENY_ALL, Kind::Identity).ok().map(Arc::new);
    let boundary = identity.boundary.as_ref().and_then(|arn| {
        let document = account.document(arn);
        document
            .and_then(|document| compile(document, Kind::Identity))
            .or_else(nothing)
    });
    Bearing {
        identity: identity_policies
            .filter_map(|(_, document)| compile(document, Kind::Identity).or_else(nothing))
            .collect(),
        boundary,
        trust: identity
            .role
            .as_ref()
            .and_then(|role| compile(&role.trust, Kind::Trust)),
        name: identity.name.clone(),
        id: identity.id.as_str().into(),
        tags: identity.tags.clone(),
    }
}

/// Stands for a stored document that is not understood: it may have been a denial.
const DENY_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
