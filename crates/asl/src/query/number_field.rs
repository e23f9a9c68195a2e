//! `Count`: a whole number that is written down or found by a path.

use serde_json::Value;

use crate::definition::Count;
use crate::distributed::Percentage;
use crate::query::{Expected, Expression, Failure, Scope};

impl Count {
    /// Returns the number; `field` is the name that AWS's complaint carries, such as
    /// `MaxConcurrencyPath`.
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
            Self::Expression(expression) => {
                let number = whole_number(expression, scope)?;
                return Ok(i64::try_from(number).unwrap_or(i64::MAX));
            }
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
    whole.ok_or_else(|| out_of_range(expression, "must not be negative", &found))
}

fn out_of_range(expression: &Expression, rule: &str, found: &Value) -> Failure {
    expression.refused(&format!(
        "returned a value that is out of range. It {rule}, but was {found}"
    ))
}

impl Percentage {
    /// Returns the number; `field` as for [`Count::evaluate`].
    pub fn evaluate(&self, scope: &Scope<'_>, field: &str) -> Result<f64, Failure> {
        let fits = |number: &f64| (0.0..=100.0).contains(number);
        let path = match self {
            Self::Literal(number) => return Ok(*number),
            Self::Path(path) => path,
            Self::Expression(expression) => {
                let found = expression.evaluate_as(scope, Expected::Number)?;
                let number = found.as_f64().filter(fits);
                return number
                    .ok_or_else(|| out_of_range(expression, "must be between 0 and 100", &found));
            }
        };
        let found = path.evaluate(scope)?;
        let Some(number) = found.as_f64() else {
            return Err(Failure::runtime(format!(
                "The {field} field refers to value \"{}\" which is not a valid float: {}",
                as_java_text(&found),
                path.text()
            )));
        };
        let name = field.strip_suffix("Path").unwrap_or(field);
        Some(number)
            .filter(fits)
            .ok_or_else(|| Failure::runtime(format!("{name} must be between 0 and 100.")))
    }
}

/// Writes a value without the quotes of a string.
fn as_java_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
