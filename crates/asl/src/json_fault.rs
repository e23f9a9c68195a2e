//! What is wrong with a JSON text, and where, in the words of the parser that AWS uses (Jackson).
//!
//! Clients show these texts to people, and some compare them (`InvalidExecutionInput`
//! has the words alone, a finding about a definition has words and place).

use std::ops::Range;

use serde_json::error::Category;

/// What Jackson expects where a value should begin.
const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// How much of a text Jackson quotes when it says where something is, in its own characters.
const SNIPPET_CHARS_MAX: usize = 500;

/// A fault of a JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonFault {
    /// What is wrong, as Jackson says it.
    pub message: String,
    /// The bytes to look at; empty at the end of the text.
    pub bytes: Range<usize>,
    /// How far Jackson has read when it says so, in bytes: behind the character or the word.
    read_to: usize,
}

impl JsonFault {
    /// Says what `error` is, which came from reading `text`.
    pub fn of(text: &str, error: &serde_json::Error) -> Self {
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default();
        if error.classify() == Category::Eof {
            return Self {
                message: end_of_input(said),
                bytes: text.len()..text.len(),
                read_to: text.len(),
            };
        }
        let at = offset(text, error);
        let next = text[at..].chars().next();
        let character = at..at + next.map_or(0, char::len_utf8);
        let unexpected = |expected: &str| match next {
            Some(c) => format!(
                "Unexpected character ('{c}' (code {})): {expected}",
                u32::from(c)
            ),
            None => format!("Unexpected end-of-input: {expected}"),
        };
        let begins_with = |start: &str| said.starts_with(start);
        let (message, bytes) = match () {
            () if begins_with("expected value") || begins_with("expected ident") => {
                let token = token_around(text, at);
                match &text[token.clone()] {
                    "" => (
                        unexpected(&format!("expected a valid value {VALUES}")),
                        character,
                    ),
                    word => (
                        format!("Unrecognized token '{word}': was expecting {VALUES}"),
                        token,
                    ),
                }
            }
            () if begins_with("key must be a string") => (
                unexpected("was expecting double-quote to start field name"),
                character,
            ),
            () if begins_with("trailing comma") => match next {
                Some('}') => (
                    unexpected("was expecting double-quote to start field name"),
                    character,
                ),
                Some(_) | None => (
                    unexpected(&format!("expected a valid value {VALUES}")),
                    character,
                ),
            },
            () if begins_with("expected `:`") => (
                unexpected("was expecting a colon to separate field name and value"),
                character,
            ),
            () if begins_with("expected `,` or `}`") => (
                unexpected("was expecting comma to separate Object entries"),
                character,
            ),
            () if begins_with("expected `,` or `]`") => (
                unexpected("was expecting comma to separate Array entries"),
                character,
            ),
            () if begins_with("trailing characters") => {
                (unexpected("expected the end of the text"), character)
            }
            () if begins_with("control character") => (
                format!(
                    "Illegal unquoted character ((CTRL-CHAR, code {})): has to be escaped using backslash to be included in string value",
                    next.map_or(0, u32::from)
                ),
                character,
            ),
            () if begins_with("invalid escape") => (
                match next {
                    Some(c) => format!(
                        "Unrecognized character escape '{c}' (code {})",
                        u32::from(c)
                    ),
                    None => said.to_owned(),
                },
                character,
            ),
            // What remains (numbers, surrogates, depth) is said plainly.
            () => (said.to_owned(), character),
        };
        Self {
            message,
            read_to: bytes.end,
            bytes,
        }
    }

    /// Returns where it is, as Jackson writes it: with the beginning of `text`, in which lines and
    /// columns count from one and a column is a UTF-16 unit.
    pub fn location(&self, text: &str) -> String {
        let before = &text[..self.read_to];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].encode_utf16().count() + 1;
        format!(
            "[Source: (String){}; line: {line}, column: {column}]",
            snippet(text)
        )
    }
}

fn snippet(text: &str) -> String {
    let chars = text.chars().count();
    let shown: String = text.chars().take(SNIPPET_CHARS_MAX).collect();
    match chars.saturating_sub(SNIPPET_CHARS_MAX) {
        0 => format!("\"{shown}\""),
        hidden => format!("\"{shown}\"[truncated {hidden} chars]"),
    }
}

fn end_of_input(said: &str) -> String {
    let rest = match () {
        () if said.starts_with("EOF while parsing a string") => {
            ": was expecting closing quote for a string value"
        }
        () if said.starts_with("EOF while parsing an object") => {
            ": expected close marker for Object"
        }
        () if said.starts_with("EOF while parsing a list") => ": expected close marker for Array",
        () => ": expected a value",
    };
    format!("Unexpected end-of-input{rest}")
}

