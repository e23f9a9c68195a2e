//! Timestamps as awsJson and restJson write them: seconds since the epoch, with a fraction.

use serde::{Deserialize, Deserializer, Serializer};
use vocab::Timestamp;

/// Writes `moment`.
///
/// # Errors
/// Only those of `serializer`.
pub fn serialize<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(moment.as_epoch_seconds())
}

/// Reads a moment, rounded to milliseconds.
///
/// # Errors
/// When there is no number.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Ok(Timestamp::from_millis((seconds * 1000.0).round() as i64))
}

/// The same for a moment that may be absent.
pub mod option {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};

    /// Writes `moment`, or null.
    ///
    /// # Errors
    /// Only those of `serializer`.
    pub fn serialize<S: Serializer>(
        moment: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match moment {
            Some(moment) => super::serialize(moment, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a moment, or null.
    ///
    /// # Errors
    /// When there is something else than a number or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        Ok(seconds.map(|seconds| Timestamp::from_millis((seconds * 1000.0).round() as i64)))
    }
}
