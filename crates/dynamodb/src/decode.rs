//! Reads requests, and says in DynamoDB's way what is wrong with one that cannot be read.
//!
//! The engine marks the class of an error at the beginning of serde's message; the marks must never
//! reach a caller.

use dynoxide::DynoxideError;
use serde::de::DeserializeOwned;

/// Reads the JSON object `input` as a request of the engine.
pub(crate) fn request<T: DeserializeOwned>(input: &[u8]) -> Result<T, DynoxideError> {
    // A body that is empty is a request without members; DynamoDB's operations all read an object.
    let input = if input.is_empty() { b"{}" } else { input };
    serde_json::from_slice(input).map_err(|error| classify(&error))
}

fn classify(error: &serde_json::Error) -> DynoxideError {
    use serde_json::error::Category;
    match error.classify() {
        // Not JSON at all: DynamoDB says nothing more than the code.
        Category::Syntax | Category::Eof | Category::Io => {
            DynoxideError::SerializationException(String::new())
        }
        Category::Data => classify_data(&error.to_string()),
    }
}

/// Makes an error of its text.
type Class = fn(String) -> DynoxideError;

fn classify_data(message: &str) -> DynoxideError {
    let marks: [(&str, Class, bool); 5] = [
        (
            "SERIALIZATION_AS_READ:",
            DynoxideError::SerializationException,
            true,
        ),
        (
            "VALIDATION_AS_READ:",
            DynoxideError::ValidationException,
            true,
        ),
        (
            "SERIALIZATION:",
            DynoxideError::SerializationException,
            false,
        ),
        (
            "VALIDATION_REQUEST:",
            DynoxideError::EnvelopedValidation,
            false,
        ),
        ("VALIDATION:", DynoxideError::ValidationException, false),
    ];
    for (mark, class, whole) in marks {
        if let Some(text) = message.strip_prefix(mark) {
            return class(if whole { text } else { without_position(text) }.to_owned());
        }
    }
    let text = without_position(message);
    if text.contains("empty AttributeValue") {
        return DynoxideError::ValidationException(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
                .to_owned(),
        );
    }
    let incomplete = [
        "missing field",
        "unknown variant",
        "invalid type: null",
        "Supplied AttributeValue",
    ];
    if incomplete.iter().any(|sign| text.contains(sign)) {
        return DynoxideError::ValidationException(text.to_owned());
    }
    DynoxideError::SerializationException(mismatch(text))
}

/// Returns the message without serde's ` at line 1 column 2`.
fn without_position(message: &str) -> &str {
    message
        .rfind(" at line ")
        .map_or(message, |end| &message[..end])
}

/// Returns a type mismatch in DynamoDB's words: `NUMBER_VALUE cannot be converted to String`.
fn mismatch(text: &str) -> String {
    let Some((found, wanted)) = text
        .strip_prefix("invalid type: ")
        .and_then(|mismatch| mismatch.split_once(", expected "))
    else {
        return text.to_owned();
    };
    let wanted = match wanted {
        "a string" => "String",
        "a boolean" => "Boolean",
        "i64" | "u64" => "Long",
        "i32" | "u32" => "Integer",
        // Structures, maps and lists have one text for whatever was found in their place.
        _ if found.starts_with("sequence") => {
            return "Unrecognized collection type class java.util.ArrayList".to_owned();
        }
        _ => return "Unexpected field type".to_owned(),
    };
    match found.split_whitespace().next() {
        Some("integer") => format!("NUMBER_VALUE cannot be converted to {wanted}"),
        Some("floating") => format!("DECIMAL_VALUE cannot be converted to {wanted}"),
        Some("string") => format!("STRING_VALUE cannot be converted to {wanted}"),
        Some("boolean") if found.contains("true") => {
            format!("TRUE_VALUE cannot be converted to {wanted}")
        }
        Some("boolean") => format!("FALSE_VALUE cannot be converted to {wanted}"),
        Some("map") => "Start of structure or map found where not expected.".to_owned(),
        Some("sequence") => {
            format!("Unrecognized collection type class java.util.ArrayList for {wanted}")
        }
        _ => "Unexpected field type".to_owned(),
    }
}
