//! What IAM keeps: one row for each user, group, role, managed policy and instance profile.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use store::{Key, Space};
use vocab::Timestamp;

/// What an identity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum IdentityKind {
    User,
    Group,
    Role,
}

impl IdentityKind {
    pub const ALL: [Self; 3] = [Self::User, Self::Group, Self::Role];

    /// `user`, as ARNs and messages have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }

    /// `User`, as members and messages have it.
    pub fn title(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::Role => "Role",
        }
    }

    /// How unique ids begin.
    pub fn id_prefix(self) -> &'static str {
        match self {
            Self::User => "AIDA",
            Self::Group => "AGPA",
            Self::Role => "AROA",
        }
    }

    /// Most bytes of all inline policies together (IAM quotas).
    pub fn inline_bytes_max(self) -> usize {
        match self {
            Self::User => 2_048,
            Self::Group => 5_120,
            Self::Role => 10_240,
        }
    }
}

/// Whoever policies are attached to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub kind: IdentityKind,
    pub name: String,
    pub path: String,
    pub id: String,
    pub created_at: Timestamp,
    /// Inline policies: name → document.
    pub inline: BTreeMap<String, String>,
    /// ARNs of managed policies.
    pub attached: BTreeSet<String>,
    pub boundary: Option<String>,
    pub tags: Vec<(String, String)>,
    /// A user's.
    pub keys: Vec<AccessKey>,
    /// A user's: names of groups.
    pub groups: BTreeSet<String>,
    /// A role's.
    pub role: Option<RoleFacts>,
}

/// What roles alone have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RoleFacts {
    pub trust: String,
    pub description: Option<String>,
    pub session_seconds_max: u64,
}

/// An access key. Its secret is nowhere: it is derived from the id by a key that the store never sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AccessKey {
    pub id: String,
    pub active: bool,
    pub created_at: Timestamp,
}

/// A managed policy of the account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Managed {
    pub name: String,
    pub path: String,
    pub id: String,
    pub description: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub default_version: u32,
    /// The number that the next version gets; numbers are never used again.
    pub next_version: u32,
    pub versions: BTreeMap<u32, Version>,
    pub tags: Vec<(String, String)>,
}

/// One version of a managed policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub document: String,
    pub created_at: Timestamp,
}

/// An instance profile: kept for what names it, as there are no instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub name: String,
    pub path: String,
    pub id: String,
    pub created_at: Timestamp,
    pub roles: BTreeSet<String>,
    pub tags: Vec<(String, String)>,
}

/// A row's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Row {
    Identity(Identity),
    Managed(Managed),
    Profile(Profile),
}

/// A change of one row.
#[derive(Clone, Debug, PartialEq)]
// Nearly all changes are the largest one.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Change {
    Put(Row),
    DeleteIdentity(IdentityKind, String),
    DeleteManaged(String),
    DeleteProfile(String),
}

impl Row {
    pub fn key(&self) -> Key {
        match self {
            Self::Identity(identity) => identity_key(identity.kind, &identity.name),
            Self::Managed(managed) => key("policy", &managed.name),
            Self::Profile(profile) => key("profile", &profile.name),
        }
    }
}

impl Change {
    pub fn key(&self) -> Key {
        match self {
            Self::Put(row) => row.key(),
            Self::DeleteIdentity(kind, name) => identity_key(*kind, name),
            Self::DeleteManaged(name) => key("policy", name),
            Self::DeleteProfile(name) => key("profile", name),
        }
    }
}

fn identity_key(kind: IdentityKind, name: &str) -> Key {
    key(kind.word(), name)
}

/// Names that differ in capitals alone are one name to IAM.
fn key(kind: &str, name: &str) -> Key {
    Key::new(Space::Iam, format!("{kind}/{}", folded(name)))
}

/// Returns a name as it is compared.
pub(crate) fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}
