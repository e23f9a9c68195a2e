//! How the SDK that Step Functions calls services with (`arn:aws:states:::aws-sdk:NAME:action`) names
//! them, their members and their errors.
//!
//! Members are known by their names alone, without the structures that they are part of: within one
//! service a name means one thing, or nearly so. Deliberately absent: whole shapes of fourteen services.

mod generated;
mod members;

use crate::catalog;

pub use self::generated::SDK;

/// What is known of one service.
#[derive(Debug)]
pub struct SdkEntry {
    /// The endpoint prefix, as in the catalogue: `states`.
    pub service: &'static str,
    /// The name in a resource's ARN: `sfn`.
    pub name: &'static str,
    /// The client, with which errors begin: `Sfn`.
    pub client: &'static str,
    /// The codes of the errors that the model names.
    pub errors: &'static [&'static str],
    /// Operations whose input or output has a member that is the body: `(operation, input's, output's)`.
    pub payloads: &'static [(&'static str, &'static str, &'static str)],
    /// Members that begin with a small letter on the wire and with a capital in the SDK.
    pub small: &'static [&'static str],
    /// Members that are lists or structures.
    pub lists: &'static [&'static str],
    /// Members whose own members are named by callers.
    pub maps: &'static [&'static str],
    /// Members that are moments.
    pub timestamps: &'static [&'static str],
    /// Members that are bytes: base64 in JSON.
    pub blobs: &'static [&'static str],
}

/// Returns the service that an ARN calls `name`.
pub fn service(name: &str) -> Option<&'static SdkEntry> {
    SDK.iter().find(|entry| entry.name == name)
}

/// Returns the service that ARNs call `name` and its operation behind `action`, where both are known.
pub fn find(name: &str, action: &str) -> Option<(&'static SdkEntry, &'static str)> {
    let sdk = service(name)?;
    let mut operation = action.to_owned();
    operation.get_mut(..1)?.make_ascii_uppercase();
    let operation = catalog::service(sdk.service)?.operation(&operation)?;
    Some((sdk, operation))
}

/// Says whether AWS has no such action of a service that is known here.
pub fn is_unknown_action(name: &str, action: &str) -> bool {
    service(name).is_some() && find(name, action).is_none()
}

impl SdkEntry {
    /// Says whether the model names the error `code`.
    pub fn names_error(&self, code: &str) -> bool {
        has(self.errors, code)
    }

    /// Says whether `member` begins with a small letter on the wire.
    pub fn is_small(&self, member: &str) -> bool {
        has(self.small, member)
    }

    /// Says whether the member's own members are named by callers.
    pub fn is_map(&self, member: &str) -> bool {
        has(self.maps, member)
    }

    /// Says whether the member is a list or a structure.
    pub fn is_list(&self, member: &str) -> bool {
        has(self.lists, member)
    }

    /// Says whether the member is a moment.
    pub fn is_timestamp(&self, member: &str) -> bool {
        has(self.timestamps, member)
    }

    /// Returns the members that are the body of an operation's input and of its output; empty where
    /// there is none.
    pub fn payloads_of(&self, operation: &str) -> (&'static str, &'static str) {
        let found = self.payloads.iter().find(|(name, ..)| *name == operation);
        found.map_or(("", ""), |(_, input, output)| (input, output))
    }
}

/// The lists are in order.
fn has(names: &[&str], name: &str) -> bool {
    names.binary_search(&name).is_ok()
}
