//! The members of an input, for services that have no generated model: read leniently, as numbers and
//! booleans are text in the query protocol and in templates.

use serde_json::{Map, Value};

use crate::Failure;

/// The members of an operation's input.
#[derive(Clone, Debug, Default)]
pub struct Members(pub Map<String, Value>);

impl Members {
    /// Reads the text of a JSON object; no bytes at all are an empty one.
    ///
    /// # Errors
    /// `SerializationException` for what is no JSON object.
    pub fn read(input: &[u8]) -> Result<Self, Failure> {
        if input.is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice(input) {
            Ok(members) => Ok(Self(members)),
            Err(_) => Err(Failure::client(
                "SerializationException",
                "The request is no JSON object.",
            )),
        }
    }

    /// Returns a member; what is null is not there.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns a member that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Returns a member that is a whole number, or the text of one.
    ///
    /// # Errors
    /// `SerializationException` for what is neither.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let number = match value {
            Value::String(text) => text.trim().parse().ok(),
            // Clients in languages without whole numbers say 1.0.
            value => value.as_i64().or_else(|| {
                let number = value.as_f64()?;
                (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
            }),
        };
        number.map(Some).ok_or_else(|| {
            let message = format!("{name} must be a whole number");
            Failure::client("SerializationException", message)
        })
    }

    /// Returns a member that is a boolean, or the text of one.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Returns the items of a member that is a list; none where it is not there.
    pub fn list(&self, name: &str) -> &[Value] {
        self.get(name)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice)
    }

    /// Returns the items of a member that is a list of texts.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        self.list(name).iter().filter_map(Value::as_str).collect()
    }

    /// Returns a member that is an object.
    pub fn map(&self, name: &str) -> Option<&Map<String, Value>> {
        self.get(name)?.as_object()
    }
}
