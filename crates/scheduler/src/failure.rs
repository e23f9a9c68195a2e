//! The failures of the API, with AWS's codes and texts.

use service::Failure;
use store::StoreError;

pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure::client("ValidationException", message)
}

pub(crate) fn no_schedule(name: &str) -> Failure {
    not_found(format!("Schedule {name} does not exist."))
}

pub(crate) fn no_group(name: &str) -> Failure {
    not_found(format!("Schedule group {name} does not exist."))
}

fn not_found(message: String) -> Failure {
    Failure::client("ResourceNotFoundException", message).with_status(404)
}

pub(crate) fn conflict(message: impl Into<String>) -> Failure {
    Failure::client("ConflictException", message).with_status(409)
}

pub(crate) fn store(error: &StoreError) -> Failure {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "the schedules cannot be read or written"
    );
    Failure {
        code: "InternalServerException".into(),
        message: "The request has failed due to a temporary failure of the server.".into(),
        status: 500,
        ..Failure::internal("")
    }
}
