//! Rows of fields that spaces separate: `[ip, user, ..., status=4*]`.

use super::PatternError;
use super::condition::{Condition, Literal, Parser, What, compare_number, compare_text};
use super::lexer::{Token, tokens};

pub(super) struct Fields {
    /// Before the ellipsis, or all where there is none.
    first: Vec<Field>,
    /// Behind the ellipsis; `None` where there is none.
    last: Option<Vec<Field>>,
}

/// A field: any, or one that a condition holds for. Its name is only a name.
type Field = Option<Condition<()>>;

impl Fields {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (mut first, mut last) = (Vec::new(), None);
        if text.trim().is_empty() {
            return Ok(Self { first, last });
        }
        for part in split(text) {
            let part = part.trim();
            if part == "..." {
                if last.replace(Vec::new()).is_some() {
                    return Err(PatternError::Invalid);
                }
                continue;
            }
            let field = field(part)?;
            last.as_mut().unwrap_or(&mut first).push(field);
        }
        Ok(Self { first, last })
    }

    pub fn match_text(&self, message: &str) -> bool {
        let words = words(message);
        let fits = |fields: &[Field], words: &[&str]| {
            fields
                .iter()
                .zip(words)
                .all(|(field, word)| field.as_ref().is_none_or(|field| holds(field, word)))
        };
        match &self.last {
            None => words.len() == self.first.len() && fits(&self.first, &words),
            Some(last) => {
                words.len() >= self.first.len() + last.len()
                    && fits(&self.first, &words)
                    && fits(last, &words[words.len() - last.len()..])
            }
        }
    }
}

/// Splits at commas outside of quotes and expressions.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut within) = (Vec::new(), 0, None);
    for (at, letter) in text.char_indices() {
        match within {
            Some(end) if letter == end => within = None,
            Some(_) => {}
            None if matches!(letter, '"' | '%') => within = Some(letter),
            None if letter == ',' => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            None => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn field(text: &str) -> Result<Field, PatternError> {
    let tokens = tokens(text)?;
    if let [Token::Bare(_)] = tokens.as_slice() {
        return Ok(None);
    }
    let parser = Parser {
        tokens: &tokens,
        operand: |token: &Token| match token {
            Token::Bare(_) => Ok(()),
            _ => Err(PatternError::Invalid),
        },
        depth: 0,
    };
    parser.whole().map(Some)
}

fn holds(condition: &Condition<()>, word: &str) -> bool {
    match condition {
        Condition::All(parts) => parts.iter().all(|part| holds(part, word)),
        Condition::Any(parts) => parts.iter().any(|part| holds(part, word)),
        Condition::Compare {
            operator, value, ..
        } => match (word.parse::<f64>(), value) {
            // Only a number that is compared with a number is one; `4*` is a text.
            (Ok(number), Literal::Number(..)) => compare_number(number, *operator, value),
            (Ok(_) | Err(_), _) => compare_text(word, *operator, value),
        },
        Condition::Is { what, .. } => match what {
            What::True => word == "true",
            What::False => word == "false",
            What::Null | What::Missing => false,
        },
    }
}

/// Splits a line at spaces; what is between quotes or brackets is one word, without them.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let closing = match first {
            '"' => Some('"'),
            '[' => Some(']'),
            _ => None,
        };
        let end = closing.and_then(|closing| rest[1..].find(closing));
        let (word, behind) = match end {
            Some(end) => (&rest[1..=end], &rest[end + 2..]),
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        words.push(word);
        rest = behind.trim_start();
    }
    words
}
