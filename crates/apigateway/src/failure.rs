//! What the operations answer when they do not work.

use service::Failure;
use store::StoreError;

pub(crate) fn bad_request(message: impl Into<String>) -> Failure {
    Failure::client("BadRequestException", message)
}

pub(crate) fn not_found(message: impl Into<String>) -> Failure {
    Failure::client("NotFoundException", message).with_status(404)
}

pub(crate) fn conflict(message: impl Into<String>) -> Failure {
    Failure::client("ConflictException", message).with_status(409)
}

/// Returns the failure of what is not built.
pub(crate) fn not_built(what: &str) -> Failure {
    bad_request(format!("stepd does not support {what} yet"))
}

pub(crate) fn store(error: &StoreError) -> Failure {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "the APIs cannot be read or written"
    );
    Failure::internal("Internal server error")
}
