//! How long a Wait state waits.

use serde_json::Value;
use vocab::Timestamp;

use crate::definition::WaitUntil;
use crate::query::number_field::whole_number;
use crate::query::{Expected, Failure, Path, Scope};

/// The longest delay, in seconds: 24,855 whole days are less than 2^31 s.
const WAIT_SECONDS_MAX: u64 = 2_147_483_647;

/// What a Wait state waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitTime {
    /// So many seconds from now.
    Seconds(u64),
    /// This moment; one that is past is now.
    Until(Timestamp),
}

impl WaitTime {
    /// Returns the moment at which the wait ends for a state entered at `now`.
    pub fn due(self, now: Timestamp) -> Result<Timestamp, Failure> {
        let due = match self {
            Self::Seconds(seconds) if seconds > WAIT_SECONDS_MAX => return Err(too_long()),
            Self::Seconds(seconds) => now.plus_seconds(seconds),
            Self::Until(moment) => moment.max(now),
        };
        let delay_millis = due.as_millis().saturating_sub(now.as_millis());
        if delay_millis / 1000 > WAIT_SECONDS_MAX as i64 {
            Err(too_long())
        } else {
            Ok(due)
        }
    }
}

fn too_long() -> Failure {
    Failure::runtime("Wait state delay is too long.")
}

impl WaitUntil {
    /// Returns what the state waits for.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<WaitTime, Failure> {
        match self {
            Self::Seconds(seconds) => Ok(WaitTime::Seconds(*seconds)),
            Self::Timestamp(moment) => Ok(WaitTime::Until(*moment)),
            Self::SecondsPath(path) => {
                seconds(path, &*path.evaluate(scope)?).map(WaitTime::Seconds)
            }
            Self::TimestampPath(path) => moment(path, &*path.evaluate(scope)?).map(WaitTime::Until),
            Self::SecondsExpression(expression) => {
                whole_number(expression, scope).map(WaitTime::Seconds)
            }
            Self::TimestampExpression(expression) => {
                let found = expression.evaluate_as(scope, Expected::String)?;
                let moment = found.as_str().and_then(Timestamp::parse_rfc3339);
                moment.map(WaitTime::Until).ok_or_else(|| {
                    expression.refused(&format!(
                        "returned a value that is not a valid ISO-8601 extended offset date-time format string: {found}"
                    ))
                })
            }
        }
    }
}

fn seconds(path: &Path, found: &Value) -> Result<u64, Failure> {
    if let Some(seconds) = found.as_u64() {
        return Ok(seconds);
    }
    let complaint = if found.is_i64() {
        "references a negative value"
    } else {
        "cannot be parsed as a long value"
    };
    Err(refused(path, complaint, found))
}

fn moment(path: &Path, found: &Value) -> Result<Timestamp, Failure> {
    found
        .as_str()
        .and_then(Timestamp::parse_rfc3339)
        .ok_or_else(|| {
            let complaint =
                "does not reference a valid ISO-8601 extended offset date-time format string";
            refused(path, complaint, found)
        })
}

fn refused(path: &Path, complaint: &str, found: &Value) -> Failure {
    let shown = found
        .as_str()
        .map_or_else(|| found.to_string(), str::to_owned);
    Failure::runtime(format!(
        "The {} parameter {complaint}: {} == {shown}",
        path.parameter(),
        path.text()
    ))
}
