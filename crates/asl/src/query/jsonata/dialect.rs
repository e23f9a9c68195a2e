//! JSONata 2.0.6, read by a parser that knows newer operators.
//!
//! 2.0.6 has no `??` and no `?:`: it reads each as two symbols, `?` and what follows, and refuses them in
//! those terms. Apart, the newer parser reads them the same way.

use std::borrow::Cow;

/// Returns `text` with the two symbols of each newer operator set apart.
///
/// Text literals, quoted names, comments and regular expressions are left as they are. What follows a
/// value is an operator, so that a slash there divides; elsewhere it begins a regular expression.
pub(super) fn set_apart(text: &str) -> Cow<'_, str> {
    if !text.contains("??") && !text.contains("?:") {
        return Cow::Borrowed(text);
    }
    let mut apart = String::with_capacity(text.len() + 4);
    let mut rest = text;
    let mut after_value = false;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '"' | '\'' | '`' => literal(rest, next),
            '/' if rest.starts_with("/*") => rest[2..].find("*/").map_or(rest.len(), |end| end + 4),
            '/' if !after_value => regex(rest),
            _ => next.len_utf8(),
        };
        let (token, behind) = rest.split_at(length);
        apart.push_str(token);
        if next == '?' && behind.starts_with(['?', ':']) {
            apart.push(' ');
        }
        if !next.is_whitespace() && !token.starts_with("/*") {
            after_value =
                length > 1 || next.is_alphanumeric() || matches!(next, '$' | '_' | ')' | ']' | '}');
        }
        rest = behind;
    }
    Cow::Owned(apart)
}

/// Returns the length of the literal that begins with `quote`.
fn literal(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, next) in text.char_indices().skip(1) {
        match next {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if next == quote => return at + next.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// Returns the length of the regular expression at the start of `text`, without its flags: it ends at a
/// slash outside of all brackets.
fn regex(text: &str) -> usize {
    let (mut depth, mut escaped) = (0i32, false);
    for (at, next) in text.char_indices().skip(1) {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '/' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::set_apart;

    #[test]
    fn only_operators_are_set_apart() {
        let cases = [
            ("$a ?? 1", "$a ? ? 1"),
            ("$a ?: 1", "$a ? : 1"),
            ("$f(??)", "$f(? ?)"),
            ("???:", "? ? ? :"),
            (
                r#""??" & '?:' & `??` /* ?? */"#,
                r#""??" & '?:' & `??` /* ?? */"#,
            ),
            (r#""\"??" ?? 1"#, r#""\"??" ? ? 1"#),
            (
                "$match($s, /a??[/]?:/) ?? 1",
                "$match($s, /a??[/]?:/) ? ? 1",
            ),
            ("$a / 2 ?? 1 / $b ?: 3", "$a / 2 ? ? 1 / $b ? : 3"),
            ("größe ?? 'ü", "größe ? ? 'ü"),
            ("1 ? 2 : 3", "1 ? 2 : 3"),
        ];
        for (text, expected) in cases {
            assert_eq!(set_apart(text), expected);
        }
    }
}
