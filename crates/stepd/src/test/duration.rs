//! Spans of time as people write them: `90`, `1.5 h`, `3 weeks`, `1d 12h`.

use serde_json::Value;

const UNITS: [(&str, f64); 6] = [
    ("ms", 1.0),
    ("s", 1_000.0),
    ("m", 60_000.0),
    ("h", 3_600_000.0),
    ("d", 86_400_000.0),
    ("w", 604_800_000.0),
];

/// Longest span, in milliseconds: far more than an execution lives.
const MILLIS_MAX: f64 = 1e15;

/// Returns the milliseconds of a span; a number is seconds.
pub fn millis(value: &Value) -> Option<i64> {
    let millis = match value {
        Value::Number(seconds) => seconds.as_f64()? * 1_000.0,
        Value::String(text) => of_text(text)?,
        _ => return None,
    };
    ((0.0..=MILLIS_MAX).contains(&millis)).then_some(millis as i64)
}

fn of_text(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<f64>() {
        return Some(seconds * 1_000.0);
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = rest[end..].trim_start();
        let end = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        sum += number * unit(&rest[..end])?;
        rest = rest[end..].trim_start();
    }
    (!text.trim().is_empty()).then_some(sum)
}

fn unit(word: &str) -> Option<f64> {
    let short = match word {
        "millisecond" | "milliseconds" => "ms",
        "second" | "seconds" | "sec" => "s",
        "minute" | "minutes" | "min" => "m",
        "hour" | "hours" => "h",
        "day" | "days" => "d",
        "week" | "weeks" => "w",
        short => short,
    };
    UNITS
        .iter()
        .find(|(name, _)| *name == short)
        .map(|(_, millis)| *millis)
}

/// Returns a span for people: `3 w 2 d`, `1.5 s`, `0 s`.
pub fn shown(millis: i64) -> String {
    if millis < 60_000 {
        return format!("{} s", millis as f64 / 1_000.0);
    }
    let mut rest = millis;
    let mut parts = Vec::new();
    for (name, length) in UNITS.iter().skip(1).rev() {
        let length = *length as i64;
        if rest >= length && parts.len() < 2 {
            parts.push(format!("{} {name}", rest / length));
            rest %= length;
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_shown() {
        let cases = [
            ("90", Some(90_000), "1 m 30 s"),
            ("1.5 h", Some(5_400_000), "1 h 30 m"),
            ("3 weeks", Some(1_814_400_000), "3 w"),
            ("1d 12h", Some(129_600_000), "1 d 12 h"),
            ("250ms", Some(250), "0.25 s"),
            ("0", Some(0), "0 s"),
            ("soon", None, ""),
            ("3 fortnights", None, ""),
            ("", None, ""),
            ("-1", None, ""),
        ];
        for (text, expected, again) in cases {
            let found = millis(&Value::from(text));
            assert_eq!(found, expected, "{text}");
            if let Some(found) = found {
                assert_eq!(shown(found), again);
            }
        }
        assert_eq!(millis(&Value::from(2)), Some(2_000));
    }
}
