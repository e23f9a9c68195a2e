//! What commands print: colours for terminals alone, columns, moments, and pipes whose reader has gone.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;
use vocab::Timestamp;

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    in_colour: bool,
}

impl Paint {
    /// Returns the paint for standard output: colours on a terminal, unless `NO_COLOR` forbids them.
    pub fn for_output() -> Self {
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            in_colour: is_terminal() && !forbidden && !dumb,
        }
    }

    /// Returns the paint that leaves everything as it is.
    #[cfg(test)]
    pub fn none() -> Self {
        Self { in_colour: false }
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.in_colour && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Of importance.
    pub fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    /// Of less importance.
    pub fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    /// Went well.
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Went wrong.
    pub fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    /// Goes on.
    pub fn live(self, text: &str) -> String {
        self.with("36", text)
    }

    /// Wants to be looked at.
    pub fn odd(self, text: &str) -> String {
        self.with("33", text)
    }

    /// Paints an execution's status as it deserves.
    pub fn status(self, status: &str) -> String {
        match status {
            "SUCCEEDED" => self.good(status),
            "RUNNING" | "PENDING_REDRIVE" => self.live(status),
            "ABORTED" => self.odd(status),
            _ => self.bad(status),
        }
    }
}

/// Says whether standard output is a terminal.
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Returns `text` with nothing in it that a terminal obeys, but for ends of lines, tabs and [`Paint`]'s
/// colours: what executions say comes from anybody.
pub fn plain(text: &str) -> Cow<'_, str> {
    let obeyed = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    if !text.contains(obeyed) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(obeyed) {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let colour = colour_length(rest);
        match colour {
            0 => shown.push(char::REPLACEMENT_CHARACTER),
            length => shown.push_str(&rest[..length]),
        }
        let first = rest.chars().next().map_or(0, char::len_utf8);
        rest = &rest[colour.max(first)..];
    }
    shown.push_str(rest);
    shown.into()
}

/// Returns how many bytes a colour at the start of `text` takes: 0 where there is none.
fn colour_length(text: &str) -> usize {
    let Some(code) = text.strip_prefix("\x1b[") else {
        return 0;
    };
    let numbers = code.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';');
    match numbers.strip_prefix('m') {
        Some(behind) => text.len() - behind.len(),
        None => 0,
    }
}

/// Prints `text` as [`plain`] has it. A reader that has gone away (`stepd list | head`) is no error.
pub fn out(text: &str) -> anyhow::Result<()> {
    let text = plain(text);
    let mut stdout = std::io::stdout().lock();
    let printed = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match printed {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints a value as JSON.
pub fn json(value: &Value) -> anyhow::Result<()> {
    out(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Returns rows as columns, two spaces apart.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..count)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, column) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', column - width(cell) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Returns how many columns of a terminal `text` takes, its colours left out.
pub fn width(text: &str) -> usize {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or_default().width();
    let painted = parts.map(|part| part.split_once('m').map_or(0, |(_, shown)| shown.width()));
    first + painted.sum::<usize>()
}

/// Returns `text` cut to `columns`, with an ellipsis where something is missing. For text without colours.
pub fn cut(text: &str, columns: usize) -> String {
    let text = text.replace(['\n', '\r', '\t'], " ");
    if text.width() <= columns {
        return text;
    }
    let mut shown = String::new();
    for character in text.chars() {
        if shown.width() + 2 > columns {
            break;
        }
        shown.push(character);
    }
    shown.push('…');
    shown
}

/// Returns the moment of a member of an answer: seconds since the epoch, or the text of the AWS command line.
pub fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => Timestamp::parse_rfc3339(text),
        other => other
            .as_f64()
            .map(|seconds| Timestamp::from_millis((seconds * 1_000.0).round() as i64)),
    }
}

/// Returns a moment as people read it, in UTC, to the second.
pub fn date(value: &Value) -> String {
    let shown = moment(value).map(|moment| moment.to_string());
    shown.map_or_else(String::new, |text| text[..19].replace('T', " "))
}

/// Returns how long something took, or takes.
pub fn duration(millis: i64) -> String {
    let (seconds, millis) = (millis.max(0) / 1_000, millis.max(0));
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{:.1} s", millis as f64 / 1_000.0),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_precise_as_people_want_them() {
        for (millis, shown) in [
            (-5, "0 ms"),
            (999, "999 ms"),
            (1_250, "1.2 s"),
            (61_000, "1 min 01 s"),
            (3_660_000, "1 h 01 min"),
            (90_000_000, "1 d 01 h"),
        ] {
            assert_eq!(duration(millis), shown);
        }
    }

    #[test]
    fn terminals_obey_colours_alone() {
        let painted = Paint { in_colour: true }.bad("no");
        for (text, shown) in [
            ("plain\ttext\n", "plain\ttext\n"),
            (painted.as_str(), painted.as_str()),
            ("a\x1b]52;c;eA==\x07b", "a\u{fffd}]52;c;eA==\u{fffd}b"),
            ("\x1b[2J\x1b[1;31m!", "\u{fffd}[2J\x1b[1;31m!"),
            ("\u{9b}2J\r", "\u{fffd}2J\u{fffd}"),
            ("\x1b", "\u{fffd}"),
            ("\x1b[", "\u{fffd}["),
        ] {
            assert_eq!(plain(text), shown, "{text:?}");
        }
    }

    #[test]
    fn columns_are_as_wide_as_what_is_seen() {
        let paint = Paint { in_colour: true };
        let rows = vec![
            vec![paint.good("ok"), "x".into()],
            vec!["名前".into(), "y".into()],
        ];
        assert_eq!(columns(&rows), "\x1b[32mok\x1b[0m    x\n名前  y\n");
        assert_eq!(cut("a longer\ntext", 8), "a longe…");
        assert_eq!(cut("short", 8), "short");
    }
}
