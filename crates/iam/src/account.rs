//! All of an account in memory: it is small, and asked for every call. The store has the same rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::managed;
use crate::rows::{Change, Identity, IdentityKind, Managed, Profile, Row, folded};

/// Users, groups, roles, policies and profiles of an account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    identities: BTreeMap<(IdentityKind, String), Arc<Identity>>,
    managed: BTreeMap<String, Arc<Managed>>,
    profiles: BTreeMap<String, Arc<Profile>>,
    /// Access key → user.
    keys: BTreeMap<String, String>,
    pub id: Arc<str>,
}

impl Account {
    pub fn new(id: Arc<str>) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }

    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Put(Row::Identity(identity)) => {
                self.forget_keys(identity.kind, &identity.name);
                for key in &identity.keys {
                    self.keys.insert(key.id.clone(), identity.name.clone());
                }
                let at = (identity.kind, folded(&identity.name));
                self.identities.insert(at, Arc::new(identity));
            }
            Change::Put(Row::Managed(policy)) => {
                self.managed.insert(folded(&policy.name), Arc::new(policy));
            }
            Change::Put(Row::Profile(profile)) => {
                self.profiles
                    .insert(folded(&profile.name), Arc::new(profile));
            }
            Change::DeleteIdentity(kind, name) => {
                self.forget_keys(kind, &name);
                self.identities.remove(&(kind, folded(&name)));
            }
            Change::DeleteManaged(name) => {
                self.managed.remove(&folded(&name));
            }
            Change::DeleteProfile(name) => {
                self.profiles.remove(&folded(&name));
            }
        }
    }

    fn forget_keys(&mut self, kind: IdentityKind, name: &str) {
        if let Some(before) = self.identities.get(&(kind, folded(name))) {
            for key in &before.keys {
                self.keys.remove(&key.id);
            }
        }
    }

    /// Returns the identity that is called so, whatever its capitals.
    pub fn similar(&self, kind: IdentityKind, name: &str) -> Option<&Arc<Identity>> {
        self.identities.get(&(kind, folded(name)))
    }

    pub fn identity(&self, kind: IdentityKind, name: &str) -> Option<&Arc<Identity>> {
        self.similar(kind, name)
            .filter(|identity| identity.name == name)
    }

    pub fn identities(&self, kind: IdentityKind) -> impl Iterator<Item = &Arc<Identity>> {
        let all = self.identities.iter();
        all.filter(move |((of, _), _)| *of == kind)
            .map(|(_, identity)| identity)
    }

    /// Returns the user, group or role with this ARN.
    pub fn by_arn(&self, arn: &str) -> Option<&Arc<Identity>> {
        let resource = vocab::Arn::parse(arn).filter(|arn| arn.service == "iam")?;
        let (kind, rest) = resource.resource.split_once('/')?;
        let kind = IdentityKind::ALL
            .into_iter()
            .find(|known| known.word() == kind)?;
        let name = rest.rsplit('/').next()?;
        self.identity(kind, name)
            .filter(|identity| self.arn(identity) == arn)
    }

    /// Returns the whole ARN of what `arn` names by kind and name.
    pub fn by_name_in(&self, arn: &str) -> Option<String> {
        let resource = vocab::Arn::parse(arn)?.resource;
        let (kind, rest) = resource.split_once('/')?;
        let name = rest.rsplit('/').next()?;
        if kind == "policy" {
            return self
                .similar_policy(name)
                .map(|found| self.policy_arn(found));
        }
        let kind = IdentityKind::ALL
            .into_iter()
            .find(|known| known.word() == kind)?;
        self.identity(kind, name).map(|found| self.arn(found))
    }

    pub fn key_user(&self, key: &str) -> Option<&Arc<Identity>> {
        self.identity(IdentityKind::User, self.keys.get(key)?)
    }

    pub fn policies(&self) -> impl Iterator<Item = &Arc<Managed>> {
        self.managed.values()
    }

    pub fn similar_policy(&self, name: &str) -> Option<&Arc<Managed>> {
        self.managed.get(&folded(name))
    }

    /// Returns the account's own policy with this ARN.
    pub fn policy(&self, arn: &str) -> Option<&Arc<Managed>> {
        let name = arn.rsplit('/').next()?;
        let found = self.managed.get(&folded(name))?;
        (self.policy_arn(found) == arn).then_some(found)
    }

    /// Returns the document that a managed policy has now: one of the account's, or AWS's.
    pub fn document(&self, arn: &str) -> Option<&str> {
        if let Some(policy) = self.policy(arn) {
            let version = policy.versions.get(&policy.default_version)?;
            return Some(&version.document);
        }
        managed::find(arn).map(|policy| policy.document)
    }

    pub fn profiles(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.profiles.values()
    }

    pub fn similar_profile(&self, name: &str) -> Option<&Arc<Profile>> {
        self.profiles.get(&folded(name))
    }

    pub fn arn(&self, identity: &Identity) -> String {
        let (kind, path) = (identity.kind.word(), &identity.path);
        format!("arn:aws:iam::{}:{kind}{path}{}", self.id, identity.name)
    }

    pub fn policy_arn(&self, policy: &Managed) -> String {
        format!(
            "arn:aws:iam::{}:policy{}{}",
            self.id, policy.path, policy.name
        )
    }

    pub fn profile_arn(&self, profile: &Profile) -> String {
        let (path, name) = (&profile.path, &profile.name);
        format!("arn:aws:iam::{}:instance-profile{path}{name}", self.id)
    }

    /// Returns how many identities have a managed policy, and how many have it as their boundary.
    pub fn uses(&self, policy_arn: &str) -> (usize, usize) {
        let count = |is: &dyn Fn(&Identity) -> bool| {
            self.identities
                .values()
                .filter(|identity| is(identity))
                .count()
        };
        (
            count(&|identity| identity.attached.contains(policy_arn)),
            count(&|identity| identity.boundary.as_deref() == Some(policy_arn)),
        )
    }
}
