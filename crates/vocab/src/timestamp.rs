//! A point in time with the precision that AWS reports: milliseconds.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest moment that has an RFC 3339 form: 9999-12-30T22:00:00Z.
    const MAX: i64 = 253_402_207_200_000;

    /// Returns the moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the moment `seconds` later, or the last moment that can be written down.
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        let millis = if seconds > (Self::MAX as u64) / 1000 {
            Self::MAX
        } else {
            seconds as i64 * 1000
        };
        self.plus_millis(millis)
    }

    /// Returns the moment `millis` milliseconds later, or the last moment that can be written down.
    pub const fn plus_millis(self, millis: i64) -> Self {
        let sum = self.0.saturating_add(millis);
        Self(if sum > Self::MAX { Self::MAX } else { sum })
    }

    /// Returns seconds since the epoch with a fraction, as awsJson writes timestamps.
    pub fn as_epoch_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Parses an RFC 3339 date and time (`2016-03-14T01:59:00Z`, any offset, up to nanoseconds).
    ///
    /// The `T` and the `Z` must be capital letters, as the language's specification demands
    /// (Amazon States Language, "Timestamps").
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        Some(Self(rfc3339(text)?.as_millisecond()))
    }

    /// Parses as [`parse_rfc3339`](Self::parse_rfc3339) does, into nanoseconds since the epoch: what is
    /// compared is compared in full.
    pub fn rfc3339_nanos(text: &str) -> Option<i128> {
        Some(rfc3339(text)?.as_nanosecond())
    }
}

fn rfc3339(text: &str) -> Option<jiff::Timestamp> {
    let bytes = text.as_bytes();
    let is_date_and_time = bytes.len() >= 20 && bytes[10] == b'T' && !text.ends_with('z');
    // The library would read the name of a time zone too: `…+01:00[Europe/Berlin]`.
    if is_date_and_time && !text.contains('[') {
        text.parse().ok()
    } else {
        None
    }
}

/// In journals: milliseconds.
impl<C> minicbor::Encode<C> for Timestamp {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.i64(self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Timestamp {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.i64().map(Self)
    }
}

/// Writes `2016-03-14T01:59:00.000Z`: always milliseconds, always UTC, as the context object does.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment =
            jiff::Timestamp::from_millisecond(self.0.clamp(-62_135_596_800_000, Self::MAX))
                .expect("clamped to what jiff can hold");
        write!(f, "{moment:.3}")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_rfc3339() {
        let cases = [
            ("2016-03-14T01:59:00Z", Some("2016-03-14T01:59:00.000Z")),
            (
                "2016-03-14T01:59:00.123456789Z",
                Some("2016-03-14T01:59:00.123Z"),
            ),
            (
                "2016-03-14T01:59:00+02:00",
                Some("2016-03-13T23:59:00.000Z"),
            ),
            ("2016-03-14 01:59:00Z", None),
            ("2016-03-14t01:59:00Z", None),
            ("2016-03-14T01:59:00", None),
            ("2016-03-14T01:59:00+01:00[Europe/Berlin]", None),
            ("today", None),
        ];
        for (text, expected) in cases {
            assert_eq!(
                Timestamp::parse_rfc3339(text)
                    .map(|t| t.to_string())
                    .as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
