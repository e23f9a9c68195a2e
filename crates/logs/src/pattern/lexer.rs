//! The words of a condition.

use super::PatternError;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `=`, `!=`, `<`, `>`, `<=`, `>=`.
    Operator(&'static str),
    And,
    Or,
    Open,
    Close,
    /// Between double quotes, without them.
    Quoted(String),
    /// Between percent signs, without them.
    Regex(String),
    /// Anything else up to a space, an operator or a parenthesis.
    Bare(String),
}

/// Signs that are words by themselves, the longer ones first.
const SIGNS: [(&str, Token); 10] = [
    ("!=", Token::Operator("!=")),
    ("<=", Token::Operator("<=")),
    (">=", Token::Operator(">=")),
    ("&&", Token::And),
    ("||", Token::Or),
    ("=", Token::Operator("=")),
    ("<", Token::Operator("<")),
    (">", Token::Operator(">")),
    ("(", Token::Open),
    (")", Token::Close),
];

/// Returns the words of `text`.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, PatternError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let sign = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign));
        let (token, behind) = match (sign, first) {
            (Some((sign, token)), _) => (token.clone(), &rest[sign.len()..]),
            (None, '"') => {
                let (text, behind) = quoted(rest)?;
                (Token::Quoted(text), behind)
            }
            (None, '%') => {
                let (text, behind) = between_percents(rest)?;
                (Token::Regex(text.to_owned()), behind)
            }
            (None, _) => {
                let end = bare_end(rest)?;
                (Token::Bare(rest[..end].to_owned()), &rest[end..])
            }
        };
        tokens.push(token);
        rest = behind.trim_start();
    }
    Ok(tokens)
}

/// Returns the text of a quoted word, and what follows it.
pub(super) fn quoted(text: &str) -> Result<(String, &str), PatternError> {
    let mut inner = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((inner, &text[at + 1..])),
            '\\' => match letters.next() {
                Some((_, escaped @ ('"' | '\\'))) => inner.push(escaped),
                Some((_, other)) => inner.extend(['\\', other]),
                None => break,
            },
            letter => inner.push(letter),
        }
    }
    Err(PatternError::Invalid)
}

/// Returns what is between two percent signs, and what follows them.
pub(super) fn between_percents(text: &str) -> Result<(&str, &str), PatternError> {
    text[1..].split_once('%').ok_or(PatternError::Invalid)
}

/// Returns where a bare word ends. Within brackets, names may hold anything.
fn bare_end(text: &str) -> Result<usize, PatternError> {
    let mut bracket_quote = None;
    let mut in_brackets = false;
    for (at, letter) in text.char_indices() {
        match (in_brackets, bracket_quote, letter) {
            (true, Some(quote), letter) if letter == quote => bracket_quote = None,
            (true, Some(_), _) => {}
            (true, None, '\'' | '"') => bracket_quote = Some(letter),
            (true, None, ']') => in_brackets = false,
            (true, None, _) => {}
            (false, _, '[') => in_brackets = true,
            (false, _, letter)
                if letter.is_whitespace()
                    || SIGNS.iter().any(|(sign, _)| text[at..].starts_with(sign)) =>
            {
                return Ok(at);
            }
            (false, _, _) => {}
        }
    }
    if in_brackets {
        return Err(PatternError::Invalid);
    }
    Ok(text.len())
}
