//! The failures of the API, with AWS's codes and texts.

use service::Failure;
use store::StoreError;

pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure::client("ValidationException", message)
}

pub(crate) fn no_bus(name: &str) -> Failure {
    not_found(format!("Event bus {name} does not exist."))
}

pub(crate) fn no_rule(name: &str, bus: &str) -> Failure {
    not_found(format!("Rule {name} does not exist on EventBus {bus}."))
}

fn not_found(message: String) -> Failure {
    Failure::client("ResourceNotFoundException", message)
}

pub(crate) fn bad_pattern(reason: &str) -> Failure {
    Failure::client(
        "InvalidEventPatternException",
        format!("Event pattern is not valid. Reason: {reason}"),
    )
}

pub(crate) fn not_built(what: &str) -> Failure {
    let message = format!("{what} is not served here yet");
    Failure::client("NotImplemented", message).with_status(501)
}

pub(crate) fn store(error: &StoreError) -> Failure {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "the rules cannot be read or written"
    );
    Failure {
        code: "InternalException".into(),
        message: "The request has failed due to a temporary failure of the server.".into(),
        status: 500,
        ..Failure::internal("")
    }
}

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

pub(crate) fn no_connection(verb: &str, name: &str) -> Failure {
    let message =
        format!("Failed to {verb} the connection(s). Connection '{name}' does not exist.");
    Failure::client("ResourceNotFoundException", message)
}
