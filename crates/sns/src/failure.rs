//! The failures of the API, with AWS's codes and texts.

use service::Failure;
use store::StoreError;

pub(crate) fn invalid(detail: impl std::fmt::Display) -> Failure {
    Failure::client("InvalidParameter", format!("Invalid parameter: {detail}"))
}

pub(crate) fn no_topic() -> Failure {
    Failure::client("NotFound", "Topic does not exist").with_status(404)
}

pub(crate) fn no_subscription() -> Failure {
    Failure::client("NotFound", "Subscription does not exist").with_status(404)
}

pub(crate) fn not_built(what: &str) -> Failure {
    let message = format!("{what} is not served here yet");
    Failure::client("NotImplemented", message).with_status(501)
}

pub(crate) fn store(error: &StoreError) -> Failure {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "the topics cannot be read or written"
    );
    Failure {
        code: "InternalError".into(),
        message: "The request has failed due to a temporary failure of the server.".into(),
        status: 500,
        ..Failure::internal("")
    }
}
