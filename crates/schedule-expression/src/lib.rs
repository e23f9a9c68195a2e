//! When something is to happen: `rate(5 minutes)`, `cron(0 12 * * ? *)`, `at(2026-12-24T18:00:00)`.
//!
//! Rules of EventBridge know the first two, in UTC; schedules know all of them, in a time zone. What a
//! cron expression means is `croner`'s to say; AWS's form of it has six fields, counts Sunday as 1, and
//! wants a `?` in one of the two fields for days.

#![forbid(unsafe_code)]

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use vocab::Timestamp;

/// Longest stretch of local times that come twice: a place that crosses the date line has a day twice. A
/// pattern fits once a minute at most.
const FOLD_MINUTES_MAX: u32 = 24 * 60;

/// A schedule that was read.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// Again and again, so many milliseconds after the time before.
    Rate(i64),
    /// Whenever the pattern fits.
    Cron(Box<Cron>),
    /// Once, in the time zone.
    At(DateTime),
}

/// Why a text is no schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotASchedule;

impl Schedule {
    /// Reads an expression.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, NotASchedule> {
        let inside = |name: &str| {
            let rest = text.strip_prefix(name)?.strip_prefix('(')?;
            rest.strip_suffix(')')
        };
        let read = if let Some(rate) = inside("rate") {
            rate_of(rate).map(Self::Rate)
        } else if let Some(cron) = inside("cron") {
            cron_of(cron).map(|cron| Self::Cron(Box::new(cron)))
        } else {
            // Seconds and all, and no zone: that is said beside it.
            let at = inside("at").filter(|at| at.len() == 19 && at.as_bytes()[10] == b'T');
            at.and_then(|at| at.parse().ok()).map(Self::At)
        };
        read.ok_or(NotASchedule)
    }

    /// Returns the first moment after `after` at which it is due; a rate counts from `begin`.
    pub fn next(&self, after: Timestamp, begin: Timestamp, zone: &Zone) -> Option<Timestamp> {
        match self {
            Self::Rate(millis) => {
                let gone = after.as_millis().saturating_sub(begin.as_millis());
                let turns = gone.div_euclid(*millis).max(-1).saturating_add(1);
                let next = begin.plus_millis(turns.saturating_mul(*millis));
                Some(next.max(begin))
            }
            Self::At(local) => zone.moment(*local).filter(|moment| *moment > after),
            Self::Cron(cron) => {
                let mut local = zone.local(after)?;
                // A local time that comes twice leads back to when it came first: look on, until those
                // are over.
                for _ in 0..=FOLD_MINUTES_MAX {
                    local = next_local(cron, local)?;
                    let moment = zone.moment(local)?;
                    if moment > after {
                        return Some(moment);
                    }
                }
                None
            }
        }
    }
}

fn rate_of(text: &str) -> Option<i64> {
    let mut words = text.split_whitespace();
    let (value, unit) = (words.next()?, words.next()?);
    let value: i64 = value.parse().ok().filter(|value| *value > 0)?;
    let (minute, hour, day) = (60_000_i64, 3_600_000_i64, 86_400_000_i64);
    let unit = match (unit, value) {
        ("minute", 1) | ("minutes", _) => minute,
        ("hour", 1) | ("hours", _) => hour,
        ("day", 1) | ("days", _) => day,
        _ => return None,
    };
    words.next().is_none().then(|| value.checked_mul(unit))?
}

fn cron_of(text: &str) -> Option<Cron> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [_, _, day_of_month, _, day_of_week, _] = fields[..] else {
        return None;
    };
    // Exactly one of them says nothing.
    if (day_of_month == "?") == (day_of_week == "?") {
        return None;
    }
    // AWS's `5/10` is from five on, which the library writes with its end.
    const LAST: [u32; 6] = [59, 23, 31, 12, 7, 2199];
    let spelled = fields.iter().zip(LAST).map(|(field, last)| {
        let items = field.split(',').map(|item| match item.split_once('/') {
            Some((from, step)) if from.parse::<u32>().is_ok() => format!("{from}-{last}/{step}"),
            _ => item.to_owned(),
        });
        items.collect::<Vec<_>>().join(",")
    });
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .alternative_weekdays(true)
        .build();
    let spelled = spelled.collect::<Vec<_>>().join(" ");
    parser.parse(&format!("0 {spelled}")).ok()
}