/// Returns where in `text` the error is, in bytes, at the beginning of a character.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let start: usize = text
        .split_inclusive('\n')
        .take(lines_before)
        .map(str::len)
        .sum();
    let mut at = (start + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Returns the word around `offset`, as Jackson delimits it; empty where there is none.
fn token_around(text: &str, offset: usize) -> Range<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let (before, after) = text.split_at(offset);
    let start = before.rfind(|c| !is_part(c)).map_or(0, |at| {
        at + before[at..].chars().next().map_or(1, char::len_utf8)
    });
    let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
    start..offset + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_as_jackson_does() {
        let cases = [
            (
                "not some json",
                format!("Unrecognized token 'not': was expecting {VALUES}"),
            ),
            (
                "Foo",
                format!("Unrecognized token 'Foo': was expecting {VALUES}"),
            ),
            (
                "{\"a\":\n nulL }",
                format!("Unrecognized token 'nulL': was expecting {VALUES}"),
            ),
            (
                "[tru]",
                format!("Unrecognized token 'tru': was expecting {VALUES}"),
            ),
            (
                "{'not': 'json'",
                "Unexpected character (''' (code 39)): was expecting double-quote to start field \
                 name"
                    .to_owned(),
            ),
            (
                "{\"a\" 1}",
                "Unexpected character ('1' (code 49)): was expecting a colon to separate field \
                 name and value"
                    .to_owned(),
            ),
            (
                "{\"a\":1 \"b\":2}",
                "Unexpected character ('\"' (code 34)): was expecting comma to separate Object \
                 entries"
                    .to_owned(),
            ),
            (
                "[1 2]",
                "Unexpected character ('2' (code 50)): was expecting comma to separate Array \
                 entries"
                    .to_owned(),
            ),
            (
                "{\"a\":1,}",
                "Unexpected character ('}' (code 125)): was expecting double-quote to start \
                 field name"
                    .to_owned(),
            ),
            (
                "{\"a\":'b'}",
                format!("Unexpected character (''' (code 39)): expected a valid value {VALUES}"),
            ),
            (
                "{\"a\":1",
                "Unexpected end-of-input: expected close marker for Object".to_owned(),
            ),
            (
                "[1",
                "Unexpected end-of-input: expected close marker for Array".to_owned(),
            ),
            (
                "\"abc",
                "Unexpected end-of-input: was expecting closing quote for a string value"
                    .to_owned(),
            ),
            (
                "{} x",
                "Unexpected character ('x' (code 120)): expected the end of the text".to_owned(),
            ),
        ];
        for (text, expected) in cases {
            let error = serde_json::from_str::<serde_json::Value>(text).expect_err(text);
            assert_eq!(JsonFault::of(text, &error).message, expected, "{text}");
        }
    }

    #[test]
    fn never_panics_on_what_is_cut_anywhere() {
        let text = "{\"ä\": [1, \"ö\\u00fc\", tru, {\"x\": -0.5e}], \n \"ß\": nul€}";
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            if let Err(error) = serde_json::from_str::<serde_json::Value>(&text[..end]) {
                let fault = JsonFault::of(&text[..end], &error);
                assert!(!fault.message.is_empty());
                assert!(text.get(fault.bytes.clone()).is_some());
                assert!(fault.location(&text[..end]).ends_with(']'));
            }
        }
    }

    /// Jackson has read the word or the character when it says where it is.
    #[test]
    fn says_where_as_jackson_does() {
        let cases = [
            ("not a thing", "1, column: 4"),
            ("{'a': 1}", "1, column: 3"),
            ("{\n  \"a\" 1}", "2, column: 8"),
            ("{\"\u{1f600}\" x", "1, column: 8"),
            ("{", "1, column: 2"),
        ];
        for (text, expected) in cases {
            let error = serde_json::from_str::<serde_json::Value>(text).expect_err(text);
            let location = JsonFault::of(text, &error).location(text);
            let expected = format!("[Source: (String)\"{text}\"; line: {expected}]");
            assert_eq!(location, expected);
        }
        let long = "[".repeat(501);
        let error = serde_json::from_str::<serde_json::Value>(&long).expect_err("never closed");
        let location = JsonFault::of(&long, &error).location(&long);
        assert!(
            location.contains("\"[truncated 1 chars]; line: 1"),
            "{location}"
        );
    }
}
