//! Generated from the AWS models: inputs, outputs, errors, operations, constraints.
//!
//! `XInput::from_json` reads an operation's input in one pass and checks every constraint of the
//! model; what it refuses it refuses in AWS's words. Deliberately absent: HTTP (that is `aws-wire`)
//! and rules that the model does not state (those are the services').

#![forbid(unsafe_code)]

mod blob;
#[path = "catalog/generated.rs"]
mod catalog_generated;
mod check;
pub mod epoch_seconds;
pub mod lambda;
pub mod logs;
pub mod schema;
pub mod sdk;
pub mod states;

pub use blob::Blob;
pub use check::{Invalid, explain};
pub use schema::{ModelledError, OperationModel, Protocol, ServiceEntry, Shape};

use serde::de::DeserializeOwned;

/// What is known of AWS's services: names, protocols, operations.
pub mod catalog {
    pub use super::catalog_generated::SERVICES;
    use super::schema::ServiceEntry;

    /// Returns the service with the endpoint prefix `name`.
    pub fn service(name: &str) -> Option<&'static ServiceEntry> {
        SERVICES.iter().find(|entry| entry.service == name)
    }

    /// Returns the service whose `X-Amz-Target` begins with `prefix`.
    pub fn service_of_target(prefix: &str) -> Option<&'static ServiceEntry> {
        SERVICES
            .iter()
            .find(|entry| !entry.target_prefix.is_empty() && entry.target_prefix == prefix)
    }
}

/// An operation's input: a structure that knows its shape.
pub trait Input: DeserializeOwned {
    /// The shape in the model.
    const SHAPE: &'static Shape;

    /// Says whether every constraint of the model holds.
    fn holds(&self) -> bool;
}

/// Reads the input `json` of an operation; no bytes at all are an empty object.
///
/// # Errors
/// `SerializationException` for what is not JSON of the right types, `ValidationException` for what
/// breaks a constraint of the model.
pub fn read<T: Input>(json: &[u8]) -> Result<T, Invalid> {
    read_raised(json, &[])
}

/// A text of the model that may be longer here than on AWS.
#[derive(Clone, Copy, Debug)]
pub struct Raised {
    /// The shape's name in the model.
    pub shape: &'static str,
    /// Most UTF-16 units of it.
    pub length_max: i64,
}

/// Like [`read`], where some texts may be longer than the model says.
///
/// # Errors
/// As [`read`].
pub fn read_raised<T: Input>(json: &[u8], raised: &[Raised]) -> Result<T, Invalid> {
    let json = if json.is_empty() { b"{}" } else { json };
    match serde_json::from_slice::<T>(json) {
        Ok(input) if input.holds() => Ok(input),
        // What is unusual is read again, slowly, to find AWS's words for it.
        Ok(_) | Err(_) => check::read_slowly(json, raised),
    }
}

/// Prints in place of what must not be seen.
pub(crate) struct Redacted;

impl std::fmt::Debug for Redacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