/// Finds the next local time; the library reckons as if it were in UTC.
fn next_local(cron: &Cron, after: DateTime) -> Option<DateTime> {
    let date = chrono::NaiveDate::from_ymd_opt(
        after.year().into(),
        u32::try_from(after.month()).ok()?,
        u32::try_from(after.day()).ok()?,
    )?;
    let time = date.and_hms_opt(
        u32::try_from(after.hour()).ok()?,
        u32::try_from(after.minute()).ok()?,
        u32::try_from(after.second()).ok()?,
    )?;
    let next = cron.find_next_occurrence(&time.and_utc(), false).ok()?;
    let next = jiff::Timestamp::from_second(next.timestamp()).ok()?;
    Some(next.to_zoned(TimeZone::UTC).datetime())
}

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// Returns UTC.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Returns the zone called `name`: `Europe/Berlin`.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    fn local(&self, moment: Timestamp) -> Option<DateTime> {
        let moment = jiff::Timestamp::from_millisecond(moment.as_millis()).ok()?;
        Some(moment.to_zoned(self.0.clone()).datetime())
    }

    /// A time that comes twice is the first; one that never comes is as much later.
    fn moment(&self, local: DateTime) -> Option<Timestamp> {
        let zoned = self.0.to_ambiguous_zoned(local).compatible().ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_come_when_they_are_due() {
        let at = |text| Timestamp::parse_rfc3339(text).expect("a moment");
        for (expression, zone, after, expected) in [
            (
                "rate(5 minutes)",
                "UTC",
                "2026-11-26T00:07:00Z",
                Some("2026-11-26T00:10:00.000Z"),
            ),
            (
                "rate(1 hour)",
                "UTC",
                "2026-11-26T00:00:00Z",
                Some("2026-11-26T01:00:00.000Z"),
            ),
            (
                "cron(0 12 * * ? *)",
                "UTC",
                "2026-11-26T12:00:00Z",
                Some("2026-11-27T12:00:00.000Z"),
            ),
            (
                "cron(15 10 ? * 2 *)",
                "UTC",
                "2026-11-26T00:00:00Z",
                Some("2026-11-30T10:15:00.000Z"),
            ),
            (
                "cron(0 8 1 * ? *)",
                "UTC",
                "2026-11-26T00:00:00Z",
                Some("2026-12-01T08:00:00.000Z"),
            ),
            (
                "cron(0/5 8-17 ? * MON-FRI *)",
                "UTC",
                "2026-11-27T17:56:00Z",
                Some("2026-11-30T08:00:00.000Z"),
            ),
            (
                "cron(0 9 L * ? *)",
                "UTC",
                "2026-11-26T00:00:00Z",
                Some("2026-11-30T09:00:00.000Z"),
            ),
            (
                "cron(0 9 ? * 6#3 *)",
                "UTC",
                "2026-11-26T00:00:00Z",
                Some("2026-12-18T09:00:00.000Z"),
            ),
            (
                "cron(0 9 ? * 6L *)",
                "UTC",
                "2026-11-20T00:00:00Z",
                Some("2026-11-27T09:00:00.000Z"),
            ),
            ("cron(0 9 1 1 ? 2020)", "UTC", "2026-11-26T00:00:00Z", None),
            (
                "cron(30 2 * * ? *)",
                "Europe/Berlin",
                "2026-03-28T02:00:00Z",
                Some("2026-03-29T01:30:00.000Z"),
            ),
            // Between two and three the clock is behind: those times have been.
            (
                "cron(0/5 * * * ? *)",
                "Europe/Berlin",
                "2026-10-25T01:10:00Z",
                Some("2026-10-25T02:00:00.000Z"),
            ),
            (
                "cron(0 12 * * ? *)",
                "America/New_York",
                "2026-07-01T00:00:00Z",
                Some("2026-07-01T16:00:00.000Z"),
            ),
            (
                "at(2026-12-24T18:00:00)",
                "Europe/Berlin",
                "2026-11-26T00:00:00Z",
                Some("2026-12-24T17:00:00.000Z"),
            ),
            (
                "at(2026-01-01T00:00:00)",
                "UTC",
                "2026-11-26T00:00:00Z",
                None,
            ),
        ] {
            let schedule = Schedule::parse(expression).expect(expression);
            let zone = Zone::named(zone).expect("a zone");
            let next = schedule.next(at(after), at("2026-11-26T00:00:00Z"), &zone);
            assert_eq!(
                next.map(|next| next.to_string()).as_deref(),
                expected,
                "{expression}"
            );
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "rate(1 minutes",
            "rate(5 minute)",
            "rate(0 minutes)",
            "rate(-1 days)",
            "every day",
            "cron(* * * * *)",
            "cron(0 12 * * * *)",
            "cron(0 12 ? * ? *)",
            "cron(99 12 * * ? *)",
            "at(2026-12-24)",
            "at(2026-12-24T18:00:00Z)",
            "rate(99999999999999999 days)",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }
}
