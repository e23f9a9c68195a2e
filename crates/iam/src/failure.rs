//! IAM's errors, in its words.

use service::Failure;

use crate::rows::IdentityKind;

pub(crate) fn no_identity(kind: IdentityKind, name: &str) -> Failure {
    let kind = kind.word();
    absent(format!("The {kind} with name {name} cannot be found."))
}

pub(crate) fn absent(message: String) -> Failure {
    Failure::client("NoSuchEntity", message).with_status(404)
}

pub(crate) fn exists(message: String) -> Failure {
    Failure::client("EntityAlreadyExists", message).with_status(409)
}

pub(crate) fn conflict(message: &str) -> Failure {
    Failure::client("DeleteConflict", message).with_status(409)
}

pub(crate) fn limit(message: String) -> Failure {
    Failure::client("LimitExceeded", message).with_status(409)
}

pub(crate) fn invalid(message: String) -> Failure {
    Failure::client("ValidationError", message)
}

pub(crate) fn malformed(error: &iam_policy::Malformed) -> Failure {
    Failure::client("MalformedPolicyDocument", error.to_string())
}

pub(crate) fn not_built(operation: &str) -> Failure {
    let message = format!("iam:{operation} is not served here yet");
    Failure::client("NotImplemented", message).with_status(501)
}
