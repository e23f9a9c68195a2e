//! The failures of the API, with AWS's codes and texts.

use aws_model::Input;
use service::Failure;
use store::StoreError;

pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure::client("InvalidParameterException", message)
}

pub(crate) fn no_group() -> Failure {
    not_found("The specified log group does not exist.")
}

pub(crate) fn no_stream() -> Failure {
    not_found("The specified log stream does not exist.")
}

pub(crate) fn not_found(message: &str) -> Failure {
    Failure::client("ResourceNotFoundException", message)
}

pub(crate) fn group_exists() -> Failure {
    exists("The specified log group already exists")
}

pub(crate) fn stream_exists() -> Failure {
    exists("The specified log stream already exists")
}

fn exists(message: &str) -> Failure {
    Failure::client("ResourceAlreadyExistsException", message)
}

pub(crate) fn invalid_token() -> Failure {
    invalid("The specified nextToken is invalid.")
}

pub(crate) fn not_built(what: &str) -> Failure {
    Failure::client(
        "UnsupportedOperation",
        format!("stepd does not support {what} yet."),
    )
}

pub(crate) fn unreadable(error: StoreError) -> Failure {
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "the logs cannot be read or written"
    );
    Failure {
        code: "ServiceUnavailableException".into(),
        message: "The service cannot complete the request.".into(),
        status: 503,
        ..Failure::internal("")
    }
}

pub(crate) fn damaged(error: &minicbor::decode::Error) -> Failure {
    tracing::error!(%error, "a stored record of the logs is unreadable");
    Failure::internal("A stored record is unreadable.")
}

/// Returns an operation's input. CloudWatch Logs says `InvalidParameterException` where other services
/// say `ValidationException`.
pub(crate) fn read<T: Input>(input: &[u8]) -> Result<T, Failure> {
    aws_model::read(input).map_err(|found| match found.code {
        "ValidationException" => invalid(found.message),
        code => Failure::client(code, found.message),
    })
}
