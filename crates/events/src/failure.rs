//! How EventBridge says no.

use service::Failure;
use store::StoreError;

pub(crate) fn validation(detail: &str) -> Failure {
    let message = format!("1 validation error detected: {detail}");
    Failure::client("ValidationException", message)
}

/// What a member must be like, and is not.
pub(crate) fn constraint(value: &str, member: &str, rule: &str) -> Failure {
    validation(&format!(
        "Value '{value}' at '{member}' failed to satisfy constraint: Member must {rule}"
    ))
}

pub(crate) fn not_found(verb: &str, name: &str) -> Failure {
    let message =
        format!("Failed to {verb} the connection(s). Connection '{name}' does not exist.");
    Failure::client("ResourceNotFoundException", message)
}

pub(crate) fn unavailable(error: &StoreError) -> Failure {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "connections could not be read or written");
    Failure::internal("The connections cannot be read or written now.")
}
