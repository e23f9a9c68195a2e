//! The engine's errors as failures: code, message, status and the members that the model gives them.

use dynoxide::DynoxideError;
use serde_json::Value;
use service::Failure;

/// What DynamoDB puts before the findings of its request validation on the writes of one item.
const ENVELOPE: &str = "1 validation error detected: ";

/// Returns the failure that `operation` answers for `error`.
pub(crate) fn of(operation: &str, error: DynoxideError) -> Failure {
    let status = error.status_code();
    if status == 500 {
        // The engine's own words may name files; they belong into the log.
        tracing::error!(operation, %error, "the DynamoDB tables failed");
        return internal();
    }
    if let DynoxideError::EnvelopedValidation(message) = &error {
        let message = match operation {
            "PutItem" | "UpdateItem" | "DeleteItem" => format!("{ENVELOPE}{message}"),
            _ => message.clone(),
        };
        return Failure::client("ValidationException", message);
    }
    let mut fields = match serde_json::from_str(&error.to_json()) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    for said_already in ["__type", "message", "Message"] {
        fields.shift_remove(said_already);
    }
    let code = error
        .error_type()
        .rsplit('#')
        .next()
        .unwrap_or("InternalServerError");
    Failure {
        code: code.to_owned().into(),
        message: error.to_string(),
        status,
        fields,
    }
}

/// Returns DynamoDB's fault of the server.
pub(crate) fn internal() -> Failure {
    Failure::client("InternalServerError", "Internal server error").with_status(500)
}

/// Returns the answer to an operation that is not there.
pub(crate) fn unknown_operation(name: &str) -> Failure {
    Failure::client(
        "UnknownOperationException",
        format!("DynamoDB has no operation {name} here"),
    )
}
