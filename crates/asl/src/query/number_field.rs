//! `Count`: a whole number that is written down or found by a path.

use serde_json::Value;

use crate::definition::Count;
use crate::distributed::Percentage;
use crate::query::{Failure, Scope};

impl Count {
    /// Returns the number; `field` is the name that AWS's complaint carries, such as
    /// `MaxConcurrencyPath` (features ASL-9).
    pub fn evaluate(&self, scope: &Scope<'_>, field: &str) -> Result<u64, Failure> {
        u64::try_from(self.integer(scope, field)?).map_err(|_| {
            let name = field.strip_suffix("Path").unwrap_or(field);
            Failure::runtime(format!("{name} cannot be negative."))
        })
    }

    /// Like [`evaluate`](Self::evaluate), for fields that somebody else finds fault with when they are
    /// negative: `MaxItems` (recorded).
    pub fn integer(&self, scope: &Scope<'_>, field: &str) -> Result<i64, Failure> {
        let path = match self {
            Self::Literal(number) => return Ok(i64::try_from(*number).unwrap_or(i64::MAX)),
            Self::Path(path) => path,
        };
        let found = path.evaluate(scope)?;
        if let Some(number) = found.as_i64() {
            return Ok(number);
        }
        if found.is_u64() {
            return Ok(i64::MAX);
        }
        Err(Failure::runtime(format!(
            "The {field} field refers to value \"{}\" which is not a valid integer: {}",
            as_java_text(&found),
            path.text()
        )))
    }
}

impl Percentage {
    /// Returns the number; `field` as for [`Count::evaluate`].
    pub fn evaluate(&self, scope: &Scope<'_>, field: &str) -> Result<f64, Failure> {
        let path = match self {
            Self::Literal(number) => return Ok(*number),
            Self::Path(path) => path,
        };
        let found = path.evaluate(scope)?;
        let Some(number) = found.as_f64() else {
            return Err(Failure::runtime(format!(
                "The {field} field refers to value \"{}\" which is not a valid float: {}",
                as_java_text(&found),
                path.text()
            )));
        };
        if (0.0..=100.0).contains(&number) {
            return Ok(number);
        }
        let name = field.strip_suffix("Path").unwrap_or(field);
        Err(Failure::runtime(format!(
            "{name} must be between 0 and 100."
        )))
    }
}

/// Writes a value without the quotes of a string.
fn as_java_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
