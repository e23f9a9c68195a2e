//! What is wrong with a JSON text, in the words of the parser that AWS uses.
//!
//! Clients show these texts to people, and some compare them (features §1.4, `InvalidExecutionInput`).

/// What Jackson expects where a value should begin.
const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// Returns Jackson's words for `error`, which came from reading `text`.
pub fn explain(text: &str, error: &serde_json::Error) -> String {
    let said = error.to_string();
    let offset = offset(text, error);
    if error.is_eof() {
        return end_of_input(&said);
    }
    let unexpected = |expected: &str| match text.get(offset..).and_then(|rest| rest.chars().next())
    {
        Some(c) => format!(
            "Unexpected character ('{c}' (code {})): {expected}",
            u32::from(c)
        ),
        None => format!("Unexpected end-of-input: {expected}"),
    };
    let begins_with = |start: &str| said.starts_with(start);
    match () {
        () if begins_with("expected value") || begins_with("expected ident") => {
            match token_at(text, offset) {
                "" => unexpected(&format!("expected a valid value {VALUES}")),
                token => format!("Unrecognized token '{token}': was expecting {VALUES}"),
            }
        }
        () if begins_with("key must be a string") => {
            unexpected("was expecting double-quote to start field name")
        }
        () if begins_with("trailing comma") => match text.as_bytes().get(offset) {
            Some(b'}') => unexpected("was expecting double-quote to start field name"),
            Some(_) | None => unexpected(&format!("expected a valid value {VALUES}")),
        },
        () if begins_with("expected `:`") => {
            unexpected("was expecting a colon to separate field name and value")
        }
        () if begins_with("expected `,` or `}`") => {
            unexpected("was expecting comma to separate Object entries")
        }
        () if begins_with("expected `,` or `]`") => {
            unexpected("was expecting comma to separate Array entries")
        }
        () if begins_with("trailing characters") => unexpected("expected the end of the text"),
        // What remains (escapes, control characters, numbers, depth) is said plainly.
        () => match said.rfind(" at line ") {
            Some(end) => said[..end].to_owned(),
            None => said,
        },
    }
}

/// How the parser names a source that it may not show.
const SOURCE: &str = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)";

/// Returns Jackson's words for `error` and where it stopped, as `States.StringToJson` fails with them
/// (measured on AWS).
pub(crate) fn explain_located(text: &str, error: &serde_json::Error) -> String {
    let mut words = explain(text, error);
    let stopped = match () {
        () if error.is_eof() => text.len(),
        () if words.starts_with("Unrecognized token") => {
            let start = offset(text, error);
            start + token_at(text, start).len() - token_before(text, start)
        }
        () => offset(text, error),
    };
    if words.ends_with("expected close marker for Object")
        || words.ends_with("expected close marker for Array")
    {
        words.push_str(&format!(
            " (start marker at {})",
            place(text, open_bracket(text))
        ));
    }
    format!("{words}\n at {}", place(text, stopped))
}

/// Names a place in `text`, which is given in bytes.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or(before)
        .encode_utf16()
        .count()
        + 1;
    format!("{SOURCE}; line: {line}, column: {column}]")
}

/// Returns where the innermost bracket that is not closed stands.
fn open_bracket(text: &str) -> usize {
    let (mut open, mut in_text, mut escaped) = (Vec::new(), false, false);
    for (place, next) in text.char_indices() {
        match next {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            '{' | '[' if !in_text => open.push(place),
            '}' | ']' if !in_text => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop().unwrap_or(0)
}

/// Returns how much of the token around `offset` stands before it.
fn token_before(text: &str, offset: usize) -> usize {
    let Some(before) = text.get(..offset) else {
        return 0;
    };
    before.len() - before.trim_end_matches(is_token_part).len()
}

fn is_token_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
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

/// Returns where in `text` the error is, in bytes.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let start: usize = text
        .split_inclusive('\n')
        .take(lines_before)
        .map(str::len)
        .sum();
    start + error.column().saturating_sub(1)
}

/// Returns the word around `offset`, as Jackson delimits it; empty where there is none.
fn token_at(text: &str, offset: usize) -> &str {
    let Some((before, after)) = text.split_at_checked(offset) else {
        return "";
    };
    let start = before.rfind(|c| !is_token_part(c)).map_or(0, |at| {
        at + before[at..].chars().next().map_or(1, char::len_utf8)
    });
    let end = after.find(|c| !is_token_part(c)).unwrap_or(after.len());
    &text[start..offset + end]
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
            assert_eq!(explain(text, &error), expected, "{text}");
        }
    }

    /// Measured on AWS.
    #[test]
    fn says_where_it_stopped() {
        let at = |column| format!("{SOURCE}; line: 1, column: {column}]");
        let cases = [
            (
                "{bad json}",
                format!(
                    "Unexpected character ('b' (code 98)): was expecting double-quote to start field name\n at {}",
                    at(2)
                ),
            ),
            (
                "{\"a\":1",
                format!(
                    "Unexpected end-of-input: expected close marker for Object (start marker at {})\n at {}",
                    at(1),
                    at(7)
                ),
            ),
            (
                "undefined",
                format!(
                    "Unrecognized token 'undefined': was expecting {VALUES}\n at {}",
                    at(10)
                ),
            ),
        ];
        for (text, expected) in cases {
            let error = serde_json::from_str::<serde_json::Value>(text).expect_err(text);
            assert_eq!(explain_located(text, &error), expected, "{text}");
        }
    }

    #[test]
    fn never_panics_on_what_is_cut_anywhere() {
        let text = "{\"ä\": [1, \"ö\\u00fc\", tru, {\"x\": -0.5e}], \n \"ß\": nul€}";
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            if let Err(error) = serde_json::from_str::<serde_json::Value>(&text[..end]) {
                assert!(!explain_located(&text[..end], &error).is_empty());
            }
        }
    }
}
