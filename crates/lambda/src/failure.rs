//! Lambda's errors, in Lambda's words.

use service::Failure;
use store::StoreError;

/// Longest body of a call that waits for its result (Lambda quotas).
pub const SYNC_PAYLOAD_BYTES_MAX: usize = 6_291_556;
/// Longest body of a call that does not wait (Lambda quotas, as of 2025-10: 1 MB).
pub const EVENT_PAYLOAD_BYTES_MAX: usize = 1_048_576;

/// An error that the caller can do something about carries `Type: User`.
fn user(code: &'static str, status: u16, message: impl Into<String>) -> Failure {
    Failure::client(code, message)
        .with_status(status)
        .with_field("Type", "User")
}

/// There is no function (or version, or alias) `arn`.
pub fn function_not_found(arn: &str) -> Failure {
    user(
        "ResourceNotFoundException",
        404,
        format!("Function not found: {arn}"),
    )
}

/// The ARN names another region.
pub fn other_region(region: &str, here: &str) -> Failure {
    let message = format!("Functions from '{region}' are not reachable in this region ('{here}')");
    user("ResourceNotFoundException", 404, message)
}

/// The name is taken.
pub fn function_exists(name: &str) -> Failure {
    user(
        "ResourceConflictException",
        409,
        format!("Function already exist: {name}"),
    )
}

/// What is asked for is not there.
pub fn not_found(message: impl Into<String>) -> Failure {
    user("ResourceNotFoundException", 404, message)
}

/// What is asked for clashes with what is there.
pub fn conflict(message: impl Into<String>) -> Failure {
    user("ResourceConflictException", 409, message)
}

/// Somebody else has changed it since.
pub fn precondition(message: impl Into<String>) -> Failure {
    user("PreconditionFailedException", 412, message)
}

/// A resource policy has no room for another statement.
pub fn policy_too_long(bytes: usize, most: usize) -> Failure {
    let message = format!("The final policy size ({bytes}) is bigger than the limit ({most}).");
    user("PolicyLengthExceededException", 400, message)
}

/// Two changes of one function at the same time.
pub fn update_in_progress(arn: &str) -> Failure {
    let message = format!(
        "The operation cannot be performed at this time. An update is in progress for resource: {arn}"
    );
    user("ResourceConflictException", 409, message)
}

/// A member has a value that Lambda does not take.
pub fn invalid_parameter(message: impl Into<String>) -> Failure {
    user("InvalidParameterValueException", 400, message)
}

/// A member breaks a constraint of the API model.
pub fn validation(value: &str, member: &str, constraint: &str) -> Failure {
    let message = format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    );
    Failure::client("ValidationException", message)
}

/// The `RevisionId` of an update is not the latest.
pub fn revision_mismatch() -> Failure {
    let message = "The RevisionId provided does not match the latest RevisionId. \
                   Call the GetFunction/GetAlias API to retrieve the latest RevisionId";
    user("PreconditionFailedException", 412, message)
}

/// The event is longer than `limit`.
pub fn request_too_large(limit: usize, operation: &str) -> Failure {
    let message =
        format!("Request must be smaller than {limit} bytes for the {operation} operation");
    user("RequestTooLargeException", 413, message)
}

/// The event is not JSON.
pub fn invalid_request_content(detail: &str) -> Failure {
    user("InvalidRequestContentException", 400, detail)
}

/// All places are taken and none came free in time.
pub fn too_many_requests() -> Failure {
    user("TooManyRequestsException", 429, "Rate Exceeded.").with_field(
        "Reason",
        "ReservedFunctionConcurrentInvocationLimitExceeded",
    )
}

/// What the runtime needs is not on this machine.
pub fn invalid_runtime(message: impl Into<String>) -> Failure {
    user("InvalidRuntimeException", 502, message)
}

/// The server is stopping.
pub fn stopping() -> Failure {
    service_exception("The server is stopping.")
}

/// A fault of ours that the caller may retry.
pub fn service_exception(message: impl Into<String>) -> Failure {
    Failure::client("ServiceException", message)
        .with_status(500)
        .with_field("Type", "Service")
}

/// A part of the API that is not built.
pub fn not_built(what: &str) -> Failure {
    invalid_parameter(format!("stepd does not support {what} yet."))
}

/// The store did not answer; what went wrong is for the operator, not for the caller.
pub fn store(error: &StoreError) -> Failure {
    tracing::error!(%error, source = std::error::Error::source(error), "Lambda could not use the store");
    service_exception("The store is unavailable.")
}
