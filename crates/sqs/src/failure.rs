//! The failures of the API, with AWS's codes and texts.

use service::Failure;
use store::StoreError;

pub(crate) fn no_queue() -> Failure {
    Failure::client("QueueDoesNotExist", "The specified queue does not exist.")
}

pub(crate) fn missing(parameter: &str) -> Failure {
    Failure::client(
        "MissingParameter",
        format!("The request must contain the parameter {parameter}."),
    )
}

/// Returns `InvalidParameterValue` with a whole text.
pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure::client("InvalidParameterValue", message)
}

/// Returns `InvalidParameterValue` about one value of one parameter.
pub(crate) fn invalid_value(value: impl std::fmt::Display, name: &str, reason: &str) -> Failure {
    invalid(format!(
        "Value {value} for parameter {name} is invalid. Reason: {reason}"
    ))
}

pub(crate) fn unknown_attribute(name: &str) -> Failure {
    Failure::client("InvalidAttributeName", format!("Unknown Attribute {name}."))
}

pub(crate) fn invalid_attribute(name: &str) -> Failure {
    Failure::client(
        "InvalidAttributeValue",
        format!("Invalid value for the parameter {name}."),
    )
}

pub(crate) fn bad_handle(handle: &str) -> Failure {
    Failure::client(
        "ReceiptHandleIsInvalid",
        format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
    )
}

pub(crate) fn not_built(what: &str) -> Failure {
    let message = format!("{what} is not served here yet");
    Failure::client("NotImplemented", message).with_status(501)
}

pub(crate) fn store(error: &StoreError) -> Failure {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "the queues cannot be read or written"
    );
    Failure {
        code: "ServiceUnavailable".into(),
        message: "The request has failed due to a temporary failure of the server.".into(),
        status: 503,
        ..Failure::internal("")
    }
}

pub(crate) fn damaged() -> Failure {
    tracing::error!("a stored message is unreadable");
    Failure::internal("A stored message is unreadable.")
}
