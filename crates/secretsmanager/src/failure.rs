//! The failures of the API, with AWS's codes and texts.

use service::Failure;
use store::StoreError;

pub(crate) fn no_secret() -> Failure {
    not_found("Secrets Manager can't find the specified secret.")
}

pub(crate) fn not_found(message: impl Into<String>) -> Failure {
    Failure::client("ResourceNotFoundException", message)
}

pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure::client("InvalidParameterException", message)
}

pub(crate) fn refused(message: impl Into<String>) -> Failure {
    Failure::client("InvalidRequestException", message)
}

pub(crate) fn marked_for_deletion() -> Failure {
    refused("You can't perform this operation on the secret because it was marked for deletion.")
}

pub(crate) fn store(error: &StoreError) -> Failure {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "the secrets cannot be read or written"
    );
    Failure {
        code: "InternalServiceError".into(),
        message: "The request has failed due to a temporary failure of the server.".into(),
        status: 500,
        ..Failure::internal("")
    }
}

pub(crate) fn damaged() -> Failure {
    tracing::error!("a sealed secret does not open");
    Failure::internal("A stored secret does not open.")
}
