//! `Count`: a whole number that is written down or found by a path.

use serde_json::Value;

use crate::definition::Count;
use crate::query::{Expected, Expression, Failure, Scope};

impl Count {
    /// Returns the number; `field` is the name that AWS's complaint carries, such as
    /// `MaxConcurrencyPath` (features ASL-9).
    pub fn evaluate(&self, scope: &Scope<'_>, field: &str) -> Result<u64, Failure> {
        let path = match self {
            Self::Literal(number) => return Ok(*number),
            Self::Path(path) => path,
            Self::Expression(expression) => return whole_number(expression, scope),
        };
        let found = path.evaluate(scope)?;
        if let Some(number) = found.as_u64() {
            return Ok(number);
        }
        if found.as_i64().is_some() {
            let name = field.strip_suffix("Path").unwrap_or(field);
            return Err(Failure::runtime(format!("{name} cannot be negative.")));
        }
        Err(Failure::runtime(format!(
            "The {field} field refers to value \"{}\" which is not a valid integer: {}",
            as_java_text(&found),
            path.text()
        )))
    }
}

/// Returns an expression's number; one with a fraction is rounded down, as the guide says of every
/// number that must be whole.
pub(super) fn whole_number(expression: &Expression, scope: &Scope<'_>) -> Result<u64, Failure> {
    let found = expression.evaluate_as(scope, Expected::Number)?;
    let whole = found.as_u64().or_else(|| {
        found
            .as_f64()
            .filter(|number| *number >= 0.0)
            .map(|number| number as u64)
    });
    whole.ok_or_else(|| {
        expression.refused(&format!(
            "returned a value that is out of range. It must not be negative, but was {found}"
        ))
    })
}

/// Writes a value without the quotes of a string.
fn as_java_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
